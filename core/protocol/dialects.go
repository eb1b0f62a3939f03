package protocol

import "udfrunner/core/pyspark"

// Which eval types have which fields before 4.2, where all have a runner conf and an eval conf.
func hasConf(e *EvalType) bool        { return e.Framing == Arrow }
func hasProfiler(e *EvalType) bool    { return e.Family != RDD && e.Family != TableFunctionEval }
func hasStateSchema(e *EvalType) bool { return e.Family == GroupedMapWithState }
func hasStateServer(e *EvalType) bool { return e.Family == TransformWithState }
func hasInputType(e *EvalType) bool   { return e.InputType }
func hasTables(e *EvalType) bool      { return e.TableArguments }

// Whether chains have a result id.
func always(*Init) bool { return true }

func never(*Init) bool { return false }

func profiled(in *Init) bool { return in.Profiler != "" }

// dialects has those of the known minors, oldest first.
var dialects = []Dialect{
	pyspark.V35: {
		Minor: pyspark.V35.String(), Timings: 3, WindowBounds: "pandas_window_bound_types",
		release: pyspark.V35,
		fields: []field{
			partition, pythonVersion, barrierAlways, context, filesDirectory, includes, broadcasts(false), evalType,
			only(hasConf, runnerConf),
			only(hasStateSchema, inline(EvalConfStateSchema)),
			functions{release: pyspark.V35, resultID: never}.field(),
		},
	},
	pyspark.V40: {
		Minor: pyspark.V40.String(), Timings: 3, WindowBounds: "pandas_window_bound_types",
		ByteLimit: true,
		release:   pyspark.V40,
		fields: []field{
			partition, pythonVersion, barrierAlways, context, filesDirectory, includes, broadcasts(false), evalType,
			only(hasConf, runnerConf),
			only(hasStateSchema, inline(EvalConfStateSchema)),
			only(hasStateServer, stateServer(false)), only(hasStateServer, inline(EvalConfKeySchema)),
			only(hasProfiler, profiler),
			functions{release: pyspark.V40, resultID: profiled, table: true}.field(),
		},
	},
	pyspark.V41: {
		Minor: pyspark.V41.String(), Timings: 3, WindowBounds: "window_bound_types", SocketPaths: true,
		ByteLimit: true, SplitGroups: true,
		release: pyspark.V41,
		fields: []field{
			partition, pythonVersion, barrierOnly, context, filesDirectory, includes, broadcasts(true), evalType,
			only(hasConf, runnerConf),
			only(hasStateSchema, inline(EvalConfStateSchema)),
			only(hasStateServer, stateServer(true)), only(hasStateServer, inline(EvalConfKeySchema)),
			only(hasTables, tableOffsets),
			only(hasInputType, inline(EvalConfInputType)),
			only(hasProfiler, profiler),
			functions{release: pyspark.V41, resultID: profiled, table: true}.field(),
		},
	},
	pyspark.V42: {
		Minor: pyspark.V42.String(), Timings: 4, WindowBounds: "window_bound_types", SocketPaths: true,
		ByteLimit: true, SplitGroups: true,
		release: pyspark.V42,
		fields: []field{
			partition, pythonVersion, contextJSON(contextMembers42), filesDirectory, includes, broadcasts(true),
			evalType,
			runnerConf, evalConf,
			functions{release: pyspark.V42, resultID: always, table: true}.field(),
		},
	},
	pyspark.V43: {
		Minor: pyspark.V43.String(), Timings: 4, WindowBounds: "window_bound_types", SocketPaths: true,
		ByteLimit: true, SplitGroups: true,
		release: pyspark.V43, envelope: true,
		fields: []field{
			partition, pythonVersion, contextJSON(contextMembers43), filesDirectory, includes, broadcasts(true),
			evalType,
			runnerConf, evalConf,
			functions{release: pyspark.V43, resultID: always, table: true}.field(),
		},
	},
}
