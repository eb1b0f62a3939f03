package config

import (
	"math"
	"time"
)

// The names of the keys, for the getters of Config.
const (
	PythonExecutable         = "spark.pyspark.python"
	PythonDaemonModule       = "spark.python.daemon.module"
	PythonWorkerModule       = "spark.python.worker.module"
	PythonUseDaemon          = "spark.python.use.daemon"
	PythonUnixSockets        = "spark.python.unix.domain.socket.enabled"
	PythonUnixSocketDir      = "spark.python.unix.domain.socket.dir"
	PythonAuthSocketTimeout  = "spark.python.authenticate.socketTimeout"
	PythonWorkerReuse        = "spark.python.worker.reuse"
	PythonIdlePoolSize       = "spark.python.factory.idleWorkerMaxPoolSize"
	PythonKillTimeout        = "spark.python.task.killTimeout"
	PythonFaultHandler       = "spark.python.worker.faulthandler.enabled"
	PythonIdleTimeout        = "spark.python.worker.idleTimeoutSeconds"
	PythonKillOnIdle         = "spark.python.worker.killOnIdleTimeout"
	PythonTracebackInterval  = "spark.python.worker.tracebackDumpIntervalSeconds"
	PythonKillOnFlushFailure = "spark.python.daemon.killWorkerOnFlushFailure"
	PySparkMemory            = "spark.executor.pyspark.memory"
	ExecutorCores            = "spark.executor.cores"
	TaskCpus                 = "spark.task.cpus"
	BufferSize               = "spark.buffer.size"
	LocalDir                 = "spark.local.dir"
	ExecutorEnv              = "spark.executorEnv."

	SQLFaultHandler       = "spark.sql.execution.pyspark.udf.faulthandler.enabled"
	SQLIdleTimeout        = "spark.sql.execution.pyspark.udf.idleTimeoutSeconds"
	SQLKillOnIdle         = "spark.sql.execution.pyspark.udf.killOnIdleTimeout"
	SQLTracebackInterval  = "spark.sql.execution.pyspark.udf.tracebackDumpIntervalSeconds"
	SimplifiedTraceback   = "spark.sql.execution.pyspark.udf.simplifiedTraceback.enabled"
	HideTraceback         = "spark.sql.execution.pyspark.udf.hideTraceback.enabled"
	TracebackWithLocals   = "spark.sql.execution.pyspark.udf.tracebackWithLocals.enabled"
	PythonBatchSize       = "spark.sql.execution.python.udf.maxRecordsPerBatch"
	ArrowMaxRecords       = "spark.sql.execution.arrow.maxRecordsPerBatch"
	ArrowMaxBytes         = "spark.sql.execution.arrow.maxBytesPerBatch"
	ArrowLargeVarTypes    = "spark.sql.execution.arrow.useLargeVarTypes"
	ArrowConcurrency      = "spark.sql.execution.pythonUDF.arrow.concurrency.level"
	SessionTimeZone       = "spark.sql.session.timeZone"
	AssignColumnsByName   = "spark.sql.legacy.execution.pandas.groupedMap.assignColumnsByName"
	ConvertSafely         = "spark.sql.execution.pandas.convertToArrowArraySafely"
	LegacyUDFConversion   = "spark.sql.legacy.execution.pythonUDF.pandas.conversion.enabled"
	LegacyUDTFConversion  = "spark.sql.legacy.execution.pythonUDTF.pandas.conversion.enabled"
	IntToDecimal          = "spark.sql.execution.pythonUDF.pandas.intToDecimalCoercionEnabled"
	IntExtensionDtype     = "spark.sql.execution.pythonUDF.pandas.preferIntExtensionDtype"
	MapAcceptsAnyIterable = "spark.sql.execution.pythonUDF.mapInBatch.legacy.acceptAnyIterable.enabled"
	BinaryAsBytes         = "spark.sql.execution.pyspark.binaryAsBytes"
	UDFProfiler           = "spark.sql.pyspark.udf.profiler"
	DataSourceProfiler    = "spark.sql.pyspark.dataSource.profiler"

	PythonVersion     = "udfrunner.python.version"
	PythonPath        = "udfrunner.python.path"
	FilesDirectory    = "udfrunner.files.directory"
	SessionID         = "udfrunner.session.id"
	ArtifactID        = "udfrunner.job.artifactId"
	WorkerStart       = "udfrunner.worker.startTimeout"
	WorkerLauncher    = "udfrunner.worker.launcher"
	WorkerIdleTimeout = "udfrunner.worker.idleTimeout"
	WorkerSpares      = "udfrunner.worker.spares"
	RecycleTasks      = "udfrunner.worker.recycle.tasks"
	RecycleAge        = "udfrunner.worker.recycle.age"
	RecycleMemory     = "udfrunner.worker.recycle.memory"
	ZygoteEnabled     = "udfrunner.zygote.enabled"
	ZygoteModules     = "udfrunner.zygote.modules"
	WorkerMemoryLimit = "udfrunner.worker.memory.limit"
	LogFile           = "udfrunner.log.file"
	LogDescriptor     = "udfrunner.log.descriptor"
	LogBuffer         = "udfrunner.log.buffer"
	LogRate           = "udfrunner.log.rate"
	ExceptionText     = "udfrunner.exception.text"
	ExceptionMessage  = "udfrunner.exception.message"
	AccumulatorCount  = "udfrunner.accumulators.count"
	AccumulatorBytes  = "udfrunner.accumulators.bytes"
	ErrorDetail       = "udfrunner.error.detail"
	ResultMetadata    = "udfrunner.results.metadata"
	ResultDictionary  = "udfrunner.results.dictionaries"
	BroadcastServer   = "udfrunner.broadcast.server"
	BroadcastSecret   = "udfrunner.broadcast.secret"
	WindowBounds      = "udfrunner.window.bounds"
	EvalConf          = "udfrunner.eval."
)

