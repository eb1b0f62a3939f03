package transport

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

// Ready says what Wait found possible.
type Ready struct {
	Read, Write bool // on the channel; Read also at its end
	Wake        bool
}

// Wait waits until the worker sent something, its end closed, there is room to send if forWriting, or wake
// is set; at most d, without limit if d is negative. When the time runs out nothing is ready. A nil channel waits for
// wake alone, a nil wake is none.
func Wait(c Channel, forWriting bool, wake *Wake, d time.Duration) (Ready, error) {
	fd := -1 // poll skips it
	if wake != nil {
		fd = wake.poll()
		defer wake.rest()
	}
	polled := [2]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	fds := polled[:1]
	if c != nil {
		fds = append(fds, unix.PollFd{Fd: int32(c.FD()), Events: c.Events(forWriting)}) //nolint:gosec // a descriptor
	}
	var deadline time.Time
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	for {
		var timeout *unix.Timespec
		if d >= 0 {
			left := unix.NsecToTimespec(0)
			if d > 0 {
				left = unix.NsecToTimespec(max(0, time.Until(deadline)).Nanoseconds())
			}
			timeout = &left
		}
		_, err := unix.Ppoll(fds, timeout, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return Ready{}, status.New(status.IO, "poll of a worker: %w", err)
		}
		ready := Ready{Wake: fds[0].Revents != 0}
		if c != nil {
			ready.Read, ready.Write = c.Ready(fds[1].Revents)
		}
		return ready, nil
	}
}
