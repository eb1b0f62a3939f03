package transport

import (
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

// dialled is a connected descriptor, and the other end.
func dialled(t *testing.T, network, address string) (int, net.Conn) {
	t.Helper()
	listener, err := net.Listen(network, address)
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	conn, err := net.Dial(network, listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	other, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = other.Close() })
	file, err := conn.(interface{ File() (*os.File, error) }).File() //nolint:forcetypeassert // a socket
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	fd, err := syscall.Dup(int(file.Fd()))
	require.NoError(t, err)
	return fd, other
}

func TestAdoptedSocket(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": t.TempDir() + "/s"} {
		t.Run(network, func(t *testing.T) {
			fd, other := dialled(t, network, address)
			socket, err := Adopt(fd)
			require.NoError(t, err)
			defer socket.Close()
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			require.NoError(t, err)
			assert.Equal(t, unix.FD_CLOEXEC, flags)
			if network == "tcp" {
				delay, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY)
				require.NoError(t, err)
				assert.NotZero(t, delay)
			}
			reader, writer := NewReader(socket), NewWriter(socket)
			_, err = reader.Peek(1)
			require.ErrorIs(t, err, ErrWouldBlock)
			writer.Queue([]byte("question"))
			require.NoError(t, writer.Send())
			got := make([]byte, 8)
			_, err = io.ReadFull(other, got)
			require.NoError(t, err)
			assert.Equal(t, "question", string(got))
			_, err = other.Write([]byte("answer"))
			require.NoError(t, err)
			w := wake(t)
			ready, err := Wait(socket, false, w, 10*time.Second)
			require.NoError(t, err)
			require.True(t, ready.Read)
			assert.False(t, socket.Idle())
			got, err = reader.Peek(6)
			require.NoError(t, err)
			assert.Equal(t, "answer", string(got))
			reader.Discard(6)
			assert.True(t, socket.Idle())
			require.NoError(t, other.Close())
			_, err = Wait(socket, false, w, 10*time.Second)
			require.NoError(t, err)
			_, err = reader.Peek(1)
			require.ErrorIs(t, err, ErrClosed)
		})
	}
}

// TestSmallAnswersAreNotDelayed has the other side write in small pieces, each of which its kernel holds back until the
// one before is acknowledged: a delayed acknowledgement takes 40 ms.
func TestSmallAnswersAreNotDelayed(t *testing.T) {
	fd, other := dialled(t, "tcp", "127.0.0.1:0")
	socket, err := Adopt(fd)
	require.NoError(t, err)
	defer socket.Close()
	require.NoError(t, other.(*net.TCPConn).SetNoDelay(false)) //nolint:forcetypeassert // TCP
	reader, writer, w := NewReader(socket), NewWriter(socket), wake(t)
	const rounds = 50
	start := time.Now()
	for range rounds {
		writer.Queue([]byte("question"))
		require.NoError(t, writer.Send())
		_, err := io.ReadFull(other, make([]byte, 8))
		require.NoError(t, err)
		for range 3 {
			_, err := other.Write([]byte("an answer"))
			require.NoError(t, err)
		}
		for reader.Buffered() < 27 {
			if _, err := reader.Peek(27); err != nil {
				require.ErrorIs(t, err, ErrWouldBlock)
				_, err := Wait(socket, false, w, 10*time.Second)
				require.NoError(t, err)
			}
		}
		reader.Discard(27)
	}
	assert.Less(t, time.Since(start), rounds*20*time.Millisecond)
}

func TestWhatIsNoSocketIsNotAdopted(t *testing.T) {
	var pipe [2]int
	require.NoError(t, unix.Pipe2(pipe[:], unix.O_CLOEXEC))
	defer func() { _ = unix.Close(pipe[1]) }()
	_, err := Adopt(pipe[0])
	assert.Equal(t, status.IO, status.CodeOf(err))
	_, err = unix.FcntlInt(uintptr(pipe[0]), unix.F_GETFD, 0)
	assert.ErrorIs(t, err, unix.EBADF, "it is closed")
}
