package worker

import (
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// outbox sends packets in order, and whoever gives one to it never waits: what the socket does not take at once is
// kept, and sent by a goroutine that lives as long as something is left. A daemon may be stopped, or have hundreds of
// forks to do.
type outbox struct {
	raw rawConn

	mu      sync.Mutex
	queue   []*outgoing
	kept    int   // bytes of them
	sending bool  // the goroutine lives
	err     error // of the socket: nothing more will be sent
}

// rawConn is a socket by system calls, as package syscall has it.
type rawConn interface {
	Control(func(fd uintptr)) error
	Write(func(fd uintptr) bool) error
}

// outgoing is one packet.
type outgoing struct {
	id      uint64 // of the worker that it asks for, 0 of none
	bytes   []byte
	fds     []int
	release func() // closes fds; nil where they are not the packet's
}

func (o *outgoing) drop() {
	if o.release != nil {
		o.release()
	}
}

const (
	// maxKept bounds the bytes that wait for a daemon: requests for some ten thousand workers.
	maxKept = 64 << 20
	// noRoom is the pause after the kernel had no memory for a packet, or too many descriptors on their way: nothing
	// tells when it has.
	noRoom = time.Millisecond
)

// post sends a packet or keeps it, which then is the outbox's. An error is that it will never be sent: the daemon is
// gone, or leaves too much unread. Of kills and questions, which ask for no worker, there is at most one for each
// request, so that these are kept in any case.
func (o *outbox) post(p *outgoing) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.err
	if err == nil && len(o.queue) == 0 {
		if err = o.try(p); err == nil {
			p.drop()
			return nil
		}
		if !later(err) {
			o.failed(err)
		} else {
			err = nil
		}
	}
	if err == nil && p.id != 0 && o.kept+len(p.bytes) > maxKept {
		err = status.New(status.Spawn, "daemon leaves %d requests unread, and more than %d bytes are not kept for it",
			len(o.queue), maxKept).
			Because(status.CauseNoProcess)
	}
	if err != nil {
		p.drop()
		return err
	}
	o.queue = append(o.queue, p)
	o.kept += len(p.bytes)
	if !o.sending {
		o.sending = true
		safego.Go(o.drain, nil)
	}
	return nil
}

// withdraw takes the request for a worker back, and says whether it was still to be sent.
func (o *outbox) withdraw(id uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.queue, func(p *outgoing) bool { return p.id == id })
	if i < 0 {
		return false
	}
	o.queue[i].drop()
	o.kept -= len(o.queue[i].bytes)
	o.queue = slices.Delete(o.queue, i, i+1)
	return true
}

// drain sends what is kept, as the socket takes it.
func (o *outbox) drain() {
	for {
		var result error
		err := o.raw.Write(func(uintptr) bool {
			result = o.sendKept()
			return !errors.Is(result, unix.EAGAIN)
		})
		if err == nil && result == nil {
			return
		}
		if err == nil && later(result) {
			<-time.After(noRoom)
			continue
		}
		o.mu.Lock()
		if err == nil {
			err = result
		}
		o.failed(err)
		o.sending = false
		o.mu.Unlock()
		return
	}
}

// sendKept sends what the socket takes now. Without an error nothing is left, and the goroutine has to end.
func (o *outbox) sendKept() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queue) > 0 {
		if err := o.try(o.queue[0]); err != nil {
			return err
		}
		o.queue[0].drop()
		o.kept -= len(o.queue[0].bytes)
		o.queue[0] = nil
		o.queue = o.queue[1:]
	}
	o.queue = nil
	o.sending = false
	return nil
}

// try sends a packet without waiting; o.mu is held.
func (o *outbox) try(p *outgoing) error {
	var oob []byte
	if len(p.fds) > 0 {
		oob = unix.UnixRights(p.fds...)
	}
	for {
		var result error
		err := o.raw.Control(func(fd uintptr) {
			// MSG_NOSIGNAL, which package net does not set: a dead daemon must not raise SIGPIPE in the host.
			_, result = unix.SendmsgN(int(fd), p.bytes, oob, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		})
		if err != nil {
			return err
		}
		if !errors.Is(result, unix.EINTR) {
			return result
		}
	}
}

// failed ends the outbox; o.mu is held.
func (o *outbox) failed(err error) {
	if o.err == nil {
		o.err = err
	}
	for _, p := range o.queue {
		p.drop()
	}
	o.queue, o.kept = nil, 0
}

// later says whether an error of sendmsg is that there is no room now: in the socket, of kernel memory, or for
// descriptors on their way, which RLIMIT_NOFILE bounds as well.
func later(err error) bool {
	for _, e := range []error{unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM, unix.ETOOMANYREFS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
