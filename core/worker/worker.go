// Package worker starts PySpark's Python processes, keeps idle ones for reuse, and says how each died. It is
// Spark's PythonWorkerFactory and createPythonWorker.
package worker

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/logsink"
	"udfrunner/core/safego"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// Worker is one Python process with a channel to it. Between Acquire and Release it belongs to one task; Kill and the
// methods that report its start and death are safe from any thread.
type Worker struct {
	// Socket is the channel, Reader what the worker sends on it. They are there once Ready says so.
	Socket *transport.Socket
	Reader *transport.Reader
	// Broadcasts are the ids of the broadcast variables that it holds.
	Broadcasts map[int64]bool
	// Tasks is the count of tasks that it has served.
	Tasks int

	factory   *base
	id        uint64
	key       string
	paths     []string // what its tasks put on the module path
	born      time.Time
	spare     bool      // no task has had it; changed by who has the worker
	young     bool      // it was made for the task that it has; changed by who has the worker
	use       use       // under the factory's lock
	oomBefore oomKills  // under the factory's lock
	idleSince time.Time // under the pool's lock
	ready     atomic.Bool
	daemon    *stockDaemon // of a stock daemon's worker; set under the factory's daemonsMu, before the process is begun

	mu         sync.Mutex
	process    *process // a simple worker's
	logs       logs
	stderrMark int64 // where what it writes for its task begins
	pid        int
	pidfd      int
	stacks     *stackFile    // nil where the worker has none
	noStacks   string        // why that is
	asking     chan struct{} // holds one while the worker is asked for its stacks
	killed     bool
	// cpuBefore is the processor time it had used when it got its task, peakRSS the last that was read.
	cpuBefore time.Duration
	peakRSS   int64
	abort     func()        // ends the making of the channel
	refuse    *status.Error // it never began
	exit      Exit
	exited    chan struct{} // the process has ended
	reported  chan struct{} // and its last words are here; see Exited
	linger    *safego.Timer
	onReady   func()
	onExit    func()
}

// use says who wants a worker.
type use uint8

const (
	inTask use = iota
	inPool
	letGo // nobody
)

// logs are the tails of a process's output. Those of a stock daemon are its workers' too, and not theirs to end.
type logs struct {
	stdout, stderr *tail
	shared         bool
}

func (l *logs) setPID(pid int) {
	if !l.shared {
		l.stdout.setPID(pid)
		l.stderr.setPID(pid)
	}
}

func (l *logs) finish() {
	if !l.shared {
		l.stdout.finish()
		l.stderr.finish()
	}
}

// Ready says whether the channel is there, so that Socket and Reader may be used: of the embedded daemon's workers always, others are
// connected while their callers go on. It fails where the worker will never be: Spawn, or what ended it.
func (w *Worker) Ready() (bool, error) {
	if w.isReady() {
		return true, nil
	}
	w.mu.Lock()
	refuse := w.refuse
	w.mu.Unlock()
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

func (w *Worker) isReady() bool { return w.ready.Load() }

// OnReady has notify called when Ready's answer is no more "not yet", at once where it is not. It takes the place of the
// notify before.
func (w *Worker) OnReady(notify func()) {
	w.mu.Lock()
	known := w.isReady() || w.Exited()
	if !known {
		w.onReady = notify
	}
	w.mu.Unlock()
	if known {
		notify()
	}
}

// connecting names what Kill has to call while the channel is being made, in place of what it was before. It says false
// where the worker was killed already.
func (w *Worker) connecting(abort func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.killed {
		return false
	}
	w.abort = abort
	return true
}

// connected gives the worker its channel. It says false where the worker was killed or ended meanwhile; socket is then closed.
func (w *Worker) connected(socket *transport.Socket) bool {
	w.mu.Lock()
	if w.killed || w.hasExited() {
		w.mu.Unlock()
		socket.Close()
		return false
	}
	w.newChannel(socket)
	w.ready.Store(true)
	w.abort = nil
	notify := w.onReady
	w.onReady = nil
	w.mu.Unlock()
	if notify != nil {
		notify()
	}
	return true
}

// PID is the process id, 0 while the process is being made, -1 where the worker is none of the library's.
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
	abort := w.abort
	w.mu.Unlock()
	if abort != nil {
		abort()
	}
	w.factory.maker.kill(w)
}

// signal sends a signal to the process itself, where it is known.
func (w *Worker) signal(signal unix.Signal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pidfd >= 0 {
		_ = unix.PidfdSendSignal(w.pidfd, signal, nil, 0)
	}
}

// killGroup ends the process, where it is known, and with it its process group where the kernel does that by a pidfd (Linux 6.9).
func (w *Worker) killGroup() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.killGroupLocked()
}

