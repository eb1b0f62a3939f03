package runner

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
