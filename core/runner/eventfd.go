package runner

import (
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/safego"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// eventFD is the descriptor that hosts poll: an epoll instance over the iterator's wake descriptor and the
// worker's channel, which thereby is level-triggered.
type eventFD struct {
	fd      int
	wake    *transport.Wake
	channel transport.Channel
	timer   *safego.Timer // sets wake when something is due
}

func newEventFD(wake *transport.Wake) (*eventFD, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, status.New(status.IO, "event descriptor: %w", err)
	}
	e := &eventFD{fd: fd, wake: wake}
	if err := unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, wake.FD(), &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		e.close()
		return nil, status.New(status.IO, "event descriptor: %w", err)
	}
	return e, nil
}

// attach adds the worker's channel, once.
func (e *eventFD) attach(channel transport.Channel) {
	if e.channel != nil {
		return
	}
	e.channel = channel
	_ = unix.EpollCtl(e.fd, unix.EPOLL_CTL_ADD, channel.FD(), polled(channel, false))
}

// detach removes it, before it is closed or given back.
func (e *eventFD) detach() {
	if e.channel != nil {
		_ = unix.EpollCtl(e.fd, unix.EPOLL_CTL_DEL, e.channel.FD(), nil)
		e.channel = nil
	}
}

// interest is what a pump waits for between two calls.
type interest struct {
	listen, send bool
	now          bool          // it would go on at once
	due          time.Duration // after what time it would, where it is not 0
}

// update sets what the descriptor waits for, after a call.
func (e *eventFD) update(channel transport.Channel, wanted interest, done bool) {
	switch {
	case channel == nil:
	case wanted.listen:
		e.attach(channel)
		_ = unix.EpollCtl(e.fd, unix.EPOLL_CTL_MOD, channel.FD(), polled(channel, wanted.send))
	default:
		e.detach() // it would tell over and over of a channel that is not read any more
	}
	e.timer.Stop()
	if done || wanted.now {
		e.wake.Set()
	} else if wanted.due > 0 {
		e.timer = safego.AfterFunc(wanted.due, e.wake.Set)
	}
}

// polled is what epoll waits for on a channel.
func polled(channel transport.Channel, forWriting bool) *unix.EpollEvent {
	return &unix.EpollEvent{Events: uint32(channel.Events(forWriting))} //nolint:gosec // bits
}

func (e *eventFD) close() {
	e.timer.Stop()
	if e.fd >= 0 {
		_ = unix.Close(e.fd)
		e.fd = -1
	}
}
