package worker

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/hosttest"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

const patience = 20 * time.Second

// spec is a factory of workers that are forked before PySpark is imported: quick to start, and these tests run no
// tasks.
func spec(t *testing.T) Spec {
	t.Helper()
	return Spec{
		Program: Program{
			Python: testenv.Python(t, "4.2"), Env: append(os.Environ(), "SPARK_REUSE_WORKER=1"), StartTimeout: patience,
		},
		Policy: Policy{IdleTimeout: time.Hour, MaxIdle: 10},
	}
}

// begin is a factory that is ready or has failed; it is closed, and has left nothing, when the test ends.
func begin(t *testing.T, s Spec) Factory {
	t.Helper()
	hosttest.CheckLeaks(t)
	f := NewFactory(s)
	t.Cleanup(func() {
		f.Close()
		wait(t, f.Gone(), "the factory's end")
	})
	ready := make(chan struct{})
	f.OnStarted(func() { close(ready) })
	wait(t, ready, "the factory's start")
	return f
}

// started is one that is ready, of a PySpark minor.
func started(t *testing.T, s Spec, minor string) Factory {
	t.Helper()
	f := begin(t, s)
	_, info, err := f.State()
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(info.PySpark, minor+"."), info.PySpark)
	return f
}

func wait(t *testing.T, event <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-event:
	case <-time.After(patience):
		require.Fail(t, "waited in vain for "+what)
	}
}

// baseOf is what a factory has in common with the others.
func baseOf(f Factory) *base {
	switch f := f.(type) {
	case *embedded:
		return f.base
	case *stock:
		return f.base
	case *simple:
		return f.base
	default:
		return f.(*connected).base //nolint:forcetypeassert // the last kind
	}
}

func acquire(t *testing.T, f Factory, key string) *Worker {
	t.Helper()
	w, err := f.Acquire(key, map[string]string{"A_VARIABLE": "1"})
	require.NoError(t, err)
	t.Cleanup(func() { // what a task does in the end, if it has the worker still
		b := baseOf(f)
		b.mu.Lock()
		has := w.use == inTask
		b.mu.Unlock()
		if has {
			w.Channel.Close()
		}
	})
	return w
}

// exit waits for a worker's end.
func exit(t *testing.T, w *Worker) Exit {
	t.Helper()
	wait(t, w.reported, "a worker's end")
	return w.exit
}

func TestPool(t *testing.T) {
	s := spec(t)
	s.MaxIdle = 1
	f := started(t, s, "4.2")
	a, b, c := acquire(t, f, "x"), acquire(t, f, "x"), acquire(t, f, "y")
	assert.EqualValues(t, 3, f.Counts().Running)
	f.Release(a, true)
	f.Release(b, true) // there is room for one: that which was idle for longest goes
	assert.Equal(t, unix.WaitStatus(0), exit(t, a).Status, "a worker that is let go ends by itself")
	assert.NotSame(t, b, acquire(t, f, "y"), "another key's worker is not taken")
	assert.EqualValues(t, 1, f.Counts().Idle)
	assert.Same(t, b, acquire(t, f, "x"))
	f.Release(c, false)
	exit(t, c)
	counts := f.Counts()
	assert.EqualValues(t, 1, counts.Reused)
	assert.EqualValues(t, 4, counts.Started)
	assert.EqualValues(t, 2, counts.Running)
	assert.Zero(t, counts.Crashed)
}

func TestIdleWorkersEnd(t *testing.T) {
	s := spec(t)
	s.IdleTimeout = 50 * time.Millisecond
	f := started(t, s, "4.2")
	w := acquire(t, f, "x")
	f.Release(w, true)
	exit(t, w)
	require.Eventually(t, func() bool { return f.Counts().Alive == 0 }, patience, time.Millisecond)
	assert.Zero(t, f.Counts().Idle)
	assert.NotSame(t, w, acquire(t, f, "x"))
}

