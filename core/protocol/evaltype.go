package protocol

import (
	"fmt"
	"slices"
	"strings"

	"udfrunner/core/status"
)

// Framing is how the records of a data section stand on the wire, in both directions.
type Framing uint8

// Framings.
const (
	// Pickled records: each a length and a pickled list of rows, the input ended by EndOfDataSection.
	Pickled Framing = iota
	// Arrow IPC streams. The input's depend on Dialect.Grouping. The answer is one stream for the whole task, behind
	// StartArrowStream, in every version and for every eval type; where the functions gave no batch there is none, and
	// no StartArrowStream either.
	Arrow
)

// Family is how functions are called and what their data look like: eval types of one family have one runner.
type Family uint8

// Families. Column names of results are _0, _1 ... by chain, and of arguments by their offsets, where nothing else is
// said.
const (
	// RDD functions get an iterator of all records and give one (PythonRDD). There is no return type.
	RDD Family = iota + 1
	// BatchEval functions are called once per row (BatchEvalPythonExec): a pickled list of argument rows in, one of
	// results out.
	BatchEval
	// ArrowEval functions get columns of a batch and give one as long, and the answer has a batch for each
	// (ArrowEvalPythonExec); the iterator types get an iterator of them and give one, as long in all.
	ArrowEval
	// MapInBatch functions get an iterator of whole batches and give one (MapInPandasExec, PythonMapInArrowExec, from
	// 4.0 on MapInArrowExec).
	MapInBatch
	// GroupedMap functions get the rows of a group and give any (FlatMapGroupsInPandasExec, FlatMapGroupsInArrowExec).
	// The arguments of the chain are no columns but, as offsets: how many follow, the count of the key's columns,
	// these, all value columns (PandasGroupUtils.resolveArgOffsets). The answer has whole batches of a group, one or
	// more.
	GroupedMap
	// CoGroupedMap functions get the rows that two inputs have of a group (FlatMapCoGroupsInPandasExec,
	// FlatMapCoGroupsInArrowExec). Arguments as of GroupedMap, those of the right side behind the left's.
	CoGroupedMap
	// GroupedAggregate functions give one value per group (AggregateInPandasExec, from 4.1 on
	// ArrowAggregatePythonExec): each group is answered with a batch of one row, in the order of the groups. Keys are
	// not sent.
	GroupedAggregate
	// WindowAggregate functions give one value per row of a window partition, which is a group (WindowInPandasExec,
	// from 4.1 on ArrowWindowPythonExec), answered by a batch with as many rows. Dialect.WindowBounds is a key of the
	// runner conf with "bounded" or "unbounded" for each chain, separated by commas; the first two arguments of a
	// bounded one are int32 columns with each row's first and behind-the-last row of its frame.
	WindowAggregate
	// TableFunctionEval types run a UDTF (BatchEvalPythonUDTFExec, ArrowEvalPythonUDTFExec). Eval types 300 and 301
	// give a record or batch, perhaps empty, for each input row and one for terminate; 302 a batch for each that the
	// function yields.
	TableFunctionEval
	// GroupedMapWithState functions get the groups' rows and states (FlatMapGroupsInPandasWithStateExec). Batches hold
	// several groups: data columns and the struct __state, which says where each group's rows are. The answer has three
	// struct columns: the counts of valid rows in the other two, the data, the states.
	GroupedMapWithState
	// TransformWithState functions are stateful processors (TransformWithStateInPandasExec, from 4.1 on
	// TransformWithStateInPySparkExec); their state is with a server, which the eval conf's EvalConfStateServer names.
	// Arguments as of GroupedMap; with an initial state (212, 214) as of CoGroupedMap, and the input has two struct
	// columns, inputData and initState. From 4.2 on a batch fills one of them, and the other is null in all rows.
	// Before, a batch has the rows and the initial states of one key, and the fields of each struct have the length of
	// their own data: no valid Arrow where these differ.
	TransformWithState
)

// Sight is what a function sees of its input.
type Sight uint8

// Sights.
const (
	// SeesRecords: what was pickled.
	SeesRecords Sight = iota
	// SeesArrow: Arrow data, with the types that they were sent with.
	SeesArrow
	// SeesPandas: pandas objects that the worker makes of Arrow data of the types that Spark has.
	SeesPandas
	// SeesObjects: Python objects made in the same way.
	SeesObjects
)

