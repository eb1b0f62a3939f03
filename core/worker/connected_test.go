package worker

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/hosttest"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

func TestConnectedWorkers(t *testing.T) {
	hosttest.CheckLeaks(t)
	dialect, err := protocol.ForVersion("4.0.0")
	require.NoError(t, err)
	var theirs []int
	var refusal error
	f := NewConnected(dialect, Info{Python: "3.11.0", PySpark: "4.0.0"}, func() (transport.Channel, error) {
		if refusal != nil {
			return nil, refusal
		}
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return nil, err
		}
		theirs = append(theirs, fds[1])
		return transport.Adopt(fds[0])
	})
	got, info, err := f.State()
	require.NoError(t, err)
	assert.Same(t, dialect, got)
	assert.Equal(t, "3.11", info.PythonMinor())

	w := connect(t, f, nil)
	f.Release(w, true)
	assert.Same(t, w, connect(t, f, nil))
	other := connect(t, f, nil)
	require.NoError(t, unix.Close(theirs[1]))
	f.Release(other, true)
	assert.NotSame(t, other, connect(t, f, nil), "its other end is closed")
	f.Kill(w)
	assert.True(t, w.Exited())
	assert.Equal(t, status.WorkerExited, w.ExitError(false).Code)
	n, err := unix.Read(theirs[0], make([]byte, 1))
	require.NoError(t, err)
	assert.Zero(t, n, "to kill is to close")

	refusal = errors.New("no more")
	_, err = f.Acquire("x", nil)
	assert.Equal(t, status.Spawn, status.CodeOf(err))
	assert.ErrorIs(t, err, refusal)
	assert.EqualValues(t, 1, f.Counts().Running)
	for _, w := range f.(*connected).alive() { //nolint:forcetypeassert // the factory at hand
		f.Kill(w)
	}
	for _, fd := range theirs {
		_ = unix.Close(fd)
	}
	f.Close()
	wait(t, f.Gone(), "the factory's end")
}