const (
	seconds = int64(time.Second)
	millis  = int64(time.Millisecond)
)

// Group is a chapter of the docs page.
type Group struct {
	Title string
	Keys  []Key
}

// Groups are all keys. Types and defaults of Spark's are those of its classes config.Python, config and
// SQLConf.
var Groups = []Group{
	{"Interpreter and workers", []Key{
		{Name: PythonExecutable, Default: "python3", Environment: "PYSPARK_PYTHON",
			Doc: "The Python interpreter of workers, as a path or as a name to be found in PATH. It needs PySpark."},
		{Name: PythonDaemonModule, Absent: "the embedded daemon",
			Doc: "A daemon module to be run with `python -m` in place of the embedded daemon, for example " +
				"`pyspark.daemon`. The worker module is its argument."},
		{Name: PythonWorkerModule, Absent: "`pyspark.worker`",
			Doc: "The worker module to be run with `python -m` where no daemon is used. Another than " +
				"`pyspark.worker` is otherwise given to a daemon module, `pyspark.daemon` if none is named; from " +
				"PySpark 4.0 on that takes modules whose names begin with `pyspark`, and overlooks others."},
		{Name: PythonUseDaemon, Kind: Bool, Default: "true",
			Doc: "Whether workers are forked by a daemon. If false every worker is a new process, for one " +
				"task, that runs the worker module."},
		{Name: PythonUnixSockets, Kind: Bool, Default: "false", Environment: "PYSPARK_UDS_MODE",
			Doc: "Whether daemon and worker modules talk over Unix sockets, not TCP (PySpark 4.1 and later; an error " +
				"with others). The embedded daemon always uses socket pairs."},
		{Name: PythonUnixSocketDir, Absent: "the temporary directory",
			Doc: "Where these sockets are, in directories of their own, which only this user can enter. Its path may " +
				"have 48 bytes: addresses of Unix sockets are short."},
		{Name: PythonAuthSocketTimeout, Kind: Duration, Unit: seconds, Min: 1, Absent: "15s; a week without a daemon",
			Doc: "How long a stock worker waits for the other side when it connects. It stays on the socket of a " +
				"worker without a daemon: input that is silent for longer ends the task."},
		{Name: PythonWorkerReuse, Kind: Bool, Default: "true",
			Doc: "Whether workers run more than one task. If false every task has a fresh worker: a new one, or a " +
				"spare. docs/reuse.md says what a task can leave behind in one."},
		{Name: PythonIdlePoolSize, Kind: Int, Min: 1, Scope: EnvOnly, Absent: "no limit",
			Doc: "How many idle workers are kept, spares included; the least recently used go first."},
		{Name: WorkerIdleTimeout, Kind: Duration, Unit: seconds, Min: 0, Default: "60s", Scope: EnvOnly,
			Doc: "How long an idle worker is kept. Spark's value, which it has no key for. 0 keeps none."},
		{Name: WorkerSpares, Kind: Int, Min: 0, Default: "0", Scope: EnvOnly,
			Doc: "How many workers that no task has had yet are kept ready for each set of tasks that may share " +
				"workers, from its first task on and until they have been idle for " +
				WorkerIdleTimeout +
				". One that a task takes is replaced, as long as idle and running workers together leave room in " +
				PythonIdlePoolSize + "."},
		{Name: RecycleTasks, Kind: Int, Min: 1, Scope: EnvOnly, Absent: "no limit",
			Doc: "How many tasks a worker serves before it ends."},
		{Name: RecycleAge, Kind: Duration, Unit: seconds, Min: 1, Scope: EnvOnly, Absent: "no limit",
			Doc: "How old a worker may be to begin another task."},
		{Name: RecycleMemory, Kind: Size, Unit: mib, Min: 1, Scope: EnvOnly, Absent: "no limit",
			Doc: "How much private memory a worker may have after a task to begin another one. Pages that it shares " +
				"with the daemon it was forked from do not count."},
		{Name: WorkerStart, Kind: Duration, Unit: millis, Min: 1, Default: "60s",
			Doc: "How long a daemon or worker may take from its start until it is ready."},
		{Name: WorkerLauncher, Kind: Command, Absent: "none",
			Doc: "A command that is put in front of the interpreter where a daemon, or a worker without one, is " +
				"started, and that ends as it: `setpriv`, `bwrap`, `unshare`. Words that hold blanks are quoted as " +
				"in a shell. SECURITY.md shows how workers run as another user or in a sandbox."},
		{Name: ZygoteEnabled, Kind: Bool, Default: "true",
			Doc: "Whether the embedded daemon imports PySpark, PyArrow and pandas before it forks workers. If false " +
				"every worker imports them itself."},
		{Name: ZygoteModules, Kind: List, Absent: "none",
			Doc: "More modules that the embedded daemon imports before it forks. They must not start threads."},
		{Name: PythonVersion, Absent: "the worker's own version",
			Doc: "The minor version (as in `3.11`) of the Python that pickled the functions. A worker of another " +
				"version refuses the task."},
		{Name: PythonPath, Absent: "none; from the Python package what its process has on `sys.path`",
			Doc: "Folders and archives, absolute and separated by colons, that stand at the front of workers' " +
				"`sys.path`, behind includes; the working directory is searched last then. The Python package sets " +
				"it for each runner, where it isn't set, to what its process has there apart from Python's own " +
				"folders " +
				"and site-packages; set to nothing, it is not."},
	}},
	{"Limits and diagnosis", []Key{
		{Name: PythonKillTimeout, Kind: Duration, Unit: millis, Min: 0, Default: "2s",
			Doc: "Spark's grace for a cancelled task's worker. Taken and without effect: such a worker is killed at " +
				"once."},
		{Name: PythonIdleTimeout, Kind: Duration, Unit: seconds, Min: 0, Default: "0",
			Doc: "After how long without any data from a worker that is waited for a running task counts as stuck; 0 " +
				"is never. A line in the log says so."},
		{Name: SQLIdleTimeout, Kind: Duration, Unit: seconds, Min: 0, Fallback: PythonIdleTimeout,
			Doc: "The same for SQL functions."},
		{Name: PythonKillOnIdle, Kind: Bool, Default: "false",
			Doc: "Whether the worker of a stuck task is killed, which ends the task with an error."},
		{Name: SQLKillOnIdle, Kind: Bool, Fallback: PythonKillOnIdle, Doc: "The same for SQL functions."},
		{Name: PythonFaultHandler, Kind: Bool, Default: "true",
			Doc: "Whether stock workers write their Python stack to stderr when a signal such as SIGSEGV ends them, " +
				"to be read in the error (PYTHONFAULTHANDLER); workers of the embedded daemon always do. Spark's " +
				"default is false."},
		{Name: SQLFaultHandler, Kind: Bool, Fallback: PythonFaultHandler, Doc: "The same for SQL functions."},
		{Name: PythonTracebackInterval, Kind: Duration, Unit: seconds, Min: 0, Default: "0",
			Doc: "How often workers write their Python stack to stderr (PySpark 4.1 and later); 0 is never."},
		{Name: SQLTracebackInterval, Kind: Duration, Unit: seconds, Min: 0, Fallback: PythonTracebackInterval,
			Doc: "The same for SQL functions."},
		{Name: PythonKillOnFlushFailure, Kind: Bool, Default: "true",
			Doc: "Whether a stock daemon's worker ends when it cannot flush its output (PySpark 4.1 and later)."},
		{Name: SimplifiedTraceback, Kind: Bool, Default: "true",
			Doc: "Whether tracebacks of Python exceptions leave out PySpark's own frames."},
		{Name: HideTraceback, Kind: Bool, Default: "false",
			Doc: "Whether errors hold the exception only, without its traceback (PySpark 4.0 and later)."},
		{Name: TracebackWithLocals, Kind: Bool, Default: "false",
			Doc: "Whether tracebacks show local variables (PySpark 4.3 and later)."},
		{Name: UDFProfiler, OneOf: []string{"perf", "memory"}, Absent: "no profiling",
			Doc: "Profiles the functions; the profiles come with the accumulators (PySpark 4.0 and later)."},
		{Name: DataSourceProfiler, OneOf: []string{"perf", "memory"}, Absent: "no profiling",
			Doc: "Profiles Python data sources (PySpark 4.1 and later)."},
	}},
	{"Logs", []Key{
		{Name: LogFile, Scope: EnvOnly, Absent: "the host pulls the lines",
			Doc: "A file to which the lines are appended that workers write to stdout and stderr, as JSON objects."},
		{Name: LogDescriptor, Kind: Int, Min: 0, Scope: EnvOnly, Absent: "the host pulls the lines",
			Doc: "A descriptor of the host's process to which they are written; it is duplicated."},
		{Name: LogBuffer, Kind: Size, Unit: 1, Min: 4 << 10, Default: "1m", Scope: EnvOnly,
			Doc: "How many bytes of lines are kept until the host pulls them or they are written; the oldest are " +
				"dropped first."},
		{Name: LogRate, Kind: Size, Unit: 1, Min: 0, Default: "1m", Scope: EnvOnly,
			Doc: "How many bytes a second a worker may write to one of its streams on average; lines above that are " +
				"dropped and counted. 0 means no limit."},
	}},
	{"Resources and environment of workers", []Key{
		{Name: WorkerMemoryLimit, Kind: Size, Unit: 1, Min: 1 << 20, Absent: "no limit",
			Doc: "How much private memory a worker and its child processes may use together. The worker that uses " +
				"more is killed, and its task ends with an error; memory shared with other processes does not count."},
		{Name: ExecutorCores, Kind: Int, Min: 1, Scope: EnvOnly, Absent: "1",
			Doc: "The cores that tasks share. If set it is the OMP_NUM_THREADS of workers; " + PySparkMemory +
				" is divided by it."},
		{Name: TaskCpus, Kind: Int, Min: 1, Default: "1",
			Doc: "The cpus of a task: the OMP_NUM_THREADS of workers where " + ExecutorCores +
				" is not set. PySpark 4.3 and later take the cpus of the task itself."},
		{Name: PySparkMemory, Kind: Size, Unit: mib, Min: 1, Absent: "no limit",
			Doc: "Memory of all workers together; each one's address space is limited to its part, in MiB, on top of " +
				"what its zygote has imported for it."},
		{Name: BufferSize, Kind: Size, Unit: 1, Min: 1, Default: "65536",
			Doc: "The buffer of a worker's socket, in bytes."},
		{Name: ExceptionText, Kind: Size, Unit: 1, Min: 1 << 10, Default: "1m",
			Doc: "How many bytes of an exception's text are kept: its head and tail, with a line between them that " +
				"says what was left out."},
		{Name: ExceptionMessage, Kind: Size, Unit: 1, Min: 16, Default: "500",
			Doc: "How many bytes of the line that names an exception are the error's message."},
		{Name: AccumulatorCount, Kind: Int, Min: 0, Default: "100000",
			Doc: "How many accumulator updates a task may send; more end it with an error."},
		{Name: AccumulatorBytes, Kind: Size, Unit: 1, Min: 0, Default: "256m",
			Doc: "How many bytes they may have together."},
		{Name: ErrorDetail, Kind: Size, Unit: 1, Min: 1 << 10, Default: "64k",
			Doc: "How many bytes of an error's message, and of each of its details but `python.traceback`, are kept: " +
				"of a detail its head and tail."},
		{Name: ResultMetadata, Kind: Size, Unit: 1, Min: 1 << 10, Default: "64m",
			Doc: "How many bytes of metadata an Arrow message of results may have; more ends the task with an error."},
		{Name: ResultDictionary, Kind: Size, Unit: 1, Min: 0, Default: "1g",
			Doc: "How many bytes the dictionaries of results may have together that are kept for the batches to " +
				"come; more ends the task with an error. Hosts that read messages " +
				"(iterator_next) keep them themselves."},
		{Name: LocalDir, Environment: "SPARK_LOCAL_DIRS", Absent: "the temporary directory",
			Doc: "Directories for scratch files, separated by commas."},
		{Name: FilesDirectory, Absent: "none",
			Doc: "What SparkFiles.getRootDirectory() gives in workers; relative includes are found below it."},
		{Name: SessionID, Absent: "none",
			Doc: "The id of the session. If set, PySpark 4.1 and later capture what functions log and print."},
		{Name: ArtifactID, Default: "default",
			Doc: "The id of the set of files and modules that the functions come with, SPARK_JOB_ARTIFACT_UUID."},
		{Name: ExecutorEnv, Kind: Prefix, Doc: "The rest of the key is an environment variable of workers."},
	}},
	{"Data", []Key{
		{Name: ArrowMaxRecords, Kind: Int, Min: math.MinInt64, Default: "10000",
			Doc: "The most rows of an Arrow batch; zero or less means no limit. If it is set, the host's batches are " +
				"cut there, as Spark cuts its rows: those of scalar and map functions, of table functions and of the " +
				"state functions that find groups themselves, and from PySpark 4.1 on those of groups, which before " +
				"are one batch each. Batches are not joined. If it is not set, the host's batches stay as they are; " +
				"workers cut the results of some functions by it."},
		{Name: ArrowMaxBytes, Kind: Size, Unit: 1, Min: 1, Absent: "no limit",
			Doc: "The size at which a batch ends, in bytes of Spark's vectors, with the row that reaches it (PySpark " +
				"4.0 and later). If it is set, batches are cut there, too; 2147483647 means no limit."},
		{Name: ArrowLargeVarTypes, Kind: Bool, Default: "false",
			Doc: "Whether strings and binaries use Arrow's large types, with 64-bit offsets (PySpark 3.5 and later)."},
		{Name: ArrowConcurrency, Kind: Int, Min: 2, Absent: "1",
			Doc: "How many threads of a worker run the rows of a batch of an Arrow-optimized Python UDF (PySpark 4.0 " +
				"and later)."},
		{Name: PythonBatchSize, Kind: Int, Min: 1, Default: "100",
			Doc: "The rows of a pickled batch that a worker sends (PySpark 4.0 and later)."},
		{Name: SessionTimeZone, Default: "UTC",
			Doc: "The time zone in which functions see timestamps, as a region (`Europe/Rome`) or an offset " +
				"(`+01:00`). Spark takes that of its JVM."},
		{Name: AssignColumnsByName, Kind: Bool, Default: "true",
			Doc: "Whether columns of a returned pandas.DataFrame are matched by name if they have names, else by " +
				"position."},
		{Name: ConvertSafely, Kind: Bool, Absent: "true from PySpark 4.1 on, false before",
			Doc: "Whether a returned value that its type cannot hold, such as an overflow, is an error."},
		{Name: IntToDecimal, Kind: Bool, Default: "false",
			Doc: "Whether pandas functions that return decimals may return integers (PySpark 4.1 and later)."},
		{Name: IntExtensionDtype, Kind: Bool, Default: "false",
			Doc: "Whether integers reach pandas functions as extension types, so that nulls do not make them floats " +
				"(PySpark 4.2 and later)."},
		{Name: MapAcceptsAnyIterable, Kind: Bool, Default: "true",
			Doc: "Whether mapInPandas and mapInArrow functions may return iterables that are not iterators (PySpark " +
				"4.3 and later)."},
		{Name: BinaryAsBytes, Kind: Bool, Default: "true",
			Doc: "Whether binary values reach Python functions as bytes, else as bytearray (PySpark 4.1 and later)."},
		{Name: LegacyUDFConversion, Kind: Bool, Default: "false",
			Doc: "Whether Arrow-optimized Python UDFs convert through pandas, as before PySpark 4.1."},
		{Name: LegacyUDTFConversion, Kind: Bool, Default: "false",
			Doc: "Whether Arrow-optimized Python UDTFs convert through pandas, as before PySpark 4.1."},
		{Name: WindowBounds, Scope: RunnerOnly, Absent: "unbounded",
			Doc: "For each window function, in the order of the chains and separated by commas, whether its windows " +
				"are `bounded` or `unbounded`."},
		{Name: BroadcastServer, Scope: RunnerOnly, Absent: "workers read the files",
			Doc: "Where the host hands out the values of broadcast variables: a port of 127.0.0.1, or the path of a " +
				"Unix socket (PySpark 4.1 and later)."},
		{Name: BroadcastSecret, Scope: RunnerOnly, Absent: "none",
			Doc: "What a worker tells that server first, where it has a port."},
		{Name: EvalConf, Kind: Prefix, Scope: RunnerOnly,
			Doc: "The rest of the key is a key of the eval conf that PySpark 4.2 and later read, for eval types that " +
				"need one."},
	}},
}
