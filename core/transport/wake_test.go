package transport

import (
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
		done := make(chan struct{})
		go func() { //nolint:forbidigo // a test's own thread
			defer close(done)
			for range 20 {
				w.Set()
			}
		}()
		for range 20 {
			w.Clear()
		}
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
