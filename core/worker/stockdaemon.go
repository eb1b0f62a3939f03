package worker

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// stockDaemon is a process of a daemon module. It says on stdout where it listens; each connection becomes a worker. On
// stdin it takes process ids to kill, and its end.
type stockDaemon struct {
	factory *modules
	forget  func() // has the next worker get another daemon
	secret  string // "" with Unix sockets
	started chan struct{}
	// Once started, and not changed.
	network, address string
	logs             logs

	mu      sync.Mutex
	process *child
	stdin   int           // -1 is closed
	closed  bool          // it has to end
	err     *status.Error // why it makes no more workers
}

func newStockDaemon(factory *modules, forget func()) *stockDaemon {
	d := &stockDaemon{factory: factory, forget: forget, stdin: -1, started: make(chan struct{})}
	if !factory.spec.UnixSockets {
		d.secret = newSecret()
	}
	return d
}

// run is the daemon's life.
func (d *stockDaemon) run(env map[string]string) {
	var p *child
	err := withEvictionOfProcesses(func() (err error) {
		p, err = d.start(env)
		return err
	})
	if err == nil {
		err = d.readAddress(p)
	}
	if err != nil {
		d.fail(status.From(err))
	}
	close(d.started)
	if p != nil {
		if err != nil {
			p.kill()
		}
		<-p.dead
		d.forget()
		<-p.done
		d.fail(endedEarly(&d.factory.spec, p, status.CauseDaemonEnded, d.factory.spec.DaemonModule, "was told to"))
	}
	d.forget()
	d.close()
	d.logs.finish()
}

// start starts the process.
func (d *stockDaemon) start(env map[string]string) (*child, error) {
	spec := &d.factory.spec
	var err error
	var files stdio
	defer files.close()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, status.New(status.IO, "stdin of a daemon: %w", err)
	}
	files.in = os.NewFile(uintptr(fds[1]), "daemon stdin")
	d.mu.Lock()
	if d.stdin >= 0 { // of a try before
		_ = unix.Close(d.stdin)
	}
	d.stdin = fds[0]
	d.mu.Unlock()
	var l logs
	if l.stdout, files.out, err = newPipe(spec.Log, "stdout"); err != nil {
		return nil, err
	}
	if l.stderr, files.err, err = newTail(spec.Log, "stderr"); err != nil {
		l.stdout.start() // to its end
		return nil, err
	}
	l.shared = true
	d.logs = l
	own := []string{secretVariable + "=" + d.secret}
	if spec.UnixSockets {
		own = []string{unixVariableEnabled, socketDirVariable + "=" + d.factory.dir}
	}
	variables := environment(spec.Env, env, own...)
	p, err := startModule(spec, variables, files, (*exec.Cmd).Start, spec.DaemonModule, spec.WorkerModule)
	if err != nil {
		l.stdout.start()
		return nil, err
	}
	p.logs = l
	l.setPID(p.pid)
	d.mu.Lock()
	d.process = p
	closed := d.closed
	d.mu.Unlock()
	if closed {
		p.kill()
	}
	return p, nil
}

// readAddress learns where the daemon listens, and passes its stdout on to the log.
func (d *stockDaemon) readAddress(p *child) error {
	spec := &d.factory.spec
	stdout := d.logs.stdout
	defer stdout.start()
	_ = stdout.pipe.SetReadDeadline(time.Now().Add(spec.StartTimeout))
	defer stdout.pipe.SetReadDeadline(time.Time{}) //nolint:errcheck // a pipe's
	var head [4]byte
	n, err := io.ReadFull(stdout.pipe, head[:])
	number := int(int32(binary.BigEndian.Uint32(head[:]))) //nolint:gosec // its bits
	said := head[:n]
	switch {
	case err != nil:
	case spec.UnixSockets && number > 0 && number <= maxSocketPath:
		path := make([]byte, number)
		n, err = io.ReadFull(stdout.pipe, path)
		said = append(said, path[:n]...)
		if err == nil && path[0] == '/' {
			d.network, d.address = "unix", string(path)
			return nil
		}
	case !spec.UnixSockets && number > 0 && number < 1<<16:
		host := "127.0.0.1"
		if prefersIPv6(spec.Env) {
			host = "::1"
		}
		d.network, d.address = "tcp", net.JoinHostPort(host, strconv.Itoa(number))
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return status.New(status.Spawn, "module %s (%s): no port within %v (udfrunner.worker.startTimeout)",
			spec.DaemonModule, spec.Python, spec.StartTimeout).
			With("worker.stderr_tail", d.logs.stderr.text(0)).Because(status.CauseStartTimeout)
	}
	if err != nil && len(said) == 0 {
		timer := time.NewTimer(closeGrace)
		defer timer.Stop()
		select {
		case <-p.done:
			return endedEarly(spec, p, status.CauseBadInterpreter, spec.DaemonModule, "said where it listens")
		case <-timer.C:
			return status.New(status.Spawn, "module %s (%s) closed its stdout before it said where it listens",
				spec.DaemonModule, spec.Python).
				With("worker.stderr_tail", d.logs.stderr.text(0)).Because(status.CauseProtocol)
		}
	}
	rest := make([]byte, lastLineShown)
	_ = stdout.pipe.SetReadDeadline(time.Now().Add(tailReport))
	n, _ = io.ReadFull(stdout.pipe, rest)
	return status.New(status.Spawn,
		"module %s (%s) wrote %q to stdout, allowed is only where it listens: "+
			"a module that Python imports by itself, such as sitecustomize, may print",
		spec.DaemonModule, spec.Python, clip(string(append(said, rest[:n]...)), lastLineShown)).
		With("worker.stderr_tail", d.logs.stderr.text(0)).Because(status.CauseProtocol)
}

