package config

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/pyspark"
	"udfrunner/core/testenv"
)

func TestWorkerEnvironmentByVersion(t *testing.T) {
	c := newConfig(t, Pair{HideTraceback, "true"}, Pair{SQLTracebackInterval, "5min"}, Pair{SessionID, "s-1"},
		Pair{TracebackWithLocals, "true"})
	factory := map[string]string{"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "YES", "SPARK_REUSE_WORKER": "1",
		"PYTHONFAULTHANDLER": "1"}
	worker := map[string]string{
		"OMP_NUM_THREADS": "1", "SPARK_LOCAL_DIRS": "/tmp", "SPARK_BUFFER_SIZE": "65536",
		"SPARK_AUTH_SOCKET_TIMEOUT":  "15",
		"SPARK_SIMPLIFIED_TRACEBACK": "1", "SPARK_JOB_ARTIFACT_UUID": "default",
	}
	for _, step := range []struct {
		minor   string
		factory map[string]string
		worker  map[string]string
	}{
		{minor: "3.5"},
		{minor: "4.0", worker: map[string]string{"SPARK_HIDE_TRACEBACK": "1", "PYTHON_UDF_BATCH_SIZE": "100"}},
		{minor: "4.1", worker: map[string]string{"PYTHON_TRACEBACK_DUMP_INTERVAL_SECONDS": "300",
			"PYTHON_DAEMON_KILL_WORKER_ON_FLUSH_FAILURE": "1", "PYSPARK_SPARK_SESSION_UUID": "s-1"}},
		{minor: "4.2", factory: map[string]string{"SPARK_PYTHON_RUNTIME": "PYTHON_WORKER"}},
		{minor: "4.3", worker: map[string]string{"SPARK_TRACEBACK_WITH_LOCALS": "1", "OMP_NUM_THREADS": "3"}},
		{minor: "5.0"}, // as the newest known
	} {
		t.Run(step.minor, func(t *testing.T) {
			maps.Copy(factory, step.factory)
			maps.Copy(worker, step.worker)
			got := c.WorkerEnvironment(step.minor, true, 3)
			assert.Equal(t, factory, got.Factory)
			assert.Equal(t, worker, got.Worker)
			assert.Equal(t, got, c.WorkerEnvironment(step.minor+".1", true, 3))
		})
	}
	assert.Equal(t, c.WorkerEnvironment("3.5", true, 3), c.WorkerEnvironment("unknown", true, 3))
}

