package runner

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/cdata"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

// raceRounds is how many tasks the test below cancels or leaves alone: `make race` runs 10,000.
const raceRounds = "UDFRUNNER_RACE_ROUNDS"

// TestCancelAgainstCompletion cancels tasks at any moment of their life, from other threads, most of all near their
// end: each ends with its result or with Cancelled, no cancel reaches another task's worker, and no worker is left.
func TestCancelAgainstCompletion(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e)
	r := job(t, e, 250, "long", onA, "functions:negate_arrow")
	rounds, hosts := 160, 2
	if text := os.Getenv(raceRounds); text != "" {
		var err error
		rounds, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	var usual, interrupted, cancelled atomic.Int64 // usual: of a task that nobody cancels, ns
	usual.Store(int64(2 * time.Millisecond))
	streams := make([]*hosttest.Stream, rounds)
	for i := range streams {
		streams[i] = numbers(t)
	}
	var wg sync.WaitGroup
	for host := range hosts {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := host; i < rounds && !t.Failed(); i += hosts {
				it, err := r.Compute(streams[i].Input(), Task{})
				if !assert.NoError(t, err) {
					return
				}
				canceller := raceCancel(i/hosts, it, time.Duration(usual.Load()))
				start := time.Now()
				got, err := race(t, it, canceller)
				took := time.Since(start)
				canceller.wait()
				if it.lease.interrupted() != nil {
					interrupted.Add(1)
				}
				switch {
				case err != nil && canceller != nil:
					cancelled.Add(1)
					assert.Equal(t, status.Cancelled, status.CodeOf(err), "%v", err)
				case assert.NoError(t, err, "a task that nobody cancelled"):
					assert.Equal(t, []int64{-1, -2, -3, -4, -5}, got)
				}
				if canceller == nil {
					usual.Store(int64(took))
				}
				it.Close()
			}
		}()
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	works(t, e)
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	require.Eventually(t, func() bool { c := f.Counts(); return c.Alive == c.Idle && c.Running == 0 }, patience,
		time.Millisecond,
		"workers that are neither idle nor gone")
	counts := f.Counts()
	t.Logf("a task takes %v; %d of %d tasks were cancelled in time, %d ended with it; %+v", time.Duration(usual.Load()),
		interrupted.Load(), rounds, cancelled.Load(), counts)
	assert.Zero(t, counts.Crashed)
	assert.LessOrEqual(t, counts.Killed, interrupted.Load(), "workers killed for tasks that were not cancelled in time")
	assert.Positive(t, cancelled.Load())
	assert.Less(t, interrupted.Load(), int64(rounds/2), "cancels that came after the end")
}

// canceller cancels a task at a moment of its own; nil does not.
type canceller struct {
	it    *Iterator
	after time.Duration // from the start, or
	last  chan struct{} // once the last results were read
	done  chan struct{}
}

// raceCancel leaves half of the tasks alone, and cancels an eighth at once, an eighth near the end that is to be
// expected (a timer may be late for it), the rest while the host asks for what comes after the last results or just
// afterwards.
func raceCancel(i int, it *Iterator, usual time.Duration) *canceller {
	if i%2 == 0 {
		return nil
	}
	c := &canceller{it: it, last: make(chan struct{}), done: make(chan struct{})}
	switch i % 8 {
	case 1:
		it.Cancel("race")
		close(c.done)
		return c
	case 5:
		c.after = rand.N(2 * usual)
	}
	go func() {
		defer close(c.done)
		if c.after > 0 {
			timer := time.NewTimer(c.after)
			<-timer.C
		} else {
			<-c.last
			for range rand.N(200) { // some microseconds
				_ = it.Err()
			}
		}
		it.Cancel("race")
	}()
	return c
}

func (c *canceller) readLast() {
	if c != nil {
		close(c.last)
	}
}

func (c *canceller) wait() {
	if c != nil {
		<-c.done
	}
}

// race reads the two batches of a task, and its end.
func race(t *testing.T, it *Iterator, c *canceller) (values []int64, err error) {
	defer func() {
		if len(values) < 5 {
			c.readLast()
		}
	}()
	for {
		out := new(cdata.Array)
		code, err := it.NextArrow(patience.Milliseconds(), out, nil)
		if err != nil || code != status.OK {
			if err == nil && code != status.Done {
				err = status.New(status.Unknown, "NextArrow answered %s", code)
			}
			return values, err
		}
		values = append(values, columns(t, out)[0]...)
		if len(values) == 5 {
			c.readLast()
		}
	}
}
