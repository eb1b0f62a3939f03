package worker

import (
	"os"
	"strings"
	"sync"
	"time"

	"udfrunner/core/protocol"
	"udfrunner/core/safego"
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

// Acquire implements Factory.
func (b *base) Acquire(key string, env map[string]string, paths ...string) (*Worker, error) {
	w, spare := b.idle.take(key)
	if w != nil {
		b.taken(w, spare)
	} else {
		var err error
		if w, err = b.begin(key, inTask, env, paths); err != nil {
			return nil, err
		}
	}
	b.refill(key, env, paths)
	return w, nil
}

// taken notes that a task has got an idle worker.
func (b *base) taken(w *Worker, spare bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if spare {
		b.counts.SparesUsed++
	} else {
		b.counts.Reused++
	}
	b.counts.Running++
	w.use = inTask
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
		err = Sparing(launch)
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

// besideWorkers is a process of the control group that a new worker will be in: its daemon or, where it has none, the host.
func (b *base) besideWorkers() int {
	if pid := b.maker.DaemonPID(); pid > 0 {
		return pid
	}
	return os.Getpid()
}

// refill begins to make the spares of a key that are missing.
func (b *base) refill(key string, env map[string]string, paths []string) {
	if b.spec.Spares == 0 {
		return
	}
	returning := 0
	if !b.spec.Strict {
		b.mu.Lock()
		returning = int(b.counts.Running)
		b.mu.Unlock()
	}
	for b.idle.reserve(key, returning) {
		safego.AfterFunc(spareDelay, func() { b.spare(key, env, paths) })
	}
}

// spareDelay is how long after a task has got its worker the next spare is begun: its making would take from the task's first
// milliseconds, which spares are there to save.
const spareDelay = 10 * time.Millisecond

// spare makes a spare. One that is never made leaves its error to the tasks, which will have it too.
func (b *base) spare(key string, env map[string]string, paths []string) {
	w, err := b.begin(key, inPool, env, paths)
	if err != nil {
		b.idle.putSpare(key, nil)
		return
	}
	w.OnReady(func() {
		if !w.isReady() {
			b.idle.putSpare(key, nil)
		} else if !b.idle.putSpare(key, w) {
			b.discard(w)
		}
	})
}

// Release implements Factory.
func (b *base) Release(w *Worker, reuse bool) {
	w.Tasks++
	w.OnExit(nil)
	if !w.isReady() {
		b.Kill(w)
		return
	}
	if !reuse || b.spec.Strict {
		b.discard(w)
		return
	}
	if b.spec.Recycle.wornOut(w) {
		b.retire(w)
		return
	}
	b.givenBack(w, inPool)
	w.label(nil)
	if !b.idle.put(w) {
		b.discard(w)
	}
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
	err := status.New(status.Spawn, "daemon (%s) forked no worker within %v (udfrunner.worker.startTimeout)", b.spec.Python, b.spec.StartTimeout).
		Because(status.CauseStartTimeout)
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

// known makes the factory usable, or has its dialect checked first where that is not known to fit.
func (b *base) known(info Info, dialect *protocol.Dialect) {
	if !dialect.Tried || b.spec.Check == nil {
		b.ready(info, dialect)
		return
	}
	safego.Go(func() {
		if err := b.check(&info, dialect); err != nil {
			minors := protocol.Minors()
			refusal := status.New(status.NotSupported,
				"PySpark %s of %q did not pass the self-check in the format of %s: %w; supported are %s, and newer ones that pass it",
				info.PySpark, b.spec.Python, minors[len(minors)-1], err, strings.Join(minors, ", "))
			refusal.Details = err.Details
			b.fail(refusal)
			return
		}
		b.ready(info, dialect)
	}, b.fail)
}

// check runs the self-check on a worker of the factory's own.
func (b *base) check(info *Info, dialect *protocol.Dialect) *status.Error {
	w, err := b.begin("", inTask, map[string]string{}, nil)
	if err != nil {
		return status.From(err)
	}
	defer b.Release(w, false)
	connected := make(chan struct{})
	w.OnReady(func() { close(connected) })
	<-connected // bounded by the maker
	if _, err := w.Ready(); err != nil {
		return status.From(err)
	}
	if err := b.spec.Check(w, dialect, info, time.Now().Add(b.spec.StartTimeout)); err != nil {
		return w.Explain(status.From(err))
	}
	return nil
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

// ended records the end of a worker, or with refuse that it never began. Only the first call for a worker counts; it says
// whether it is that.
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
func (b *base) askStack(*Worker) {}
