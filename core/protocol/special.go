// Package protocol knows the bytes between Spark and a PySpark worker: the init section that
// opens a task, the framing of its data and the result section that ends it. What differs
// between PySpark's minor versions is data, a Dialect, chosen once per worker factory.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package protocol

// Special lengths, PySpark's SpecialLengths: negative numbers where a length or a section is expected.
const (
	EndOfDataSection = -1
	PythonException  = -2
	TimingData       = -3
	EndOfStream      = -4
	Null             = -5
	StartArrowStream = -6
	StartOfInit      = -8
)

// RecordHeader is what precedes a pickled record of n bytes.
func RecordHeader(n int) []byte { return appendInt(nil, n) }

// What ends a data section of pickled records, and what follows every data section.
var (
	EndOfRecords = appendInt(nil, EndOfDataSection)
	EndOfTask    = appendInt(nil, EndOfStream)
)
