package worker

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/hosttest"
	"udfrunner/core/transport"
)

// eventually waits for counters that nothing tells of.
func eventually(t *testing.T, f Factory, what string, holds func(Counts) bool) {
	t.Helper()
	if !assert.Eventually(t, func() bool { return holds(f.Counts()) }, patience, time.Millisecond, what) {
		require.Failf(t, "counters", "%+v", f.Counts())
	}
}

// begun waits until a worker's process is known.
func begun(t *testing.T, w *Worker) *Worker {
	t.Helper()
	require.Eventually(t, func() bool { return w.PID() != 0 }, patience, time.Millisecond)
	return w
}

func TestStrictFactoryReusesNothing(t *testing.T) {
	s := spec(t)
	s.Strict = true
	f := started(t, s, "4.2")
	w := acquire(t, f, "x")
	f.Release(w, true)
	exit(t, w)
	assert.NotSame(t, w, acquire(t, f, "x"))
	assert.Zero(t, f.Counts().Reused+f.Counts().Recycled)
}

func TestRecyclingByTasks(t *testing.T) {
	s := spec(t)
	s.Recycle.Tasks = 3
	f := started(t, s, "4.2")
	w := acquire(t, f, "x")
	for range 2 {
		f.Release(w, true)
		require.Same(t, w, acquire(t, f, "x"))
	}
	f.Release(w, true)
	assert.Equal(t, unix.WaitStatus(0), exit(t, w).Status)
	assert.NotSame(t, w, acquire(t, f, "x"))
	assert.EqualValues(t, 1, f.Counts().Recycled)
	assert.EqualValues(t, 2, f.Counts().Reused)
	assert.Zero(t, f.Counts().Crashed+f.Counts().Killed)
}

func TestRecyclingByAge(t *testing.T) {
	s := spec(t)
	s.Recycle.Age = 300 * time.Millisecond
	f := started(t, s, "4.2")
	idle, busy := acquire(t, f, "x"), acquire(t, f, "x")
	f.Release(idle, true)
	require.Same(t, idle, acquire(t, f, "x"), "it is young")
	f.Release(idle, true)
	exit(t, idle) // long before it was idle for an hour
	f.Release(busy, true)
	exit(t, busy)
	counts := f.Counts()
	assert.EqualValues(t, 2, counts.Recycled)
	assert.Zero(t, counts.Idle+counts.Alive)
}

func TestRecyclingByMemory(t *testing.T) {
	s := spec(t)
	f := started(t, s, "4.2")
	w := begun(t, acquire(t, f, "x"))
	require.Eventually(t, func() bool { n, err := privateMemory(w.PID()); return err == nil && n > 1<<20 }, patience,
		time.Millisecond)
	for _, recycle := range []Recycle{{Memory: 1 << 30}, {}} {
		assert.False(t, recycle.wornOut(w))
	}
	assert.True(t, (&Recycle{Memory: 1 << 20}).wornOut(w))
}

func TestStoppedIdleWorkerIsNotTaken(t *testing.T) {
	f := started(t, spec(t), "4.2")
	w := begun(t, acquire(t, f, "x"))
	f.Release(w, true)
	hosttest.Signal(t, w.PID(), unix.SIGSTOP)
	idle := baseOf(f).idle.idle[0] // nothing else touches it now
	require.Eventually(t, idle.isStopped, patience, time.Millisecond)
	assert.NotSame(t, w, acquire(t, f, "x"))
	assert.Equal(t, unix.SIGKILL, exit(t, w).Status.Signal(), "it cannot end by itself")
	assert.EqualValues(t, 1, f.Counts().Killed)
}

func TestWorkerThatSpeaksUnaskedIsNotTaken(t *testing.T) {
	var ends []int
	f := NewConnected(nil, Info{}, func() (transport.Channel, error) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		ends = append(ends, fds[0])
		return transport.Adopt(fds[1])
	})
	t.Cleanup(func() {
		f.Close()
		for _, end := range ends {
			_ = unix.Close(end)
		}
	})
	w, err := f.Acquire("x", nil)
	require.NoError(t, err)
	f.Release(w, true)
	_, err = unix.Write(ends[0], []byte{0})
	require.NoError(t, err)
	other, err := f.Acquire("x", nil)
	require.NoError(t, err)
	assert.NotSame(t, w, other)
	f.Kill(other)
}

// sparing is a factory with so many spares, of any kind.
func sparing(t *testing.T, s Spec, spares int) Factory {
	t.Helper()
	s.Spares = spares
	f := started(t, s, "4.2")
	eventually(t, f, "nothing is made before a task asks for it", func(c Counts) bool { return c.Started == 0 })
	return f
}

// everyKind runs a test with the embedded daemon, too.
func everyKind(t *testing.T, test func(*testing.T, Spec)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { test(t, spec(t)) })
	eachKind(t, "4.2", test)
}

