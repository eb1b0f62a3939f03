package worker

import (
	"sync"
	"time"

	"udfrunner/core/safego"
)

// exitDelay delays the exit of workers that are done while others are in their first task: the kernel takes
// milliseconds of processor time to take a process apart, and whoever waits for a new worker needs them more.
type exitDelay struct {
	end func(*Worker) // lets a worker's process end

	mu         sync.Mutex
	closed     bool
	firstTasks int // workers in theirs
	waiting    []*Worker
	timer      *safego.Timer // there while workers wait
}

const (
	// maxExitDelay is the longest that a worker is held back.
	maxExitDelay = 250 * time.Millisecond
	// firstTaskPause is what the last of the first tasks gets to hand over its results.
	firstTaskPause = 5 * time.Millisecond
)

// firstTaskBegun notes that one more worker is being made for a task.
func (d *exitDelay) firstTaskBegun() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.firstTasks++
}

// firstTaskEnded notes that one of them has had it.
func (d *exitDelay) firstTaskEnded() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.firstTasks--
	if d.firstTasks == 0 && len(d.waiting) > 0 {
		d.endWithin(firstTaskPause)
	}
}

// add lets a worker end when its time has come.
func (d *exitDelay) add(w *Worker) {
	d.mu.Lock()
	if d.closed || d.firstTasks == 0 && len(d.waiting) == 0 {
		d.mu.Unlock()
		d.end(w)
		return
	}
	d.waiting = append(d.waiting, w)
	if d.timer == nil {
		d.endWithin(maxExitDelay)
	}
	d.mu.Unlock()
}

// close lets all end, and from now on each at once.
func (d *exitDelay) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.endAll()
}

// endWithin sets the time; d.mu is held.
func (d *exitDelay) endWithin(delay time.Duration) {
	d.timer.Stop()
	d.timer = safego.AfterFunc(delay, d.endAll)
}

func (d *exitDelay) endAll() {
	for _, w := range d.empty() {
		d.end(w)
	}
}

// empty takes all out that wait.
func (d *exitDelay) empty() []*Worker {
	d.mu.Lock()
	defer d.mu.Unlock()
	waiting := d.waiting
	d.waiting = nil
	d.timer.Stop()
	d.timer = nil
	return waiting
}