// EvalType is one of PySpark's PythonEvalType with what the protocol needs to know of it.
type EvalType struct {
	ID      int32
	Name    string
	Family  Family
	Framing Framing
	Sight   Sight
	// SingleChain types run one function per task.
	SingleChain bool
	// StructInput types get all input columns as the fields of one struct column, "struct".
	StructInput bool
	// StructOutput types have a struct as return type, and answer with its fields as those of one struct column, "_0".
	// Results of the others are a column per chain, but of GroupedMapWithState.
	StructOutput bool
	// Keywords says that functions may be called with keyword arguments, where the version can. The wire has place for
	// keywords of further types, of all from 4.2 on, but workers lose them.
	Keywords bool
	// InputType types need the entry EvalConfInputType in the eval conf, for 4.1 and later.
	InputType bool
	since     release
}

// NeedsReturnType says whether functions have a declared return type.
func (e *EvalType) NeedsReturnType() bool { return e.Family != RDD }

// Since is the first supported PySpark minor that has the eval type.
func (e *EvalType) Since() string { return e.since.String() }

// rdd is the eval type without chains or a runner conf of SQL.
const rdd = 0

// Eval types by PySpark's numbers, complete for PySpark 4.3.
var evalTypes = []EvalType{
	{ID: rdd, Name: "NON_UDF", Family: RDD, SingleChain: true},
	{ID: 100, Name: "SQL_BATCHED_UDF", Family: BatchEval, Keywords: true},
	{
		ID: 101, Name: "SQL_ARROW_BATCHED_UDF", Family: ArrowEval, Framing: Arrow, Sight: SeesObjects,
		Keywords: true, InputType: true,
	},
	{ID: 200, Name: "SQL_SCALAR_PANDAS_UDF", Family: ArrowEval, Framing: Arrow, Sight: SeesPandas, Keywords: true},
	{
		ID: 201, Name: "SQL_GROUPED_MAP_PANDAS_UDF", Family: GroupedMap, Framing: Arrow, Sight: SeesPandas,
		SingleChain: true, StructOutput: true,
	},
	{
		ID: 202, Name: "SQL_GROUPED_AGG_PANDAS_UDF", Family: GroupedAggregate, Framing: Arrow, Sight: SeesPandas,
		Keywords: true,
	},
	{
		ID: 203, Name: "SQL_WINDOW_AGG_PANDAS_UDF", Family: WindowAggregate, Framing: Arrow, Sight: SeesPandas,
		Keywords: true,
	},
	{
		ID: 204, Name: "SQL_SCALAR_PANDAS_ITER_UDF", Family: ArrowEval, Framing: Arrow, Sight: SeesPandas,
		SingleChain: true,
	},
	{
		ID: 205, Name: "SQL_MAP_PANDAS_ITER_UDF", Family: MapInBatch, Framing: Arrow, Sight: SeesPandas,
		SingleChain: true, StructInput: true, StructOutput: true,
	},
	{
		ID: 206, Name: "SQL_COGROUPED_MAP_PANDAS_UDF", Family: CoGroupedMap, Framing: Arrow, Sight: SeesPandas,
		SingleChain: true, StructOutput: true,
	},
	{
		ID: 207, Name: "SQL_MAP_ARROW_ITER_UDF", Family: MapInBatch, Framing: Arrow, Sight: SeesArrow,
		SingleChain: true, StructInput: true, StructOutput: true,
	},
	{
		ID: 208, Name: "SQL_GROUPED_MAP_PANDAS_UDF_WITH_STATE", Family: GroupedMapWithState, Framing: Arrow,
		Sight:       SeesPandas,
		SingleChain: true,
	},
	{
		ID: 209, Name: "SQL_GROUPED_MAP_ARROW_UDF", Family: GroupedMap, Framing: Arrow, Sight: SeesArrow,
		SingleChain: true, StructInput: true, StructOutput: true, since: v40,
	},
	{
		ID: 210, Name: "SQL_COGROUPED_MAP_ARROW_UDF", Family: CoGroupedMap, Framing: Arrow, Sight: SeesArrow,
		SingleChain: true, StructOutput: true, since: v40,
	},
	{
		ID: 211, Name: "SQL_TRANSFORM_WITH_STATE_PANDAS_UDF", Family: TransformWithState, Framing: Arrow,
		Sight:       SeesPandas,
		SingleChain: true, StructOutput: true, since: v40,
	},
	{
		ID: 212, Name: "SQL_TRANSFORM_WITH_STATE_PANDAS_INIT_STATE_UDF", Family: TransformWithState, Framing: Arrow,
		Sight:       SeesPandas,
		SingleChain: true, StructOutput: true, since: v40,
	},
	{
		ID: 213, Name: "SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_UDF", Family: TransformWithState, Framing: Arrow,
		Sight:       SeesObjects,
		SingleChain: true, StructOutput: true, since: v41,
	},
	{
		ID: 214, Name: "SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_INIT_STATE_UDF", Family: TransformWithState, Framing: Arrow,
		Sight:       SeesObjects,
		SingleChain: true, StructOutput: true, since: v41,
	},
	{
		ID: 215, Name: "SQL_GROUPED_MAP_ARROW_ITER_UDF", Family: GroupedMap, Framing: Arrow, Sight: SeesArrow,
		SingleChain: true, StructInput: true, StructOutput: true, since: v41,
	},
	{
		ID: 216, Name: "SQL_GROUPED_MAP_PANDAS_ITER_UDF", Family: GroupedMap, Framing: Arrow, Sight: SeesPandas,
		SingleChain: true, StructOutput: true, since: v41,
	},
	{
		ID: 217, Name: "SQL_GROUPED_AGG_PANDAS_ITER_UDF", Family: GroupedAggregate, Framing: Arrow, Sight: SeesPandas,
		SingleChain: true, since: v42,
	},
	{
		ID: 250, Name: "SQL_SCALAR_ARROW_UDF", Family: ArrowEval, Framing: Arrow, Sight: SeesArrow,
		Keywords: true, since: v41,
	},
	{
		ID: 251, Name: "SQL_SCALAR_ARROW_ITER_UDF", Family: ArrowEval, Framing: Arrow, Sight: SeesArrow,
		SingleChain: true, since: v41,
	},
	{
		ID: 252, Name: "SQL_GROUPED_AGG_ARROW_UDF", Family: GroupedAggregate, Framing: Arrow, Sight: SeesArrow,
		Keywords: true, since: v41,
	},
	{
		ID: 253, Name: "SQL_WINDOW_AGG_ARROW_UDF", Family: WindowAggregate, Framing: Arrow, Sight: SeesArrow,
		Keywords: true, since: v41,
	},
	{
		ID: 254, Name: "SQL_GROUPED_AGG_ARROW_ITER_UDF", Family: GroupedAggregate, Framing: Arrow, Sight: SeesArrow,
		SingleChain: true, since: v42,
	},
	{ID: 300, Name: "SQL_TABLE_UDF", Family: TableFunctionEval, SingleChain: true, Keywords: true},
	{
		ID: 301, Name: "SQL_ARROW_TABLE_UDF", Family: TableFunctionEval, Framing: Arrow, Sight: SeesObjects,
		SingleChain: true, StructOutput: true, Keywords: true, InputType: true,
	},
	{
		ID: 302, Name: "SQL_ARROW_UDTF", Family: TableFunctionEval, Framing: Arrow, Sight: SeesArrow,
		SingleChain: true, StructOutput: true, Keywords: true, since: v41,
	},
}