func TestWorkerEnvironmentRules(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pairs []Pair
		minor string
		cpus  int
		want  map[string]string // "" is: not set
	}{
		{"threads of the executor", []Pair{{ExecutorCores, "8"}, {TaskCpus, "2"}}, "4.2", 4,
			map[string]string{"OMP_NUM_THREADS": "8"}},
		{"threads of the executor, 4.3", []Pair{{ExecutorCores, "8"}}, "4.3", 4,
			map[string]string{"OMP_NUM_THREADS": "8"}},
		{"threads of the task's key", []Pair{{TaskCpus, "2"}}, "4.2", 4, map[string]string{"OMP_NUM_THREADS": "2"}},
		{"threads of the task", []Pair{{TaskCpus, "2"}}, "4.3", 4, map[string]string{"OMP_NUM_THREADS": "4"}},
		{"threads of an unknown task", []Pair{{TaskCpus, "2"}}, "4.3", 0, map[string]string{"OMP_NUM_THREADS": "2"}},
		{"threads by variable", []Pair{{ExecutorEnv + "OMP_NUM_THREADS", "5"}, {ExecutorCores, "8"}}, "4.3", 4,
			map[string]string{"OMP_NUM_THREADS": "5"}},
		{"memory per core", []Pair{{PySparkMemory, "1g"}, {ExecutorCores, "3"}}, "3.5", 1,
			map[string]string{"PYSPARK_EXECUTOR_MEMORY_MB": "341"}},
		{"memory of one", []Pair{{PySparkMemory, "512"}}, "4.3", 1,
			map[string]string{"PYSPARK_EXECUTOR_MEMORY_MB": "512"}},
		{"no stacks", []Pair{{SQLFaultHandler, "false"}}, "4.3", 1, map[string]string{"PYTHONFAULTHANDLER": ""}},
		{"no memory", nil, "4.3", 1, map[string]string{"PYSPARK_EXECUTOR_MEMORY_MB": ""}},
		{"whole traceback", []Pair{{SimplifiedTraceback, "false"}}, "4.3", 1,
			map[string]string{"SPARK_SIMPLIFIED_TRACEBACK": ""}},
		{"no daemon", []Pair{{PythonUseDaemon, "false"}}, "4.3", 1,
			map[string]string{"PYTHON_DAEMON_KILL_WORKER_ON_FLUSH_FAILURE": ""}},
		{"flush failures tolerated", []Pair{{PythonKillOnFlushFailure, "false"}}, "4.3", 1,
			map[string]string{"PYTHON_DAEMON_KILL_WORKER_ON_FLUSH_FAILURE": ""}},
		{"buffer", []Pair{{BufferSize, "1m"}}, "4.0", 1, map[string]string{"SPARK_BUFFER_SIZE": "1048576"}},
		{"socket timeout", []Pair{{PythonAuthSocketTimeout, "2min"}}, "4.0", 1,
			map[string]string{"SPARK_AUTH_SOCKET_TIMEOUT": "120"}},
		{"dumps by the core key", []Pair{{PythonTracebackInterval, "9"}}, "4.1", 1,
			map[string]string{"PYTHON_TRACEBACK_DUMP_INTERVAL_SECONDS": "9"}},
		{"directories", []Pair{{LocalDir, "/a,/b"}}, "4.3", 1, map[string]string{"SPARK_LOCAL_DIRS": "/a,/b"}},
		{"artifact and batch", []Pair{{ArtifactID, "x"}, {PythonBatchSize, "7"}}, "4.3", 1,
			map[string]string{"SPARK_JOB_ARTIFACT_UUID": "x", "PYTHON_UDF_BATCH_SIZE": "7"}},
		{"Spark's variables win over the user's", []Pair{{ExecutorEnv + "SPARK_BUFFER_SIZE", "1"},
			{ExecutorEnv + "PYTHONUNBUFFERED", "no"}},
			"4.3", 1, map[string]string{"SPARK_BUFFER_SIZE": "65536", "PYTHONUNBUFFERED": "YES"}},
		{"but for these", []Pair{{ExecutorEnv + "PYTHONHASHSEED", "42"}, {ExecutorEnv + "SPARK_HIDE_TRACEBACK", "1"}},
			"4.3", 1,
			map[string]string{"PYTHONHASHSEED": "42", "SPARK_HIDE_TRACEBACK": "1"}},
		{"others pass", []Pair{{ExecutorEnv + "MY_VAR", "ü="}}, "4.3", 1, map[string]string{"MY_VAR": "ü="}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := newConfig(t, tt.pairs...).WorkerEnvironment(tt.minor, true, tt.cpus)
			for name, want := range tt.want {
				inFactory, factory := got.Factory[name]
				inWorker, worker := got.Worker[name]
				assert.False(t, factory && worker, "%s is set twice", name)
				assert.Equal(t, want, inFactory+inWorker, name)
			}
		})
	}
	_, found := newConfig(t).WorkerEnvironment("4.3", false, 1).Factory["SPARK_REUSE_WORKER"]
	assert.False(t, found, "no reuse")
}

