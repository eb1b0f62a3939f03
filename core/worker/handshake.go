package worker

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// What Spark's SocketAuthHelper and PySpark's _do_server_auth say to each other: a secret and an answer, each as a
// length and bytes.
const (
	authOK    = "ok"
	authError = "err"
)

// maxAuth bounds the texts of a handshake.
const maxAuth = 4096

// newSecret is a secret of 256 random bits, as Utils.createSecret makes it.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // cannot fail
	return hex.EncodeToString(b[:])
}

// peer is a connection to a worker during its handshake. Reads are of exactly what is asked for; what follows stays in
// the socket.
type peer struct{ conn net.Conn }

func (p peer) readInt() (int, error) {
	var b [4]byte
	_, err := io.ReadFull(p.conn, b[:])
	return int(int32(binary.BigEndian.Uint32(b[:]))), err //nolint:gosec // its bits
}

// readText reads a text of the handshake. Another length is what somebody else sent, who does not speak it.
func (p peer) readText() (string, error) {
	n, err := p.readInt()
	if err != nil {
		return "", err
	}
	if n < 0 || n > maxAuth {
		return "", status.New(status.Protocol, "a text of %d bytes in the handshake, allowed are 0 to %d", n, maxAuth)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(p.conn, b)
	return string(b), err
}

// writeText does not wait: a new socket has room for it.
func (p peer) writeText(text string) error {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...) //nolint:gosec // short
	raw, err := p.conn.(syscallConn).SyscallConn()                              //nolint:forcetypeassert // a socket
	if err != nil {
		return err
	}
	var result error
	err = raw.Control(func(fd uintptr) {
		// MSG_NOSIGNAL, which package net does not set: a dead worker must not raise SIGPIPE in the host.
		_, result = unix.SendmsgN(int(fd), b, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	})
	return errors.Join(err, result)
}

// authenticate tells the other side the secret; it must agree.
func (p peer) authenticate(secret string) error {
	if err := p.writeText(secret); err != nil {
		return err
	}
	answer, err := p.readText()
	if err == nil && answer != authOK {
		err = status.New(status.Protocol, "%q in answer to the secret, allowed is %q",
			clip(answer, lastLineShown), authOK)
	}
	return err
}

// verify answers the other side's secret and says whether it is right.
func (p peer) verify(secret string) (bool, error) {
	text, err := p.readText()
	if err != nil {
		return false, err
	}
	if subtle.ConstantTimeCompare([]byte(text), []byte(secret)) != 1 {
		return false, p.writeText(authError)
	}
	return true, p.writeText(authOK)
}

// socket makes the connection a worker's channel. The connection is closed in any case.
func (p peer) socket() (*transport.Socket, error) {
	defer func() { _ = p.conn.Close() }()
	raw, err := p.conn.(syscallConn).SyscallConn() //nolint:forcetypeassert // a socket
	if err != nil {
		return nil, err
	}
	var fd int
	var result error
	if err := raw.Control(func(s uintptr) { fd, result = unix.FcntlInt(s, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if result != nil {
		return nil, status.New(status.IO, "socket of a worker: %w", result)
	}
	return transport.Adopt(fd)
}

type syscallConn interface {
	SyscallConn() (syscall.RawConn, error)
}
