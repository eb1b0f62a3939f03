package worker

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
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
	process *exec.Cmd // the daemon, or a launcher that waits for it
	held    int       // a pidfd of a daemon that is another process than that, else -1
	apart   bool      // it is: their ids may be of different PID namespaces
	pid     atomic.Int64
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
	process, err := command(spec, []string{path, "-c", daemon.Bootstrap()})
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
	process.Env, process.Stdin, process.Stdout, process.Stderr = spec.Env, theirs, ends.stdout, ends.stderr
	if process, err = startCommand(process, (*exec.Cmd).Start); err != nil {
		_ = control.conn.Close()
		return nil, startError(spec, err)
	}
	logs.setPID(process.Process.Pid)
	d := &embeddedDaemon{spec: spec, control: control, process: process, held: -1, logs: logs}
	d.pid.Store(int64(process.Process.Pid))
	return d, nil
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
	answer, fds, err := d.ask(startMessage{
		Op: "start", Protocol: daemon.Protocol, Zygote: d.spec.Zygote, Modules: d.spec.Modules,
		Minimum: protocol.Minors()[0],
	}, "ready")
	if err != nil {
		return Info{}, err
	}
	d.identify(answer.PID, fds)
	return Info{
		Python: answer.Python, PySpark: answer.PySpark, PyArrow: answer.PyArrow, Pandas: answer.Pandas,
		Threads: answer.Threads, Zygote: answer.Zygote, Notes: answer.Notes,
	}, nil
}

// identify learns which process the daemon is: a launcher may have started it as another than itself. pid is its id as
// it knows it, fds has its pidfd or nothing.
func (d *embeddedDaemon) identify(pid int, fds []int) {
	if len(d.spec.Launcher) == 0 {
		closeAll(fds)
		return
	}
	if len(fds) > 0 {
		pid = pidOf(fds[0])
	}
	if d.apart = pid != d.process.Process.Pid; !d.apart {
		closeAll(fds)
		return
	}
	if len(fds) > 0 {
		d.held = fds[0]
		closeAll(fds[1:])
	} else {
		pid = 0 // in which namespace?
	}
	d.pid.Store(int64(max(0, pid)))
	d.logs.setPID(max(0, pid))
}

// pidHere is the id, in the host's PID namespace, of a process that calls itself pid, -1 where it is not known: a
// launcher may have put the daemon into another one.
func (d *embeddedDaemon) pidHere(pid, pidfd int) int {
	if !d.apart {
		return pid
	}
	return pidOf(pidfd)
}

// warm has the zygote run tasks before it forks, within the time that handshake began.
func (d *embeddedDaemon) warm(info *Info, inputs [][]byte) error {
	answer, fds, err := d.ask(warmMessage{"warm", inputs}, "warmed")
	closeAll(fds)
	if err != nil {
		return err
	}
	info.Threads, info.Zygote = answer.Threads, answer.Zygote
	info.Notes = append(info.Notes, answer.Notes...)
	return nil
}

// ask sends a message and waits for its answer, and the descriptors that come with it.
func (d *embeddedDaemon) ask(m any, want string) (*message, []int, error) {
	if err := d.control.sendMessage(m); err != nil {
		return nil, nil, err
	}
	answer, fds, err := d.control.receive(make([]byte, maxPacket))
	switch {
	case err != nil:
	case answer.Op == "failed":
		err = d.failure(answer)
	case answer.Op != want:
		err = status.New(status.Protocol, "daemon (%s) answered %q, not %q", d.spec.Python, answer.Op, want)
	default:
		return answer, fds, nil
	}
	closeAll(fds)
	return nil, nil, err
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
		return status.New(status.Spawn, "interpreter %q%s: no worker within %v (udfrunner.worker.startTimeout)",
			d.spec.Python, launched(d.spec), d.spec.StartTimeout).
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
			d.pid.Load(), d.spec.Python, d.exit.statusText(), afterLastLine(stderr))
		return err.With("worker.stderr_tail", stderr).Because(status.CauseDaemonEnded)
	}
	return status.New(status.Spawn, "interpreter %q%s %s before it could start a worker%s",
		d.spec.Python, launched(d.spec), d.exit.statusText(), afterLastLine(stderr)).
		With("worker.stderr_tail", stderr).Because(status.CauseBadInterpreter)
}

// closeGrace is how long a daemon may take to kill its workers and end, before it is killed itself.
const closeGrace = time.Second

// close has the daemon kill its workers and end.
func (d *embeddedDaemon) close() { _ = d.control.conn.Close() }

// reap waits for the daemon's end, at most closeGrace before it is killed.
func (d *embeddedDaemon) reap() { d.reaped.Do(d.wait) }

// endDaemon ends the daemon: a launcher that waits for it then ends by itself.
func (d *embeddedDaemon) endDaemon() {
	if d.held >= 0 {
		_ = unix.PidfdSendSignal(d.held, unix.SIGKILL, nil, 0)
		return
	}
	d.endAll()
}

// endAll ends the process that was started, and the daemon with it as long as it leads no session of its own.
func (d *embeddedDaemon) endAll() {
	killGroup(d.process.Process.Pid)
}

func (d *embeddedDaemon) wait() {
	var mu sync.Mutex
	reaped := false
	after := func(grace time.Duration, end func()) *safego.Timer {
		return safego.AfterFunc(grace, func() {
			mu.Lock()
			defer mu.Unlock()
			if !reaped {
				end()
			}
		})
	}
	timers := []*safego.Timer{after(closeGrace, d.endDaemon), after(2*closeGrace, d.endAll)}
	err := d.process.Wait()
	for _, timer := range timers {
		timer.Stop()
	}
	mu.Lock()
	reaped = true
	mu.Unlock()
	release(d.process, err)
	if d.held >= 0 {
		_ = unix.Close(d.held)
	}
	d.exit = exitOf(d.process.ProcessState)
	d.logs.finish()
}
