package runner

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBroadcastsAreSentOnceAndRevoked needs the whole PySpark: pyspark-client has no broadcasts.
func TestBroadcastsAreSentOnceAndRevoked(t *testing.T) {
	for _, minor := range []string{"3.5", "4.3"} {
		e := newEnv(t, minor)
		path := filepath.Join(t.TempDir(), "value")
		require.NoError(t, os.WriteFile(path, []byte("\x80\x04K\x05."), 0o600)) // the pickled 5
		chains := [][]Function{{{Reference: "functions:add_broadcast", ReturnType: "long"}}}
		with, err := New(e, 200, chains, [][]Argument{onA}, Options{Broadcasts: []Broadcast{{7, path}}})
		require.NoError(t, err)
		without, err := New(e, 200, chains, [][]Argument{onA}, Options{})
		require.NoError(t, err)
		first := func(r Computer) (pid, value int64) {
			it, err := r.Compute(numbers(t).Input(), Task{})
			require.NoError(t, err)
			defer it.Close()
			got, err := collect(t, it)
			require.NoError(t, err)
			return got[0][0] / 1000, got[0][0] % 1000
		}
		pid, value := first(with)
		assert.EqualValues(t, 1+5, value)
		for _, next := range []struct {
			runner Computer
			value  int64
		}{{with, 1 + 5}, {without, 1 + 100}, {with, 1 + 5}} {
			samePID, value := first(next.runner)
			assert.Equal(t, pid, samePID, "the worker is reused")
			assert.Equal(t, next.value, value)
		}
	}
}
