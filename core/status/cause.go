package status

// Cause is the class of what ended a task, or kept its worker from starting: the detail "cause" of every error that
// ends a task.
type Cause string

// The causes. include/udfrunner.h and docs/crashes.md say what each means.
const (
	// What the worker did.
	CauseSignal          Cause = "signal"
	CauseExit            Cause = "exit"
	CauseOutOfMemory     Cause = "out_of_memory"
	CauseException       Cause = "exception"
	CauseUnpickle        Cause = "unpickle"
	CauseMissingModule   Cause = "missing_module"
	CauseVersionMismatch Cause = "version_mismatch"
	CauseProtocol        Cause = "protocol"
	CauseChannelClosed   Cause = "channel_closed"
	CauseUnknown         Cause = "unknown"
	// What kept it from starting, or took it away.
	CauseBadInterpreter Cause = "bad_interpreter"
	CauseNoProcess      Cause = "no_process"
	CauseStartTimeout   Cause = "start_timeout"
	CauseDaemonEnded    Cause = "daemon_ended"
	// What the library killed it for.
	CauseCancelled   Cause = "cancelled"
	CauseDeadline    Cause = "deadline"
	CauseIdleTimeout Cause = "idle_timeout"
	CauseMemoryLimit Cause = "memory_limit"
	CauseHost        Cause = "host"
	CauseSystem      Cause = "system"
	CauseInternal    Cause = "internal"
)

// DetailCause is the key of the detail.
const DetailCause = "cause"

// Causes are all of them, each with what it means, in the order of the documents.
var Causes = []struct {
	Cause Cause
	Text  string
}{
	{CauseSignal, "a signal that the library did not send ended the worker"},
	{CauseExit, "the worker exited by itself"},
	{CauseOutOfMemory, "the worker ran out of memory, or was OOM-killed"},
	{CauseException, "the function raised, or returned what its type does not allow"},
	{CauseUnpickle, "the function or a pickled row could not be loaded in the worker"},
	{CauseMissingModule, "a module, or a name imported from it, does not exist"},
	{CauseVersionMismatch, "the worker's Python or PySpark has the wrong version"},
	{CauseProtocol, "the worker or its daemon broke the protocol"},
	{CauseChannelClosed, "the worker closed its channel, lived on and was killed"},
	{CauseUnknown, "the worker ended, and its exit status is not known"},
	{CauseBadInterpreter, "the interpreter, or its launcher, does not exist, is not Python, or cannot import PySpark"},
	{CauseNoProcess, "the system refused a process, socket or memory for a worker"},
	{CauseStartTimeout, "the daemon or worker did not start in time"},
	{CauseDaemonEnded, "the daemon of the worker ended"},
	{CauseCancelled, "killed: the host cancelled, closed, destroyed or shut down"},
	{CauseDeadline, "killed: the task's deadline passed"},
	{CauseIdleTimeout, "killed: no output for too long"},
	{CauseMemoryLimit, "killed: it used more memory than its limit"},
	{CauseHost, "killed: the host's input failed or does not fit the functions"},
	{CauseSystem, "killed: the operating system refused something else, or memory for results"},
	{CauseInternal, "killed: an internal error of the library"},
}

// causeOf are the causes of errors whose code says enough.
var causeOf = map[Code]Cause{
	InvalidArgument: CauseHost, InvalidState: CauseHost, Host: CauseHost,
	Cancelled: CauseCancelled, Deadline: CauseDeadline,
	PythonException: CauseException, Protocol: CauseProtocol, NotSupported: CauseVersionMismatch,
	IO: CauseSystem, NoMemory: CauseSystem, Internal: CauseInternal,
}

// Because returns a copy of the error with its cause, unless it has one: who is nearest to the cause knows it best.
func (e *Error) Because(c Cause) *Error {
	if e.Details[DetailCause] != "" {
		return e
	}
	return e.With(DetailCause, string(c))
}

// Explained returns a copy of the error with the cause that its code stands for, unless it has one.
func (e *Error) Explained() *Error {
	c, ok := causeOf[e.Code]
	if !ok {
		c = CauseUnknown
	}
	return e.Because(c)
}

// CauseOf is the cause of err, "" where it has none.
func CauseOf(err error) Cause {
	if err == nil {
		return ""
	}
	return Cause(From(err).Details[DetailCause])
}
