package conformance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// server is one that a host of workers runs next to its tasks (Spark's barrier coordinator, decryption server and state
// server).
type server struct {
	// port or path is where it listens.
	port int
	path string

	mu     sync.Mutex
	closed bool
	open   []net.Conn
	errs   []error
	group  sync.WaitGroup
}

// serve calls handle with each connection. A client of a TCP socket must say the secret first, where there is one
// (SocketAuthHelper). The server ends with the test, which fails if a connection did.
func serve(t testing.TB, unixSocket bool, secret string, handle func(peer) error) *server {
	t.Helper()
	s := &server{}
	network, address := "tcp", "127.0.0.1:0"
	if unixSocket {
		// short, and without capital letters, which the state server's path must not have
		dir, err := os.MkdirTemp("", "")
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		s.path = filepath.Join(dir, "socket")
		network, address = "unix", s.path
	}
	listener, err := net.Listen(network, address)
	require.NoError(t, err)
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok {
		s.port = tcp.Port
	}
	s.start(func() { s.accept(listener, secret, handle) })
	t.Cleanup(func() {
		s.mu.Lock()
		s.closed = true
		for _, conn := range s.open {
			_ = conn.Close()
		}
		s.mu.Unlock()
		_ = listener.Close()
		s.group.Wait()
		assert.NoError(t, errors.Join(s.errs...))
	})
	return s
}

func (s *server) start(f func()) {
	s.group.Add(1)
	safego.Go(func() {
		defer s.group.Done()
		f()
	}, func(err *status.Error) { s.failed(err) })
}

func (s *server) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.errs = append(s.errs, err)
	}
}

func (s *server) accept(listener net.Listener, secret string, handle func(peer) error) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return // closed
		}
		s.mu.Lock()
		s.open = append(s.open, conn)
		s.mu.Unlock()
		s.start(func() {
			defer func() { _ = conn.Close() }()
			p := peer{conn}
			err := error(nil)
			if secret != "" && s.path == "" {
				err = p.authenticate(secret)
			}
			if err == nil {
				err = handle(p)
			}
			if err != nil {
				s.failed(err)
			}
		})
	}
}

// peer is a client of a server.
type peer struct{ net.Conn }

func (p peer) int() (int, error) {
	var b [4]byte
	_, err := io.ReadFull(p, b[:])
	return int(int32(binary.BigEndian.Uint32(b[:]))), err //nolint:gosec // its bits
}

func (p peer) bytes() ([]byte, error) {
	n, err := p.int()
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(p, b)
	return b, err
}

func (p peer) say(b []byte) error {
	_, err := p.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)) //nolint:gosec // short
	return err
}

func (p peer) authenticate(secret string) error {
	said, err := p.bytes()
	if err == nil && string(said) != secret {
		err = fmt.Errorf("the secret %q", said)
	}
	if err != nil {
		return err
	}
	return p.say([]byte("ok"))
}

// barrier answers as BarrierCoordinator does when the stage has one task: with what that one said.
func barrier(p peer) error {
	const allGather = 2
	function, err := p.int()
	if err != nil {
		return err
	}
	var said []byte
	if function == allGather {
		if said, err = p.bytes(); err != nil {
			return err
		}
	}
	if _, err := p.Write([]byte{0, 0, 0, 1}); err != nil {
		return err
	}
	return p.say(said)
}

// broadcastValues hands out the pickles of broadcast variables, in the order in which the task names them, and waits
// for the worker (EncryptedPythonBroadcastServer).
func broadcastValues(ids []int64, values map[int64][]byte) func(peer) error {
	return func(p peer) error {
		var b []byte
		for _, id := range ids {
			b = append(binary.BigEndian.AppendUint64(b, uint64(id)), values[id]...) //nolint:gosec // its bits
		}
		if _, err := p.Write(b); err != nil {
			return err
		}
		_, err := io.ReadFull(p, make([]byte, 1))
		return err
	}
}
