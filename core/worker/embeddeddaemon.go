package worker

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/daemon"
	"udfrunner/core/protocol"
	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// embeddedDaemon is a process of the embedded daemon.
type embeddedDaemon struct {
	spec    *Spec
	control *control
	process *exec.Cmd
	pid     int
	logs    logs
	serving bool // it is ready for forks
	reaped  sync.Once
	exit    Exit // once reaped
}

// startEmbedded starts a daemon. It waits for the start of the process only.
func startEmbedded(spec *Spec) (*embeddedDaemon, error) {
	path, err := interpreter(spec)
	if err != nil {
		return nil, err
	}
	control, theirs, err := newControl()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }()
	logs, ends, err := newLogs(spec.Log)
	if err != nil {
		_ = control.conn.Close()
		return nil, err
	}
	defer ends.close()
	process := &exec.Cmd{
		Path: path, Args: []string{spec.Python, "-c", daemon.Bootstrap()}, Env: spec.Env,
		Stdin: theirs, Stdout: ends.stdout, Stderr: ends.stderr,
		// A group of its own: the terminal's Ctrl-C is the host's to handle.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	if err := process.Start(); err != nil {
		_ = control.conn.Close()
		return nil, startError(spec, err)
	}
	logs.setPID(process.Process.Pid)
	return &embeddedDaemon{spec: spec, control: control, process: process, pid: process.Process.Pid, logs: logs}, nil
}

// handshake sends the daemon its program and hears what interpreter it runs on.
func (d *embeddedDaemon) handshake() (Info, error) {
	if err := d.control.conn.SetReadDeadline(time.Now().Add(d.spec.StartTimeout)); err != nil {
		return Info{}, err
	}
	for _, packet := range daemon.Packets() {
		if err := d.control.send(packet); err != nil {
			return Info{}, err
		}
	}
	answer, err := d.ask(startMessage{
		Op: "start", Protocol: daemon.Protocol, Zygote: d.spec.Zygote, Modules: d.spec.Modules,
		Minimum: protocol.Minors()[0],
	}, "ready")
	if err != nil {
		return Info{}, err
	}
	return Info{
		Python: answer.Python, PySpark: answer.PySpark, PyArrow: answer.PyArrow, Pandas: answer.Pandas,
		Threads: answer.Threads, Zygote: answer.Zygote, Notes: answer.Notes,
	}, nil
}

// warm has the zygote run tasks before it forks, within the time that handshake began.
func (d *embeddedDaemon) warm(info *Info, inputs [][]byte) error {
	answer, err := d.ask(warmMessage{"warm", inputs}, "warmed")
	if err != nil {
		return err
	}
	info.Threads, info.Zygote = answer.Threads, answer.Zygote
	info.Notes = append(info.Notes, answer.Notes...)
	return nil
}

func (d *embeddedDaemon) ask(m any, want string) (*message, error) {
	if err := d.control.sendMessage(m); err != nil {
		return nil, err
	}
	answer, fds, err := d.control.receive(make([]byte, maxPacket))
	closeAll(fds)
	switch {
	case err != nil:
		return nil, err
	case answer.Op == "failed":
		return nil, d.failure(answer)
	case answer.Op != want:
		return nil, status.New(status.Protocol, "daemon (%s) answered %q, not %q", d.spec.Python, answer.Op, want)
	}
	return answer, nil
}

// failure is why a daemon gave up, in its own words.
func (d *embeddedDaemon) failure(m *message) *status.Error {
	cause, ok := failureCauses[m.Reason]
	if !ok {
		cause = status.CauseBadInterpreter
	}
	return status.New(status.Spawn, "interpreter %q: %s", d.spec.Python, m.Message).
		With("python.traceback", m.Traceback).Because(cause)
}

// failureCauses by the daemon's reason (zygote.StartError, server.Server); what is not here is the interpreter's fault.
var failureCauses = map[string]status.Cause{
	"pyspark-too-old": status.CauseVersionMismatch,
	"internal":        status.CauseDaemonEnded,
	"no-process":      status.CauseNoProcess,
}

// explain turns the end of the control socket into why the daemon is gone.
func (d *embeddedDaemon) explain(err error) *status.Error {
	var known *status.Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return status.New(status.Spawn, "interpreter %q: no worker within %v (udfrunner.worker.startTimeout)",
			d.spec.Python, d.spec.StartTimeout).
			With("worker.stderr_tail", d.logs.stderr.text(0)).Because(status.CauseStartTimeout)
	}
	ended := func(end error) bool { return errors.Is(err, end) }
	if !slices.ContainsFunc([]error{io.EOF, unix.EPIPE, unix.ECONNRESET, os.ErrClosed}, ended) {
		return status.New(status.IO, "control socket of the daemon (%s): %w", d.spec.Python, err)
	}
	d.close()
	d.reap()
	stderr := d.logs.stderr.text(time.Second)
	if d.serving {
		err := status.New(status.Spawn, "daemon %d (%s) %s%s",
			d.pid, d.spec.Python, d.exit.statusText(), afterLastLine(stderr))
		return err.With("worker.stderr_tail", stderr).Because(status.CauseDaemonEnded)
	}
	return status.New(status.Spawn, "interpreter %q %s before it could start a worker%s",
		d.spec.Python, d.exit.statusText(), afterLastLine(stderr)).
		With("worker.stderr_tail", stderr).Because(status.CauseBadInterpreter)
}

// closeGrace is how long a daemon may take to kill its workers and end, before it is killed itself.
const closeGrace = time.Second

// close has the daemon kill its workers and end.
func (d *embeddedDaemon) close() { _ = d.control.conn.Close() }

// reap waits for the daemon's end, at most closeGrace before it is killed.
func (d *embeddedDaemon) reap() { d.reaped.Do(d.wait) }

func (d *embeddedDaemon) wait() {
	var mu sync.Mutex
	reaped := false
	timer := safego.AfterFunc(closeGrace, func() {
		mu.Lock()
		defer mu.Unlock()
		if !reaped {
			_ = d.process.Process.Kill()
		}
	})
	err := d.process.Wait()
	timer.Stop()
	mu.Lock()
	reaped = true
	mu.Unlock()
	release(d.process, err)
	d.exit = exitOf(d.process.ProcessState)
	d.logs.finish()
}