func TestInheritedDirectoriesAndPath(t *testing.T) {
	c, err := New([]Pair{{ExecutorEnv + "PYTHONPATH", "/mine"}}, "PYTHONPATH=/host", "TMPDIR=/var/tmp")
	require.NoError(t, err)
	got := c.WorkerEnvironment("4.3", true, 1)
	assert.Equal(t, "/mine:/host", got.Factory["PYTHONPATH"])
	assert.Equal(t, "/var/tmp", got.Worker["SPARK_LOCAL_DIRS"])

	c, err = New(nil, "PYTHONPATH=/host", "SPARK_LOCAL_DIRS=/scratch", "TMPDIR=/var/tmp")
	require.NoError(t, err)
	got = c.WorkerEnvironment("4.3", true, 1)
	assert.NotContains(t, got.Factory, "PYTHONPATH", "inherited as it is")
	assert.Equal(t, "/scratch", got.Worker["SPARK_LOCAL_DIRS"])
}

// TestPySparkReadsTheseNames looks into PySpark itself: every variable that is for a version must be read by it, or be
// one that Python, a BLAS or a user's function reads.
func TestPySparkReadsTheseNames(t *testing.T) {
	elsewhere := map[string]bool{
		"PYTHONUNBUFFERED": true, "PYTHONHASHSEED": true, "PYTHONPATH": true, "PYTHONFAULTHANDLER": true,
		"OMP_NUM_THREADS":         true,
		"SPARK_JOB_ARTIFACT_UUID": true,
		// Only where its worker has a socket of its own to connect.
		"SPARK_AUTH_SOCKET_TIMEOUT": true,
	}
	for _, minor := range []string{"4.2", "4.3"} {
		t.Run(minor, func(t *testing.T) {
			version, _ := pyspark.Parse(minor)
			var names []string
			for _, v := range variables {
				if v.since <= version && !elsewhere[v.name] {
					names = append(names, v.name)
				}
			}
			for _, e := range entries {
				if e.since <= version {
					names = append(names, e.key)
				}
			}
			assert.Empty(t, runPython(t, minor, `
import glob, json, os, sys, pyspark
root = os.path.dirname(pyspark.__file__)
files = [f for d in ("", "logger", "sql/pandas", "sql") for f in glob.glob(os.path.join(root, d, "*.py"))]
text = "".join(open(f, encoding="utf-8").read() for f in files)
json.dump([name for name in json.load(sys.stdin) if '"' + name + '"' not in text], sys.stdout)
`, names, nil), "PySpark does not know these")
		})
	}
}

// TestRunnerConfIsReadBack gives the runner conf to the class with which a worker reads it.
func TestRunnerConfIsReadBack(t *testing.T) {
	defaults := map[string]any{
		"assign_cols_by_name": true, "use_large_var_types": false, "use_legacy_pandas_udf_conversion": false,
		"use_legacy_pandas_udtf_conversion": false, "binary_as_bytes": true, "safecheck": true,
		"int_to_decimal_coercion_enabled": false, "prefer_int_ext_dtype": false, "timezone": "UTC",
		"arrow_max_records_per_batch": 10000.0, "arrow_max_bytes_per_batch": 2147483647.0,
		"arrow_concurrency_level": -1.0,
		"udf_profiler":            nil, "data_source_profiler": nil,
	}
	changed := []Pair{
		{AssignColumnsByName, "FALSE"}, {ArrowLargeVarTypes, "true"}, {LegacyUDFConversion, "true"},
		{LegacyUDTFConversion, "true"},
		{BinaryAsBytes, "false"}, {ConvertSafely, "false"}, {IntToDecimal, "true"}, {IntExtensionDtype, "true"},
		{SessionTimeZone, "Europe/Rome"}, {ArrowMaxRecords, " 7 "}, {ArrowMaxBytes, "1m"}, {ArrowConcurrency, "3"},
		{UDFProfiler, "perf"}, {DataSourceProfiler, "memory"},
	}
	values := map[string]any{
		"assign_cols_by_name": false, "use_large_var_types": true, "use_legacy_pandas_udf_conversion": true,
		"use_legacy_pandas_udtf_conversion": true, "binary_as_bytes": false, "safecheck": false,
		"int_to_decimal_coercion_enabled": true, "prefer_int_ext_dtype": true, "timezone": "Europe/Rome",
		"arrow_max_records_per_batch": 7.0, "arrow_max_bytes_per_batch": 1048576.0, "arrow_concurrency_level": 3.0,
		"udf_profiler": "perf", "data_source_profiler": "memory",
	}
	const script = `
import io, json, struct, sys
from pyspark.worker import RunnerConf
pairs = json.load(sys.stdin)
texts = [text.encode() for pair in pairs for text in (pair["Key"], pair["Value"])]
conf = RunnerConf(io.BytesIO(struct.pack("!i", len(pairs)) + b"".join(struct.pack("!i", len(t)) + t for t in texts)))
json.dump({n: getattr(conf, n) for n, v in vars(RunnerConf).items() if isinstance(v, property)}, sys.stdout)
`
	for _, minor := range []string{"4.2", "4.3"} {
		t.Run(minor, func(t *testing.T) {
			if minor == "4.3" {
				defaults["map_in_batch_legacy_accept_any_iterable"] = true
				changed = append(changed, Pair{MapAcceptsAnyIterable, "false"})
				values["map_in_batch_legacy_accept_any_iterable"] = false
			}
			// Under SPARK_TESTING PySpark insists on the variables that Spark sets.
			env := newConfig(t).WorkerEnvironment(minor, true, 1)
			env.Factory["SPARK_TESTING"] = "1"
			maps.Copy(env.Factory, env.Worker)
			assert.Equal(t, defaults, runPython(t, minor, script, newConfig(t).RunnerConf(minor, false), env.Factory))
			assert.Equal(t, values, runPython(t, minor, script, newConfig(t, changed...).RunnerConf(minor, false),
				env.Factory))
		})
	}
}

