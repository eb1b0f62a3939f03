package worker

import (
	"time"

	"golang.org/x/sys/unix"
)

// sight is what it takes to see a worker's process end when nobody reports it any more.
type sight struct {
	pid, pidfd int
	start      string // by the kernel's clock: another process of the same id has another
}

// sight is the process's own for the caller to close.
func (p *process) sight() sight {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := sight{pid: p.pid, pidfd: -1, start: startOf(p.pid)}
	if p.pidfd >= 0 {
		if fd, err := unix.FcntlInt(uintptr(p.pidfd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			s.pidfd = fd
		}
	}
	return s
}

// sightInterval is how often it is looked whether a process has ended for which there is no event.
const sightInterval = 10 * time.Millisecond

// await waits until the process has ended, at most d, without limit if d is negative, and says whether it has. One
// without a process id was never there, or is nothing to the library.
func (s *sight) await(d time.Duration) bool {
	deadline := time.Now().Add(d)
	for !s.ended() {
		left := sightInterval
		if d >= 0 {
			left = min(left, time.Until(deadline))
		}
		if left <= 0 {
			return false
		}
		if s.pidfd < 0 {
			<-time.After(left)
			continue
		}
		//nolint:gosec // a descriptor
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(s.pidfd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
	}
	return true
}

func (s *sight) ended() bool {
	if s.pidfd >= 0 {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(s.pidfd), Events: unix.POLLIN}}, 0) //nolint:gosec // a descriptor
		return err == nil && n == 1
	}
	if s.pid <= 0 || unix.Kill(s.pid, 0) == unix.ESRCH {
		return true
	}
	now := startOf(s.pid)
	return s.start != "" && now != s.start || stateOf(s.pid) == 'Z'
}

func (s *sight) close() {
	if s.pidfd >= 0 {
		_ = unix.Close(s.pidfd)
	}
}
