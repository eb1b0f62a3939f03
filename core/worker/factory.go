package worker

import (
	"os/exec"
	"strings"
	"sync"
	"time"

	"udfrunner/core/protocol"
	"udfrunner/core/safego"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// Spec is what a factory is made for: factories differ where it does.
type Spec struct {
	// Python is the interpreter, a path or a name to be found on PATH.
	Python string
	// Env is the daemon's whole environment, NAME=value.
	Env []string
	// Modules are imported before forking, where that leaves one thread.
	Modules []string
	// Zygote forks workers after the imports; without it each worker imports by itself.
	Zygote bool
	// StartTimeout bounds the daemon's start, imports included.
	StartTimeout time.Duration
	// IdleTimeout ends workers that were idle for longer.
	IdleTimeout time.Duration
	// MaxIdle bounds the pool of idle workers.
	MaxIdle int
	// Warm makes input streams of tasks that are run once before forking.
	Warm func(*protocol.Dialect, Info) [][]byte
}

// Info is what a daemon said of its interpreter.
type Info struct {
	Python  string // "3.11.7"
	PySpark string // "4.2.0"
	PyArrow string // "" where it is missing
	Pandas  string // "" where it is missing
	Threads int    // after the imports
	Zygote  bool   // workers are forked after the imports
	Notes   []string
}

// PythonMinor is the interpreter's minor version, as "3.11".
func (i *Info) PythonMinor() string {
	if parts := strings.SplitN(i.Python, ".", 3); len(parts) >= 2 {
		return parts[0] + "." + parts[1]
	}
	return i.Python
}

// Factory makes workers of one interpreter and environment: a daemon process that forks them, and a pool of
// idle ones. All methods are safe from any thread.
type Factory struct {
	spec    Spec
	control *control
	process *exec.Cmd
	stdout  *tail
	stderr  *tail

	mu      sync.Mutex
	gone    chan struct{} // closed when the daemon process was reaped
	err     *status.Error // why it makes no more workers
	info    Info
	dialect *protocol.Dialect
	waiting []func()
	nextID  uint64
	workers map[uint64]*Worker
	idle    map[string][]*Worker
	sweep   *safego.Timer
	counts  Counts
}

// Counts are a factory's counters.
type Counts struct {
	Started int64 `json:"started"` // workers forked
	Reused  int64 `json:"reused"`  // tasks that got an idle worker
	Running int64 `json:"running"` // processes alive, idle ones included
	Idle    int64 `json:"idle"`
	Killed  int64 `json:"killed"` // by the library
	Crashed int64 `json:"crashed"`
}

// NewFactory begins to start a daemon and returns at once.
func NewFactory(spec Spec) *Factory {
	f := &Factory{
		spec: spec, gone: make(chan struct{}),
		workers: map[uint64]*Worker{}, idle: map[string][]*Worker{},
	}
	safego.Go(f.run, func(err *status.Error) { f.fail(err) })
	return f
}

// OnStarted calls notify when the factory is ready or has failed, at once where that is so.
func (f *Factory) OnStarted(notify func()) {
	f.mu.Lock()
	if f.dialect == nil && f.err == nil {
		f.waiting = append(f.waiting, notify)
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	notify()
}

// State is the dialect and the interpreter's versions, nil while the factory starts, or why it has failed.
func (f *Factory) State() (*protocol.Dialect, *Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, nil, f.err
	}
	return f.dialect, &f.info, nil
}

// Acquire returns a worker for a task: an idle one of the same key, else a new one whose fork is under way. env is
// added to a new worker's environment.
func (f *Factory) Acquire(key string, env map[string]string) (*Worker, error) {
	if w := f.takeIdle(key); w != nil {
		return w, nil
	}
	return f.fork(key, env)
}

func (f *Factory) takeIdle(key string) *Worker {
	for {
		f.mu.Lock()
		list := f.idle[key]
		if len(list) == 0 {
			f.mu.Unlock()
			return nil
		}
		w := list[len(list)-1]
		f.idle[key] = list[:len(list)-1]
		f.counts.Idle--
		healthy := w.Socket.Idle() && !w.hasExited()
		if healthy {
			f.counts.Reused++
		}
		f.mu.Unlock()
		if healthy {
			return w
		}
		w.discard()
	}
}

func (f *Factory) fork(key string, env map[string]string) (*Worker, error) {
	socket, theirs, err := transport.Pair()
	if err != nil {
		return nil, err
	}
	fds := []int{theirs}
	defer func() { closeAll(fds) }()
	w := &Worker{
		Socket: socket, Reader: transport.NewReader(socket), Broadcasts: map[int64]bool{},
		factory: f, key: key, pidfd: -1, exited: make(chan struct{}),
	}
	for _, log := range []**tail{&w.stdout, &w.stderr} {
		t, end, err := newTail()
		if err != nil {
			socket.Close()
			return nil, err
		}
		*log = t
		defer end.Close()
		fds = append(fds, int(end.Fd()))
	}
	f.mu.Lock()
	if f.err != nil {
		f.mu.Unlock()
		socket.Close()
		return nil, f.err
	}
	f.nextID++
	w.id = f.nextID
	f.workers[w.id] = w
	f.counts.Started++
	f.counts.Running++
	f.mu.Unlock()
	if err := f.control.sendMessage(forkMessage{Op: "fork", ID: w.id, Env: env, Unset: []string{}}, fds...); err != nil {
		socket.Close()
		f.exited(w.id, Exit{}, nil)
		return nil, status.New(status.Spawn, "fork of a worker by daemon %d (%s): %w", f.process.Process.Pid, f.spec.Python, err)
	}
	fds = fds[:1] // the log pipes' ends are closed by their files
	return w, nil
}

// ForkLimit is how long the fork of a worker may take.
func (f *Factory) ForkLimit() time.Duration { return f.spec.StartTimeout }

// Stuck ends a factory whose daemon did not fork a worker in time, so that the next task gets another daemon.
func (f *Factory) Stuck() *status.Error {
	err := status.New(status.Spawn, "daemon %d (%s) forked no worker within %v (udfrunner.worker.startTimeout)",
		f.DaemonPID(), f.spec.Python, f.spec.StartTimeout)
	f.fail(err)
	return err
}

// Release gives a worker back. It goes to the pool if reuse and there is room, else it ends.
func (f *Factory) Release(w *Worker, reuse bool) {
	w.Tasks++
	w.OnExit(nil)
	if reuse && w.Socket.Idle() {
		f.mu.Lock()
		if f.err == nil && !w.hasExited() && f.counts.Idle < int64(f.spec.MaxIdle) {
			w.idle = time.Now()
			f.idle[w.key] = append(f.idle[w.key], w)
			f.counts.Idle++
			if f.sweep == nil {
				f.sweep = safego.AfterFunc(f.spec.IdleTimeout, f.sweepIdle)
			}
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
	}
	w.discard()
}

// Kill ends a worker of a task at once and closes its channel.
func (f *Factory) Kill(w *Worker) {
	w.OnExit(nil)
	w.Kill()
	w.Socket.Close()
}

// sweepIdle ends workers that were idle for too long.
func (f *Factory) sweepIdle() {
	f.mu.Lock()
	var old []*Worker
	next := f.spec.IdleTimeout
	for key, list := range f.idle {
		var kept []*Worker
		for _, w := range list {
			if age := time.Since(w.idle); age >= f.spec.IdleTimeout {
				old = append(old, w)
			} else {
				kept = append(kept, w)
				next = min(next, f.spec.IdleTimeout-age)
			}
		}
		f.idle[key] = kept
		if len(kept) == 0 {
			delete(f.idle, key)
		}
	}
	f.counts.Idle -= int64(len(old))
	f.sweep = nil
	if f.counts.Idle > 0 && f.err == nil {
		f.sweep = safego.AfterFunc(next, f.sweepIdle)
	}
	f.mu.Unlock()
	for _, w := range old {
		w.discard()
	}
}

// Counts are the counters now.
func (f *Factory) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts
}

// DaemonPID is the daemon's process id, 0 before it runs.
func (f *Factory) DaemonPID() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.process == nil || f.process.Process == nil {
		return 0
	}
	return f.process.Process.Pid
}

