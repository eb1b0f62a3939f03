package runner

import "udfrunner/core/hostcall"

// transformWithState runs stateful processors (Spark's TransformWithStateInPySparkExec, eval types 211 to 214). Rows come sorted by
// key; the host serves the state to the worker, at the address that the eval conf names.
type transformWithState struct{}

func (transformWithState) newWriter(b *base, in *hostcall.Input) (input, error) {
	return newSortedInput(b, in)
}

func (transformWithState) newReaderIterator(b *base, c *counters) *arrowOutput {
	return newArrowOutput(b, c)
}
