package runner

import (
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/safego"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// eventFD is the descriptor that hosts poll: an epoll instance over the iterator's wake descriptor and the
// worker's socket, which thereby is level-triggered.
type eventFD struct {
	fd     int
	wake   *transport.Wake
	socket *transport.Socket
	timer  *safego.Timer // sets wake when something is due
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
func (e *eventFD) attach(socket *transport.Socket) {
	if e.socket != nil {
		return
	}
	e.socket = socket
	_ = unix.EpollCtl(e.fd, unix.EPOLL_CTL_ADD, socket.FD(), &unix.EpollEvent{Events: unix.EPOLLIN})
}

// detach removes it, before it is closed or given back.
func (e *eventFD) detach() {
	if e.socket != nil {
		_ = unix.EpollCtl(e.fd, unix.EPOLL_CTL_DEL, e.socket.FD(), nil)
		e.socket = nil
	}
}

// interest is what a pump waits for between two calls.
type interest struct {
	listen, send bool
	now          bool          // it would go on at once
	due          time.Duration // after what time it would, where it is not 0
}

// update sets what the descriptor waits for, after a call.
func (e *eventFD) update(socket *transport.Socket, wanted interest, done bool) {
	switch {
	case socket == nil:
	case wanted.listen:
		e.attach(socket)
		events := uint32(unix.EPOLLIN)
		if wanted.send {
			events |= unix.EPOLLOUT
		}
		_ = unix.EpollCtl(e.fd, unix.EPOLL_CTL_MOD, socket.FD(), &unix.EpollEvent{Events: events})
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

func (e *eventFD) close() {
	e.timer.Stop()
	if e.fd >= 0 {
		_ = unix.Close(e.fd)
		e.fd = -1
	}
}