// EvalTypes are all of PySpark's, by number.
func EvalTypes() []*EvalType {
	list := make([]*EvalType, len(evalTypes))
	for i := range evalTypes {
		list[i] = &evalTypes[i]
	}
	return list
}

// EvalTypeByID finds an eval type: InvalidArgument for a number that PySpark does not have.
func EvalTypeByID(id int32) (*EvalType, error) {
	i := slices.IndexFunc(evalTypes, func(e EvalType) bool { return e.ID == id })
	if i >= 0 {
		return &evalTypes[i], nil
	}
	return nil, status.New(status.InvalidArgument, "eval type %d is not one of PySpark's: %s", id, numbers())
}

// numbers are those of all eval types, neighbours together.
func numbers() string {
	var ranges []string
	for i := 0; i < len(evalTypes); i++ {
		first := i
		for i+1 < len(evalTypes) && evalTypes[i+1].ID == evalTypes[i].ID+1 {
			i++
		}
		text := fmt.Sprint(evalTypes[first].ID)
		switch {
		case i == first+1:
			text += fmt.Sprint(", ", evalTypes[i].ID)
		case i > first:
			text += fmt.Sprint(" to ", evalTypes[i].ID)
		}
		ranges = append(ranges, text)
	}
	return strings.Join(ranges, ", ")
}
