package transport

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pair is a socket and the worker's end as a file.
func pair(t *testing.T) (*Socket, *os.File) {
	t.Helper()
	socket, fd, err := Pair()
	require.NoError(t, err)
	worker := os.NewFile(uintptr(fd), "worker")
	t.Cleanup(func() {
		socket.Close()
		_ = worker.Close()
	})
	return socket, worker
}

func wake(t *testing.T) *Wake {
	t.Helper()
	w, err := NewWake()
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w
}

func noise(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, err := rand.Read(b)
	require.NoError(t, err)
	return b
}

func TestBothDirectionsAtOnce(t *testing.T) {
	// Far more than the sockets hold goes both ways: whoever waits for the other direction would wait for ever.
	socket, worker := pair(t)
	w := wake(t)
	input, output := noise(t, 8<<20), noise(t, 8<<20)
	result := make(chan []byte, 1)
	go func() {
		go func() { _, _ = worker.Write(output) }()
		got := make([]byte, len(input))
		_, _ = io.ReadFull(worker, got)
		result <- got
	}()

	writer, reader := NewWriter(socket), NewReader(socket)
	var released []int
	for i := 0; i < len(input); i += 1 << 20 {
		writer.Queue(input[i:i+100], nil, input[i+100:i+1<<20])
		writer.OnSent(func() { released = append(released, i) })
	}
	got := make([]byte, len(output))
	for filled := 0; filled < len(got) || writer.Pending() > 0; {
		if err := writer.Send(); err != nil {
			require.ErrorIs(t, err, ErrWouldBlock)
		}
		n, err := reader.Read(got[filled:min(len(got), filled+300_000)])
		filled += n
		if err != nil {
			require.ErrorIs(t, err, ErrWouldBlock)
			ready, err := Wait(socket, writer.Pending() > 0, w, 10*time.Second)
			require.NoError(t, err)
			require.True(t, ready.Read || ready.Write, "no progress")
		}
	}
	assert.True(t, bytes.Equal(output, got))
	assert.True(t, bytes.Equal(input, <-result))
	assert.Len(t, released, 8)
	assert.IsIncreasing(t, released)
	assert.EqualValues(t, len(input), writer.Sent())
	assert.EqualValues(t, len(output), reader.Total())
}

func TestPeekDiscardsNothing(t *testing.T) {
	socket, worker := pair(t)
	reader := NewReader(socket)
	_, err := reader.Peek(4)
	require.ErrorIs(t, err, ErrWouldBlock)
	_, _ = worker.Write([]byte("ab"))
	_, err = reader.Peek(4)
	require.ErrorIs(t, err, ErrWouldBlock, "two bytes of four")
	_, _ = worker.Write([]byte("cdef"))
	for range 2 {
		b, err := reader.Peek(4)
		require.NoError(t, err)
		assert.Equal(t, "abcd", string(b))
	}
	reader.Discard(4)
	assert.Equal(t, 2, reader.Buffered())
	p := make([]byte, 10)
	n, err := reader.Read(p)
	require.NoError(t, err)
	assert.Equal(t, "ef", string(p[:n]))
	_, err = reader.Peek(maxPeek + 1)
	require.Error(t, err)
}

func TestClosedWorker(t *testing.T) {
	socket, worker := pair(t)
	_, _ = worker.Write([]byte("bye"))
	require.NoError(t, worker.Close())
	writer, reader := NewWriter(socket), NewReader(socket)
	released := 0
	writer.Queue([]byte("unheard"))
	writer.OnSent(func() { released++ })
	require.ErrorIs(t, writer.Send(), ErrClosed)
	assert.Zero(t, released, "what was not sent is kept until it is dropped")
	writer.Drop()
	assert.Equal(t, 1, released)
	b, err := reader.Peek(3)
	require.NoError(t, err, "what the worker said last is still there")
	assert.Equal(t, "bye", string(b))
	reader.Discard(3)
	_, err = reader.Peek(1)
	require.ErrorIs(t, err, ErrClosed)
	assert.False(t, socket.Idle())
}

func TestIdle(t *testing.T) {
	socket, worker := pair(t)
	assert.True(t, socket.Idle())
	_, _ = worker.Write([]byte{0})
	assert.False(t, socket.Idle(), "a worker that speaks unasked is in doubt")
}

func TestWaitEndsByWakeAndByTime(t *testing.T) {
	socket, worker := pair(t)
	w := wake(t)
	for _, d := range []time.Duration{0, time.Millisecond} {
		ready, err := Wait(socket, false, w, d)
		require.NoError(t, err)
		assert.Equal(t, Ready{}, ready)
	}
	w.Set()
	w.Set()
	ready, err := Wait(nil, false, w, -1)
	require.NoError(t, err)
	assert.Equal(t, Ready{Wake: true}, ready)
	w.Clear()
	ready, err = Wait(nil, false, w, time.Millisecond)
	require.NoError(t, err)
	assert.Equal(t, Ready{}, ready, "one Clear undoes all Sets")
	ready, err = Wait(socket, true, w, -1)
	require.NoError(t, err)
	assert.Equal(t, Ready{Write: true}, ready)
	require.NoError(t, worker.Close())
	ready, err = Wait(socket, false, w, -1)
	require.NoError(t, err)
	assert.True(t, ready.Read, "the end is there to be read")
}

func TestClosedWakeTouchesNoOtherDescriptor(t *testing.T) {
	var pipe [2]int
	require.NoError(t, unix.Pipe2(pipe[:], unix.O_NONBLOCK))
	defer func() { _ = unix.Close(pipe[0]) }()
	defer func() { _ = unix.Close(pipe[1]) }()
	w, err := NewWake()
	require.NoError(t, err)
	fd := w.FD()
	w.Close()
	require.NoError(t, unix.Dup2(pipe[1], fd)) // the number is given away again
	defer func() { _ = unix.Close(fd) }()
	w.Set()
	w.Clear()
	w.Close()
	_, err = unix.Read(pipe[0], make([]byte, 8))
	assert.ErrorIs(t, err, unix.EAGAIN)
}
