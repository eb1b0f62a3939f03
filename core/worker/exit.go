package worker

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

// Exit is how a worker ended.
type Exit struct {
	// Status is the raw wait status; Known is false where nobody saw it.
	Status  unix.WaitStatus
	Known   bool
	PeakRSS int64         // bytes
	CPU     time.Duration // processor time
	// OutOfMemory says that the kernel has ended a process of its control group for want of memory, and may have been this one.
	OutOfMemory bool
	// Stack is the Python stack at a fatal signal, "" where none was left.
	Stack string
	// Unseen says why Status is not known; "" is: its daemon is gone, which then is Cause.
	Unseen string
	Cause  *status.Error
}

// Why nobody saw a status.
const (
	unseenByDaemon = "its status is not known, as a stock daemon does not report how its workers end"
	unseenByHost   = "its status is not known, as the host's process waits for all child processes"
	unseenProcess  = "its process is not the library's"
)

// maybeKilled says whether it may have been SIGKILL that ended a worker, whose daemon lives on.
func (e *Exit) maybeKilled() bool {
	if !e.Known {
		return e.Unseen != "" && e.Unseen != unseenProcess
	}
	return e.Status.Signal() == unix.SIGKILL
}

// ExitError explains the death of a worker whose channel closed before its task was done; stubborn says that
// it did not end by itself in time and was killed for that. It is complete once Exited holds.
func (w *Worker) ExitError(stubborn bool) *status.Error {
	w.mu.Lock()
	exit, refuse, pid, logs, mark := w.exit, w.refuse, w.pid, w.logs, w.stderrMark
	w.mu.Unlock()
	if refuse != nil {
		return refuse
	}
	err := &status.Error{Code: status.WorkerExited}
	cause := status.CauseUnknown
	switch name := fmt.Sprintf("worker %d (%s)", pid, w.factory.spec.Python); {
	case stubborn && (!exit.Known || exit.Status.Signal() == unix.SIGKILL):
		err.Message, cause = name+" closed its channel in mid-task and was killed", status.CauseChannelClosed
	case exit.OutOfMemory:
		err.Message, cause = name+" ended in mid-task: the kernel has killed a process of its control group for want of memory", status.CauseOutOfMemory
		if exit.Known {
			err = err.With("worker.signal", strconv.Itoa(int(exit.Status.Signal())))
		}
	case !exit.Known && exit.Unseen != "":
		err.Message = name + " ended in mid-task; " + exit.Unseen
	case !exit.Known:
		err.Message, cause = name+" ended in mid-task together with its daemon", status.CauseDaemonEnded
		if exit.Cause != nil {
			err.Message += ": " + exit.Cause.Error()
			err.Cause = exit.Cause
			err = err.With("python.traceback", exit.Cause.Details["python.traceback"])
		}
	case exit.Status.Signaled():
		err.Message = fmt.Sprintf("%s was ended by signal %d (%s) in mid-task", name, exit.Status.Signal(), unix.SignalName(exit.Status.Signal()))
		cause = status.CauseSignal
		err = err.With("worker.signal", strconv.Itoa(int(exit.Status.Signal())))
	default:
		err.Message = fmt.Sprintf("%s exited with status %d in mid-task", name, exit.Status.ExitStatus())
		cause = status.CauseExit
		err = err.With("worker.exit_status", strconv.Itoa(exit.Status.ExitStatus()))
	}
	if exit.PeakRSS > 0 {
		err = err.With("worker.peak_rss", strconv.FormatInt(exit.PeakRSS, 10))
	}
	stderr := logs.stderr.textSince(mark)
	stack := exit.Stack
	if stack == "" { // the function may have had it written there
		stack = fatalStack(stderr)
	}
	return err.Because(cause).With("worker.pid", positive(pid)).With("worker.stderr_tail", stderr).With("worker.python_stack", stack)
}

// Explain adds what is known of the worker to a task's error.
func (w *Worker) Explain(err *status.Error) *status.Error {
	w.mu.Lock()
	pid, logs, mark := w.pid, w.logs, w.stderrMark
	w.mu.Unlock()
	return err.With("worker.pid", positive(pid)).With("worker.stderr_tail", logs.stderr.textSince(mark))
}

func positive(pid int) string {
	if pid <= 0 {
		return ""
	}
	return strconv.Itoa(pid)
}

// fatalStack is what faulthandler wrote last at a fatal signal, if it did.
func fatalStack(text string) string {
	if i := strings.LastIndex(text, "Fatal Python error:"); i >= 0 {
		return text[i:]
	}
	return ""
}
