package safego

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
)

func TestPanicReachesOwnerAndIsCounted(t *testing.T) {
	got := make(chan *status.Error, 1)
	Go(func() { panic("boom") }, func(err *status.Error) { got <- err })
	select {
	case err := <-got:
		assert.Equal(t, status.Internal, err.Code)
		assert.Contains(t, err.Message, "boom")
		assert.Contains(t, err.Details["go.panic"], "safego_test.go", "the stack is the panic's")
	case <-time.After(10 * time.Second):
		require.Fail(t, "the owner was not told about the panic")
	}
	require.Eventually(t, func() bool { return Running() == 0 }, 10*time.Second, time.Millisecond)
}

func TestRunningCountsUntilReturn(t *testing.T) {
	block := make(chan struct{})
	started := make(chan struct{})
	Go(func() { close(started); <-block }, nil)
	<-started
	assert.EqualValues(t, 1, Running())
	close(block)
	require.Eventually(t, func() bool { return Running() == 0 }, 10*time.Second, time.Millisecond)
}

func TestStoppedTimerDoesNotRun(t *testing.T) {
	ran := make(chan struct{})
	timer := AfterFunc(time.Hour, func() { close(ran) })
	timer.Stop()
	(*Timer)(nil).Stop()
	AfterFunc(0, func() { close(ran) })
	select {
	case <-ran:
	case <-time.After(10 * time.Second):
		require.Fail(t, "a due timer did not run")
	}
	require.Eventually(t, func() bool { return Running() == 0 }, 10*time.Second, time.Millisecond)
}
