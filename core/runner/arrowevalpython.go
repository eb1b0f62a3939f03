package runner

import "udfrunner/core/hostcall"

// arrowEvalPython runs scalar functions on Arrow batches, also those of iterators of batches (Spark's ArrowEvalPythonExec, eval types 101,
// 200, 204, 250, 251).
type arrowEvalPython struct{}

func (arrowEvalPython) newWriter(b *base, in *hostcall.Input) (input, error) {
	return newBatchInput(b, in)
}

func (arrowEvalPython) newReaderIterator(b *base, c *counters) *arrowOutput {
	return newArrowOutput(b, c)
}