func runPython(t *testing.T, minor, script string, input any, env map[string]string) any {
	t.Helper()
	stdin, err := json.Marshal(input)
	require.NoError(t, err)
	cmd := testenv.Command(t, minor, "-c", script)
	cmd.Env = os.Environ()
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdin = strings.NewReader(string(stdin))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var output any
	require.NoError(t, json.Unmarshal(stdout, &output))
	return output
}

func TestRunnerConfByVersionAndFraming(t *testing.T) {
	c := newConfig(t, Pair{UDFProfiler, "perf"}, Pair{BinaryAsBytes, "false"}, Pair{ArrowLargeVarTypes, "true"})
	for _, tt := range []struct {
		minor   string
		pickled bool
		want    []Pair
	}{
		{"3.5", false, []Pair{{SessionTimeZone, "UTC"}, {ConvertSafely, "false"}}},
		{"4.0", false, []Pair{{SessionTimeZone, "UTC"}, {ConvertSafely, "false"}, {ArrowLargeVarTypes, "true"}}},
		{"4.1", false, []Pair{{SessionTimeZone, "UTC"}, {ConvertSafely, "true"}, {ArrowLargeVarTypes, "true"},
			{BinaryAsBytes, "false"}}},
		{"4.2", false, []Pair{{SessionTimeZone, "UTC"}, {ConvertSafely, "true"}, {ArrowLargeVarTypes, "true"},
			{BinaryAsBytes, "false"},
			{UDFProfiler, "perf"}}},
		{"4.2", true, []Pair{{UDFProfiler, "perf"}}},
		{"4.3", true, []Pair{{UDFProfiler, "perf"}}},
		{"4.1", true, nil},
		{"4.3", true, []Pair{{UDFProfiler, "perf"}}},
	} {
		assert.Equal(t, tt.want, c.RunnerConf(tt.minor, tt.pickled), "%s, pickled: %t", tt.minor, tt.pickled)
	}
	for _, newer := range []string{"4.4", "4.10", "5.0"} { // as the newest known
		for _, pickled := range []bool{false, true} {
			assert.Equal(t, c.RunnerConf("4.3", pickled), c.RunnerConf(newer, pickled), "%s, pickled: %t", newer,
				pickled)
		}
	}
}
