package worker

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/safego"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// embedded is the factory of the embedded daemon, which forks workers and reports how each ended.
type embedded struct {
	*base
	daemon *embeddedDaemon // under base.mu; nil before it runs
	// lastMessage is the Unix time in ns of the daemon's last message about a worker, 0 before.
	lastMessage atomic.Int64
}

func newEmbedded(spec Spec) *embedded {
	e := &embedded{base: newBase(spec)}
	e.maker = e
	safego.Go(e.run, e.fail)
	return e
}

// run is the factory's goroutine: it starts the daemon, then listens to it until its end.
func (e *embedded) run() {
	defer close(e.gone)
	var d *embeddedDaemon
	err := withEvictionOfProcesses(func() (err error) {
		d, err = startEmbedded(&e.spec)
		return err
	})
	if err != nil {
		e.fail(status.From(err))
		return
	}
	e.mu.Lock()
	e.daemon = d
	closed := e.err != nil
	e.mu.Unlock()
	if closed {
		d.close()
	}
	if err = e.start(d); err == nil {
		err = e.listen(d)
	}
	if e.failure() == nil {
		e.fail(d.explain(err))
	}
	d.close()
	d.reap()
	e.outlive()
}

// outlive deals with what a daemon that was killed has left: its workers, where they asked the kernel not to end with
// it, and their children. Which of them has ended is what is seen of it.
func (e *embedded) outlive() {
	left := e.alive()
	sights := make([]sight, len(left))
	for i, w := range left {
		sights[i] = w.sight()
		defer sights[i].close()
		w.killGroup()
	}
	deadline := time.Now().Add(reapWait)
	for i, w := range left {
		e.ended(w, Exit{Cause: e.failure(), Lost: !sights[i].await(max(0, time.Until(deadline)))}, nil)
	}
	for i := range sights {
		sights[i].await(-1)
	}
}

// start makes the factory usable, or begins the self-check that will.
func (e *embedded) start(d *embeddedDaemon) error {
	info, err := d.handshake()
	if err != nil {
		return err
	}
	dialect, err := e.dialectOf(&info)
	if err != nil {
		return err
	}
	if info.Zygote && e.spec.Warm != nil {
		if inputs := e.spec.Warm(dialect, info); len(inputs) > 0 { // without PyArrow there are none
			if err := d.warm(&info, inputs); err != nil {
				return err
			}
		}
	}
	if err := d.control.listening(); err != nil {
		return err
	}
	d.serving = true
	e.known(info, dialect)
	return nil
}

// listen hears of forks and deaths until the daemon's end.
func (e *embedded) listen(d *embeddedDaemon) error {
	packet := make([]byte, maxPacket)
	for {
		m, fds, err := d.control.receive(packet)
		if err != nil {
			return err
		}
		e.lastMessage.Store(time.Now().UnixNano())
		w := e.worker(m.ID)
		switch {
		case m.Op == "failed":
			closeAll(fds)
			return d.failure(m)
		case w == nil: // it ended already
		case m.Op == "forked":
			w.forked(d, m, fds)
			fds = nil
		case m.Op == "scarce":
			safego.Go(func() { e.makeRoom(w, d) }, nil)
		case m.Op == "refused":
			e.ended(w, Exit{}, e.refused(m))
		case m.Op == "exited":
			e.ended(w, m.exit(), nil)
		}
		closeAll(fds)
	}
}

// exit is how the process ended of which the message tells.
func (m *message) exit() Exit {
	return Exit{
		Status: unix.WaitStatus(m.Status), Known: true, PeakRSS: m.PeakRSS, //nolint:gosec // a wait status
		CPU: time.Duration((m.UserTime + m.SystemTime) * float64(time.Second)),
	}
}

