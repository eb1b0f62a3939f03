package protocol_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/protocol"
	"udfrunner/core/testenv"
)

// example uses every field of the init section, with text that needs care.
var example = &protocol.Init{
	Partition: 3, PythonVersion: "3.11",
	Context: protocol.Context{
		Stage: 1, Partition: 3, Attempt: 2, TaskAttemptID: 1 << 40, CPUs: 4,
		Resources:  []protocol.Resource{{Name: "gpu", Addresses: []string{"0", "a\"b"}}, {Name: "none"}},
		Properties: []protocol.Entry{{Key: "z", Value: "1"}, {Key: "a \\ \n", Value: "é😀\u2028"}},
		Barrier:    true, BarrierPort: 4711, Secret: "geheim",
	},
	FilesDir: "/files", Includes: []string{"a.zip", "b.egg"},
	Broadcasts: []protocol.Broadcast{{ID: 0, Path: "/b/0"}, {ID: 7, Drop: true}},
	EvalType:   200,
	RunnerConf: []protocol.Entry{{Key: "spark.sql.session.timeZone", Value: "Europe/Berlin"}},
	EvalConf:   []protocol.Entry{{Key: "input_type", Value: "{}"}},
	Profiler:   "perf",
	Chains: []protocol.Chain{
		{Arguments: []protocol.Argument{{Offset: 1}, {Offset: 0, Name: "käse"}}, Commands: [][]byte{{1, 2}, {3}},
			ResultID: 5},
		{Commands: [][]byte{{4}}},
	},
}

// binary reads what versions before 4.2 read in pyspark.worker.main and read_udfs.
const binary = `
import io, json, sys
from pyspark.serializers import read_int, read_long, read_bool, UTF8Deserializer
minor = MINOR
infile = io.BytesIO(sys.stdin.buffer.read()); text = lambda: UTF8Deserializer().loads(infile)
out = {"partition": read_int(infile), "python": text()}
barrier = read_bool(infile)
out["barrier"] = [barrier, read_int(infile), text()]
out["task"] = [read_int(infile), read_int(infile), read_int(infile), read_long(infile), read_int(infile)]
out["resources"] = {}
for _ in range(read_int(infile)):
    key = text()
    out["resources"][key] = [text(), [text() for _ in range(read_int(infile))]]
pairs = lambda: {text(): text() for _ in range(read_int(infile))}
out["properties"] = pairs()
out["files"] = text(); out["includes"] = [text() for _ in range(read_int(infile))]
assert not read_bool(infile)
out["broadcasts"] = []
for _ in range(read_int(infile)):
    bid = read_long(infile)
    out["broadcasts"].append([bid, text() if bid >= 0 else None])
out["eval_type"] = read_int(infile)
out["runner_conf"] = pairs()
if minor > 3.5:
    out["profiler"] = text() if read_bool(infile) else None
out["udfs"] = []
for _ in range(read_int(infile)):
    args, kwargs = [], {}
    for _ in range(read_int(infile)):
        offset = read_int(infile)
        if minor > 3.5 and read_bool(infile): kwargs[text()] = offset
        else: args.append(offset)
    commands = [list(infile.read(read_int(infile))) for _ in range(read_int(infile))]
    out["udfs"].append([args, kwargs, commands, read_long(infile) if out.get("profiler") else 0])
assert not infile.read()
print(json.dumps(out))
`

// parsers read an init section with PySpark's own classes, and print what they found as JSON.
var parsers = map[string]string{
	"3.5": strings.Replace(binary, "MINOR", "3.5", 1),
	"4.0": strings.Replace(binary, "MINOR", "4.0", 1),
	"4.1": strings.Replace(binary, "MINOR", "4.1", 1),
	"4.2": `
import io, json, sys
from pyspark.serializers import read_int, read_long, read_bool, UTF8Deserializer
from pyspark.worker_util import Conf
from pyspark.taskcontext import BarrierTaskContext
infile = io.BytesIO(sys.stdin.buffer.read()); text = lambda: UTF8Deserializer().loads(infile)
out = {"partition": read_int(infile), "python": text()}
context = json.loads(text()); task = BarrierTaskContext.from_json(context)
out["task"] = [task.stageId(), task.partitionId(), task.attemptNumber(), task.taskAttemptId(), task.cpus()]
out["resources"] = {k: [v.name, v.addresses] for k, v in task.resources().items()}
out["properties"] = task._localProperties
out["barrier"] = [context["isBarrier"], context["connInfo"], context["secret"]]
out["files"] = text(); out["includes"] = [text() for _ in range(read_int(infile))]
assert not read_bool(infile)
out["broadcasts"] = []
for _ in range(read_int(infile)):
    bid = read_long(infile)
    out["broadcasts"].append([bid, text() if bid >= 0 else None])
out["eval_type"] = read_int(infile)
out["runner_conf"] = Conf(infile)._conf; out["eval_conf"] = Conf(infile)._conf
out["udfs"] = []
for _ in range(read_int(infile)):
    args, kwargs = [], {}
    for _ in range(read_int(infile)):
        offset = read_int(infile)
        if read_bool(infile): kwargs[text()] = offset
        else: args.append(offset)
    commands = [list(infile.read(read_int(infile))) for _ in range(read_int(infile))]
    out["udfs"].append([args, kwargs, commands, read_long(infile)])
assert not infile.read()
print(json.dumps(out))
`,
	"4.3": `
import io, json, sys
from pyspark.messages import SparkSocketMessageReceiver
from pyspark.worker_message import WorkerInitInfo
infile = io.BytesIO(sys.stdin.buffer.read())
info = WorkerInitInfo.from_stream(SparkSocketMessageReceiver(infile).get_init_message())
assert not infile.read()
task = info.task_context
assert task.cpu_amount == task.cpus
print(json.dumps({
    "partition": info.split_index, "python": info.python_version,
    "task": [task.stage_id, task.partition_id, task.attempt_number, task.task_attempt_id, task.cpus],
    "resources": {k: [v.name, v.addresses] for k, v in task.resources.items()},
    "properties": task.local_properties, "barrier": [task.is_barrier, task.conn_info, task.secret],
    "files": info.spark_files_dir, "includes": info.python_includes,
    "broadcasts": info.broadcast.variables, "eval_type": info.eval_type,
    "runner_conf": info.runner_conf, "eval_conf": info.eval_conf,
    "udfs": [[u.args, u.kwargs, [list(c) for c in u.udfs], u.result_id] for u in info.udf_info],
}))
`,
}

