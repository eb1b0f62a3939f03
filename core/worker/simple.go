package worker

import (
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"udfrunner/core/safego"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// simple is the factory of workers that are processes of their own, each for one task (PythonWorkerFactory.createSimpleWorker).
type simple struct {
	*modules
	spawner *spawner
}

func newSimple(spec Spec) *simple {
	s := &simple{modules: newModules(spec), spawner: newSpawner()}
	s.maker = s
	safego.Go(func() {
		defer s.spawner.close()
		s.run()
	}, s.fail)
	return s
}

// launch implements maker.
func (s *simple) launch(w *Worker, env map[string]string) error {
	if !s.begin() {
		return s.failure()
	}
	safego.Go(func() {
		defer s.group.Done()
		s.serve(w, env)
	}, func(err *status.Error) { s.ended(w, Exit{}, err) })
	return nil
}

// serve makes a worker, and waits for its end.
func (s *simple) serve(w *Worker, env map[string]string) {
	var door *door
	err := sparingProcesses(func() (err error) {
		door, err = s.open(w.id)
		return err
	})
	if err != nil {
		s.ended(w, Exit{}, status.From(err))
		return
	}
	defer door.close()
	var p *process
	err = sparingProcesses(func() (err error) {
		p, err = s.start(w, env, door)
		return err
	})
	if err != nil {
		s.ended(w, Exit{}, status.From(err))
		return
	}
	refuse := s.connect(w, p, door)
	if refuse != nil {
		p.kill()
	}
	door.close()
	<-p.done
	s.ended(w, p.exit, refuse)
}

// start starts the process.
func (s *simple) start(w *Worker, env map[string]string, door *door) (*process, error) {
	logs, ends, err := newLogs(s.spec.Log)
	if err != nil {
		return nil, err
	}
	files := stdio{out: ends.stdout, err: ends.stderr}
	p, err := startModule(&s.spec, environment(s.spec.Env, env, door.variables...), files, s.spawner.start, s.spec.WorkerModule)
	if err != nil {
		return nil, err
	}
	p.logs = logs
	logs.setPID(p.pid)
	w.mu.Lock()
	w.process, w.logs, w.pid = p, logs, p.pid
	killed := w.killed
	w.mu.Unlock()
	if killed {
		p.kill()
	}
	return p, nil
}

// connect waits for the process to connect.
func (s *simple) connect(w *Worker, p *process, door *door) *status.Error {
	timer := time.NewTimer(s.spec.StartTimeout)
	defer timer.Stop()
	select {
	case socket := <-door.entered:
		if w.connected(socket) {
			return nil
		}
	case <-p.dead:
		<-p.done
		if !w.wasKilled() {
			return endedEarly(&s.spec, p, status.CauseBadInterpreter, s.spec.WorkerModule, "connected"+door.strangers())
		}
	case <-timer.C:
		return status.New(status.Spawn, "module %s (%s) did not connect within %v (udfrunner.worker.startTimeout)%s",
			s.spec.WorkerModule, s.spec.Python, s.spec.StartTimeout, door.strangers()).
			With("worker.stderr_tail", p.logs.stderr.text(0)).Because(status.CauseStartTimeout)
	}
	return s.errKilled()
}

// kill implements maker.
func (s *simple) kill(w *Worker) {
	w.mu.Lock()
	p := w.process
	w.mu.Unlock()
	if p != nil {
		p.kill()
	}
}

// stop implements maker.
func (s *simple) stop() { s.stopWorkers() }

// DaemonPID implements Factory.
func (s *simple) DaemonPID() int { return 0 }

// door is a listening socket for one worker. Whoever else comes is sent away.
type door struct {
	listener  net.Listener
	secret    string   // "" with Unix sockets
	variables []string // tell the worker of it
	entered   chan *transport.Socket
	deadline  time.Time

	mu      sync.Mutex
	closed  bool
	guests  map[net.Conn]bool
	refused int
}

func (s *simple) open(id uint64) (*door, error) {
	d := &door{
		entered: make(chan *transport.Socket, 1), guests: map[net.Conn]bool{}, deadline: time.Now().Add(s.spec.StartTimeout),
	}
	network, address := "tcp", "127.0.0.1:0"
	if prefersIPv6(s.spec.Env) {
		address = "[::1]:0"
	}
	if s.spec.UnixSockets {
		network, address = "unix", s.dir+"/"+strconv.FormatUint(id, 10)+".sock"
	}
	var err error
	if d.listener, err = net.Listen(network, address); err != nil {
		return nil, status.New(status.IO, "socket for a worker: %w", err)
	}
	if s.spec.UnixSockets {
		err = os.Chmod(address, 0o600)
		d.variables = []string{unixVariableEnabled, socketPathVariable + "=" + address}
	} else {
		d.secret = newSecret()
		port := d.listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // TCP
		d.variables = []string{secretVariable + "=" + d.secret, portVariable + "=" + strconv.Itoa(port)}
	}
	if err != nil {
		_ = d.listener.Close()
		return nil, status.New(status.IO, "socket for a worker: %w", err)
	}
	safego.Go(d.accept, nil)
	return d, nil
}

// accept looks at each who comes, all at once: one that is silent keeps nobody out.
func (d *door) accept() {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		closed := d.closed
		if !closed {
			d.guests[conn] = true
		}
		d.mu.Unlock()
		if closed {
			_ = conn.Close()
			return
		}
		safego.Go(func() { d.receive(conn) }, nil)
	}
}

// receive lets the worker in, which knows the secret and says its process id.
func (d *door) receive(conn net.Conn) {
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.guests, conn)
		_ = conn.Close()
	}()
	_ = conn.SetDeadline(d.deadline)
	p := peer{conn}
	if d.secret != "" {
		if right, err := p.verify(d.secret); err != nil || !right {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.refused++
			return
		}
	}
	if _, err := p.readInt(); err != nil { // its process id, which is known
		return
	}
	socket, err := p.socket()
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.entered) > 0 {
		socket.Close()
		return
	}
	d.entered <- socket
}

// strangers says for an error that there were others.
func (d *door) strangers() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refused == 0 {
		return ""
	}
	return " (refused for a wrong secret: " + strconv.Itoa(d.refused) + ")"
}

// close closes the listening socket and sends away who was not let in.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.closed = true
	_ = d.listener.Close()
	for conn := range d.guests {
		_ = conn.SetDeadline(time.Unix(1, 0))
	}
	select {
	case socket := <-d.entered: // nobody took it
		socket.Close()
	default:
	}
}
