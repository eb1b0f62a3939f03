package config

import (
	"maps"
	"os"
	"strconv"
	"strings"

	"udfrunner/core/pyspark"
)

// WorkerEnvironment is the environment variables that a worker gets in addition to those of the host's process.
// Where both maps and the host's process name one, Worker wins, then Factory.
type WorkerEnvironment struct {
	// Factory is what Python or PySpark read at their start or when modules are imported: processes that differ
	// in it cannot be forked from one another.
	Factory map[string]string
	// Worker is what PySpark reads task by task; it can be set in a forked worker.
	Worker map[string]string
}

// worker is the worker that an environment is for.
type worker struct {
	reuse bool
	cpus  int
}

// variable is an environment variable that Spark sets on workers, in BasePythonRunner.compute or in
// PythonWorkerFactory. Of several rows of one name the last that the version has counts.
type variable struct {
	name    string
	since   pyspark.Minor
	factory bool
	// value is "" where the variable is not to be set.
	value func(c *Config, w worker) string
}

func always(value string) func(*Config, worker) string {
	return func(*Config, worker) string { return value }
}

func flag(key string) func(*Config, worker) string {
	return func(c *Config, _ worker) string { return one(c.Bool(key)) }
}

func one(set bool) string {
	if set {
		return "1"
	}
	return ""
}

var variables = []variable{
	{"PYTHONUNBUFFERED", pyspark.V35, true, always("YES")},
	{"PYTHONHASHSEED", pyspark.V35, true, hashSeed},
	{"PYTHONPATH", pyspark.V35, true, pythonPath},
	{"PYTHONFAULTHANDLER", pyspark.V35, true, flag(SQLFaultHandler)},
	// The daemon reads it once, for all its workers.
	{"SPARK_REUSE_WORKER", pyspark.V35, true, func(_ *Config, w worker) string { return one(w.reuse) }},
	{"SPARK_PYTHON_RUNTIME", pyspark.V42, true, always("PYTHON_WORKER")},

	{"OMP_NUM_THREADS", pyspark.V35, false, ompThreads},
	{"OMP_NUM_THREADS", pyspark.V43, false, ompThreadsOfTask},
	{"SPARK_LOCAL_DIRS", pyspark.V35, false, localDirs},
	{"SPARK_BUFFER_SIZE", pyspark.V35, false, func(c *Config, _ worker) string { return decimal(c.Size(BufferSize)) }},
	{"SPARK_AUTH_SOCKET_TIMEOUT", pyspark.V35, false, authTimeout},
	{"PYSPARK_EXECUTOR_MEMORY_MB", pyspark.V35, false, memoryMiB},
	{"SPARK_SIMPLIFIED_TRACEBACK", pyspark.V35, false, flag(SimplifiedTraceback)},
	{"SPARK_JOB_ARTIFACT_UUID", pyspark.V35, false, func(c *Config, _ worker) string { return c.Text(ArtifactID) }},
	{"SPARK_HIDE_TRACEBACK", pyspark.V40, false, flag(HideTraceback)},
	{"PYTHON_UDF_BATCH_SIZE", pyspark.V40, false,
		func(c *Config, _ worker) string { return strconv.Itoa(c.Int(PythonBatchSize)) }},
	{"PYTHON_TRACEBACK_DUMP_INTERVAL_SECONDS", pyspark.V41, false, func(c *Config, _ worker) string {
		return positive(int64(c.Duration(SQLTracebackInterval)) / seconds)
	}},
	{"PYTHON_DAEMON_KILL_WORKER_ON_FLUSH_FAILURE", pyspark.V41, false, func(c *Config, _ worker) string {
		return one(c.Bool(PythonUseDaemon) && c.Bool(PythonKillOnFlushFailure))
	}},
	{"PYSPARK_SPARK_SESSION_UUID", pyspark.V41, false, func(c *Config, _ worker) string { return c.Text(SessionID) }},
	{"SPARK_TRACEBACK_WITH_LOCALS", pyspark.V43, false, flag(TracebackWithLocals)},
}

