package transport

import (
	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

// Adopt makes a connected stream socket (of Unix, IPv4 or IPv6) the channel to a worker. The descriptor becomes the
// Socket's, and is closed on an error. TCP sends at once, and acknowledges at once what it waited for: stock workers
// write several small pieces, each of which would else wait for the delayed acknowledgement of the one before.
func Adopt(fd int) (*Socket, error) {
	s := &Socket{fd: fd}
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err == nil && family != unix.AF_UNIX {
		s.tcp = true
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err != nil {
		s.Close()
		return nil, status.New(status.IO, "socket of a worker: %w", err)
	}
	unix.CloseOnExec(fd)
	if !s.tcp { // TCP's buffers grow by themselves, unless they are set
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer)
	}
	return s, nil
}
