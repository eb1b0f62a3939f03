package runner

import "udfrunner/core/hostcall"

// flatMapGroupsWithState runs applyInPandasWithState (Spark's FlatMapGroupsInPandasWithStateExec, eval type 208). The host
// sends what ApplyInPandasWithStateWriter sends: data columns and a struct column __state, groups of several keys in one batch.
// Results are three struct columns: counts, data, states.
type flatMapGroupsWithState struct{}

func (flatMapGroupsWithState) newWriter(b *base, in *hostcall.Input) (input, error) {
	return newBatchInput(b, in)
}

func (flatMapGroupsWithState) newReaderIterator(b *base, c *counters) *arrowOutput {
	return newArrowOutput(b, c)
}
