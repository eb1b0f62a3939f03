package runner

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// manyTasks are begun before the first of them is read.
const manyTasks = 1000

func TestAThousandTasksAtOnce(t *testing.T) {
	forwards := func(i int) int { return i }
	for _, test := range []struct {
		name  string
		order func(i int) int // of reading
		by    int             // threads
	}{
		{"in order", forwards, 1},
		{"backwards", func(i int) int { return manyTasks - 1 - i }, 1},
		{"by four threads", forwards, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := newEnv(t, "4.2")
			works(t, e)
			r := job(t, e, 250, "long", onA, "pyarrow.compute:negate")
			iterators, took := make([]*Iterator, manyTasks), make([]time.Duration, manyTasks)
			for i := range iterators {
				input := numbers(t).Input()
				start := time.Now()
				it, err := r.Compute(input, Task{})
				took[i] = time.Since(start)
				require.NoError(t, err)
				iterators[i] = it
			}
			var readers sync.WaitGroup
			for first := range test.by {
				readers.Go(func() {
					for i := first; i < manyTasks; i += test.by {
						it := iterators[test.order(i)]
						got, err := collect(t, it)
						assert.Equal(t, [][]int64{{-1, -2, -3, -4, -5}}, got, "%v", err)
						it.Close()
					}
				})
			}
			readers.Wait()
			slices.Sort(took)
			t.Logf("Compute: median %v, p99 %v, longest %v", took[manyTasks/2], took[manyTasks*99/100],
				took[manyTasks-1])
			assert.Less(t, took[manyTasks/2], 10*time.Millisecond)
			assert.Less(t, took[manyTasks*99/100], promptly)
			factory, err := e.Factory(e.Config())
			require.NoError(t, err)
			assert.Less(t, factory.Counts().Started, int64(manyTasks/10), "tasks find the workers of those before them")
		})
	}
}

// An event loop makes no call for a task before its descriptor says so.
func TestDescriptorsOfTasksThatHaveNoWorkerYet(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e)
	r := job(t, e, 250, "long", onA, "pyarrow.compute:negate")
	var iterators []*Iterator
	for range 24 { // more than are ahead
		it, err := r.Compute(numbers(t).Input(), Task{})
		require.NoError(t, err)
		defer it.Close()
		iterators = append(iterators, it)
	}
	for _, it := range slices.Backward(iterators) {
		fd, err := it.EventFD()
		require.NoError(t, err)
		//nolint:gosec // a descriptor
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		require.NoError(t, err)
		require.Equal(t, 1, n, "it waits for a call that waits for it")
		got, err := collect(t, it)
		require.NoError(t, err)
		assert.Equal(t, [][]int64{{-1, -2, -3, -4, -5}}, got)
	}
}
