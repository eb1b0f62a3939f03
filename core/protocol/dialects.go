package protocol

import "slices"

func oneOf(ids ...int32) evalTypeSet {
	return func(id int32) bool { return slices.Contains(ids, id) }
}

func every(int32) bool { return true }

func none(int32) bool { return false }

// Eval types that have a runner conf before 4.2, where all have: those with Arrow data.
func hasConf(id int32) bool { return id != NonUDF && id != SQLBatchedUDF && id != SQLTableUDF }

// Eval types of functions that may be profiled before 4.2.
func hasProfiler(id int32) bool { return id >= SQLBatchedUDF && id < SQLTableUDF }

var (
	hasStateSchema = oneOf(SQLGroupedMapPandasUDFWithState)
	hasStateServer = oneOf(
		SQLTransformWithStatePandasUDF, SQLTransformWithStatePandasInitStateUDF, SQLTransformWithStatePythonRowUDF,
		SQLTransformWithStatePythonRowInitStateUDF,
	)
	hasInputType = oneOf(SQLArrowBatchedUDF, SQLArrowTableUDF)
	hasTables    = oneOf(SQLArrowUDTF)

	// Eval types whose arguments have a flag for keywords (read_single_udf and read_udtf of each version's worker).
	keywords40 = oneOf(
		SQLBatchedUDF, SQLArrowBatchedUDF, SQLScalarPandasUDF,
		SQLGroupedAggPandasUDF, SQLWindowAggPandasUDF, SQLScalarPandasIterUDF,
		SQLTableUDF, SQLArrowTableUDF,
	)
	keywords41 = oneOf(
		SQLBatchedUDF, SQLArrowBatchedUDF, SQLScalarPandasUDF,
		SQLGroupedAggPandasUDF, SQLWindowAggPandasUDF, SQLScalarPandasIterUDF,
		SQLScalarArrowUDF, SQLScalarArrowIterUDF, SQLGroupedAggArrowUDF,
		SQLWindowAggArrowUDF, SQLTableUDF, SQLArrowTableUDF,
		SQLArrowUDTF,
	)
)

// Whether chains have a result id.
func always(*Init) bool { return true }

func never(*Init) bool { return false }

func profiled(in *Init) bool { return in.Profiler != "" }

// dialects has those of the known minors, oldest first.
var dialects = []Dialect{
	v35: {
		Minor: v35.String(), Timings: 3, WindowBounds: "pandas_window_bound_types",
		release: v35, keywords: none, groupings: groupings35,
		fields: []field{
			partition, pythonVersion, barrierAlways, context, filesDirectory, includes, broadcasts(false), evalType,
			only(hasConf, runnerConf),
			only(hasStateSchema, inline(EvalConfStateSchema)),
			functions{keywords: none, resultID: never}.field(),
		},
	},
	v40: {
		Minor: v40.String(), Timings: 3, WindowBounds: "pandas_window_bound_types",
		ByteLimit: true,
		release:   v40, keywords: keywords40, groupings: groupings40,
		fields: []field{
			partition, pythonVersion, barrierAlways, context, filesDirectory, includes, broadcasts(false), evalType,
			only(hasConf, runnerConf),
			only(hasStateSchema, inline(EvalConfStateSchema)),
			only(hasStateServer, stateServer(false)), only(hasStateServer, inline(EvalConfKeySchema)),
			only(hasProfiler, profiler),
			functions{keywords: keywords40, resultID: profiled, table: true}.field(),
		},
	},
	v41: {
		Minor: v41.String(), Timings: 3, WindowBounds: "window_bound_types", SocketPaths: true,
		ByteLimit: true, SplitGroups: true,
		release: v41, keywords: keywords41, groupings: groupings41,
		fields: []field{
			partition, pythonVersion, barrierOnly, context, filesDirectory, includes, broadcasts(true), evalType,
			only(hasConf, runnerConf),
			only(hasStateSchema, inline(EvalConfStateSchema)),
			only(hasStateServer, stateServer(true)), only(hasStateServer, inline(EvalConfKeySchema)),
			only(hasTables, tableOffsets),
			only(hasInputType, inline(EvalConfInputType)),
			only(hasProfiler, profiler),
			functions{keywords: keywords41, resultID: profiled, table: true}.field(),
		},
	},
	v42: {
		Minor: v42.String(), Timings: 4, WindowBounds: "window_bound_types", SocketPaths: true,
		ByteLimit: true, SplitGroups: true,
		release: v42, keywords: every, groupings: groupings42,
		fields: []field{
			partition, pythonVersion, contextJSON(contextMembers42), filesDirectory, includes, broadcasts(true),
			evalType,
			runnerConf, evalConf,
			functions{keywords: every, resultID: always, table: true}.field(),
		},
	},
	v43: {
		Minor: v43.String(), Timings: 4, WindowBounds: "window_bound_types", SocketPaths: true,
		ByteLimit: true, SplitGroups: true,
		release: v43, envelope: true, keywords: every, groupings: groupings42,
		fields: []field{
			partition, pythonVersion, contextJSON(contextMembers43), filesDirectory, includes, broadcasts(true),
			evalType,
			runnerConf, evalConf,
			functions{keywords: every, resultID: always, table: true}.field(),
		},
	},
}
