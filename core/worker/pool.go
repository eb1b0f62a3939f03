package worker

import (
	"slices"
	"sync"
	"time"

	"udfrunner/core/safego"
)

// pool keeps idle workers, all keys together, in the order in which they became idle.
type pool struct {
	max  int
	age  time.Duration
	drop func(*Worker) // lets a worker end

	mu     sync.Mutex
	closed bool
	idle   []*Worker
	sweep  *safego.Timer
}

// take returns the worker of a key that was idle for the shortest time and can be trusted, nil where there is none.
func (p *pool) take(key string) *Worker {
	for {
		w := p.newest(key)
		if w == nil || w.Socket.Idle() && !w.hasExited() {
			return w
		}
		p.drop(w)
	}
}

func (p *pool) newest(key string) *Worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range slices.Backward(p.idle) {
		if w.key == key {
			p.idle = slices.Delete(p.idle, i, i+1)
			return w
		}
	}
	return nil
}

// put keeps a worker, or says that it does not. Where there is no room the one that was idle for longest has to go, as in Spark
// (SPARK-47565).
func (p *pool) put(w *Worker) bool {
	if p.max <= 0 || p.age <= 0 || w.hasExited() || !w.Socket.Idle() {
		return false
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return false
	}
	var oldest *Worker
	if len(p.idle) >= p.max {
		oldest = p.idle[0]
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	w.idleSince = time.Now()
	p.idle = append(p.idle, w)
	if p.sweep == nil {
		p.sweep = safego.AfterFunc(p.age, p.sweepOld)
	}
	p.mu.Unlock()
	if oldest != nil {
		p.drop(oldest)
	}
	return true
}

// sweepOld ends workers that were idle for too long.
func (p *pool) sweepOld() {
	p.mu.Lock()
	n := 0
	for n < len(p.idle) && time.Since(p.idle[n].idleSince) >= p.age {
		n++
	}
	old := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	p.sweep = nil
	if len(p.idle) > 0 {
		p.sweep = safego.AfterFunc(p.age-time.Since(p.idle[0].idleSince), p.sweepOld)
	}
	p.mu.Unlock()
	for _, w := range old {
		p.drop(w)
	}
}

func (p *pool) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

// close empties the pool for ever.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.sweep.Stop()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, w := range idle {
		p.drop(w)
	}
}
