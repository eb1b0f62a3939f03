// Package worker starts PySpark's Python processes, keeps idle ones for reuse, and says how each died. It is
// Spark's PythonWorkerFactory and createPythonWorker.
package worker

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/safego"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// Worker is one Python process with a channel to it. Between Acquire and Release it belongs to one task; Kill and the
// methods that report its death are safe from any thread.
type Worker struct {
	// Socket is the channel, Reader what the worker sends on it.
	Socket *transport.Socket
	Reader *transport.Reader
	// Broadcasts are the ids of the broadcast variables that it holds.
	Broadcasts map[int64]bool
	// Tasks is the count of tasks that it has served.
	Tasks int

	factory *Factory
	id      uint64
	key     string
	stdout  *tail
	stderr  *tail
	idle    time.Time

	mu     sync.Mutex
	pid    int
	pidfd  int
	killed bool
	refuse *status.Error // the fork failed
	exit   Exit
	exited chan struct{}
	linger *safego.Timer
	notify func()
}

// Exit is how a worker ended.
type Exit struct {
	// Status is the raw wait status; Known is false where nobody saw it.
	Status  unix.WaitStatus
	Known   bool
	PeakRSS int64 // bytes
}

// PID is the process id, 0 while the fork is under way.
func (w *Worker) PID() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pid
}

// Kill ends the process and its process group at once. It waits for nothing.
func (w *Worker) Kill() {
	w.mu.Lock()
	if w.killed || w.hasExited() {
		w.mu.Unlock()
		return
	}
	w.killed = true
	if w.pidfd >= 0 {
		_ = unix.PidfdSendSignal(w.pidfd, unix.SIGKILL, nil, 0)
	}
	w.mu.Unlock()
	// The group, and the worker whose fork is still under way, are the daemon's to kill.
	_ = w.factory.control.sendMessage(killMessage{Op: "kill", ID: w.id, Signal: int(unix.SIGKILL)})
}

func (w *Worker) hasExited() bool {
	select {
	case <-w.exited:
		return true
	default:
		return false
	}
}

// lingerTime is how long a worker that is not reused may take to end by itself.
const lingerTime = 2 * time.Second

// discard lets the process end: it reads the end of its input and exits, or is killed.
func (w *Worker) discard() {
	w.Socket.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.killed && !w.hasExited() {
		w.linger = safego.AfterFunc(lingerTime, w.Kill)
	}
}

// forked tells the worker its process.
func (w *Worker) forked(pid, pidfd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pid, w.pidfd = pid, pidfd
	if w.killed && pidfd >= 0 {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	}
}

// ended records how the process ended; called once.
func (w *Worker) ended(exit Exit, refuse *status.Error) {
	w.mu.Lock()
	w.exit, w.refuse = exit, refuse
	w.linger.Stop()
	if w.pidfd >= 0 {
		_ = unix.Close(w.pidfd)
		w.pidfd = -1
	}
	w.stdout.finish()
	w.stderr.finish()
	close(w.exited)
	notify := w.notify
	w.notify = nil
	w.mu.Unlock()
	if notify != nil {
		notify()
	}
}

// tailReport bounds the wait for the end of a dead worker's stderr.
const tailReport = 50 * time.Millisecond

// OnExit has notify called when the process has ended and that is known, at once where it is. It takes the place of the
// notify before; nil takes it away.
func (w *Worker) OnExit(notify func()) {
	w.mu.Lock()
	w.notify = notify
	exited := w.hasExited()
	w.mu.Unlock()
	if exited && notify != nil {
		notify()
	}
}

// Exited says whether the process has ended and that is known.
func (w *Worker) Exited() bool { return w.hasExited() }

// ExitError explains the death of a worker whose channel closed before its task was done; stubborn says that
// it did not end by itself and was killed for that.
func (w *Worker) ExitError(stubborn bool) *status.Error {
	w.mu.Lock()
	exit, refuse, pid := w.exit, w.refuse, w.pid
	w.mu.Unlock()
	if refuse != nil {
		return refuse
	}
	err := &status.Error{Code: status.WorkerExited}
	switch name := fmt.Sprintf("worker %d (%s)", pid, w.factory.spec.Python); {
	case stubborn:
		err.Message = name + " closed its channel in mid-task and was killed"
	case !exit.Known:
		err.Message = name + " ended in mid-task together with its daemon"
		if _, _, reason := w.factory.State(); reason != nil {
			err.Message += ": " + reason.Error()
			err.Cause = reason
			err = err.With("python.traceback", status.From(reason).Details["python.traceback"])
		}
	case exit.Status.Signaled():
		err.Message = fmt.Sprintf("%s was ended by signal %d (%s) in mid-task", name, exit.Status.Signal(), unix.SignalName(exit.Status.Signal()))
		err = err.With("worker.signal", strconv.Itoa(int(exit.Status.Signal())))
	default:
		err.Message = fmt.Sprintf("%s exited with status %d in mid-task", name, exit.Status.ExitStatus())
		err = err.With("worker.exit_status", strconv.Itoa(exit.Status.ExitStatus()))
	}
	if exit.PeakRSS > 0 {
		err = err.With("worker.peak_rss", strconv.FormatInt(exit.PeakRSS, 10))
	}
	stderr := w.stderr.text(tailReport)
	return err.With("worker.pid", strconv.Itoa(pid)).With("worker.stderr_tail", stderr).
		With("worker.python_stack", pythonStack(stderr))
}

// pythonStack is what faulthandler wrote last, if it did.
func pythonStack(stderr string) string {
	if i := strings.LastIndex(stderr, "Fatal Python error:"); i >= 0 {
		return stderr[i:]
	}
	return ""
}

// Explain adds what is known of the worker to a task's error.
func (w *Worker) Explain(err *status.Error) *status.Error {
	if pid := w.PID(); pid > 0 {
		err = err.With("worker.pid", strconv.Itoa(pid))
	}
	return err.With("worker.stderr_tail", w.stderr.text(0))
}
