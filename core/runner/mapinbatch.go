package runner

import "udfrunner/core/hostcall"

// mapInBatch runs functions from iterators of batches to iterators of batches (Spark's MapInPandasExec and MapInArrowExec, eval
// types 205 and 207).
type mapInBatch struct{}

func (mapInBatch) newWriter(b *base, in *hostcall.Input) (input, error) { return newBatchInput(b, in) }

func (mapInBatch) newReaderIterator(b *base, c *counters) *arrowOutput { return newArrowOutput(b, c) }
