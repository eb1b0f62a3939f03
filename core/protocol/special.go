// Package protocol knows the bytes between Spark and a PySpark worker: the init section that
// opens a task, the framing of its data and the result section that ends it. What differs
// between PySpark's minor versions is data, a Dialect, chosen once per worker factory.
package protocol

import (
	"fmt"
	"slices"
	"strings"

	"udfrunner/core/status"
)

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

// Framing is how the records of a data section stand on the wire.
type Framing uint8

// Framings.
const (
	// Pickled records: each a length and a pickled list of rows, ended by EndOfDataSection.
	Pickled Framing = iota
	// Arrow is one Arrow IPC stream.
	Arrow
)

// EvalType is one of PySpark's PythonEvalType with what the protocol needs to know of it.
type EvalType struct {
	ID   int32
	Name string
	// Supported says that this version of the library runs it.
	Supported bool
	Framing   Framing
	// Map functions get and give whole rows: one struct column on the wire both ways, one
	// chain whose return type is the struct of the result's columns (MapInBatchExec).
	Map bool
	// SingleChain types run one function a task (the iterator types).
	SingleChain bool
	// Since is the first PySpark minor that has it; "" is the oldest supported.
	Since string
	// InputType types need the input's Spark type in the eval conf (ArrowEvalPythonExec, SPARK-52979).
	InputType bool
}

// Eval types by PySpark's numbers, complete for PySpark 4.3.
var evalTypes = []EvalType{
	{ID: 0, Name: "NON_UDF"},
	{ID: 100, Name: "SQL_BATCHED_UDF", Supported: true, Framing: Pickled},
	{ID: 101, Name: "SQL_ARROW_BATCHED_UDF", Supported: true, Framing: Arrow, InputType: true},
	{ID: 200, Name: "SQL_SCALAR_PANDAS_UDF", Supported: true, Framing: Arrow},
	{ID: 201, Name: "SQL_GROUPED_MAP_PANDAS_UDF", Framing: Arrow},
	{ID: 202, Name: "SQL_GROUPED_AGG_PANDAS_UDF", Framing: Arrow},
	{ID: 203, Name: "SQL_WINDOW_AGG_PANDAS_UDF", Framing: Arrow},
	{ID: 204, Name: "SQL_SCALAR_PANDAS_ITER_UDF", Supported: true, Framing: Arrow, SingleChain: true},
	{ID: 205, Name: "SQL_MAP_PANDAS_ITER_UDF", Supported: true, Framing: Arrow, Map: true, SingleChain: true},
	{ID: 206, Name: "SQL_COGROUPED_MAP_PANDAS_UDF", Framing: Arrow},
	{ID: 207, Name: "SQL_MAP_ARROW_ITER_UDF", Supported: true, Framing: Arrow, Map: true, SingleChain: true},
	{ID: 208, Name: "SQL_GROUPED_MAP_PANDAS_UDF_WITH_STATE", Framing: Arrow},
	{ID: 209, Since: "4.0", Name: "SQL_GROUPED_MAP_ARROW_UDF", Framing: Arrow},
	{ID: 210, Since: "4.0", Name: "SQL_COGROUPED_MAP_ARROW_UDF", Framing: Arrow},
	{ID: 211, Since: "4.0", Name: "SQL_TRANSFORM_WITH_STATE_PANDAS_UDF", Framing: Arrow},
	{ID: 212, Since: "4.0", Name: "SQL_TRANSFORM_WITH_STATE_PANDAS_INIT_STATE_UDF", Framing: Arrow},
	{ID: 213, Since: "4.1", Name: "SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_UDF", Framing: Arrow},
	{ID: 214, Since: "4.1", Name: "SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_INIT_STATE_UDF", Framing: Arrow},
	{ID: 215, Since: "4.1", Name: "SQL_GROUPED_MAP_ARROW_ITER_UDF", Framing: Arrow},
	{ID: 216, Since: "4.1", Name: "SQL_GROUPED_MAP_PANDAS_ITER_UDF", Framing: Arrow},
	{ID: 217, Since: "4.2", Name: "SQL_GROUPED_AGG_PANDAS_ITER_UDF", Framing: Arrow},
	{ID: 250, Since: "4.1", Name: "SQL_SCALAR_ARROW_UDF", Supported: true, Framing: Arrow},
	{ID: 251, Since: "4.1", Name: "SQL_SCALAR_ARROW_ITER_UDF", Supported: true, Framing: Arrow, SingleChain: true},
	{ID: 252, Since: "4.1", Name: "SQL_GROUPED_AGG_ARROW_UDF", Framing: Arrow},
	{ID: 253, Since: "4.1", Name: "SQL_WINDOW_AGG_ARROW_UDF", Framing: Arrow},
	{ID: 254, Since: "4.2", Name: "SQL_GROUPED_AGG_ARROW_ITER_UDF", Framing: Arrow},
	{ID: 300, Name: "SQL_TABLE_UDF"},
	{ID: 301, Name: "SQL_ARROW_TABLE_UDF", Framing: Arrow},
	{ID: 302, Since: "4.1", Name: "SQL_ARROW_UDTF", Framing: Arrow},
}

// since is the first PySpark minor that has the eval type.
func (e *EvalType) since() string {
	if e.Since == "" {
		return dialects[0].Minor
	}
	return e.Since
}

// EvalTypeByID finds an eval type: InvalidArgument for a number that PySpark has not, NotSupported for one
// that this version of the library does not run.
func EvalTypeByID(id int32) (*EvalType, error) {
	i := slices.IndexFunc(evalTypes, func(e EvalType) bool { return e.ID == id })
	if i < 0 {
		return nil, status.New(status.InvalidArgument, "eval type %d is none of PySpark's; allowed are %s", id, supportedNames())
	}
	if e := &evalTypes[i]; e.Supported {
		return e, nil
	}
	return nil, status.New(status.NotSupported, "eval type %d (%s) is not run by this version of udfrunner; it runs %s",
		id, evalTypes[i].Name, supportedNames())
}

func supportedNames() string {
	var names []string
	for i := range evalTypes {
		if e := &evalTypes[i]; e.Supported {
			names = append(names, fmt.Sprintf("%d (%s)", e.ID, e.Name))
		}
	}
	return strings.Join(names, ", ")
}