// WorkerEnvironment is the environment of a worker of a PySpark minor version ("4.2"), as Spark's executors
// make it: spark.executorEnv.* and over that Spark's own variables. reuse says whether the worker runs
// more than one task, cpus is those of the task (0 is not known).
//
// Python's own switch takes the place of PYTHON_FAULTHANDLER_DIR, whose files stay behind where a worker is killed:
// stacks go to stderr, whose tail is in the error. The variables that tell a stock worker where to connect are left to
// those who own the socket.
func (c *Config) WorkerEnvironment(minor string, reuse bool, cpus int) WorkerEnvironment {
	env := WorkerEnvironment{Factory: map[string]string{}, Worker: map[string]string{}}
	for _, p := range c.Family(ExecutorEnv) {
		env.Factory[p.Key] = p.Value
	}
	version, _ := pyspark.Parse(minor)
	w := worker{reuse: reuse, cpus: cpus}
	for _, v := range variables {
		if v.since > version {
			continue
		}
		value := v.value(c, w)
		switch {
		case value == "":
		case v.factory:
			env.Factory[v.name] = value
		default:
			env.Worker[v.name] = value
		}
	}
	// Per-task variables win anyway; left here they would only keep equal factories apart.
	maps.DeleteFunc(env.Factory, func(name, _ string) bool { _, found := env.Worker[name]; return found })
	return env
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func positive(n int64) string {
	if n <= 0 {
		return ""
	}
	return decimal(n)
}

// hashSeed makes hashes of strings equal in all workers, unless the user says otherwise (SPARK-13330).
func hashSeed(c *Config, _ worker) string {
	if value, set := c.Lookup(ExecutorEnv + "PYTHONHASHSEED"); set {
		return value
	}
	return "0"
}

// pythonPath puts the user's path before the host's own, as PythonUtils.mergePythonPaths does.
func pythonPath(c *Config, _ worker) string {
	value, _ := c.Lookup(ExecutorEnv + "PYTHONPATH")
	if inherited := c.environment["PYTHONPATH"]; value != "" && inherited != "" {
		value += string(os.PathListSeparator) + inherited
	}
	return value
}

// authTimeout is Spark's 15 s, unless the user says otherwise, but where PySpark leaves it on the socket for the whole
// task: a host may have no input for longer.
func authTimeout(c *Config, _ worker) string {
	const usual, unlimited = 15, 7 * 24 * 3600
	switch timeout := int64(c.Duration(PythonAuthSocketTimeout)) / seconds; {
	case timeout > 0:
		return decimal(timeout)
	case c.Bool(PythonUseDaemon):
		return decimal(usual)
	default:
		return decimal(unlimited)
	}
}

// ompThreads keeps OpenMP and BLAS pools of all workers together at the executor's cores (SPARK-42613).
func ompThreads(c *Config, _ worker) string {
	if value, set := c.Lookup(ExecutorEnv + "OMP_NUM_THREADS"); set {
		return value
	}
	if cores := c.Int(ExecutorCores); cores > 0 {
		return strconv.Itoa(cores)
	}
	return strconv.Itoa(c.Int(TaskCpus))
}

// ompThreadsOfTask is the rule of 4.3, which asks the task for its cpus.
func ompThreadsOfTask(c *Config, w worker) string {
	_, named := c.Lookup(ExecutorEnv + "OMP_NUM_THREADS")
	if named || w.cpus <= 0 || c.Int(ExecutorCores) > 0 {
		return ompThreads(c, w)
	}
	return strconv.Itoa(w.cpus)
}

func localDirs(c *Config, _ worker) string {
	if dirs := c.Text(LocalDir); dirs != "" {
		return dirs
	}
	if dir := strings.TrimSpace(c.environment["TMPDIR"]); dir != "" {
		return dir
	}
	return "/tmp"
}

// memoryMiB is a worker's part of the memory of all; as many run as there are cores.
func memoryMiB(c *Config, _ worker) string {
	return positive(c.Size(PySparkMemory) / mib / int64(max(1, c.Int(ExecutorCores))))
}
