package runner

import "udfrunner/core/hostcall"

// pythonRDD runs RDD functions (Spark's PythonRDD and PythonRunner, eval type 0): records go in and out as they are, in the
// form that the serializers in the command make of them.
type pythonRDD struct{}

func (pythonRDD) newWriter(b *base, in *hostcall.Input) (*recordInput, error) {
	return newRecordInput(b, in)
}

func (pythonRDD) newReaderIterator(b *base, c *counters) *recordOutput { return newRecordOutput(b, c) }
