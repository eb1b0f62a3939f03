package worker

import (
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
	d, err := startEmbedded(&e.spec)
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
	for _, w := range e.alive() {
		e.ended(w, Exit{Cause: e.failure()}, nil)
	}
}

// start makes the factory usable, or begins the self-check that will.
func (e *embedded) start(d *embeddedDaemon) error {
	info, err := d.greet()
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
		w := e.worker(m.ID)
		switch {
		case m.Op == "failed":
			closeAll(fds)
			return d.failure(m)
		case w == nil: // it ended already
		case m.Op == "forked" && m.Held && len(fds) == 2:
			w.started(m.PID, fds[0], &stackFile{fds[1]})
			fds = nil
		case m.Op == "forked" && !m.Held && len(fds) == 1: // the kernel has no pidfds
			w.started(m.PID, -1, &stackFile{fds[0]})
			fds = nil
		case m.Op == "forked": // this process has no free descriptors for them
			w.started(m.PID, -1, nil)
		case m.Op == "refused":
			e.ended(w, Exit{}, status.New(status.Spawn, "fork of a worker by daemon (%s): %s", e.spec.Python, m.Message).Because(status.CauseNoProcess))
		case m.Op == "exited":
			e.ended(w, Exit{Status: unix.WaitStatus(m.Status), Known: true, PeakRSS: m.PeakRSS, CPU: time.Duration((m.UserTime + m.SystemTime) * float64(time.Second))}, nil) //nolint:gosec // a wait status
		}
		closeAll(fds)
	}
}

// launch implements maker: the worker's channel is there at once, its end of it goes to the daemon.
func (e *embedded) launch(w *Worker, env map[string]string) error {
	socket, theirs, err := transport.Pair()
	if err != nil {
		return err
	}
	w.newChannel(socket)
	w.ready.Store(true)
	defer unix.Close(theirs)
	logs, ends, err := newLogs(e.spec.Log)
	if err != nil {
		return err
	}
	defer ends.close()
	w.mu.Lock()
	w.logs = logs
	w.mu.Unlock()
	d := e.running()
	if env == nil {
		env = map[string]string{} // in JSON an object
	}
	message := forkMessage{Op: "fork", ID: w.id, Env: env, Unset: []string{}, Paths: w.paths}
	if err := d.control.sendMessage(message, theirs, int(ends.stdout.Fd()), int(ends.stderr.Fd())); err != nil {
		return status.New(status.Spawn, "fork of a worker by daemon %d (%s): %w", d.pid, e.spec.Python, err).Because(status.CauseDaemonEnded)
	}
	return nil
}

// kill implements maker.
func (e *embedded) kill(w *Worker) {
	w.signal(unix.SIGKILL)
	// The group, and the worker whose fork is still under way, are the daemon's to kill.
	if d := e.running(); d != nil {
		_ = d.control.sendMessage(killMessage{Op: "kill", ID: w.id, Signal: int(unix.SIGKILL)})
	}
}

// askStack has the daemon ask a worker for its stacks.
func (e *embedded) askStack(w *Worker) {
	if d := e.running(); d != nil {
		_ = d.control.sendMessage(stackMessage{Op: "stack", ID: w.id})
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

// DaemonPID implements Factory.
func (e *embedded) DaemonPID() int {
	if d := e.running(); d != nil {
		return d.pid
	}
	return 0
}