func TestInitSectionIsWhatPySparkReads(t *testing.T) {
	const common = `
		"partition": 3, "python": "3.11", "task": [1, 3, 2, 1099511627776, 4],
		"resources": {"gpu": ["gpu", ["0", "a\"b"]], "none": ["none", []]},
		"properties": {"z": "1", "a \\ \n": "é😀\u2028"}, "barrier": [true, 4711, "geheim"],
		"files": "/files", "includes": ["a.zip", "b.egg"], "broadcasts": [[0, "/b/0"], [-8, null]],
		"eval_type": 200, "runner_conf": {"spark.sql.session.timeZone": "Europe/Berlin"}`
	rest := map[string]string{
		"3.5": `"udfs": [[[1], {}, [[1, 2], [3]], 0], [[], {}, [[4]], 0]]`,
		"4.0": `"profiler": "perf", "udfs": [[[1], {"käse": 0}, [[1, 2], [3]], 5], [[], {}, [[4]], 0]]`,
		"4.1": `"profiler": "perf", "udfs": [[[1], {"käse": 0}, [[1, 2], [3]], 5], [[], {}, [[4]], 0]]`,
		"4.2": `"eval_conf": {"input_type": "{}"}, "udfs": [[[1], {"käse": 0}, [[1, 2], [3]], 5], [[], {}, [[4]], 0]]`,
		"4.3": `"eval_conf": {"input_type": "{}"}, "udfs": [[[1], {"käse": 0}, [[1, 2], [3]], 5], [[], {}, [[4]], 0]]`,
	}
	for _, minor := range protocol.Minors() {
		t.Run(minor, func(t *testing.T) {
			require.Contains(t, parsers, minor, "every dialect is checked against its PySpark")
			dialect, err := protocol.ForVersion(minor + ".0")
			require.NoError(t, err)
			in := *example
			if minor == "3.5" { // which has no keyword arguments
				in.Chains = slices.Clone(in.Chains)
				in.Chains[0].Arguments = in.Chains[0].Arguments[:1]
			}
			cmd := testenv.Command(t, minor, "-c", parsers[minor])
			cmd.Stdin = bytes.NewReader(dialect.AppendInit(nil, &in))
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			got, err := cmd.Output()
			require.NoError(t, err, stderr.String())
			assert.JSONEq(t, "{"+common+", "+rest[minor]+"}", string(got))
		})
	}
}

func TestOtherTasksHaveNoBarrierServer(t *testing.T) {
	for _, minor := range []string{"4.2", "4.3"} {
		dialect, err := protocol.ForVersion(minor)
		require.NoError(t, err)
		section := dialect.AppendInit(nil, &protocol.Init{})
		start, end := bytes.IndexByte(section, '{'), bytes.LastIndexByte(section, '}')
		var context map[string]any
		require.NoError(t, json.Unmarshal(section[start:end+1], &context))
		assert.EqualValues(t, -1, context["connInfo"])
		assert.Equal(t, false, context["isBarrier"])
	}
}

// BenchmarkAppendInit writes the init section of a warm task: one Arrow function of one column, nothing new for the
// worker.
func BenchmarkAppendInit(b *testing.B) {
	for _, minor := range protocol.Minors() {
		b.Run(minor, func(b *testing.B) {
			dialect, err := protocol.ForVersion(minor + ".0")
			require.NoError(b, err)
			task := &protocol.Init{
				PythonVersion: "3.11", Context: protocol.Context{CPUs: 1}, FilesDir: "/tmp/spark/files", EvalType: 200,
				RunnerConf: []protocol.Entry{
					{Key: "spark.sql.session.timeZone", Value: "UTC"},
					{Key: "spark.sql.execution.pandas.convertToArrowArraySafely", Value: "true"},
				},
				Chains: []protocol.Chain{{Arguments: []protocol.Argument{{}}, Commands: [][]byte{make([]byte, 600)}}},
			}
			var section []byte
			b.ReportAllocs()
			for b.Loop() {
				section = dialect.AppendInit(section[:0], task)
			}
			b.SetBytes(int64(len(section)))
		})
	}
}
