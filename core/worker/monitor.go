package worker

import (
	"sync"
	"time"

	"udfrunner/core/safego"
)

// Monitor looks after a running task's worker: Spark's MonitorThread, but for what needs no looking: cancel and
// deadline kill at once, and the end of the process is an event.
type Monitor struct {
	stop chan struct{}
	once sync.Once
}

const (
	// memoryTick is how often a worker's memory is looked at.
	memoryTick = 20 * time.Millisecond
	// memoryShare bounds the cost of that where the look itself takes long: to a part of one processor.
	memoryShare = 25
	// memoryTickMax bounds the pause that this makes.
	memoryTickMax = 80 * time.Millisecond
)

// WatchMemory calls exceeded, once and on a goroutine of its own, when the worker and its descendants have more
// than limit bytes of private memory. The watch ends by Stop, or with the worker.
func (w *Worker) WatchMemory(limit int64, exceeded func(used int64)) *Monitor {
	m := &Monitor{stop: make(chan struct{})}
	safego.Go(func() {
		timer := time.NewTimer(memoryTick)
		defer timer.Stop()
		var group processGroup
		for {
			select {
			case <-m.stop:
				return
			case <-w.exited:
				return
			case <-timer.C:
			}
			start := time.Now()
			if group.leader <= 0 {
				group = processGroup{leader: w.PID(), scanned: start}
			}
			if group.leader > 0 {
				if used, over := group.exceeds(limit); over {
					exceeded(used)
					return
				}
			}
			timer.Reset(min(memoryTickMax, max(memoryTick, memoryShare*time.Since(start))))
		}
	}, nil)
	return m
}

// Stop ends the watch. It does not wait; nil is allowed.
func (m *Monitor) Stop() {
	if m != nil {
		m.once.Do(func() { close(m.stop) })
	}
}
