package runner

import "udfrunner/core/hostcall"

// flatMapGroups runs functions from a group's rows to rows (Spark's FlatMapGroupsInPandasExec and FlatMapGroupsInArrowExec, eval
// types 201, 209 and the iterator forms 215, 216).
type flatMapGroups struct{}

func (flatMapGroups) newWriter(b *base, in *hostcall.Input) (input, error) {
	return newGroupedInput(b, in, 1)
}

func (flatMapGroups) newReaderIterator(b *base, c *counters) *arrowOutput {
	return newArrowOutput(b, c)
}
