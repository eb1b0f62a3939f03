package runner

import "udfrunner/core/hostcall"

// batchEvalPython runs ordinary Python functions on pickled rows (Spark's BatchEvalPythonExec, eval type 100): a record is a pickled
// list of rows, and so is its answer.
type batchEvalPython struct{}

func (batchEvalPython) newWriter(b *base, in *hostcall.Input) (*recordInput, error) {
	return newRecordInput(b, in)
}

func (batchEvalPython) newReaderIterator(b *base, c *counters) *recordOutput {
	return newRecordOutput(b, c)
}
