package worker

import (
	"strconv"
	"time"

	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// simple is the factory of workers that are processes of their own, each for one task
// (PythonWorkerFactory.createSimpleWorker).
type simple struct {
	*modules
	spawner  *spawner
	children map[*Worker]*child // under base.mu; those that may be alive
}

func newSimple(spec Spec) *simple {
	s := &simple{modules: newModules(spec), spawner: newSpawner(), children: map[*Worker]*child{}}
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
	var listener *workerListener
	err := withEvictionOfProcesses(func() (err error) {
		listener, err = s.listen(w.id)
		return err
	})
	if err != nil {
		s.ended(w, Exit{}, status.From(err))
		return
	}
	defer listener.close()
	var p *child
	err = withEvictionOfProcesses(func() (err error) {
		p, err = s.start(w, env, listener)
		return err
	})
	if err != nil {
		s.ended(w, Exit{}, status.From(err))
		return
	}
	refuse := s.connect(w, p, listener)
	if refuse != nil {
		p.kill()
	}
	listener.close()
	<-p.done
	s.mu.Lock()
	delete(s.children, w)
	s.mu.Unlock()
	s.ended(w, p.exit, refuse)
}

// listen makes the socket to which a worker connects.
func (s *simple) listen(id uint64) (*workerListener, error) {
	return listenForWorker(&s.spec, s.dir+"/"+strconv.FormatUint(id, 10)+".sock")
}

// start starts the process.
func (s *simple) start(w *Worker, env map[string]string, listener *workerListener) (*child, error) {
	logs, ends, err := newLogs(s.spec.Log)
	if err != nil {
		return nil, err
	}
	files := stdio{out: ends.stdout, err: ends.stderr}
	variables := environment(s.spec.Env, env, listener.variables...)
	p, err := startModule(&s.spec, variables, files, s.spawner.start, s.spec.WorkerModule)
	if err != nil {
		return nil, err
	}
	p.logs = logs
	s.mu.Lock()
	s.children[w] = p
	s.mu.Unlock()
	w.writesTo(logs)
	w.started(p.pid, -1, nil, "")
	if w.wasKilled() {
		p.kill()
	}
	return p, nil
}

// connect waits for the process to connect.
func (s *simple) connect(w *Worker, p *child, listener *workerListener) *status.Error {
	timer := time.NewTimer(s.spec.StartTimeout)
	defer timer.Stop()
	select {
	case channel := <-listener.accepted:
		if w.connected(channel) {
			return nil
		}
	case <-p.dead:
		<-p.done
		if !w.wasKilled() {
			before := "connected" + listener.rejections()
			return endedEarly(&s.spec, p, status.CauseBadInterpreter, s.spec.WorkerModule, before)
		}
	case <-timer.C:
		return status.New(status.Spawn, "module %s (%s) did not connect within %v (udfrunner.worker.startTimeout)%s",
			s.spec.WorkerModule, s.spec.Python, s.spec.StartTimeout, listener.rejections()).
			With("worker.stderr_tail", p.logs.stderr.text(0)).Because(status.CauseStartTimeout)
	}
	return s.errKilled()
}

// kill implements maker.
func (s *simple) kill(w *Worker) {
	s.mu.Lock()
	p := s.children[w]
	s.mu.Unlock()
	if p != nil {
		p.kill()
	}
}

// stop implements maker.
func (s *simple) stop() { s.stopWorkers() }

// DaemonPID implements Factory.
func (s *simple) DaemonPID() int { return 0 }