func TestDeadIdleWorkerIsNotTaken(t *testing.T) {
	f := started(t, spec(t), "4.2")
	w := acquire(t, f, "x")
	begun(t, w)
	f.Release(w, true)
	hosttest.Signal(t, w.PID(), unix.SIGKILL)
	exit(t, w)
	assert.NotSame(t, w, acquire(t, f, "x"))
}

func TestKillWhileTheForkIsUnderWay(t *testing.T) {
	f := started(t, spec(t), "4.2")
	for range 20 {
		w := acquire(t, f, "x")
		f.Kill(w)
		got := exit(t, w)
		assert.True(t, got.Known)
		assert.Equal(t, unix.SIGKILL, got.Status.Signal())
	}
	assert.EqualValues(t, 20, f.Counts().Killed)
	assert.Zero(t, f.Counts().Crashed)
}

func TestKillReachesTheGroup(t *testing.T) {
	f := started(t, spec(t), "4.2")
	w := acquire(t, f, "x")
	begun(t, w)
	group, err := unix.Getpgid(w.PID())
	require.NoError(t, err)
	assert.Equal(t, w.PID(), group, "a worker leads its own process group")
	f.Kill(w)
	exit(t, w)
}

func TestDaemonsDeathEndsItsWorkers(t *testing.T) {
	f := started(t, spec(t), "4.2")
	w := acquire(t, f, "x")
	begun(t, w)
	hosttest.Signal(t, f.DaemonPID(), unix.SIGKILL)
	wait(t, f.Gone(), "the factory's end")
	assert.False(t, exit(t, w).Known)
	err := w.ExitError(false)
	assert.Equal(t, status.WorkerExited, err.Code)
	assert.Contains(t, err.Message, "together with its daemon")
	_, err2 := f.Acquire("x", nil)
	assert.Equal(t, status.Spawn, status.CodeOf(err2))
	// The kernel ends workers with their daemon, but only the daemon could have reaped them.
	require.Eventually(t, func() bool { return unix.Kill(w.PID(), 0) != nil }, patience, time.Millisecond)
}

func TestCloseBeforeTheDaemonIsUp(t *testing.T) {
	hosttest.CheckLeaks(t)
	f := NewFactory(spec(t))
	f.Close()
	told := false
	f.OnStarted(func() { told = true })
	assert.True(t, told)
	_, err := f.Acquire("x", nil)
	assert.Equal(t, status.Cancelled, status.CodeOf(err))
	wait(t, f.Gone(), "the daemon's end")
}

func TestEnvironmentTooLargeForAMessage(t *testing.T) {
	f := started(t, spec(t), "4.2")
	_, err := f.Acquire("x", map[string]string{"BIG": strings.Repeat("x", maxPacket)})
	require.Error(t, err)
	assert.Contains(t, err.Error(), "environment of the worker is too large")
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	f.Release(acquire(t, f, "x"), false)
}

func TestRequestsThatAStoppedDaemonLeavesAreScarcity(t *testing.T) {
	f := started(t, spec(t), "4.2")
	hosttest.Signal(t, f.DaemonPID(), unix.SIGSTOP)
	large := map[string]string{"LARGE": strings.Repeat("x", maxPacket-(1<<10))}
	for range 2 * maxKept / maxPacket {
		w, err := f.Acquire("x", large)
		if err == nil {
			defer f.Kill(w)
		} else {
			assert.Equal(t, status.CauseNoProcess, status.CauseOf(err))
			assert.Equal(t, status.Spawn, status.CodeOf(err))
			return
		}
	}
	assert.Fail(t, "nothing bounds what waits for a daemon")
}

func TestChattyWorkerIsReadToTheEnd(t *testing.T) {
	hosttest.CheckLeaks(t)
	tail, end, err := newTail(nil, "stderr")
	require.NoError(t, err)
	line := strings.Repeat("x", 99) + "\n"
	for range 10_000 {
		_, err := end.WriteString(line)
		require.NoError(t, err)
	}
	_, _ = end.WriteString("the last words")
	require.NoError(t, end.Close())
	text := tail.text(patience)
	assert.LessOrEqual(t, len(text), tailSize)
	assert.True(t, strings.HasSuffix(text, line+"the last words"))
}