func (w *Worker) killGroupLocked() {
	if w.pidfd >= 0 {
		_ = unix.PidfdSendSignal(w.pidfd, unix.SIGKILL, nil, unix.PIDFD_SIGNAL_PROCESS_GROUP)
		_ = unix.PidfdSendSignal(w.pidfd, unix.SIGKILL, nil, 0) // it may have left its group
	}
}

// held says whether the process is held by a pidfd, so that its end is an event.
func (w *Worker) held() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pidfd >= 0
}

func (w *Worker) wasKilled() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.killed
}

func (w *Worker) hasExited() bool {
	select {
	case <-w.exited:
		return true
	default:
		return false
	}
}

// closeChannel closes the channel, where there is one.
func (w *Worker) closeChannel() {
	if w.isReady() {
		w.Socket.Close()
	}
}

// lingerTime is how long a worker that is not reused may take to end by itself.
const lingerTime = 2 * time.Second

// lingers kills the process if it has not ended within lingerTime.
func (w *Worker) lingers() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.killed && !w.hasExited() {
		w.linger = safego.AfterFunc(lingerTime, w.Kill)
	}
}

// started tells the worker its process. Worker's become pidfd, where it is not -1, and stacks, where it is not nil; else noStacks says why.
func (w *Worker) started(pid, pidfd int, stacks *stackFile, noStacks string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pid, w.pidfd, w.stacks, w.noStacks = pid, pidfd, stacks, noStacks
	w.logs.setPID(pid)
	if w.killed {
		w.killGroupLocked()
	}
}

// ended records how the process ended; called once.
func (w *Worker) ended(exit Exit, refuse *status.Error) {
	w.mu.Lock()
	exit.Stack = fatalStack(w.stacks.text(0))
	w.stacks.close()
	w.stacks = nil
	w.exit, w.refuse = exit, refuse
	w.linger.Stop()
	if w.pidfd >= 0 {
		_ = unix.Close(w.pidfd)
		w.pidfd = -1
	}
	w.logs.finish()
	close(w.exited)
	stderr := w.logs.stderr
	if w.logs.shared {
		stderr = nil // its daemon goes on
	}
	w.mu.Unlock()
	stderr.onEnd(tailReport, w.report)
}

// tailReport bounds the wait for the end of a dead worker's stderr: descendants may hold it for ever.
const tailReport = 50 * time.Millisecond

// report tells who waits for it that the process has ended; called once.
func (w *Worker) report() {
	w.mu.Lock()
	close(w.reported)
	notifies := [2]func(){w.onReady, w.onExit}
	w.onReady, w.onExit = nil, nil
	w.mu.Unlock()
	for _, notify := range notifies {
		if notify != nil {
			notify()
		}
	}
}

// BeginTask says for which task the worker works from now on: the lines that it writes are that task's, and what it uses.
func (w *Worker) BeginTask(task *logsink.Task) {
	if w.Tasks > 0 {
		used := cpuTime(w.PID())
		w.mu.Lock()
		w.cpuBefore = used
		if w.logs.shared {
			w.logs.stderr.drainNow()
		}
		w.stderrMark = w.logs.stderr.mark()
		w.mu.Unlock()
	}
	w.label(task)
}

func (w *Worker) label(task *logsink.Task) {
	w.mu.Lock()
	logs := w.logs
	w.mu.Unlock()
	if logs.shared || logs.stdout == nil {
		return
	}
	for _, t := range []*tail{logs.stdout, logs.stderr} {
		t.lines.SetTask(task)
	}
}

// EndOutput takes what the worker wrote for its task out of the log pipes, so that the host has all of it with the task's end and nothing of
// it counts as the next one's. A line without its end is one.
func (w *Worker) EndOutput() {
	w.mu.Lock()
	logs := w.logs
	w.mu.Unlock()
	for _, t := range []*tail{logs.stdout, logs.stderr} {
		if t == nil {
			continue
		}
		t.drainNow()
		if !logs.shared {
			t.flush()
		}
	}
}

// OnExit has notify called once Exited holds, at once where it does. It takes the place of the notify before; nil takes it away.
func (w *Worker) OnExit(notify func()) {
	w.mu.Lock()
	w.onExit = notify
	exited := w.Exited()
	w.mu.Unlock()
	if exited && notify != nil {
		notify()
	}
}

// Ending says whether the process has ended, be it that the report of it is still to come, or is about to: the kernel closes
// its descriptors first, and on a busy machine the rest may take its time.
func (w *Worker) Ending() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hasExited() {
		return true
	}
	if w.pidfd < 0 {
		return false
	}
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(w.pidfd), Events: unix.POLLIN}}, 0) //nolint:gosec // a descriptor
	return err == nil && n == 1 || exiting(w.pid)
}

// Exited says whether the process has ended and all that explains it is here: the report of it, and what it wrote to stderr.
func (w *Worker) Exited() bool {
	select {
	case <-w.reported:
		return true
	default:
		return false
	}
}
