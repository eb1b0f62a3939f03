package runner

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/cdata"
	"udfrunner/core/datasection"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

// TestOutcomesAreCounted ends tasks in every way. One that its host closes early, as a LIMIT does, is no failure.
func TestOutcomesAreCounted(t *testing.T) {
	type counts struct{ Started, Running, Done, Failed, Closed int }
	for _, test := range []struct {
		name     string
		function string
		end      func(t *testing.T, it *Iterator)
		want     counts
	}{
		{"read to its end", "functions:double", func(t *testing.T, it *Iterator) {
			_, err := collect(t, it)
			require.NoError(t, err)
		}, counts{Started: 1, Done: 1}},
		{"closed before a read", "functions:double", func(*testing.T, *Iterator) {}, counts{Started: 1, Closed: 1}},
		{"closed after a read", "functions:double", func(t *testing.T, it *Iterator) {
			var c datasection.Chunk
			code, err := it.Next(patience.Milliseconds(), &c)
			require.NoError(t, err)
			require.Equal(t, status.OK, code)
			it.runner.Memory.Release(c.Block)
		}, counts{Started: 1, Closed: 1}},
		{"cancelled", "functions:double", func(_ *testing.T, it *Iterator) { it.Cancel("") },
			counts{Started: 1, Failed: 1}},
		{"its function raised", "functions:fail", func(t *testing.T, it *Iterator) {
			_, err := collect(t, it)
			require.Error(t, err)
		}, counts{Started: 1, Failed: 1}},
		{"closed in a read", "functions:sleep_forever", func(t *testing.T, it *Iterator) {
			reading := make(chan struct{})
			source := make(chan error)
			go func() {
				close(reading)
				_, err := it.NextArrow(patience.Milliseconds(), new(cdata.Array), nil)
				source <- err
			}()
			<-reading
			require.Eventually(t, func() bool {
				it.mu.Lock()
				defer it.mu.Unlock()
				return it.busy
			}, patience, time.Millisecond, "the read")
			it.Close()
			assert.Equal(t, status.Cancelled, status.CodeOf(<-source))
		}, counts{Started: 1, Closed: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := newEnv(t, "4.2")
			input := hosttest.NewStream(t, []hosttest.Column{{Name: "n", Values: []int64{1, 2, 3}}}).Input()
			it, err := job(t, e, 200, "long", offsets(0), test.function).Compute(input, Task{})
			require.NoError(t, err)
			test.end(t, it)
			it.Close()
			var stats struct{ Tasks counts }
			require.NoError(t, json.Unmarshal(e.Stats(), &stats))
			assert.Equal(t, test.want, stats.Tasks)
		})
	}
}
