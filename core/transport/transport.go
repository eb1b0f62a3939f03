// Package transport moves bytes between the library and one worker over a stream socket. Nothing here waits but
// Wait: reads and writes do what is possible at once, so that one thread serves both directions
// and no size of input or output can block the other.
package transport

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

// ErrWouldBlock says that nothing was possible without waiting, and nothing was changed.
var ErrWouldBlock = errors.New("operation would block")

// ErrClosed says that the worker's end is closed: no more bytes come, or none are taken.
var ErrClosed = errors.New("worker closed its end")

// Pair makes a connected pair of stream sockets: the library's end, and the worker's descriptor, which blocks and
// which the caller closes once it was handed over. Both are close-on-exec.
func Pair() (*Socket, int, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, status.New(status.IO, "socket pair for a worker: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
		return nil, -1, status.New(status.IO, "socket pair for a worker: %w", err)
	}
	for _, fd := range fds {
		// As much as the system allows: fewer wake-ups a batch. A refusal leaves the default.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer)
	}
	return &Socket{fd: fds[0]}, fds[1], nil
}

// socketBuffer is asked of the kernel for each direction; it gives at most net.core.wmem_max.
const socketBuffer = 1 << 20

// Socket is the library's end. It is used by one thread at a time.
type Socket struct {
	fd  int
	tcp bool
}

// FD is the descriptor, for poll and epoll.
func (s *Socket) FD() int { return s.fd }

// Close closes the library's end; the worker then reads the end of its input.
func (s *Socket) Close() {
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
	}
}

// Idle says that the worker's end is open and has sent nothing: what a worker between tasks must show.
func (s *Socket) Idle() bool {
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN | unix.POLLRDHUP}}
	n, err := ignoringEINTR(func() (int, error) { return unix.Poll(fds, 0) })
	return err == nil && n == 0
}

// write sends from buffers, at most maxVectors of them.
func (s *Socket) write(buffers [][]byte) (int, error) {
	n, err := ignoringEINTR(func() (int, error) {
		return unix.SendmsgBuffers(s.fd, buffers[:min(len(buffers), maxVectors)], nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	})
	return n, ioError(err)
}

const maxVectors = 1024

func (s *Socket) read(buffers ...[]byte) (int, error) {
	n, err := ignoringEINTR(func() (int, error) {
		n, _, _, _, err := unix.RecvmsgBuffers(s.fd, buffers, nil, unix.MSG_DONTWAIT)
		return n, err
	})
	if err == nil && n == 0 {
		return 0, ErrClosed
	}
	err = ioError(err)
	if s.tcp && errors.Is(err, ErrWouldBlock) {
		s.acknowledge()
	}
	return n, err
}

func ioError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EAGAIN):
		return ErrWouldBlock
	case errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET):
		return ErrClosed
	default:
		return status.New(status.IO, "worker socket: %w", err)
	}
}

func ignoringEINTR(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// Ready says what Wait found possible.
type Ready struct {
	Read, Write bool // on the socket; Read also at its end
	Wake        bool
}

// Wait waits until the worker sent something, its end closed, there is room to send if forWriting, or the wake
// descriptor is readable; at most d, without limit if d is negative. When the time runs out nothing is ready. A
// nil socket waits for wake alone.
func Wait(s *Socket, forWriting bool, wake int, d time.Duration) (Ready, error) {
	polled := [2]unix.PollFd{{Fd: int32(wake), Events: unix.POLLIN}}
	fds := polled[:1]
	if s != nil {
		events := int16(unix.POLLIN)
		if forWriting {
			events |= unix.POLLOUT
		}
		fds = append(fds, unix.PollFd{Fd: int32(s.fd), Events: events})
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
		if s != nil {
			ready.Write = fds[1].Revents&unix.POLLOUT != 0
			ready.Read = fds[1].Revents&^unix.POLLOUT != 0
		}
		return ready, nil
	}
}
