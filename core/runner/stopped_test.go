package runner

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/cdata"
	"udfrunner/core/env"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

// congested is more tasks than a daemon's socket takes requests.
const congested = 400

// promptly is far above what a call takes that waits for nothing, and far below every limit that one could wait for.
const promptly = time.Second

// each runs something that must wait for nothing, for each of the iterators.
func each(t *testing.T, iterators []*Iterator, what string, f func(*Iterator)) {
	t.Helper()
	var longest time.Duration
	for _, it := range iterators {
		start := time.Now()
		f(it)
		longest = max(longest, time.Since(start))
	}
	assert.Less(t, longest, promptly, what)
}

// stoppedDaemon is an env whose daemon is stopped while one task has a worker, and others ask for one.
func stoppedDaemon(t *testing.T) (*env.Env, int, []*Iterator) {
	t.Helper()
	e := newEnv(t, "4.2")
	works(t, e)
	running := start(t, job(t, e, 200, "long", onA, "functions:sleep_forever"), Task{})
	require.Eventually(t, func() bool { return running.lease.held().PID() > 0 }, patience, time.Millisecond)
	r := job(t, e, 200, "long", onA, "functions:double")
	factory, err := e.Factory(e.Config())
	require.NoError(t, err)
	daemon := factory.DaemonPID()
	hosttest.Signal(t, daemon, unix.SIGSTOP)
	iterators := []*Iterator{running}
	var longest time.Duration
	for range congested {
		input := numbers(t).Input()
		start := time.Now()
		it, err := r.Compute(input, Task{})
		longest = max(longest, time.Since(start))
		require.NoError(t, err)
		iterators = append(iterators, it)
	}
	assert.Less(t, longest, promptly, "Compute")
	each(t, iterators[1:], "NextArrow", func(it *Iterator) { // which asks for a worker, where Compute did not
		code, err := it.NextArrow(0, new(cdata.Array), nil)
		require.NoError(t, err)
		require.Equal(t, status.TimedOut, code)
	})
	return e, daemon, iterators
}

func TestNoCallWaitsForAStoppedDaemon(t *testing.T) {
	e, daemon, iterators := stoppedDaemon(t)
	held, err := unix.PidfdOpen(iterators[0].lease.held().PID(), 0)
	require.NoError(t, err)
	defer func() { _ = unix.Close(held) }()
	each(t, iterators[:200], "Cancel", func(it *Iterator) { it.Cancel("no more") })
	//nolint:gosec // a descriptor
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(held), Events: unix.POLLIN}}, int(promptly.Milliseconds()))
	require.NoError(t, err)
	assert.Equal(t, 1, n, "the worker of a cancelled task lives on: its daemon cannot kill it")
	each(t, iterators[:300], "Close", (*Iterator).Close)
	start := time.Now()
	e.Close()
	assert.Less(t, time.Since(start), promptly, "env.Close")
	each(t, iterators[300:], "Close", (*Iterator).Close)
	assert.True(t, e.Wait(patience), "a daemon that does not end is killed")
	require.ErrorIs(t, unix.Kill(daemon, 0), unix.ESRCH)
}

func TestTasksOfADaemonThatWasStopped(t *testing.T) {
	_, daemon, iterators := stoppedDaemon(t)
	const wanted = 10
	each(t, iterators[wanted+1:], "Cancel", func(it *Iterator) { it.Cancel("no more") })
	hosttest.Signal(t, daemon, unix.SIGCONT)
	for _, it := range iterators[1 : wanted+1] {
		got, err := collect(t, it)
		require.NoError(t, err)
		assert.Equal(t, [][]int64{{2, 4, 6, 8, 10}}, got)
	}
	for _, it := range iterators[wanted+1:] {
		require.Equal(t, status.Cancelled, it.Err().Code)
	}
	each(t, iterators, "Close", (*Iterator).Close)
}

func TestAFloodOfNoResultsKeepsNoCall(t *testing.T) {
	e := newEnv(t, "4.2")
	it := start(t, job(t, e, 200, "long", onA, "functions:flood"), Task{DeadlineMS: 60_000})
	defer it.Close()
	const share = 4 << 10
	it.pump.share = share
	flooded := func() bool { // more is there than a call reads
		n, err := unix.IoctlGetInt(it.lease.held().Channel.FD(), unix.TIOCINQ)
		require.NoError(t, err)
		return n > 3*share+readAhead
	}
	got := int64(0)
	for _, timeout := range []int64{0, 1, 0, 1} {
		for deadline := time.Now().Add(60 * time.Second); !flooded(); {
			require.True(t, time.Now().Before(deadline), "the flood does not come")
			code, err := it.NextArrow(0, new(cdata.Array), nil) // sends the input
			require.NoError(t, err)
			require.Equal(t, status.TimedOut, code)
			got = it.pump.counters.got.Load()
		}
		start := time.Now()
		code, err := it.NextArrow(timeout, new(cdata.Array), nil)
		require.NoError(t, err)
		require.Equal(t, status.TimedOut, code)
		require.Less(t, time.Since(start), promptly)
		now := it.pump.counters.got.Load()
		if timeout == 0 {
			require.Less(t, now-got, int64(2*share+readAhead), "one share")
		}
		got = now
	}
	it.Cancel("enough")
	code, _ := it.NextArrow(-1, new(cdata.Array), nil)
	assert.Equal(t, status.Cancelled, code)
}

// readAhead is what a reader may take with the bytes that are asked for.
const readAhead = 64 << 10

func TestNothingOutlivesAKilledDaemon(t *testing.T) {
	e := newEnv(t, "4.2")
	it := start(t, job(t, e, 200, "long", onA, "functions:outlive_the_daemon"), Task{})
	defer it.Close()
	pids := []int{0}
	require.Eventually(t, func() bool {
		if pids[0] = it.lease.held().PID(); pids[0] > 0 {
			pids = append(pids[:1], children(t, pids[0])...)
		}
		return len(pids) == 2
	}, patience, time.Millisecond)
	factory, err := e.Factory(e.Config())
	require.NoError(t, err)
	hosttest.Signal(t, factory.DaemonPID(), unix.SIGKILL)
	for _, pid := range pids {
		require.Eventually(t, func() bool { return unix.Kill(pid, 0) != nil }, patience, time.Millisecond,
			"process %d of %v lives", pid, pids)
	}
	_, err = collect(t, it)
	assert.Equal(t, status.WorkerExited, status.CodeOf(err))
	assert.Equal(t, status.CauseDaemonEnded, status.CauseOf(err))
}
