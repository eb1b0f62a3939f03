// Package status holds the status codes of the C ABI and the one error type
// that carries them through every room of the library.
package status

import (
	"errors"
	"fmt"
	"maps"
)

// Code is a status of include/udfrunner.h: zero and positive values are no
// errors, negative ones are. The values are part of the ABI.
type Code int32

// Outcomes that are no error.
const (
	OK        Code = 0
	Done      Code = 1
	TimedOut  Code = 2
	NeedInput Code = 3
)

// Errors; include/udfrunner.h says whose fault each is and whether a retry makes sense.
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

var names = map[Code]string{
	OK: "OK", Done: "DONE", TimedOut: "TIMED_OUT", NeedInput: "NEED_INPUT",
	Unknown: "UNKNOWN", InvalidArgument: "INVALID_ARGUMENT", InvalidState: "INVALID_STATE",
	InvalidHandle: "INVALID_HANDLE", Cancelled: "CANCELLED", PythonException: "PYTHON_EXCEPTION",
	WorkerExited: "WORKER_EXITED", Protocol: "PROTOCOL", Spawn: "SPAWN", IO: "IO",
	Deadline: "DEADLINE", NoMemory: "NO_MEMORY", NotSupported: "NOT_SUPPORTED", Host: "HOST",
	Internal: "INTERNAL", Forked: "FORKED",
}

// String is the code's name in the header, without its prefix.
func (c Code) String() string {
	if name, ok := names[c]; ok {
		return name
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
