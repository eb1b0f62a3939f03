package runner

import (
	"time"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// What a pump asks of its lease; see lease. The worker stays while the pump runs: only its thread, or the last Close,
// ends the lease.

func (l *workerLease) enter() { l.wake.Clear() }

func (l *workerLease) leave() { l.idle.moves() }

func (l *workerLease) interrupted() *status.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.interrupt
}

func (l *workerLease) expiring() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gaveUp && l.interrupt == nil
}

func (l *workerLease) open() (*protocol.Dialect, string, error) {
	l.caughtUp()
	if l.early != nil {
		return nil, "", l.early
	}
	dialect, info, err := l.factory.State()
	if err != nil || dialect == nil {
		return nil, "", err
	}
	if l.worker == nil {
		if err := l.acquire(dialect); err != nil {
			return nil, "", err
		}
		if err := l.interrupted(); err != nil {
			return nil, "", err
		}
	}
	if ready, err := l.worker.Ready(); err != nil || !ready {
		return nil, "", err
	}
	return dialect, info.PythonMinor(), nil
}

func (l *workerLease) join(w *transport.Writer) *transport.Reader {
	l.worker.OnExit(l.wake.Set)
	w.Attach(l.worker.Channel)
	l.worker.Reader.Restart()
	return l.worker.Reader
}

func (l *workerLease) wait(listen, send bool, d time.Duration) (transport.Ready, error) {
	var channel transport.Channel
	if listen {
		channel = channelOf(l.worker)
	}
	ready, err := transport.Wait(channel, send, l.wake, d)
	if ready.Read || ready.Write {
		l.idle.moves()
	}
	if ready.Wake {
		l.wake.Clear()
	}
	return ready, err
}

func (l *workerLease) waits() { l.idle.waits() }

func (l *workerLease) broadcasts() map[int64]bool { return l.worker.Broadcasts }

func (l *workerLease) exited() bool { return l.worker.Exited() }

func (l *workerLease) ending() bool { return l.worker.Ending() }

func (l *workerLease) kill() { l.worker.Kill() }

func (l *workerLease) exitError(killed bool) error { return l.worker.ExitError(killed) }

func (l *workerLease) unborn() bool {
	return l.worker != nil && l.worker.PID() == 0 && !l.worker.Exited()
}

func (l *workerLease) overdue() error {
	l.born = l.born || l.worker.PID() != 0
	if !l.born && time.Now().After(l.factory.ForkDue(l.acquired)) && !l.worker.Exited() {
		return l.factory.Stuck()
	}
	return nil
}

func (l *workerLease) birthDue() (time.Duration, bool) {
	if l.born {
		return 0, false
	}
	return max(0, time.Until(l.factory.ForkDue(l.acquired))) + time.Millisecond, true
}
