package runner

import (
	"fmt"
	"sync/atomic"
	"time"

	"udfrunner/core/config"
	"udfrunner/core/logsink"
	"udfrunner/core/protocol"
	"udfrunner/core/safego"
	"udfrunner/core/status"
	"udfrunner/core/worker"
)

// limits are those that a running task is held to, beside its deadline.
type limits struct {
	memory     int64         // bytes of private memory of the worker and its descendants; 0 is no limit
	idle       time.Duration // without data from the worker while it is waited for; 0 is no limit
	killOnIdle bool
}

// limits are what the configuration says: SQL functions have keys of their own.
func (r *base) limits() limits {
	idle, kill := config.SQLIdleTimeout, config.SQLKillOnIdle
	if r.evalType.Family == protocol.RDD {
		idle, kill = config.PythonIdleTimeout, config.PythonKillOnIdle
	}
	return limits{memory: r.conf.Size(config.WorkerMemoryLimit), idle: r.conf.Duration(idle), killOnIdle: r.conf.Bool(kill)}
}

// monitor is Spark's MonitorThread of a task: what looks after its worker while it runs. Without limits there is none.
type monitor struct {
	memory *worker.Monitor
	idle   *idleWatch
}

// watch begins to hold a task, which has just got its worker, to its limits.
func (it *Iterator) watch(w *worker.Worker, l limits) {
	w.BeginTask(it.task.label())
	if l.memory > 0 {
		it.monitor.memory = w.WatchMemory(l.memory, func(used int64) {
			it.giveUp(status.New(status.NoMemory, "worker %d used %d bytes of private memory, allowed are %d (%s)",
				w.PID(), used, l.memory, config.WorkerMemoryLimit).Because(status.CauseMemoryLimit))
		})
	}
	if l.idle > 0 {
		it.monitor.idle = &idleWatch{it: it, limits: l}
		it.monitor.idle.arm(l.idle)
	}
}

func (m *monitor) stop() {
	m.memory.Stop()
	m.idle.stop()
}

// stackPatience bounds the wait for the Python stack of a worker that is about to be killed.
const stackPatience = 250 * time.Millisecond

// giveUp ends a running task with an error that shows where its worker was. It waits for that, so that it is for goroutines of the
// library only.
func (it *Iterator) giveUp(err *status.Error) {
	it.mu.Lock()
	w, over := it.worker, it.done || it.interrupt != nil
	it.mu.Unlock()
	if over {
		return
	}
	if w != nil {
		if stack, code, _ := w.Stack(stackPatience); code == status.OK {
			err = err.With("worker.python_stack", stack)
		}
	}
	it.stop(err)
}

// idleWatch looks whether a worker that is waited for lets no data through for too long: Spark's idleTimeoutSeconds (SPARK-51099,
// SPARK-51963). While the host is what is waited for, nobody is idle.
type idleWatch struct {
	it     *Iterator
	limits limits
	since  atomic.Int64 // Unix time in ns at which the wait for the worker began, 0 where it is not waited for
	timer  atomic.Pointer[safego.Timer]
	over   atomic.Bool
	count  atomic.Int64
}

func (i *idleWatch) arm(d time.Duration) {
	i.timer.Store(safego.AfterFunc(d, i.look))
	if i.over.Load() { // stopped meanwhile
		i.stop()
	}
}

// waits says that the worker is being waited for, from now on or still.
func (i *idleWatch) waits() {
	if i != nil {
		i.since.CompareAndSwap(0, time.Now().UnixNano())
	}
}

// moves says that data moved, or that the host is waited for.
func (i *idleWatch) moves() {
	if i != nil {
		i.since.Store(0)
	}
}

func (i *idleWatch) stop() {
	if i != nil {
		i.over.Store(true)
		i.timer.Load().Stop()
	}
}

func (i *idleWatch) look() {
	if i.over.Load() {
		return
	}
	since := i.since.Load()
	if since == 0 {
		i.arm(i.limits.idle)
		return
	}
	if idle := time.Since(time.Unix(0, since)); idle < i.limits.idle {
		i.arm(i.limits.idle - idle)
		return
	}
	i.count.Add(1)
	it := i.it
	it.mu.Lock()
	w := it.worker
	it.mu.Unlock()
	if w == nil {
		return
	}
	c := &it.pump.counters
	text := fmt.Sprintf("no data from worker %d for %v (idleTimeoutSeconds): %d bytes sent, %d received so far", w.PID(), i.limits.idle, c.sent.Load(), c.got.Load())
	if i.limits.killOnIdle {
		it.giveUp(status.New(status.WorkerExited, "worker was killed: %s", text).Because(status.CauseIdleTimeout))
		return
	}
	it.runner.env.Log().Say(it.task.label(), w.PID(), text)
	i.since.CompareAndSwap(since, time.Now().UnixNano())
	i.arm(i.limits.idle)
}

// Stack is the Python stacks of the threads of the task's worker now. It waits at most d, without limit if d is negative:
// status.TimedOut says that the worker did not answer in time, or is still being made. INVALID_STATE: the task has ended.
func (it *Iterator) Stack(d time.Duration) (string, status.Code, error) {
	start := time.Now()
	for {
		it.mu.Lock()
		w, done := it.worker, it.done
		it.mu.Unlock()
		if done {
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
		if over, _ := it.terminal(); over && err == nil {
			return "", 0, errStackOfEnded // it may be another task's
		}
		return stack, code, err
	}
}

// workerPoll is how often it is looked whether a task has got its worker.
const workerPoll = time.Millisecond

var errStackOfEnded = status.New(status.InvalidState, "task has ended: there is no Python stack of its worker any more")

// label is the task as log lines name it.
func (t *Task) label() *logsink.Task {
	return &logsink.Task{Stage: t.Stage, Partition: t.Partition, Attempt: t.Attempt, ID: t.TaskAttemptID}
}
