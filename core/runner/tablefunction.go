package runner

import (
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
)

// tableFunction runs UDTFs (Spark's BatchEvalPythonUDTFExec and ArrowEvalPythonUDTFExec, eval types 300 to 302). 300 and 301 answer
// each row of input with a record or batch of rows, and the end of input with one more.
type tableFunction struct{}

func (tableFunction) newWriter(b *base, in *hostcall.Input) (input, error) {
	if b.evalType.Framing == protocol.Pickled {
		return newRecordInput(b, in)
	}
	return newBatchInput(b, in)
}

func (tableFunction) newReaderIterator(b *base, c *counters) output {
	if b.evalType.Framing == protocol.Pickled {
		return newRecordOutput(b, c)
	}
	return newArrowOutput(b, c)
}
