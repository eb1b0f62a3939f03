package transport

import (
	"errors"

	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

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

// Socket is a Channel over a stream socket.
type Socket struct {
	fd  int
	tcp bool
}

var _ Channel = (*Socket)(nil)

// FD implements Channel.
func (s *Socket) FD() int { return s.fd }

// Events implements Channel.
func (s *Socket) Events(forWriting bool) int16 {
	if forWriting {
		return unix.POLLIN | unix.POLLOUT
	}
	return unix.POLLIN
}

// Ready implements Channel.
func (s *Socket) Ready(events int16) (read, write bool) {
	return events&^unix.POLLOUT != 0, events&unix.POLLOUT != 0
}

// Close implements Channel.
func (s *Socket) Close() {
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
	}
}

// Idle implements Channel.
func (s *Socket) Idle() bool {
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN | unix.POLLRDHUP}} //nolint:gosec // a descriptor
	n, err := ignoringEINTR(func() (int, error) { return unix.Poll(fds, 0) })
	return err == nil && n == 0
}

// Send implements Channel, with at most maxVectors of the buffers.
func (s *Socket) Send(buffers [][]byte) (int, error) {
	n, err := ignoringEINTR(func() (int, error) {
		const flags = unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT
		return unix.SendmsgBuffers(s.fd, buffers[:min(len(buffers), maxVectors)], nil, nil, flags)
	})
	return n, ioError(err)
}

const maxVectors = 1024

// Receive implements Channel.
func (s *Socket) Receive(buffers [][]byte) (int, error) {
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

// acknowledge has TCP acknowledge what came, and what comes next as soon as it is read.
func (s *Socket) acknowledge() {
	_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
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
