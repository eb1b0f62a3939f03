package worker

import (
	"time"

	"udfrunner/core/safego"
)

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

// spareDelay is how long after a task has got its worker the next spare is begun: its making would take from the task's
// first milliseconds, which spares are there to save.
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
