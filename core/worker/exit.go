package worker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
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
	// OutOfMemory says that a process of its control group was OOM-killed, which may have been this one.
	OutOfMemory bool
	// Stack is the Python stack at a fatal signal, "" where none was left.
	Stack string
	// Lost says that its daemon is gone, and that it was not seen to end: it may live on.
	Lost bool
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

// taskError is the error of a task whose worker, called name, ended before it was done; killedAfterGrace says that the
// worker was killed because it did not end in time after it had closed its channel.
func (e *Exit) taskError(name string, killedAfterGrace bool) *status.Error {
	err := &status.Error{Code: status.WorkerExited}
	cause := status.CauseUnknown
	switch {
	case killedAfterGrace && (!e.Known || e.Status.Signal() == unix.SIGKILL):
		err.Message, cause = name+" closed its channel in mid-task and was killed", status.CauseChannelClosed
	case e.OutOfMemory:
		err.Message = name +
			" ended in mid-task: it was OOM-killed, or another process of its control group was"
		cause = status.CauseOutOfMemory
		if e.Known {
			err = err.With("worker.signal", strconv.Itoa(int(e.Status.Signal())))
		}
	case !e.Known && e.Unseen != "":
		err.Message = name + " ended in mid-task; " + e.Unseen
	case !e.Known:
		err.Message, cause = name+" ended in mid-task together with its daemon", status.CauseDaemonEnded
		if e.Lost {
			err.Message = name + " lost its daemon in mid-task, was not seen to end and may live on"
		}
		if e.Cause != nil {
			err.Message += ": " + e.Cause.Error()
			err.Cause = e.Cause
			err = err.With("python.traceback", e.Cause.Details["python.traceback"])
		}
	case e.Status.Signaled():
		signal := e.Status.Signal()
		err.Message = fmt.Sprintf("%s was ended by signal %d (%s) in mid-task", name, signal, unix.SignalName(signal))
		cause = status.CauseSignal
		err = err.With("worker.signal", strconv.Itoa(int(signal)))
	default:
		err.Message = fmt.Sprintf("%s exited with status %d in mid-task", name, e.Status.ExitStatus())
		cause = status.CauseExit
		err = err.With("worker.exit_status", strconv.Itoa(e.Status.ExitStatus()))
	}
	if e.PeakRSS > 0 {
		err = err.With("worker.peak_rss", strconv.FormatInt(e.PeakRSS, 10))
	}
	return err.Because(cause)
}

// statusText says how a process ended, for an error about its start.
func (e *Exit) statusText() string {
	switch {
	case !e.Known:
		return "ended"
	case e.Status.Signaled():
		return "was ended by signal " + unix.SignalName(e.Status.Signal())
	}
	return "ended with status " + strconv.Itoa(e.Status.ExitStatus())
}

// exitOf is how a process ended that was waited for; nil where the host had taken its status away.
func exitOf(state *os.ProcessState) Exit {
	exit := Exit{Unseen: unseenByHost}
	if state == nil {
		return exit
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok {
		exit = Exit{Status: unix.WaitStatus(status), Known: true}
	}
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		exit.PeakRSS = usage.Maxrss << 10
		exit.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	return exit
}

// release frees what Wait keeps where nothing is known of the end, since the host waits for all child processes or
// ignores SIGCHLD (ECHILD): a pidfd.
func release(cmd *exec.Cmd, waitError error) {
	if errors.Is(waitError, syscall.ECHILD) {
		_ = cmd.Process.Release()
	}
}

// fatalStack is what faulthandler wrote last at a fatal signal, if it did.
func fatalStack(text string) string {
	if i := strings.LastIndex(text, "Fatal Python error:"); i >= 0 {
		return text[i:]
	}
	return ""
}
