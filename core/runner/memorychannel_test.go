package runner_test

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/conformance"
	"udfrunner/core/datasection"
	"udfrunner/core/env"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
	"udfrunner/core/runner"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
	"udfrunner/core/transport"
	"udfrunner/core/worker"
)

// memoryChannel is a transport without a socket: two bounded queues in memory, and a descriptor that is readable while
// there is something to receive or, if asked for, room to send.
type memoryChannel struct {
	bell *transport.Wake

	mu           sync.Mutex
	changed      *sync.Cond
	toWorker     []byte
	toHost       []byte
	wantsRoom    bool
	closed       bool // by the host
	workerClosed bool
}

// memoryRoom is less than a message holds, so that messages go in parts.
const memoryRoom = 100

var _ transport.Channel = (*memoryChannel)(nil)

func newMemoryChannel() (*memoryChannel, error) {
	bell, err := transport.NewWake()
	c := &memoryChannel{bell: bell}
	c.changed = sync.NewCond(&c.mu)
	return c, err
}

// update is to be called with the lock after each change.
func (c *memoryChannel) update() {
	if len(c.toHost) > 0 || c.workerClosed || c.wantsRoom && len(c.toWorker) < memoryRoom {
		c.bell.Set()
	} else {
		c.bell.Clear()
	}
	c.changed.Broadcast()
}

func (c *memoryChannel) Receive(buffers [][]byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range buffers {
		got := copy(b, c.toHost)
		c.toHost = c.toHost[got:]
		n += got
	}
	switch {
	case n > 0:
		c.update()
		return n, nil
	case c.workerClosed:
		return 0, transport.ErrClosed
	}
	return 0, transport.ErrWouldBlock
}

func (c *memoryChannel) Send(buffers [][]byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.workerClosed {
		return 0, transport.ErrClosed
	}
	for _, b := range buffers {
		taken := min(len(b), memoryRoom-len(c.toWorker))
		c.toWorker = append(c.toWorker, b[:taken]...)
		n += taken
	}
	if n == 0 {
		return 0, transport.ErrWouldBlock
	}
	c.update()
	return n, nil
}

func (c *memoryChannel) FD() int { return c.bell.FD() }

func (c *memoryChannel) Events(forWriting bool) int16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wantsRoom = forWriting
	c.update()
	return unix.POLLIN
}

func (c *memoryChannel) Ready(events int16) (receive, send bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rung := events != 0
	return rung && (len(c.toHost) > 0 || c.workerClosed), rung && c.wantsRoom && len(c.toWorker) < memoryRoom
}

func (c *memoryChannel) Idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.toHost) == 0 && !c.workerClosed
}

func (c *memoryChannel) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.changed.Broadcast()
	c.bell.Close()
}

// serve is the worker's side: what it copies to and from a real worker's socket, until both ends are closed.
func (c *memoryChannel) serve(conn net.Conn) {
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c.mu.Lock()
			for len(c.toWorker) == 0 && !c.closed {
				c.changed.Wait()
			}
			data := c.toWorker
			c.toWorker = nil
			c.update()
			c.mu.Unlock()
			if len(data) == 0 { // closed
				_ = conn.Close()
				return
			}
			_, _ = conn.Write(data)
		}
	})
	group.Go(func() {
		buffer := make([]byte, memoryRoom)
		for {
			n, err := conn.Read(buffer)
			c.mu.Lock()
			for len(c.toHost) > 0 && !c.closed {
				c.changed.Wait()
			}
			c.toHost = append(c.toHost, buffer[:n]...)
			c.workerClosed = err != nil
			c.update()
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	group.Wait()
}

// overMemory is a factory with one worker: PySpark's own, at the other end of a memoryChannel.
func overMemory(t *testing.T, c *conformance.Case) worker.Factory {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	const secret = "secret"
	command := testenv.Command(t, c.Minor, "-m", "pyspark.worker")
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	command.Env = append(os.Environ(), "PYTHON_WORKER_FACTORY_SECRET="+secret,
		"PYTHON_WORKER_FACTORY_PORT="+port)
	command.Stderr = os.Stderr
	require.NoError(t, command.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait()
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-ended
	})
	//nolint:forcetypeassert // TCP
	require.NoError(t, listener.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)))
	conn, err := listener.Accept()
	require.NoError(t, err)
	said := make([]byte, 4+len(secret))
	_, err = io.ReadFull(conn, said)
	require.NoError(t, err)
	require.Equal(t, secret, string(said[4:]))
	_, err = conn.Write(append(binary.BigEndian.AppendUint32(nil, 2), "ok"...))
	require.NoError(t, err)
	_, err = io.ReadFull(conn, said[:4]) // its process id
	require.NoError(t, err)
	served := make(chan struct{})
	factory := worker.NewConnected(c.Dialect, worker.Info{Python: "3.11.0", PySpark: c.Minor + ".0"},
		func() (transport.Channel, error) {
			channel, err := newMemoryChannel()
			go func() {
				defer close(served)
				channel.serve(conn)
			}()
			return channel, err
		})
	t.Cleanup(func() {
		factory.Close()
		<-served
	})
	return factory
}

// A second transport is another transport.Channel and nothing else: tasks of PySpark's own workers give over it what
// they gave Spark, whether calls wait for them or the host polls the event descriptor.
func TestTasksOverAnotherTransport(t *testing.T) {
	hosttest.CheckLeaks(t)
	e, err := env.New(nil, os.Environ(), hostmem.Default())
	require.NoError(t, err)
	t.Cleanup(e.Close)
	wanted := map[string]bool{"pandas_scalar": true, "udf": true, "map_in_arrow": true}
	for _, c := range conformance.Cases(t) {
		if c.Minor != "4.2" || !wanted[c.Name] {
			continue
		}
		delete(wanted, c.Name)
		start := func(t *testing.T) *runner.Iterator {
			t.Helper()
			c := c.Located(t, t.TempDir())
			r := c.Runner(t, e)
			runner.UseFactory(r, overMemory(t, &c))
			it, err := r.Compute(c.Input(t), c.Task())
			require.NoError(t, err)
			t.Cleanup(it.Close)
			return it
		}
		t.Run(c.Name+" waiting", func(t *testing.T) {
			want, reusable := c.Expected(t)
			it := start(t)
			got, err := c.Collect(it)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, reusable, it.Reusable())
		})
		t.Run(c.Name+" polling", func(t *testing.T) {
			it := start(t)
			fd, err := it.EventFD()
			require.NoError(t, err)
			chunks := 0
			for {
				var chunk datasection.Chunk
				code, err := it.Next(0, &chunk)
				require.NoError(t, err)
				if code == status.Done {
					break
				}
				if code == status.OK {
					chunks++
					hostmem.Default().Release(chunk.Block)
					continue
				}
				require.Equal(t, status.TimedOut, code)
				//nolint:gosec // a descriptor
				n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 60_000)
				//nolint:errorlint // a bare errno
				if err != unix.EINTR {
					require.NoError(t, err)
					require.Equal(t, 1, n, "the descriptor says when there is more")
				}
			}
			assert.Positive(t, chunks)
		})
	}
	assert.Empty(t, wanted, "no such cases")
}
