package status

// Details are the keys of what an error can have besides its message, each with its meaning, in the order of the
// documents. The header's list is made from this table; see core/constants.
var Details = []struct{ Key, Text string }{
	{DetailCause, "what ended the task, one of the words below; every error that ends a task has it"},
	{"python.traceback", "as the worker sent it; of a long one, head and tail (udfrunner.exception.text)"},
	{"result.actual", "Spark's types, as JSON, of results that are not of the declared ones; Arrow's if it has none"},
	{"result.declared", "the declared ones, in the same way"},
	{"worker.pyspark", "the version of its PySpark, if known"},
	{"worker.pid", "process id"},
	{"worker.exit_status", "exit status, if it exited"},
	{"worker.signal", "signal number, if a signal ended it"},
	{"worker.stderr_tail", "the task's last lines on stderr; workers of a stock daemon share one stderr"},
	{"worker.python_stack", "the Python stack at its death, if it left one"},
	{"worker.peak_rss", "peak resident memory in bytes"},
	{"task.eval_type", `number and name, "200 (SQL_SCALAR_PANDAS_UDF)"`},
	{"task.partition", "the task's partition"},
	{"task.attempt", "its attempt number"},
	{"task.stage", "its stage"},
	{"task.id", "its task attempt id"},
	{"go.panic", "value and stack of a Go panic"},
}
