package worker

import (
	"sync"
	"time"

	"udfrunner/core/safego"
)

// farewell holds back the workers that are done while others are in their first task: the kernel takes milliseconds of processor
// time to take a process apart, and whoever waits for a new worker needs them more.
type farewell struct {
	end func(*Worker) // lets a worker's process end

	mu      sync.Mutex
	closed  bool
	young   int // workers in their first task
	waiting []*Worker
	timer   *safego.Timer // there while workers wait
}

const (
	// farewellTime is the longest that a worker is held back.
	farewellTime = 250 * time.Millisecond
	// farewellPause is what the last of the first tasks gets to hand over its results.
	farewellPause = 5 * time.Millisecond
)

// begun notes that one more worker is being made for a task.
func (f *farewell) begun() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.young++
}

// firstTaskEnded notes that one of them has had it.
func (f *farewell) firstTaskEnded() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.young--
	if f.young == 0 && len(f.waiting) > 0 {
		f.endWithin(farewellPause)
	}
}

// add lets a worker end when its time has come.
func (f *farewell) add(w *Worker) {
	f.mu.Lock()
	if f.closed || f.young == 0 && len(f.waiting) == 0 {
		f.mu.Unlock()
		f.end(w)
		return
	}
	f.waiting = append(f.waiting, w)
	if f.timer == nil {
		f.endWithin(farewellTime)
	}
	f.mu.Unlock()
}

// close lets all end, and from now on each at once.
func (f *farewell) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.endAll()
}

// endWithin sets the time; f.mu is held.
func (f *farewell) endWithin(d time.Duration) {
	f.timer.Stop()
	f.timer = safego.AfterFunc(d, f.endAll)
}

func (f *farewell) endAll() {
	for _, w := range f.empty() {
		f.end(w)
	}
}

// empty takes all out that wait.
func (f *farewell) empty() []*Worker {
	f.mu.Lock()
	defer f.mu.Unlock()
	waiting := f.waiting
	f.waiting = nil
	f.timer.Stop()
	f.timer = nil
	return waiting
}