// connect makes a worker: a connection, whose other end says its process id and asks for the secret. The pidfd is the
// caller's, nil where the process cannot be held.
func (d *stockDaemon) connect(w *Worker) (*pidfd, *status.Error) {
	aborted := make(chan struct{})
	if !w.connecting(func() { close(aborted) }) {
		return nil, d.factory.errKilled()
	}
	select {
	case <-d.started: // within the start timeout
	case <-aborted:
		return nil, d.factory.errKilled()
	}
	if err := d.failure(); err != nil {
		return nil, err
	}
	w.writesTo(d.logs)
	deadline := time.Now().Add(d.factory.spec.StartTimeout)
	conn, err := (&net.Dialer{Deadline: deadline}).Dial(d.network, d.address)
	// EAGAIN says that the daemon's queue is full.
	if isScarce(err) && !errors.Is(err, unix.EAGAIN) && holders.evictIdle((*Worker).gone, reapWait) {
		conn, err = (&net.Dialer{Deadline: deadline}).Dial(d.network, d.address)
	}
	if err != nil {
		return nil, d.refused(w, err)
	}
	_ = conn.SetDeadline(deadline)
	if !w.connecting(func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) {
		_ = conn.Close()
		return nil, d.factory.errKilled()
	}
	p := peer{conn}
	pid, err := p.readInt()
	if err == nil && (pid <= 0 || errors.Is(unix.Kill(pid, 0), unix.ESRCH)) {
		// An error number (daemon.py's manager).
		errno := unix.Errno(max(pid, -pid))
		err = status.New(status.Spawn, "it sent %d for a process id (%w)", pid, errno)
	}
	if err == nil && d.secret != "" {
		err = p.authenticate(d.secret)
	}
	if err != nil {
		_ = conn.Close()
		return nil, d.refused(w, err)
	}
	held := d.hold(w, pid)
	channel, err := p.socket()
	if err == nil && !w.connected(channel) {
		err = d.factory.errKilled()
	}
	if err != nil {
		d.kill(pid)
		if held != nil {
			held.close()
		}
		return nil, status.From(err)
	}
	return held, nil
}

// hold tells the worker its process, held by a pidfd if it is certain that it is the daemon's.
func (d *stockDaemon) hold(w *Worker, pid int) *pidfd {
	held, err := openPidfd(pid)
	if err == nil && !descendsFrom(pid, d.pid()) {
		held.close()
		held = nil
	}
	copied := -1
	if held != nil {
		if copied = held.duplicate(); copied < 0 {
			held.close()
			held = nil
		}
	}
	w.started(pid, copied, nil, "")
	return held
}

// refused explains why there is no worker.
func (d *stockDaemon) refused(w *Worker, err error) *status.Error {
	spec := &d.factory.spec
	if w.wasKilled() {
		return d.factory.errKilled()
	}
	d.mu.Lock()
	p := d.process
	d.mu.Unlock()
	switch {
	case p.hasEnded():
		<-p.done
		return endedEarly(spec, p, status.CauseDaemonEnded, spec.DaemonModule, "had forked a worker")
	case errors.Is(err, os.ErrDeadlineExceeded):
		stuck := status.New(status.Spawn, "daemon %d (%s) forked no worker within %v (udfrunner.worker.startTimeout)",
			p.pid, spec.Python, spec.StartTimeout).Because(status.CauseStartTimeout)
		d.fail(stuck)
		d.forget()
		d.close()
		return stuck
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		err = errors.New("it closed the connection")
	}
	stderr := d.logs.stderr.text(tailReport)
	return status.New(status.Spawn, "worker of daemon %d (%s): %w%s", p.pid, spec.Python, err, afterLastLine(stderr)).
		With("worker.stderr_tail", stderr).Because(status.CauseNoProcess)
}

// exitOfWorker is what is known of the end of one of its workers.
func (d *stockDaemon) exitOfWorker() Exit {
	d.mu.Lock()
	p := d.process
	d.mu.Unlock()
	if !p.hasEnded() {
		return Exit{Unseen: unseenByDaemon}
	}
	<-p.done
	spec := &d.factory.spec
	cause := status.New(status.Spawn, "module %s (%s) %s", spec.DaemonModule, spec.Python, p.exit.statusText())
	return Exit{Cause: cause.Because(status.CauseDaemonEnded)}
}

// kill asks the daemon to kill a process. It does not wait.
func (d *stockDaemon) kill(pid int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stdin >= 0 {
		b := binary.BigEndian.AppendUint32(nil, uint32(pid)) //nolint:gosec // its bits
		_, _ = unix.SendmsgN(d.stdin, b, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	}
}

// close has the daemon end, with its workers: by itself, or killed after closeGrace.
func (d *stockDaemon) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.closed = true
	if d.stdin >= 0 {
		_ = unix.Close(d.stdin)
		d.stdin = -1
	}
	if p := d.process; p != nil && !p.hasEnded() {
		timer := safego.AfterFunc(closeGrace, p.kill)
		safego.Go(func() {
			<-p.done
			timer.Stop()
		}, nil)
	}
}

func (d *stockDaemon) pid() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process == nil {
		return 0
	}
	return d.process.pid
}

func (d *stockDaemon) failure() *status.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// fail keeps the first reason.
func (d *stockDaemon) fail(err *status.Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
	}
}
