package worker

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/daemon"
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

// Release gives a worker back. It goes to the pool if reuse and there is room, else it ends.
func (f *Factory) Release(w *Worker, reuse bool) {
	w.Tasks++
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

// run is the factory's goroutine: it starts the daemon, then listens to it until its end.
func (f *Factory) run() {
	defer close(f.gone)
	if err := f.start(); err != nil {
		f.fail(status.From(err))
		return
	}
	info, dialect, err := f.greet()
	if err == nil {
		f.ready(info, dialect)
		err = f.listen()
	}
	if !f.failed() {
		f.fail(f.explain(err))
	}
	f.reap()
}

func (f *Factory) start() error {
	control, theirs, err := newControl()
	if err != nil {
		return err
	}
	defer theirs.Close()
	stdout, stdoutEnd, err := newTail()
	if err != nil {
		_ = control.conn.Close()
		return err
	}
	defer stdoutEnd.Close()
	stderr, stderrEnd, err := newTail()
	if err != nil {
		_ = control.conn.Close()
		return err
	}
	defer stderrEnd.Close()
	path, err := f.interpreter()
	if err != nil {
		_ = control.conn.Close()
		return err
	}
	process := &exec.Cmd{
		Path: path, Args: []string{f.spec.Python, "-c", daemon.Bootstrap()}, Env: f.spec.Env,
		Stdin: theirs, Stdout: stdoutEnd, Stderr: stderrEnd,
		// A group of its own: the terminal's Ctrl-C is the host's to handle.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	if err := process.Start(); err != nil {
		_ = control.conn.Close()
		return status.New(status.Spawn, "interpreter %q: %w", f.spec.Python, errors.Unwrap(err))
	}
	f.mu.Lock()
	f.control, f.process, f.stdout, f.stderr = control, process, stdout, stderr
	closed := f.err != nil
	f.mu.Unlock()
	if closed {
		_ = control.conn.Close()
	}
	return nil
}

// interpreter finds the interpreter on the PATH that the daemon will have.
func (f *Factory) interpreter() (string, error) {
	if strings.ContainsRune(f.spec.Python, '/') {
		return f.spec.Python, nil
	}
	for _, variable := range f.spec.Env {
		path, ok := strings.CutPrefix(variable, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range strings.Split(path, ":") {
			candidate := dir + "/" + f.spec.Python
			if unix.Access(candidate, unix.X_OK) == nil {
				return candidate, nil
			}
		}
	}
	return "", status.New(status.Spawn, "interpreter %q: not found on PATH", f.spec.Python)
}

// greet sends the daemon its program and hears what interpreter it runs on.
func (f *Factory) greet() (Info, *protocol.Dialect, error) {
	var info Info
	deadline := time.Now().Add(f.spec.StartTimeout)
	if err := f.control.conn.SetReadDeadline(deadline); err != nil {
		return info, nil, err
	}
	for _, packet := range daemon.Packets() {
		if err := f.control.send(packet); err != nil {
			return info, nil, err
		}
	}
	answer, err := f.ask(startMessage{
		Op: "start", Protocol: daemon.Protocol, Zygote: f.spec.Zygote, Modules: f.spec.Modules,
		Minimum: protocol.Minors()[0],
	}, "ready")
	if err != nil {
		return info, nil, err
	}
	info = Info{
		Python: answer.Python, PySpark: answer.PySpark, PyArrow: answer.PyArrow, Pandas: answer.Pandas,
		Threads: answer.Threads, Zygote: answer.Zygote, Notes: answer.Notes,
	}
	dialect, err := protocol.ForVersion(info.PySpark)
	if err != nil {
		return info, nil, status.New(status.NotSupported, "interpreter %q: %w", f.spec.Python, err)
	}
	if info.Zygote && f.spec.Warm != nil {
		answer, err := f.ask(warmMessage{"warm", f.spec.Warm(dialect, info)}, "warmed")
		if err != nil {
			return info, nil, err
		}
		info.Threads, info.Zygote = answer.Threads, answer.Zygote
		info.Notes = append(info.Notes, answer.Notes...)
	}
	return info, dialect, f.control.conn.SetReadDeadline(time.Time{})
}

func (f *Factory) ask(m any, want string) (*message, error) {
	if err := f.control.sendMessage(m); err != nil {
		return nil, err
	}
	answer, fds, err := f.control.receive(make([]byte, maxPacket))
	closeAll(fds)
	switch {
	case err != nil:
		return nil, err
	case answer.Op == "failed":
		return nil, f.failure(answer)
	case answer.Op != want:
		return nil, status.New(status.Protocol, "daemon (%s) answered %q, not %q", f.spec.Python, answer.Op, want)
	}
	return answer, nil
}

// failure is why a daemon gave up, in its own words.
func (f *Factory) failure(m *message) *status.Error {
	return status.New(status.Spawn, "interpreter %q: %s", f.spec.Python, m.Message).With("python.traceback", m.Traceback)
}

// listen hears of forks and deaths until the daemon's end.
func (f *Factory) listen() error {
	packet := make([]byte, maxPacket)
	for {
		m, fds, err := f.control.receive(packet)
		if err != nil {
			return err
		}
		switch m.Op {
		case "forked":
			if w := f.worker(m.ID); w != nil && len(fds) == 1 {
				w.forked(m.PID, fds[0])
				fds = nil
			}
		case "failed":
			closeAll(fds)
			return f.failure(m)
		case "refused":
			f.exited(m.ID, Exit{}, status.New(status.Spawn, "fork of a worker by daemon (%s): %s", f.spec.Python, m.Message))
		case "exited":
			f.exited(m.ID, Exit{Status: unix.WaitStatus(m.Status), Known: true, PeakRSS: m.PeakRSS}, nil) //nolint:gosec // a wait status
		}
		closeAll(fds)
	}
}

func (f *Factory) worker(id uint64) *Worker {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.workers[id]
}

// exited records the end of a worker.
func (f *Factory) exited(id uint64, exit Exit, refuse *status.Error) {
	f.mu.Lock()
	w := f.workers[id]
	delete(f.workers, id)
	if w != nil {
		f.counts.Running--
		switch {
		case w.wasKilled():
			f.counts.Killed++
		case exit.Known && exit.Status != 0:
			f.counts.Crashed++
		}
	}
	f.mu.Unlock()
	if w != nil {
		w.ended(exit, refuse)
	}
}

func (w *Worker) wasKilled() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.killed
}

// explain turns the end of the control socket into why the daemon is gone.
func (f *Factory) explain(err error) *status.Error {
	var known *status.Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return status.New(status.Spawn, "interpreter %q: no worker within %v (udfrunner.worker.startTimeout)", f.spec.Python, f.spec.StartTimeout).
			With("worker.stderr_tail", f.stderr.text(0))
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, os.ErrClosed) {
		return status.New(status.IO, "control socket of the daemon (%s): %w", f.spec.Python, err)
	}
	stderr := f.stderr.text(time.Second)
	last := strings.TrimSpace(stderr)
	if i := strings.LastIndexByte(last, '\n'); i >= 0 {
		last = last[i+1:]
	}
	if last != "" {
		last = ": " + last
	}
	return status.New(status.Spawn, "interpreter %q ended before it could start a worker%s", f.spec.Python, last).
		With("worker.stderr_tail", stderr)
}

// reap waits for the daemon's end, at most closeGrace before it is killed, and ends what it left.
func (f *Factory) reap() {
	timer := safego.AfterFunc(closeGrace, func() { _ = f.process.Process.Kill() })
	_ = f.process.Wait() // ECHILD where the host reaps all children: ended as well
	timer.Stop()
	f.mu.Lock()
	var left []uint64
	for id := range f.workers {
		left = append(left, id)
	}
	f.mu.Unlock()
	for _, id := range left {
		f.exited(id, Exit{}, nil)
	}
}
