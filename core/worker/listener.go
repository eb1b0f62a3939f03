package worker

import (
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"udfrunner/core/safego"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// workerListener is a listening socket for one worker. Whoever else connects is rejected.
type workerListener struct {
	listener  net.Listener
	secret    string   // "" with Unix sockets
	variables []string // tell the worker of it
	accepted  chan *transport.Socket
	deadline  time.Time

	mu       sync.Mutex
	closed   bool
	pending  []net.Conn // in their handshake, in the order in which they came
	rejected int        // for a wrong secret
}

// maxPending bounds who is in the handshake: a worker says all that it has to say as soon as it has connected.
const maxPending = 32

// listenForWorker listens where spec says: on TCP, or on a Unix socket at path.
func listenForWorker(spec *Spec, path string) (*workerListener, error) {
	l := &workerListener{
		accepted: make(chan *transport.Socket, 1), deadline: time.Now().Add(spec.StartTimeout),
	}
	network, address := "tcp", "127.0.0.1:0"
	if prefersIPv6(spec.Env) {
		address = "[::1]:0"
	}
	if spec.UnixSockets {
		network, address = "unix", path
	}
	var err error
	if l.listener, err = net.Listen(network, address); err != nil {
		return nil, status.New(status.IO, "socket for a worker: %w", err)
	}
	if spec.UnixSockets {
		err = os.Chmod(address, 0o600)
		l.variables = []string{unixVariableEnabled, socketPathVariable + "=" + address}
	} else {
		l.secret = newSecret()
		port := l.listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // TCP
		l.variables = []string{secretVariable + "=" + l.secret, portVariable + "=" + strconv.Itoa(port)}
	}
	if err != nil {
		_ = l.listener.Close()
		return nil, status.New(status.IO, "socket for a worker: %w", err)
	}
	safego.Go(l.accept, nil)
	return l, nil
}

// accept looks at all who connect at the same time: one that is silent keeps nobody out. Of too many the one goes that
// has been silent for longest.
func (l *workerListener) accept() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		closed := l.closed
		_ = conn.SetDeadline(l.deadline)
		if !closed {
			l.pending = append(l.pending, conn)
		}
		if len(l.pending) > maxPending {
			_ = l.pending[0].SetDeadline(longAgo)
			l.pending = slices.Delete(l.pending, 0, 1)
		}
		l.mu.Unlock()
		if closed {
			_ = conn.Close()
			return
		}
		safego.Go(func() { l.receive(conn) }, nil)
	}
}

// longAgo is the deadline of what is to end.
var longAgo = time.Unix(1, 0)

// receive accepts the worker, which knows the secret and says its process id.
func (l *workerListener) receive(conn net.Conn) {
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.pending = slices.DeleteFunc(l.pending, func(c net.Conn) bool { return c == conn })
		_ = conn.Close()
	}()
	p := peer{conn}
	if l.secret != "" {
		if right, err := p.verify(l.secret); err != nil || !right {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.rejected++
			return
		}
	}
	if _, err := p.readInt(); err != nil { // its process id, which is known
		return
	}
	socket, err := p.socket()
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.accepted) > 0 {
		socket.Close()
		return
	}
	l.accepted <- socket
}

// rejections says for an error that there were others.
func (l *workerListener) rejections() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rejected == 0 {
		return ""
	}
	return " (refused for a wrong secret: " + strconv.Itoa(l.rejected) + ")"
}

// close closes the listening socket and rejects who is in the handshake.
func (l *workerListener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	_ = l.listener.Close()
	for _, conn := range l.pending {
		_ = conn.SetDeadline(longAgo)
	}
	select {
	case socket := <-l.accepted: // nobody took it
		socket.Close()
	default:
	}
}