// forked tells a worker its process, by a message and the descriptors that came with it.
func (w *Worker) forked(d *embeddedDaemon, m *message, fds []int) {
	expected := 0
	if m.Held {
		expected++
	}
	if m.NoStacks == "" {
		expected++
	}
	if len(fds) < expected {
		closeAll(fds)
		w.started(d.pidHere(m.PID, -1), -1, nil, "this process has no free descriptor for it")
		return
	}
	pidfd := -1
	if m.Held { // else the kernel has no pidfds
		pidfd, fds = fds[0], fds[1:]
	}
	var stacks *stackFile
	if m.NoStacks == "" {
		stacks, fds = &stackFile{fds[0]}, fds[1:]
	}
	closeAll(fds)
	w.started(d.pidHere(m.PID, pidfd), pidfd, stacks, m.NoStacks)
}

// makeRoom gives idle workers up for a task's worker for which the daemon has no process or descriptor.
func (e *embedded) makeRoom(w *Worker, d *embeddedDaemon) {
	e.mu.Lock()
	wanted := w.use == inTask
	e.mu.Unlock()
	if wanted && holders.evictIdle((*Worker).gone, reapWait) {
		_ = d.control.sendMessage(againMessage{Op: "again", ID: w.id})
		return
	}
	_ = d.control.sendMessage(killMessage{Op: "kill", ID: w.id, Signal: int(unix.SIGKILL)}) // which refuses it
}

func (e *embedded) refused(m *message) *status.Error {
	code := scarcityCode(unix.Errno(m.Errno))
	return status.New(code, "fork of a worker by daemon (%s): %s", e.spec.Python, m.Message).
		Because(status.CauseNoProcess)
}

// launch implements maker: the worker's channel is there at once, its end of it goes to the daemon.
func (e *embedded) launch(w *Worker, env map[string]string) error {
	socket, theirs, err := transport.Pair()
	if err != nil {
		return err
	}
	logs, ends, err := newLogs(e.spec.Log)
	if err != nil {
		socket.Close()
		_ = unix.Close(theirs)
		return err
	}
	w.open(socket)
	w.writesTo(logs)
	d := e.running()
	if env == nil {
		env = map[string]string{} // in JSON an object
	}
	release := func() {
		_ = unix.Close(theirs)
		ends.close()
	}
	message := &forkMessage{Op: "fork", ID: w.id, Env: env, Unset: []string{}, Paths: w.paths}
	if err := d.control.request(message, release, theirs, int(ends.stdout.Fd()), int(ends.stderr.Fd())); err != nil {
		if status.CodeOf(err) != status.Unknown { // it is not the socket's
			return err
		}
		return status.New(status.Spawn, "fork of a worker by daemon %d (%s): %w", d.pid.Load(), e.spec.Python, err).
			Because(status.CauseDaemonEnded)
	}
	return nil
}

// kill implements maker: the worker itself and, where the kernel can, its group are ended here, whatever the daemon is
// doing.
func (e *embedded) kill(w *Worker) {
	w.killGroup()
	d := e.running()
	switch {
	case d == nil:
	case d.control.withdraw(w.id):
		e.ended(w, Exit{}, status.New(status.Cancelled,
			"worker (%s) was killed before its daemon was asked for it", e.spec.Python))
	default: // it kills the group as well, and a worker whose fork is still under way
		_ = d.control.sendMessage(killMessage{Op: "kill", ID: w.id, Signal: int(unix.SIGKILL)})
	}
}

// askStack implements owner: the daemon asks the worker.
func (e *embedded) askStack(w *Worker, signal unix.Signal) {
	if d := e.running(); d != nil {
		_ = d.control.sendMessage(stackMessage{Op: "stack", ID: w.id, Signal: int(signal)})
	}
}

// stop implements maker.
func (e *embedded) stop() {
	if d := e.running(); d != nil {
		d.close()
	}
}

func (e *embedded) running() *embeddedDaemon {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.daemon
}

// ForkDue implements Factory: a daemon that does one fork after another is not stuck.
func (e *embedded) ForkDue(begun time.Time) time.Time {
	if last := time.Unix(0, e.lastMessage.Load()); last.After(begun) {
		begun = last
	}
	return e.base.ForkDue(begun)
}

// DaemonPID implements Factory.
func (e *embedded) DaemonPID() int {
	if d := e.running(); d != nil {
		return int(d.pid.Load())
	}
	return 0
}
