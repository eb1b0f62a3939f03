package runner

import (
	"udfrunner/core/datasection"
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
)

// families are the concrete runners: what eval types of a family have in common, and no other family has, stands in
// its row. What an eval type has of its own stands in protocol's table.
var families = map[protocol.Family]*family{
	protocol.RDD:                 pythonRDD,
	protocol.BatchEval:           batchEvalPython,
	protocol.ArrowEval:           arrowEvalPython,
	protocol.MapInBatch:          mapInBatch,
	protocol.GroupedMap:          flatMapGroups,
	protocol.CoGroupedMap:        flatMapCoGroups,
	protocol.GroupedAggregate:    aggregateInPython,
	protocol.WindowAggregate:     windowInPython,
	protocol.TableFunctionEval:   tableFunction,
	protocol.GroupedMapWithState: flatMapGroupsWithState,
	protocol.TransformWithState:  transformWithState,
}

var (
	// pythonRDD runs RDD functions (Spark's PythonRDD and PythonRunner): records go in and out as they are, in the
	// form that the serializers in the command make of them.
	pythonRDD = of(datasection.NewRecordInput, datasection.NewRecordOutput, family{functions: opaque{}, idle: rddIdle})

	// batchEvalPython runs ordinary Python functions on pickled rows (Spark's BatchEvalPythonExec): a record is a
	// pickled list of rows, and so is its answer.
	batchEvalPython = of(datasection.NewRecordInput, datasection.NewRecordOutput, family{functions: scalar{}})

	// arrowEvalPython runs scalar functions on Arrow batches, also those of iterators of batches (Spark's
	// ArrowEvalPythonExec).
	arrowEvalPython = of(datasection.NewBatchInput, datasection.NewArrowOutput, family{functions: scalar{}})

	// mapInBatch runs functions from iterators of batches to iterators of batches (Spark's MapInPandasExec and
	// MapInArrowExec).
	mapInBatch = of(datasection.NewBatchInput, datasection.NewArrowOutput, family{
		functions: mapped{}, layout: datasection.Layout{Arguments: datasection.WholeRows},
	})

	// flatMapGroups runs functions from a group's rows to rows (Spark's FlatMapGroupsInPandasExec and
	// FlatMapGroupsInArrowExec).
	flatMapGroups = of(datasection.NewGroupedInput(1), datasection.NewArrowOutput, family{
		functions: grouped{sides: 1}, layout: withKeys,
	})

	// flatMapCoGroups runs functions from the rows of two groups with one key to rows (Spark's
	// FlatMapCoGroupsInPandasExec and FlatMapCoGroupsInArrowExec).
	flatMapCoGroups = of(datasection.NewGroupedInput(2), datasection.NewArrowOutput, family{
		functions: grouped{sides: 2}, layout: withKeys,
	})

	// aggregateInPython runs functions from a group's columns to one value (Spark's AggregateInPandasExec and
	// ArrowAggregatePythonExec). Results come a row a group, in the order of the groups.
	aggregateInPython = of(datasection.NewGroupedInput(1), datasection.NewArrowOutput, family{functions: scalar{}})

	// windowInPython runs functions over the windows of a partition's rows (Spark's WindowInPandasExec and
	// ArrowWindowPythonExec). Results come a row for each row of a partition. A function over bounded windows has the
	// windows' bounds as its first two arguments, columns of int32; the runner conf says which are
	// (config.WindowBounds).
	windowInPython = of(datasection.NewGroupedInput(1), datasection.NewArrowOutput, family{
		functions: scalar{}, windows: true,
	})

	// tableFunction runs UDTFs (Spark's BatchEvalPythonUDTFExec and ArrowEvalPythonUDTFExec). All but those of Arrow
	// data in the function's own batches answer each row of input with a record or batch of rows, and the end of
	// input with one more.
	tableFunction = of(newTableInput, newTableOutput, family{functions: tabular{}})

	// flatMapGroupsWithState runs applyInPandasWithState (Spark's FlatMapGroupsInPandasWithStateExec). The host sends
	// what ApplyInPandasWithStateWriter sends: data columns and a struct column __state, which says where in a batch
	// the groups of several keys lie. Results are three struct columns: counts, data, states.
	flatMapGroupsWithState = of(datasection.NewBatchInput, datasection.NewArrowOutput, family{
		functions: stateful{}, layout: datasection.Layout{Arguments: datasection.KeyLists, Uncut: true},
	})

	// transformWithState runs stateful processors (Spark's TransformWithStateInPySparkExec). Rows come sorted by key;
	// the host serves the state to the worker, at the address that the eval conf names.
	transformWithState = of(datasection.NewSortedInput, datasection.NewArrowOutput, family{
		functions: grouped{sides: 1, raw: true},
		layout:    datasection.Layout{Arguments: datasection.KeyLists, States: true},
	})
)

// withKeys is the layout of groups with their keys.
var withKeys = datasection.Layout{Arguments: datasection.KeyLists}

func newTableInput(f *datasection.Functions, in *hostcall.Input) (datasection.Input, error) {
	if f.EvalType.Framing == protocol.Pickled {
		return datasection.NewRecordInput(f, in)
	}
	return datasection.NewBatchInput(f, in)
}

func newTableOutput(f *datasection.Functions, c *datasection.Counters) datasection.Output {
	if f.EvalType.Framing == protocol.Pickled {
		return datasection.NewRecordOutput(f, c)
	}
	return datasection.NewArrowOutput(f, c)
}
