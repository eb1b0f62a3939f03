package runner

import "udfrunner/core/hostcall"

// windowInPython runs functions over the windows of a partition's rows (Spark's WindowInPandasExec and ArrowWindowPythonExec, eval types 203 and
// 253). Results come a row for each row of a partition. A function over bounded windows has the windows' bounds as its first two
// arguments, columns of int32; the runner conf says which are (config.WindowBoundTypes).
type windowInPython struct{}

func (windowInPython) newWriter(b *base, in *hostcall.Input) (input, error) {
	return newGroupedInput(b, in, 1)
}

func (windowInPython) newReaderIterator(b *base, c *counters) *arrowOutput {
	return newArrowOutput(b, c)
}
