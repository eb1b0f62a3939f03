// Package safego starts the library's goroutines: a panic in one is recovered and handed to its owner,
// never the end of the host's process, and all are counted, so that a test can
// see that none is left.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package safego

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"udfrunner/core/status"
)

var running atomic.Int64

// Running is the number of goroutines started here that have not returned.
func Running() int64 { return running.Load() }

// Go runs f in a goroutine. If f panics, onPanic (may be nil) receives an Internal error with
// the panic's value and stack as detail go.panic.
func Go(f func(), onPanic func(*status.Error)) {
	running.Add(1)
	go func() {
		defer running.Add(-1)
		defer func() {
			if err := Recovered(recover()); err != nil && onPanic != nil {
				onPanic(err)
			}
		}()
		f()
	}()
}

// Recovered turns the value of recover() into an Internal error; nil stays nil. To be called
// from the deferred function itself, so that the stack is the panic's.
func Recovered(value any) *status.Error {
	if value == nil {
		return nil
	}
	return status.New(status.Internal, "panic: %v", value).
		With("go.panic", fmt.Sprintf("%v\n\n%s", value, debug.Stack()))
}

// Timer is a pending call of AfterFunc.
type Timer struct{ t *time.Timer }

// AfterFunc runs f in a goroutine of its own after d, recovered like Go's.
func AfterFunc(d time.Duration, f func()) *Timer {
	return &Timer{time.AfterFunc(d, func() {
		running.Add(1)
		defer running.Add(-1)
		defer func() { _ = Recovered(recover()) }()
		f()
	})}
}

// Stop prevents the call if it has not begun; a nil Timer is allowed.
func (t *Timer) Stop() {
	if t != nil {
		t.t.Stop()
	}
}
