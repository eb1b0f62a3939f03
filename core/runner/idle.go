package runner

import (
	"sync/atomic"
	"time"

	"udfrunner/core/safego"
)

// idleWatch checks whether a worker that is waited for lets no data through for too long: Spark's idleTimeoutSeconds
// (SPARK-51099, SPARK-51963). While the host is what is waited for, nobody is idle. A nil one watches nothing.
type idleWatch struct {
	limit time.Duration
	tell  func() bool  // of a worker that is idle; it says whether the watch goes on
	since atomic.Int64 // Unix time in ns at which the wait for the worker began, 0 where it is not waited for
	timer atomic.Pointer[safego.Timer]
	over  atomic.Bool
	count atomic.Int64
}

func watchIdle(limit time.Duration, tell func() bool) *idleWatch {
	i := &idleWatch{limit: limit, tell: tell}
	i.arm(limit)
	return i
}

func (i *idleWatch) arm(d time.Duration) {
	i.timer.Store(safego.AfterFunc(d, i.look))
	if i.over.Load() { // stopped meanwhile
		i.stop()
	}
}

// waits says that the worker is being waited for, from now on or still.
func (i *idleWatch) waits() {
	if i != nil {
		i.since.CompareAndSwap(0, time.Now().UnixNano())
	}
}

// moves says that data moved, or that the host is waited for.
func (i *idleWatch) moves() {
	if i != nil {
		i.since.Store(0)
	}
}

func (i *idleWatch) stop() {
	if i != nil {
		i.over.Store(true)
		i.timer.Load().Stop()
	}
}

func (i *idleWatch) look() {
	if i.over.Load() {
		return
	}
	since := i.since.Load()
	if since == 0 {
		i.arm(i.limit)
		return
	}
	if idle := time.Since(time.Unix(0, since)); idle < i.limit {
		i.arm(i.limit - idle)
		return
	}
	i.count.Add(1)
	if !i.tell() {
		return
	}
	i.since.CompareAndSwap(since, time.Now().UnixNano())
	i.arm(i.limit)
}

// times is how often the worker was idle.
func (i *idleWatch) times() int64 {
	if i == nil {
		return 0
	}
	return i.count.Load()
}
