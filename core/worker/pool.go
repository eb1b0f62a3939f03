package worker

import (
	"slices"
	"sync"
	"time"

	"udfrunner/core/safego"
)

// pool keeps idle workers, all keys together, in the order in which they became idle; among them are the spares, which
// no task has had yet.
type pool struct {
	max     int
	age     time.Duration
	recycle Recycle
	spares  int           // wanted of each key
	drop    func(*Worker) // lets a worker end
	retire  func(*Worker) // the same for one that is worn out

	mu      sync.Mutex
	closed  bool
	idle    []idleWorker
	making  map[string]int // spares to come, by key
	sweep   *safego.Timer
	sweepAt time.Time
}

// idleWorker is a worker that waits for a task.
type idleWorker struct {
	*Worker
	since time.Time
	spare bool // no task has had it
}

// recentIdle is how long a worker that came back from a task is not asked whether it was stopped: asking takes 10 µs.
const recentIdle = 10 * time.Millisecond

// isStopped says whether the process was stopped by a signal: it would take a task and never begin it.
func (i *idleWorker) isStopped() bool {
	pid := i.PID()
	return pid > 0 && time.Since(i.since) > recentIdle && stateOf(pid) == 'T'
}

// take returns a worker of a key that can be trusted, nil where there is none, and whether it is a spare. It is the one
// that was idle for the shortest time; a spare only where there is no other.
func (p *pool) take(key string) (w *Worker, spare bool) {
	for {
		found, ok := p.newest(key)
		switch w := found.Worker; {
		case !ok:
			return nil, false
		case p.recycle.tooOld(w):
			p.retire(w)
		case !w.Channel.Idle() || w.hasExited():
			p.drop(w)
		case found.isStopped():
			p.drop(w)
			w.Kill() // it would not read the end of its input
		default:
			return w, found.spare
		}
	}
}

func (p *pool) newest(key string) (idleWorker, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := -1
	for i, w := range slices.Backward(p.idle) {
		if w.key != key {
			continue
		}
		if found < 0 || !w.spare {
			found = i
		}
		if !w.spare {
			break
		}
	}
	if found < 0 {
		return idleWorker{}, false
	}
	w := p.idle[found]
	p.idle = slices.Delete(p.idle, found, found+1)
	return w, true
}

// put keeps a worker, or says that it does not. Where there is no room the one that was idle for longest has to go, as
// in Spark (SPARK-47565).
func (p *pool) put(w *Worker) bool {
	if p.max <= 0 || p.age <= 0 || !w.Channel.Idle() {
		return false
	}
	p.mu.Lock()
	if p.closed || w.hasExited() {
		p.mu.Unlock()
		return false
	}
	var oldest *Worker
	if len(p.idle) >= p.max {
		oldest = p.idle[0].Worker
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	p.keep(w, false)
	p.mu.Unlock()
	if oldest != nil {
		p.drop(oldest)
	}
	return true
}

// keep adds a worker to the idle ones; p.mu is held.
func (p *pool) keep(w *Worker, spare bool) {
	idle := idleWorker{w, time.Now(), spare}
	p.idle = append(p.idle, idle)
	if at := p.expiry(&idle); p.sweep == nil || at.Before(p.sweepAt) {
		p.sweepBy(at)
	}
}

// reserve holds a place for one more spare of a key, and says whether one is wanted: fewer than all are idle or being
// made, and the pool has room for it beside what will come back. What it held is filled or given up by putSpare.
func (p *pool) reserve(key string, returning int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.age <= 0 {
		return false
	}
	spares, held := p.making[key], 0
	for _, n := range p.making {
		held += n
	}
	for _, w := range p.idle {
		if w.spare && w.key == key {
			spares++
		}
	}
	if spares >= p.spares || len(p.idle)+held+returning >= p.max {
		return false
	}
	if p.making == nil {
		p.making = map[string]int{}
	}
	p.making[key]++
	return true
}

// putSpare ends what reserve began, with the spare, or with nil where there is none. It says whether the spare is kept.
func (p *pool) putSpare(key string, w *Worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.making[key]--; p.making[key] == 0 {
		delete(p.making, key)
	}
	if w == nil || p.closed || w.hasExited() || len(p.idle) >= p.max {
		return false
	}
	p.keep(w, true)
	return true
}

// remove takes a worker out that has ended, and says whether it was in.
func (p *pool) remove(w *Worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.idle, func(idle idleWorker) bool { return idle.Worker == w })
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	return i >= 0
}

// expiry is when an idle worker has to go.
func (p *pool) expiry(w *idleWorker) time.Time {
	at := w.since.Add(p.age)
	if old := w.born.Add(p.recycle.Age); p.recycle.Age > 0 && old.Before(at) {
		return old
	}
	return at
}

// sweepBy schedules sweepOld; p.mu is held.
func (p *pool) sweepBy(at time.Time) {
	p.sweep.Stop()
	p.sweepAt, p.sweep = at, safego.AfterFunc(time.Until(at), p.sweepOld)
}

// sweepOld ends workers that were idle for too long, or are too old.
func (p *pool) sweepOld() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	now := time.Now()
	var old []*Worker
	var next time.Time
	p.idle = slices.DeleteFunc(p.idle, func(w idleWorker) bool {
		at := p.expiry(&w)
		if !at.After(now) {
			old = append(old, w.Worker)
			return true
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
		return false
	})
	p.sweep = nil
	if !next.IsZero() {
		p.sweepBy(next)
	}
	p.mu.Unlock()
	for _, w := range old {
		if p.recycle.tooOld(w) {
			p.retire(w)
		} else {
			p.drop(w)
		}
	}
}

// counts are the idle workers, and how many of them are spares.
func (p *pool) counts() (idle, spares int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.idle {
		if w.spare {
			spares++
		}
	}
	return int64(len(p.idle)), spares
}

// empty takes all out.
func (p *pool) empty() []*Worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.emptyLocked()
}

func (p *pool) emptyLocked() []*Worker {
	workers := make([]*Worker, len(p.idle))
	for i := range p.idle {
		workers[i] = p.idle[i].Worker
	}
	p.idle = nil
	return workers
}

// close empties the pool for ever.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.sweep.Stop()
	idle := p.emptyLocked()
	p.mu.Unlock()
	for _, w := range idle {
		p.drop(w)
	}
}
