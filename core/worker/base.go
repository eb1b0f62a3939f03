package worker

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// maker is what differs between factories: how a worker's process comes and goes.
type maker interface {
	owner
	// launch begins to make the process of w and its channel. It does not wait.
	launch(w *Worker, env map[string]string) error
	// DaemonPID is Factory's.
	DaemonPID() int
	// stop begins the end of all processes, idle workers' channels being closed already; called once.
	stop()
}

// base is what all factories have in common: state, the workers and their counters, the pool of idle ones.
type base struct {
	spec  Spec
	maker maker
	idle  *pool
	exits *exitDelay
	oom   oomWatch
	gone  chan struct{} // closed by the maker when no process is left

	mu      sync.Mutex
	err     *status.Error // why it makes no more workers
	info    Info
	dialect *protocol.Dialect
	waiting []func()
	nextID  uint64
	workers map[uint64]*Worker // whose processes may be alive
	counts  Counts
}

func newBase(spec Spec) *base {
	b := &base{spec: spec, gone: make(chan struct{}), workers: map[uint64]*Worker{}}
	b.idle = &pool{
		max: spec.MaxIdle, age: spec.IdleTimeout, recycle: spec.Recycle, spares: spec.Spares, drop: b.discard,
		retire: b.retire,
	}
	b.exits = &exitDelay{end: func(w *Worker) {
		w.closeChannel()
		w.expectExit()
	}}
	holders.add(b)
	return b
}

// Kind implements Factory.
func (b *base) Kind() Kind { return b.spec.Kind }

// OnStarted implements Factory.
func (b *base) OnStarted(notify func()) {
	b.mu.Lock()
	if b.dialect == nil && b.err == nil {
		b.waiting = append(b.waiting, notify)
		b.mu.Unlock()
		return
	}
	b.mu.Unlock()
	notify()
}

// State implements Factory.
func (b *base) State() (*protocol.Dialect, *Info, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return nil, nil, b.err
	}
	return b.dialect, &b.info, nil
}

// begin begins to make a worker.
func (b *base) begin(key string, use use, env map[string]string, paths []string) (*Worker, error) {
	forTask := use == inTask
	w := newWorker(
		identity{owner: b.maker, kind: b.spec.Kind, python: b.spec.Python, key: key, paths: paths, born: time.Now()},
		lease{use: use, firstTask: forTask},
	)
	b.mu.Lock()
	if b.err != nil {
		b.mu.Unlock()
		return nil, b.err
	}
	b.nextID++
	w.id = b.nextID
	b.workers[w.id] = w
	b.counts.Started++
	b.counts.Alive++
	if forTask {
		b.counts.Running++
		b.exits.firstTaskBegun()
	}
	b.mu.Unlock()
	launch := func() error { return b.maker.launch(w, env) }
	var err error
	if forTask {
		err = WithEviction(launch)
	} else { // others are not given up for a spare
		err = explainScarcity(launch())
	}
	if err != nil {
		b.givenBack(w, discarded)
		b.ended(w, Exit{}, status.From(err))
		w.closeChannel()
		return nil, err
	}
	before := b.oom.recent(b.besideWorkers())
	b.mu.Lock()
	w.oomBefore = before
	b.mu.Unlock()
	return w, nil
}

// besideWorkers is a process of the control group that a new worker will be in: its daemon or, where it has none, the
// host.
func (b *base) besideWorkers() int {
	if pid := b.maker.DaemonPID(); pid > 0 {
		return pid
	}
	return os.Getpid()
}

// retire lets a worker end that is worn out.
func (b *base) retire(w *Worker) {
	b.mu.Lock()
	b.counts.Recycled++
	b.mu.Unlock()
	b.discard(w)
}

// Kill implements Factory.
func (b *base) Kill(w *Worker) {
	w.OnExit(nil)
	b.givenBack(w, discarded)
	w.Kill()
	w.closeChannel()
}

