package transport

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Set that meets a Clear is either undone by it or holds: it never leaves a Wake that no later Set can set.
func TestWakeIsSetWhileItIsCleared(t *testing.T) {
	w := wake(t)
	set := func() bool {
		ready, err := Wait(nil, false, w.FD(), 0)
		require.NoError(t, err)
		return ready.Wake
	}
	for range 2000 {
		w.Set()
		begun, done := make(chan struct{}), make(chan struct{})
		var cleared atomic.Bool
		go func() { //nolint:forbidigo // a test's own thread
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
	ready, err := Wait(nil, false, w.FD(), time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, Ready{}, ready)
}
