package transport

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A Set that meets a Clear is either undone by it or holds: it never leaves a Wake that no later Set can set.
func TestWakeIsSetWhileItIsCleared(t *testing.T) {
	w := wake(t)
	set := func() bool {
		ready, err := Wait(nil, false, w, 0)
		require.NoError(t, err)
		return ready.Wake
	}
	for range 2000 {
		w.Set()
		begun, done := make(chan struct{}), make(chan struct{})
		var cleared atomic.Bool
		go func() {
			defer close(done)
			close(begun)
			for !cleared.Load() {
				w.Set()
			}
		}()
		<-begun
		w.Clear()
		cleared.Store(true)
		<-done
		w.Set()
		require.True(t, set(), "it was set last")
		w.Clear()
		require.False(t, set(), "it was cleared last")
	}
	ready, err := Wait(nil, false, w, time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, Ready{}, ready)
}

// A Set during a Clear waits for it: what it would write in between would be read by that Clear, and no later Set would
// write again.
func TestSetWaitsForAClearThatIsUnderWay(t *testing.T) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC) // not O_NONBLOCK: Clear stays in its read until something is written
	require.NoError(t, err)
	w := &Wake{fd: fd, set: true, pollers: 1, written: true}
	defer w.Close()
	cleared, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(cleared)
		w.Clear()
	}()
	require.Eventually(t, func() bool { return isIn("syscall", ".(*Wake).Clear") }, 10*time.Second, time.Millisecond)
	go func() {
		defer close(done)
		w.Set()
	}()
	require.Eventually(t, func() bool {
		select {
		case <-done:
			return true
		default:
			return isIn("sync.Mutex.Lock", ".(*Wake).Set")
		}
	}, 10*time.Second, time.Millisecond)
	select {
	case <-done:
		assert.Fail(t, "Set went on while Clear was reading")
	default:
		_, err = unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		require.NoError(t, err)
	}
	for _, end := range []chan struct{}{cleared, done} {
		select {
		case <-end:
		case <-time.After(10 * time.Second):
			require.Fail(t, "it waits for ever")
		}
	}
	ready, err := Wait(nil, false, w, 0)
	require.NoError(t, err)
	assert.True(t, ready.Wake, "it was set last")
}

// What is set before anybody polls is told to who does then.
func TestSetIsToldToWhoPollsLater(t *testing.T) {
	readable := func(fd int) bool {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // a descriptor
		n, err := unix.Poll(fds, 0)
		require.NoError(t, err)
		return n == 1
	}
	w := wake(t)
	w.Set()
	assert.False(t, readable(w.fd), "nobody polls: no system call")
	for range 2 {
		ready, err := Wait(nil, false, w, -1)
		require.NoError(t, err)
		assert.True(t, ready.Wake, "until it is cleared")
	}
	w.Clear()
	w.Set()
	assert.False(t, readable(w.fd), "Wait polls no more")
	assert.True(t, readable(w.FD()))
	w.Clear()
	assert.False(t, readable(w.fd))
	w.Set()
	assert.True(t, readable(w.fd), "FD's caller polls on")
}

// isIn says whether some goroutine is in a function, in a state as the runtime's dumps name it.
func isIn(state, function string) bool {
	dump := make([]byte, 1<<20)
	for goroutine := range strings.SplitSeq(string(dump[:runtime.Stack(dump, true)]), "\n\n") {
		head, frames, _ := strings.Cut(goroutine, "\n")
		if strings.Contains(head, "["+state) && strings.Contains(frames, function+"(") {
			return true
		}
	}
	return false
}
