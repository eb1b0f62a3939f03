package runner

import (
	"fmt"
	"sync"
	"time"

	"udfrunner/core/config"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
	"udfrunner/core/worker"
)

// workerLease is a task's hold on a worker: from the wait for its factory until the task has ended. What is not said
// to be the pump's is safe from any thread.
type workerLease struct {
	runner   *base
	factory  worker.Factory
	task     *Task
	counters *counters
	wake     *transport.Wake

	// The pump's.
	ahead bool  // the worker was acquired ahead of the first call, which has not come yet
	early error // of that acquisition
	born  bool  // the worker has a process id

	mu        sync.Mutex
	worker    *worker.Worker // nil before it was acquired and after the task's end
	acquired  time.Time
	interrupt *status.Error // cancel, deadline, a limit: ends the task at the pump's next step
	gaveUp    bool          // it will be interrupted as soon as it is known where the worker is
	over      bool          // the task has ended
	memory    *worker.Monitor
	idle      *idleWatch
}

// newWake makes a lease's wake descriptor.
func newWake() (wake *transport.Wake, err error) {
	err = worker.WithEviction(func() (err error) {
		wake, err = transport.NewWake()
		return err
	})
	return wake, err
}

// begin acquires the worker where the factory is ready and not too many tasks are ahead: its fork is on its way before
// the first call, which tells of errors. Else that call acquires it.
func (l *workerLease) begin() {
	if dialect, _, err := l.factory.State(); dialect != nil && err == nil && l.runner.env.GoAhead() {
		l.ahead = true
		l.early = l.acquire(dialect)
		l.wake.Set()
	} else {
		l.factory.OnStarted(l.wake.Set)
	}
}

// caughtUp notes the first call, or the end without one.
func (l *workerLease) caughtUp() {
	if l.ahead {
		l.ahead = false
		l.runner.env.CaughtUp()
	}
}

// acquire gets the task's worker from the ready factory, and holds it to its limits from then on.
func (l *workerLease) acquire(dialect *protocol.Dialect) error {
	prepared := l.runner.prepare(dialect, l.task.CPUs)
	w, err := l.factory.Acquire(prepared.workerKey, prepared.environment, prepared.modulePath...)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.worker = w
	w.BeginTask(l.task.label())
	l.watch(w, prepared.limits)
	l.acquired = time.Now()
	interrupted := l.interrupt != nil
	l.mu.Unlock()
	if interrupted {
		w.Kill()
	}
	if ready, err := w.Ready(); !ready && err == nil {
		w.OnReady(l.wake.Set)
	}
	return nil
}

// watch is Spark's MonitorThread of the task. Without limits there is none.
func (l *workerLease) watch(w *worker.Worker, limits limits) {
	if limits.memory > 0 {
		l.memory = w.WatchMemory(limits.memory, func(used int64) {
			l.giveUp(status.New(status.NoMemory, "worker %d used %d bytes of private memory, allowed are %d (%s)",
				w.PID(), used, limits.memory, config.WorkerMemoryLimit).Because(status.CauseMemoryLimit))
		})
	}
	if limits.idle > 0 {
		l.idle = watchIdle(limits.idle, func() bool { return l.idled(limits) })
	}
}

// idled deals with a worker that let no data through for too long; it says whether the watch goes on.
func (l *workerLease) idled(limits limits) bool {
	w := l.held()
	if w == nil {
		return false
	}
	text := fmt.Sprintf("no data from worker %d for %v (idleTimeoutSeconds): %d bytes sent, %d received so far",
		w.PID(), limits.idle, l.counters.sent.Load(), l.counters.got.Load())
	if limits.killOnIdle {
		l.giveUp(status.New(status.WorkerExited, "worker was killed: %s", text).Because(status.CauseIdleTimeout))
		return false
	}
	l.runner.env.Log().Say(l.task.label(), w.PID(), text)
	return true
}

// held is the worker, nil before it was acquired and after the task's end.
func (l *workerLease) held() *worker.Worker {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.worker
}

// stop ends a running task with an error, from any thread: the worker is killed at once, the rest is done by the
// thread that is in a call or comes next.
func (l *workerLease) stop(err *status.Error) {
	l.mu.Lock()
	if l.over || l.interrupt != nil {
		l.mu.Unlock()
		return
	}
	l.interrupt = err
	w := l.worker
	l.mu.Unlock()
	if w != nil {
		w.Kill()
	}
	l.wake.Set()
}

// stackPatience bounds the wait for the Python stack of a worker that is about to be killed.
const stackPatience = 250 * time.Millisecond

// giveUp ends a running task with an error that shows where its worker was. It waits for that, so that it is for
// goroutines of the library only. Asking for the stack may make the function come back from a system call, which must
// not become the task's result.
func (l *workerLease) giveUp(err *status.Error) {
	l.mu.Lock()
	w, over := l.worker, l.over || l.gaveUp || l.interrupt != nil
	l.gaveUp = l.gaveUp || !over
	l.mu.Unlock()
	if over {
		return
	}
	if w != nil {
		if stack, code, _ := w.Stack(stackPatience); code == status.OK {
			err = err.With("worker.python_stack", stack)
		}
	}
	l.stop(err)
}

// end takes the worker out of the lease, nil where there is none, with the interrupt that came before: it may have
// killed it.
func (l *workerLease) end() (*worker.Worker, *status.Error) {
	l.caughtUp()
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.worker
	l.worker, l.over = nil, true
	l.memory.Stop()
	l.idle.stop()
	return w, l.interrupt
}

// giveBack gives the worker that end took back to its factory.
func (l *workerLease) giveBack(w *worker.Worker, kill, reuse bool) {
	w.EndOutput()
	if kill {
		l.factory.Kill(w)
	} else {
		l.factory.Release(w, reuse)
	}
}

// explain adds what is known of the worker to an error.
func (l *workerLease) explain(e *status.Error) *status.Error {
	if w := l.held(); w != nil && e.Details["worker.pid"] == "" {
		return w.Explain(e)
	}
	return e
}

// channel is the worker's, nil while there is none.
func (l *workerLease) channel() transport.Channel {
	return channelOf(l.held())
}

func channelOf(w *worker.Worker) transport.Channel {
	if w == nil {
		return nil
	}
	if ready, _ := w.Ready(); !ready {
		return nil
	}
	return w.Channel
}

// stack is the Python stacks of the worker's threads; see Iterator.Stack.
func (l *workerLease) stack(d time.Duration) (string, status.Code, error) {
	start := time.Now()
	for {
		l.mu.Lock()
		w, over := l.worker, l.over
		l.mu.Unlock()
		if over {
			return "", 0, errStackOfEnded
		}
		left := d
		if d >= 0 {
			left = max(0, d-time.Since(start))
		}
		if w == nil { // its factory starts
			if d >= 0 && left == 0 {
				return "", status.TimedOut, nil
			}
			timer := time.NewTimer(workerPoll)
			<-timer.C
			continue
		}
		stack, code, err := w.Stack(left)
		if err == nil && l.held() == nil {
			return "", 0, errStackOfEnded // it may be another task's
		}
		return stack, code, err
	}
}

// workerPoll is how often it is checked whether a task has got its worker.
const workerPoll = time.Millisecond

var errStackOfEnded = status.New(status.InvalidState, "task has ended: there is no Python stack of its worker any more")
