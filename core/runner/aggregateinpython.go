package runner

import "udfrunner/core/hostcall"

// aggregateInPython runs functions from a group's columns to one value (Spark's AggregateInPandasExec and ArrowAggregatePythonExec, eval
// types 202, 252 and the iterator forms 217, 254). Results come a row a group, in the order of the groups.
type aggregateInPython struct{}

func (aggregateInPython) newWriter(b *base, in *hostcall.Input) (input, error) {
	return newGroupedInput(b, in, 1)
}

func (aggregateInPython) newReaderIterator(b *base, c *counters) *arrowOutput {
	return newArrowOutput(b, c)
}
