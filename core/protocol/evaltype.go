package protocol

import (
	"fmt"
	"slices"
	"strings"

	"udfrunner/core/pyspark"
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
	// TableArguments types are told which of their arguments are tables (EvalConfTableArguments).
	TableArguments bool
	// AnyResult types pass on what the function gives: results may be of Arrow types that Spark does not have.
	AnyResult bool

	// since is the first release that has the type, keywordFlag the first whose wire has a flag for keywords with each
	// argument: nothing is said where that is 4.2, from which on the wire has it for all types.
	since, keywordFlag pyspark.Minor
	// groups is how input is grouped, none where nothing is said.
	groups groupings
}

// NeedsReturnType says whether functions have a declared return type.
func (e *EvalType) NeedsReturnType() bool { return e.Family != RDD }

// Since is the first supported PySpark minor that has the eval type.
func (e *EvalType) Since() string { return e.since.String() }

// flagged says whether arguments have a flag for keywords on the wire of a release.
func (e *EvalType) flagged(v pyspark.Minor) bool {
	return v >= pyspark.V42 || e.keywordFlag != pyspark.V35 && v >= e.keywordFlag
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
	if e := find(id); e != nil {
		return e, nil
	}
	return nil, status.New(status.InvalidArgument, "eval type %d is not one of PySpark's: %s", id,
		numbers(evalTypes))
}

// find finds an eval type, nil for a number that PySpark has not.
func find(id int32) *EvalType {
	i, found := slices.BinarySearchFunc(evalTypes, id, func(e EvalType, id int32) int { return int(e.ID - id) })
	if !found {
		return nil
	}
	return &evalTypes[i]
}

// row is an eval type's, or what holds for a number that PySpark has not: sections are read before it is looked at.
func row(id int32) *EvalType {
	if e := find(id); e != nil {
		return e
	}
	return &unknown
}

var unknown = EvalType{Framing: Arrow}

// Numbers are those of a family's eval types, for error texts.
func (f Family) Numbers() string {
	return numbers(slices.DeleteFunc(slices.Clone(evalTypes), func(e EvalType) bool { return e.Family != f }))
}

// numbers are those of eval types, neighbours together.
func numbers(list []EvalType) string {
	var ranges []string
	for i := 0; i < len(list); i++ {
		first := i
		for i+1 < len(list) && list[i+1].ID == list[i].ID+1 {
			i++
		}
		text := fmt.Sprint(list[first].ID)
		switch {
		case i == first+1:
			text += fmt.Sprint(", ", list[i].ID)
		case i > first:
			text += fmt.Sprint(" to ", list[i].ID)
		}
		ranges = append(ranges, text)
	}
	return strings.Join(ranges, ", ")
}