// closeGrace is how long a daemon may take to kill its workers and end, before it is killed itself.
const closeGrace = time.Second

// Close ends the daemon and all workers. It waits for nothing; Gone tells when they ended.
func (f *Factory) Close() {
	f.fail(status.New(status.Cancelled, "the env was destroyed or the library shut down"))
}

// Gone is closed once the daemon process ended; its workers ended before it.
func (f *Factory) Gone() <-chan struct{} { return f.gone }

// fail ends the factory; the first reason stays.
func (f *Factory) fail(err *status.Error) {
	f.mu.Lock()
	if f.err != nil {
		f.mu.Unlock()
		return
	}
	f.err = err
	f.sweep.Stop()
	var idle []*Worker
	for _, list := range f.idle {
		idle = append(idle, list...)
	}
	f.idle, f.counts.Idle = map[string][]*Worker{}, 0
	waiting := f.waiting
	f.waiting = nil
	control := f.control
	f.mu.Unlock()
	for _, w := range idle {
		w.Socket.Close()
	}
	if control != nil {
		_ = control.conn.Close() // the daemon kills its workers and ends
	}
	for _, notify := range waiting {
		notify()
	}
}

func (f *Factory) failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil
}

// ready makes the factory usable.
func (f *Factory) ready(info Info, dialect *protocol.Dialect) {
	f.mu.Lock()
	if f.err != nil {
		f.mu.Unlock()
		return
	}
	f.info, f.dialect = info, dialect
	waiting := f.waiting
	f.waiting = nil
	f.mu.Unlock()
	for _, notify := range waiting {
		notify()
	}
}
