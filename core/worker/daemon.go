package worker

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/daemon"
	"udfrunner/core/protocol"
	"udfrunner/core/safego"
	"udfrunner/core/status"
)

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
		last = ": " + clip(last, lastLineShown)
	}
	return status.New(status.Spawn, "interpreter %q ended before it could start a worker%s", f.spec.Python, last).
		With("worker.stderr_tail", stderr)
}

// lastLineShown is how many bytes of a dead interpreter's last line its error shows.
const lastLineShown = 200

// clip cuts a text to at most n bytes, between characters.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}

// reap waits for the daemon's end, at most closeGrace before it is killed, and ends what it left.
func (f *Factory) reap() {
	timer := safego.AfterFunc(closeGrace, func() { _ = f.process.Process.Kill() })
	_ = f.process.Wait() // ECHILD where the host reaps all children: ended as well
	timer.Stop()
	f.stdout.finish()
	f.stderr.finish()
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