func TestSpares(t *testing.T) {
	everyKind(t, func(t *testing.T, s Spec) {
		s.Strict = true
		f := sparing(t, s, 2)
		first, err := f.Acquire("x", nil)
		require.NoError(t, err)
		eventually(t, f, "two spares", func(c Counts) bool { return c.Spares == 2 })
		assert.EqualValues(t, 3, f.Counts().Started)
		second, err := f.Acquire("x", nil)
		require.NoError(t, err)
		ready, err := second.Ready()
		require.NoError(t, err)
		assert.True(t, ready, "a spare is at once")
		assert.EqualValues(t, 1, f.Counts().SparesUsed)
		assert.Zero(t, f.Counts().Reused)
		eventually(t, f, "another in its place", func(c Counts) bool { return c.Spares == 2 && c.Started == 4 })
		other, err := f.Acquire("y", nil)
		require.NoError(t, err)
		assert.EqualValues(t, 1, f.Counts().SparesUsed, "another key's spare is not taken")
		eventually(t, f, "spares of each key", func(c Counts) bool { return c.Spares == 4 && c.Idle == 4 })
		for _, w := range []*Worker{first, second, other} {
			f.Release(w, true)
			exit(t, w)
		}
		assert.EqualValues(t, 4, f.Counts().Spares, "what ends by itself is not replaced by more")
		assert.Zero(t, f.Counts().Running)
	})
}

func TestUsedWorkersAreTakenBeforeSpares(t *testing.T) {
	f := sparing(t, spec(t), 1)
	w := acquire(t, f, "x")
	eventually(t, f, "a spare", func(c Counts) bool { return c.Spares == 1 })
	f.Release(w, true)
	for range 3 {
		require.Same(t, w, acquire(t, f, "x"))
		f.Release(w, true)
	}
	counts := f.Counts()
	assert.EqualValues(t, 2, counts.Started)
	assert.EqualValues(t, 2, counts.Idle)
	assert.Zero(t, counts.SparesUsed)
}

func TestSparesEndByIdleAge(t *testing.T) {
	s := spec(t)
	s.IdleTimeout = 100 * time.Millisecond
	f := sparing(t, s, 2)
	w := acquire(t, f, "x")
	eventually(t, f, "spares", func(c Counts) bool { return c.Started == 3 })
	eventually(t, f, "their end", func(c Counts) bool { return c.Spares == 0 && c.Alive == 1 })
	assert.EqualValues(t, 3, f.Counts().Started, "none is made without a task")
	assert.Zero(t, f.Counts().Crashed+f.Counts().Killed)
	f.Release(w, true)
	exit(t, w)
	acquire(t, f, "x")
	eventually(t, f, "spares again", func(c Counts) bool { return c.Started == 6 })
}

func TestDeadSpareIsReplacedByTheNextTask(t *testing.T) {
	f := sparing(t, spec(t), 1)
	acquire(t, f, "x")
	eventually(t, f, "a spare", func(c Counts) bool { return c.Spares == 1 })
	spare := baseOf(f).idle.idle[0].Worker // nothing else touches it now
	hosttest.Signal(t, begun(t, spare).PID(), unix.SIGKILL)
	exit(t, spare)
	eventually(t, f, "it leaves the pool", func(c Counts) bool { return c.Idle == 0 && c.Crashed == 1 })
	acquire(t, f, "x")
	assert.Zero(t, f.Counts().SparesUsed)
	eventually(t, f, "another", func(c Counts) bool { return c.Spares == 1 })
}

func TestSparesNeverCrowdThePool(t *testing.T) {
	s := spec(t)
	s.MaxIdle = 3
	f := sparing(t, s, 5)
	a := acquire(t, f, "x")
	eventually(t, f, "as many as there is room for", func(c Counts) bool { return c.Spares == 2 })
	b, c := acquire(t, f, "x"), acquire(t, f, "x")
	assert.Zero(t, f.Counts().Spares)
	for _, w := range []*Worker{a, b, c} {
		f.Release(w, true)
	}
	// Whatever tasks come and go in a full pool, no worker is made and none has to go.
	for range 5 {
		w, v := acquire(t, f, "x"), acquire(t, f, "x")
		f.Release(w, true)
		f.Release(v, true)
	}
	counts := f.Counts()
	assert.EqualValues(t, 3, counts.Started)
	assert.EqualValues(t, 3, counts.Alive)
	assert.EqualValues(t, 3, counts.Idle)
}

func TestManyTasksWithSpares(t *testing.T) {
	for _, strict := range []bool{false, true} {
		t.Run(map[bool]string{false: "reusing", true: "strict"}[strict], func(t *testing.T) {
			s := spec(t)
			s.MaxIdle, s.Strict = 4, strict
			f := sparing(t, s, 2)
			var group sync.WaitGroup
			const hosts, kills = 4, 3
			for i := range hosts {
				key := []string{"x", "y"}[i%2]
				group.Add(1)
				go func() {
					defer group.Done()
					for n := range 5 * kills {
						w, err := f.Acquire(key, nil)
						if !assert.NoError(t, err) {
							return
						}
						counts := f.Counts()
						assert.LessOrEqual(t, counts.Idle, int64(4))
						assert.LessOrEqual(t, counts.Spares, counts.Idle)
						if n%5 == 4 {
							f.Kill(w)
						} else {
							f.Release(w, true)
						}
					}
				}()
			}
			group.Wait()
			assert.Zero(t, f.Counts().Running)
			eventually(t, f, "the kills are reported", func(c Counts) bool { return c.Killed >= hosts*kills })
			counts := f.Counts()
			assert.Zero(t, counts.Crashed) // Killed may be more: workers that still import when they are let go
			if strict {
				assert.Zero(t, counts.Reused)
			}
		})
	}
}

func TestClosedFactoryHasNoSpares(t *testing.T) {
	for range 5 {
		f := sparing(t, spec(t), 3)
		acquire(t, f, "x")
		f.Close() // while they are being made
		wait(t, f.Gone(), "the factory's end")
		eventually(t, f, "no worker", func(c Counts) bool { return c.Alive == 0 && c.Idle == 0 })
	}
}
