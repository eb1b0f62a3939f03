package worker

import (
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// stock is the factory of stock daemons (PythonWorkerFactory.createThroughDaemon). A stock daemon gives its workers its
// own environment, so that there is a daemon for each, as Spark has a factory for each. It is started with its first
// worker.
type stock struct {
	*modules

	daemonsMu sync.Mutex
	daemons   map[string]*sharedDaemon // by environment
	workers   map[*Worker]*sharedDaemon
	newest    *sharedDaemon
}

// sharedDaemon is a daemon and what hangs on it, under daemonsMu.
type sharedDaemon struct {
	*stockDaemon
	key     string // its environment
	workers int
	idle    *safego.Timer // ends it once it has no workers
}

func newStock(spec Spec) *stock {
	s := &stock{modules: newModules(spec), daemons: map[string]*sharedDaemon{}, workers: map[*Worker]*sharedDaemon{}}
	s.maker = s
	safego.Go(s.run, s.fail)
	return s
}

// launch implements maker.
func (s *stock) launch(w *Worker, env map[string]string) error {
	d, err := s.daemonFor(w, env)
	if err != nil {
		return err
	}
	safego.Go(func() { s.serve(w, d) }, func(err *status.Error) { s.left(w, Exit{}, err) })
	return nil
}

// serve makes a worker, and waits for its end.
func (s *stock) serve(w *Worker, d *sharedDaemon) {
	pidfd, err := d.connect(w)
	if err != nil {
		s.left(w, Exit{}, err)
		return
	}
	if pidfd == nil {
		return // its end is known from its channel alone
	}
	defer pidfd.close()
	if pidfd.wait() {
		s.left(w, d.exitOfWorker(), nil)
	}
}

// left records that a worker has ended, or never began.
func (s *stock) left(w *Worker, exit Exit, refuse *status.Error) {
	if s.ended(w, exit, refuse) {
		s.daemonsMu.Lock()
		defer s.daemonsMu.Unlock()
		d := s.workers[w]
		delete(s.workers, w)
		if d.workers--; d.workers == 0 && s.daemons[d.key] == d {
			d.idle = safego.AfterFunc(max(s.spec.IdleTimeout, daemonIdle), func() { s.endIdle(d) })
		}
	}
}

// daemonIdle is how long a daemon without workers is kept, at least.
const daemonIdle = time.Minute

// endIdle ends a daemon that still has no workers.
func (s *stock) endIdle(d *sharedDaemon) {
	s.daemonsMu.Lock()
	idle := d.workers == 0
	if idle {
		s.forgetLocked(d)
	}
	s.daemonsMu.Unlock()
	if idle {
		d.close()
	}
}

// daemonFor is the daemon of an environment, with w as one worker more. A new one is being started.
func (s *stock) daemonFor(w *Worker, env map[string]string) (*sharedDaemon, error) {
	variables := make([]string, 0, len(env))
	for name, value := range env {
		variables = append(variables, name+"="+value)
	}
	slices.Sort(variables)
	key := strings.Join(variables, "\x00")
	s.daemonsMu.Lock()
	defer s.daemonsMu.Unlock()
	d := s.daemons[key]
	if d == nil {
		if !s.begin() {
			return nil, s.failure()
		}
		d = &sharedDaemon{key: key}
		d.stockDaemon = newStockDaemon(s.modules, func() { s.forget(d) })
		s.daemons[key], s.newest = d, d
		safego.Go(func() { s.runDaemon(d, env) }, func(err *status.Error) { s.fail(err) })
	}
	s.workers[w] = d
	d.workers++
	d.idle.Stop()
	return d, nil
}

// runDaemon is a daemon's goroutine.
func (s *stock) runDaemon(d *sharedDaemon, env map[string]string) {
	defer s.group.Done()
	d.run(env)
	for _, w := range s.alive() {
		if s.isOf(w, d) && w.isReady() && !w.held() {
			s.left(w, d.exitOfWorker(), nil)
		}
	}
}

func (s *stock) isOf(w *Worker, d *sharedDaemon) bool {
	s.daemonsMu.Lock()
	defer s.daemonsMu.Unlock()
	return s.workers[w] == d
}

// forget has the next worker of its environment get another daemon.
func (s *stock) forget(d *sharedDaemon) {
	s.daemonsMu.Lock()
	defer s.daemonsMu.Unlock()
	s.forgetLocked(d)
}

func (s *stock) forgetLocked(d *sharedDaemon) {
	if s.daemons[d.key] == d {
		delete(s.daemons, d.key)
	}
	if s.newest == d {
		s.newest = nil
	}
	d.idle.Stop()
}

// killGrace is what a daemon gets to kill a worker, before the library does.
const killGrace = 20 * time.Millisecond

// kill implements maker: the daemon is asked, as Spark does. A daemon that is stopped does not hear it.
func (s *stock) kill(w *Worker) {
	pid := w.PID()
	if pid == 0 {
		return // it reads the end of its connection, or is killed when it is known
	}
	s.daemonsMu.Lock()
	d := s.workers[w]
	s.daemonsMu.Unlock()
	if d == nil {
		return // it has ended
	}
	d.kill(pid)
	if !w.held() {
		s.left(w, Exit{Unseen: unseenByDaemon}, nil)
		return
	}
	safego.AfterFunc(killGrace, func() { w.signal(unix.SIGKILL) })
}

// stop implements maker.
func (s *stock) stop() {
	s.stopWorkers()
	s.daemonsMu.Lock()
	var daemons []*sharedDaemon
	for _, d := range s.daemons {
		d.idle.Stop()
		daemons = append(daemons, d)
	}
	s.daemonsMu.Unlock()
	for _, d := range daemons {
		d.close()
	}
}

// DaemonPID implements Factory.
func (s *stock) DaemonPID() int {
	s.daemonsMu.Lock()
	d := s.newest
	s.daemonsMu.Unlock()
	if d == nil {
		return 0
	}
	return d.pid()
}
