package status

// Details are the keys of what an error can have besides its message, each with its meaning, in the order of the
// documents. The header's list is made from this table; see core/constants.
var Details = []struct{ Key, Text string }{
	{DetailCause, "what ended the task, one of the words below; every error that ends a task has it"},
	{"python.traceback", "what the worker sent, of a long one head and tail (udfrunner.exception.text)"},
	{"worker.pyspark", "the version of its PySpark, where that was known"},
	{"worker.pid", "process id"},
	{"worker.exit_status", "exit status, where it exited"},
	{"worker.signal", "signal number, where a signal ended it"},
	{"worker.stderr_tail",
		"the last lines that the worker wrote to stderr in this task; a stock daemon's workers share one"},
	{"worker.python_stack", "the Python stack at its death, where one was left"},
	{"worker.peak_rss", "bytes, the most resident memory that it had"},
	{"task.eval_type", `number and name, "200 (SQL_SCALAR_PANDAS_UDF)"`},
	{"task.partition", "the task's partition"},
	{"task.attempt", "the attempt of it"},
	{"task.stage", "its stage"},
	{"task.id", "its task attempt id"},
	{"go.panic", "value and stack of a Go panic"},
}
