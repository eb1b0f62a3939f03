package runner

import (
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

// update sets what the descriptor waits for, after a call.
func (e *eventFD) update(done bool, p *pump) {
	if e.channel != nil {
		_ = unix.EpollCtl(e.fd, unix.EPOLL_CTL_MOD, e.channel.FD(), polled(e.channel, p.wantsToSend()))
	}
	e.timer.Stop()
	if done || p.canProgress() {
		e.wake.Set()
	} else if due, ok := p.due(); ok {
		e.timer = safego.AfterFunc(due, e.wake.Set)
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
