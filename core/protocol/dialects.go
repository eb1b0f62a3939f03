package protocol

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
	v35: {
		Minor: v35.String(), Timings: 3, WindowBounds: "pandas_window_bound_types",
		release: v35,
		fields: []field{
			partition, pythonVersion, barrierAlways, context, filesDirectory, includes, broadcasts(false), evalType,
			only(hasConf, runnerConf),
			only(hasStateSchema, inline(EvalConfStateSchema)),
			functions{release: v35, resultID: never}.field(),
		},
	},
	v40: {
		Minor: v40.String(), Timings: 3, WindowBounds: "pandas_window_bound_types",
		ByteLimit: true,
		release:   v40,
		fields: []field{
			partition, pythonVersion, barrierAlways, context, filesDirectory, includes, broadcasts(false), evalType,
			only(hasConf, runnerConf),
			only(hasStateSchema, inline(EvalConfStateSchema)),
			only(hasStateServer, stateServer(false)), only(hasStateServer, inline(EvalConfKeySchema)),
			only(hasProfiler, profiler),
			functions{release: v40, resultID: profiled, table: true}.field(),
		},
	},
	v41: {
		Minor: v41.String(), Timings: 3, WindowBounds: "window_bound_types", SocketPaths: true,
		ByteLimit: true, SplitGroups: true,
		release: v41,
		fields: []field{
			partition, pythonVersion, barrierOnly, context, filesDirectory, includes, broadcasts(true), evalType,
			only(hasConf, runnerConf),
			only(hasStateSchema, inline(EvalConfStateSchema)),
			only(hasStateServer, stateServer(true)), only(hasStateServer, inline(EvalConfKeySchema)),
			only(hasTables, tableOffsets),
			only(hasInputType, inline(EvalConfInputType)),
			only(hasProfiler, profiler),
			functions{release: v41, resultID: profiled, table: true}.field(),
		},
	},
	v42: {
		Minor: v42.String(), Timings: 4, WindowBounds: "window_bound_types", SocketPaths: true,
		ByteLimit: true, SplitGroups: true,
		release: v42,
		fields: []field{
			partition, pythonVersion, contextJSON(contextMembers42), filesDirectory, includes, broadcasts(true),
			evalType,
			runnerConf, evalConf,
			functions{release: v42, resultID: always, table: true}.field(),
		},
	},
	v43: {
		Minor: v43.String(), Timings: 4, WindowBounds: "window_bound_types", SocketPaths: true,
		ByteLimit: true, SplitGroups: true,
		release: v43, envelope: true,
		fields: []field{
			partition, pythonVersion, contextJSON(contextMembers43), filesDirectory, includes, broadcasts(true),
			evalType,
			runnerConf, evalConf,
			functions{release: v43, resultID: always, table: true}.field(),
		},
	},
}