func (b *base) givenBack(w *Worker, use use) {
	b.mu.Lock()
	firstTaskEnded := false
	if w.use == inTask {
		b.counts.Running--
		firstTaskEnded, w.firstTask = w.firstTask, false
	}
	w.use = use
	b.mu.Unlock()
	if firstTaskEnded {
		b.exits.firstTaskEnded()
	}
}

// discard lets a worker's process end, soon: it reads the end of its input and exits, or is killed.
func (b *base) discard(w *Worker) {
	b.givenBack(w, discarded)
	b.exits.add(w)
}

// ForkDue implements Factory.
func (b *base) ForkDue(begun time.Time) time.Time { return begun.Add(b.spec.StartTimeout) }

// Stuck implements Factory.
func (b *base) Stuck() *status.Error {
	err := status.New(status.Spawn, "daemon (%s) forked no worker within %v (udfrunner.worker.startTimeout)",
		b.spec.Python, b.spec.StartTimeout).Because(status.CauseStartTimeout)
	b.fail(err)
	return err
}

// Counts implements Factory.
func (b *base) Counts() Counts {
	idle, spares := b.idle.counts()
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := b.counts
	counts.Idle, counts.Spares = idle, spares
	return counts
}

// Close implements Factory.
func (b *base) Close() {
	b.fail(status.New(status.Cancelled, "the env was destroyed or the library shut down"))
}

// Gone implements Factory.
func (b *base) Gone() <-chan struct{} { return b.gone }

// fail ends the factory; the first reason stays.
func (b *base) fail(err *status.Error) {
	b.mu.Lock()
	if b.err != nil {
		b.mu.Unlock()
		return
	}
	b.err = err
	waiting := b.waiting
	b.waiting = nil
	b.mu.Unlock()
	holders.remove(b)
	b.idle.close()
	b.exits.close()
	b.maker.stop()
	for _, notify := range waiting {
		notify()
	}
}

func (b *base) failure() *status.Error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *base) ready(info Info, dialect *protocol.Dialect) {
	b.mu.Lock()
	if b.err != nil {
		b.mu.Unlock()
		return
	}
	b.info, b.dialect = info, dialect
	waiting := b.waiting
	b.waiting = nil
	b.mu.Unlock()
	for _, notify := range waiting {
		notify()
	}
}

func (b *base) worker(id uint64) *Worker {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.workers[id]
}

// alive lists the workers whose end is not known.
func (b *base) alive() []*Worker {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*Worker, 0, len(b.workers))
	for _, w := range b.workers {
		list = append(list, w)
	}
	return list
}

// ended records the end of a worker, or with refuse that it never began. Only the first call for a worker counts; it
// says whether it is that.
func (b *base) ended(w *Worker, exit Exit, refuse *status.Error) bool {
	b.mu.Lock()
	if b.workers[w.id] != w {
		b.mu.Unlock()
		return false
	}
	delete(b.workers, w.id)
	b.counts.Alive--
	switch {
	case w.wasKilled():
		b.counts.Killed++
	case refuse == nil && b.err == nil && (w.use != discarded || exit.Known && exit.Status.Signaled()):
		b.counts.Crashed++
	}
	before := w.oomBefore
	b.mu.Unlock()
	exit.OutOfMemory = !w.wasKilled() && exit.maybeKilled() && b.oom.now(b.besideWorkers()).since(before)
	w.ended(exit, refuse)
	if b.idle.remove(w) {
		b.discard(w)
	}
	return true
}

// dialectOf is the dialect of a factory's interpreter.
func (b *base) dialectOf(info *Info) (*protocol.Dialect, error) {
	dialect, err := protocol.ForVersion(info.PySpark)
	if err != nil {
		return nil, status.New(status.NotSupported, "interpreter %q: %w", b.spec.Python, err)
	}
	return dialect, nil
}

// evictIdle implements idleHolder; workers whose exit is delayed are idle as well.
func (b *base) evictIdle() []*Worker {
	all := append(b.idle.empty(), b.exits.empty()...)
	for _, w := range all {
		b.givenBack(w, discarded)
		w.abandon()
	}
	return all
}

// askStack implements owner for factories whose workers have no stacks.
func (b *base) askStack(*Worker, unix.Signal) {}
