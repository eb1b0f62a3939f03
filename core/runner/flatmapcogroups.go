package runner

import "udfrunner/core/hostcall"

// flatMapCoGroups runs functions from the rows of two groups with one key to rows (Spark's FlatMapCoGroupsInPandasExec and
// FlatMapCoGroupsInArrowExec, eval types 206 and 210).
type flatMapCoGroups struct{}

func (flatMapCoGroups) newWriter(b *base, in *hostcall.Input) (input, error) {
	return newGroupedInput(b, in, 2)
}

func (flatMapCoGroups) newReaderIterator(b *base, c *counters) *arrowOutput {
	return newArrowOutput(b, c)
}
