// Package worker starts PySpark's Python processes, keeps idle ones for reuse, and says how each died. It is
// Spark's PythonWorkerFactory and createPythonWorker.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package worker

import (
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/logsink"
	"udfrunner/core/status"
)

// Worker is one Python process with a channel to it. Between Acquire and Release it belongs to one task, its holder;
// Kill and the methods that report its start and death are safe from any thread. Each part has a guard of its own.
type Worker struct {
	identity
	lease
	connection
	process

	// Broadcasts are the ids of the broadcast variables that it has. They are the holder's.
	Broadcasts map[int64]bool
	// Tasks is the count of tasks that it has served. It is the holder's.
	Tasks int
}

// identity is what a worker was made as. It never changes once the worker is begun, and needs no guard.
type identity struct {
	owner  owner
	kind   Kind
	python string // the interpreter, for messages
	id     uint64
	key    string
	paths  []string // what its tasks put on the module path
	born   time.Time
}

// owner is what a worker asks of the factory that made it.
type owner interface {
	// kill ends the process of w at once; called at most once for a worker.
	kill(w *Worker)
	// askStack sends w a signal to write its Python stacks, where the library has no hold of its process.
	askStack(w *Worker, signal unix.Signal)
}

// newWorker makes a worker that has no process yet.
func newWorker(identity identity, lease lease) *Worker {
	return &Worker{identity: identity, lease: lease, process: newProcess(), Broadcasts: map[int64]bool{}}
}

// Ready says whether the channel is there, so that Channel and Reader may be used: of the embedded daemon's workers
// always, others are connected while their callers go on. It fails where the worker will never be: Spawn, or what ended
// it.
func (w *Worker) Ready() (bool, error) {
	if w.isReady() {
		return true, nil
	}
	refuse := w.refused()
	switch {
	case w.isReady():
		return true, nil
	case refuse != nil:
		return false, refuse
	case w.Exited():
		return false, w.ExitError(false)
	}
	return false, nil
}

// OnReady calls notify once the worker is ready or has failed, at once where that is so. It takes the place of the
// notify before.
func (w *Worker) OnReady(notify func()) {
	if !w.notifyReady(notify, w.Exited) {
		notify()
	}
}

// Kill ends the process and its process group at once. It waits for nothing.
func (w *Worker) Kill() {
	if !w.markKilled() {
		return
	}
	w.cancelConnect()
	w.owner.kill(w)
}

// exitGrace is how long a worker that is not reused may take to end by itself.
const exitGrace = 2 * time.Second

// expectExit kills the process if it has not ended within exitGrace.
func (w *Worker) expectExit() { w.killAfter(exitGrace, w.Kill) }

// abandon kills an idle worker and closes all that the library has of it: nobody will ask how it ended.
func (w *Worker) abandon() {
	w.Kill()
	w.closeChannel()
	w.close()
}

// ended records how the process ended, or with refuse that it never began; called once.
func (w *Worker) ended(exit Exit, refuse *status.Error) {
	w.cancelConnect()
	stderr := w.setExit(exit, refuse)
	stderr.onEnd(tailReport, w.report)
}

// tailReport bounds the wait for the end of a dead worker's stderr: descendants may hold it for ever.
const tailReport = 50 * time.Millisecond

// report tells who waits for it that the process has ended; called once.
func (w *Worker) report() {
	onExit := w.setReported()
	for _, notify := range []func(){w.takeNotify(), onExit} {
		if notify != nil {
			notify()
		}
	}
}

// BeginTask says for which task the worker works from now on: the lines that it writes are that task's, and what it
// uses.
func (w *Worker) BeginTask(task *logsink.Task) {
	if w.Tasks > 0 {
		w.beginUsage()
	}
	w.label(task)
}

// ExitError explains the death of a worker whose channel closed before its task was done; killedAfterGrace says that
// it did not end by itself in time and was killed for that. It is complete once Exited holds.
func (w *Worker) ExitError(killedAfterGrace bool) *status.Error {
	if refuse := w.refused(); refuse != nil {
		return refuse
	}
	exit, pid, stderr := w.exitReport()
	err := exit.taskError(fmt.Sprintf("worker %d (%s)", pid, w.python), killedAfterGrace)
	stack := exit.Stack
	if stack == "" { // the function may have had it written there
		stack = fatalStack(stderr)
	}
	return err.With("worker.pid", positive(pid)).With("worker.stderr_tail", stderr).With("worker.python_stack", stack)
}

// Explain adds what is known of the worker to a task's error.
func (w *Worker) Explain(err *status.Error) *status.Error {
	_, pid, stderr := w.exitReport()
	return err.With("worker.pid", positive(pid)).With("worker.stderr_tail", stderr)
}

func positive(pid int) string {
	if pid <= 0 {
		return ""
	}
	return strconv.Itoa(pid)
}
