package worker

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestExitDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var ended []*Worker
		f := &exitDelay{end: func(w *Worker) {
			mu.Lock()
			defer mu.Unlock()
			ended = append(ended, w)
		}}
		worker := func(id uint64) *Worker { return &Worker{identity: identity{id: id}} }
		a, b, c, d := worker(1), worker(2), worker(3), worker(4)
		after := func(pause time.Duration) []*Worker {
			time.Sleep(pause) // of the bubble's clock
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(ended)
		}

		f.add(a)
		assert.Equal(t, []*Worker{a}, after(0), "nobody is in its first task")

		f.firstTaskBegun()
		f.firstTaskBegun()
		f.add(b)
		f.firstTaskEnded()
		f.add(c)
		assert.Len(t, after(maxExitDelay-time.Millisecond), 1, "one still is")
		f.firstTaskEnded()
		assert.Len(t, after(0), 1, "its results come first")
		assert.Equal(t, []*Worker{a, b, c}, after(firstTaskPause))

		f.firstTaskBegun()
		f.add(d)
		assert.Len(t, after(maxExitDelay-time.Millisecond), 3)
		assert.Equal(t, []*Worker{a, b, c, d}, after(time.Millisecond), "a first task may take for ever")

		f.add(a)
		f.close()
		assert.Len(t, after(0), 5)
		f.add(b)
		assert.Len(t, after(0), 6, "closed")
	})
}

func TestWorkerEndsOnceNoOtherIsInItsFirstTask(t *testing.T) {
	s := spec(t)
	s.Strict = true
	s.Zygote, s.Modules = true, []string{"pyspark.worker"} // a worker that still imports may be killed before it ends
	f := started(t, s, "4.2")
	done, first := acquire(t, f, "x"), acquire(t, f, "x")
	f.Release(done, true)
	held := baseOf(f).exits
	held.mu.Lock()
	waiting := slices.Clone(held.waiting)
	held.mu.Unlock()
	assert.Equal(t, []*Worker{done}, waiting)
	f.Release(first, true)
	exit(t, done)
	exit(t, first)
	assert.Zero(t, f.Counts().Crashed+f.Counts().Killed)
}

func TestFactoryEndsWhileExitsAreDelayed(t *testing.T) {
	s := spec(t)
	s.Strict = true
	f := started(t, s, "4.2")
	done, first := acquire(t, f, "x"), acquire(t, f, "x")
	f.Release(done, true)
	f.Close()
	exit(t, done)
	exit(t, first)
}
