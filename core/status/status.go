// Package status holds the status codes of the C ABI and the one error type
// that carries them through every room of the library.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package status

import (
	"errors"
	"fmt"
	"maps"
)

// Code is a status of include/udfrunner.h: zero and positive values are no
// errors, negative ones are. The values are part of the ABI.
type Code int32

// Outcomes that are not errors.
const (
	OK        Code = 0
	Done      Code = 1
	TimedOut  Code = 2
	NeedInput Code = 3
)

// Errors.
const (
	Unknown         Code = -1
	InvalidArgument Code = -2
	InvalidState    Code = -3
	InvalidHandle   Code = -4
	Cancelled       Code = -5
	PythonException Code = -6
	WorkerExited    Code = -7
	Protocol        Code = -8
	Spawn           Code = -9
	IO              Code = -10
	Deadline        Code = -11
	NoMemory        Code = -12
	NotSupported    Code = -13
	Host            Code = -14
	Internal        Code = -15
	Forked          Code = -16
)

// Errors are all error codes, each with its name in the header, less the prefix, and what the header says of it: whose
// fault it is, what becomes of the worker, and whether a retry of the task makes sense. The header's and the bindings'
// codes are made from this table; see core/constants.
var Errors = []struct {
	Code Code
	Name string
	Text string
}{
	{Unknown, "UNKNOWN", "An error of no known class. Worker not reused; a retry may help."},
	{InvalidArgument, "INVALID_ARGUMENT",
		"The caller's fault: a value that is not allowed. No worker involved; do not retry."},
	{InvalidState, "INVALID_STATE",
		"The caller's fault: not allowed now (after the first compute, used concurrently, mixed ways of reading). " +
			"Worker " +
			"unharmed; do not retry."},
	{InvalidHandle, "INVALID_HANDLE", "The caller's fault: a NULL, stale or foreign handle, or one of another kind."},
	{Cancelled, "CANCELLED", "The host cancelled, closed, destroyed or shut down. Worker killed; retry at will."},
	{PythonException, "PYTHON_EXCEPTION",
		"The function's fault: it raised, or returned what its return type does not allow. Details hold the " +
			"traceback. " +
			"Worker not reused; a retry hits the same error."},
	{WorkerExited, "WORKER_EXITED",
		"The worker process ended before its task. Details hold exit status or signal and the tail of its stderr. A " +
			"retry runs on another worker."},
	{Protocol, "PROTOCOL", "The worker broke the protocol. Worker killed; a retry may help."},
	{Spawn, "SPAWN", "No worker could be started: interpreter, PySpark, start-up limit. Fix the cause, then retry."},
	{IO, "IO", "The operating system refused sockets, descriptors or files. A retry may help."},
	{Deadline, "DEADLINE", "The task's deadline_ms passed. Worker killed; a retry needs more time."},
	{NoMemory, "NO_MEMORY", "Out of memory."},
	{NotSupported, "NOT_SUPPORTED", "Known, but not available: eval type, PySpark version, feature. Do not retry."},
	{Host, "HOST", "The host's fault: an input callback failed or supplied malformed data. Worker killed."},
	{Internal, "INTERNAL",
		"The library's fault: a Go panic. The object and those below it are poisoned, other tasks go on. Please " +
			"report it."},
	{Forked, "FORKED", "The caller's fault: called in a forked child."},
}

var outcomes = map[Code]string{OK: "OK", Done: "DONE", TimedOut: "TIMED_OUT", NeedInput: "NEED_INPUT"}

// String is the code's name in the header, without its prefix.
func (c Code) String() string {
	if name, ok := outcomes[c]; ok {
		return name
	}
	for _, e := range Errors {
		if e.Code == c {
			return e.Name
		}
	}
	return fmt.Sprintf("status %d", int32(c))
}

// Error is what every fallible function of the library ends with: a code, one line
// of text that names the thing, the value and what is allowed, and details by key (see
// udfrunner_error_detail). It is not changed once it was returned.
type Error struct {
	Code    Code
	Message string
	Details map[string]string
	Cause   error
}

// New makes an error; a %w verb in format keeps its argument as the cause.
func New(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Cause }

// With returns a copy of the error with one more detail; an empty value adds nothing.
func (e *Error) With(key, value string) *Error {
	if value == "" {
		return e
	}
	c := *e
	c.Details = maps.Clone(e.Details)
	if c.Details == nil {
		c.Details = map[string]string{}
	}
	c.Details[key] = value
	return &c
}

// From finds the *Error in err's chain, or wraps err as Unknown; nil stays nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Unknown, Message: err.Error(), Cause: err}
}

// CodeOf is the code of err: OK for nil, Unknown for an error without one.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	return From(err).Code
}
