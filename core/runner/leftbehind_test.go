package runner

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/config"
	"udfrunner/core/env"
)

// answers runs a task of numbers' first column.
func answers(t *testing.T, e *env.Env, function string) []int64 {
	t.Helper()
	it, err := job(t, e, 200, "long", onA, "functions:"+function).Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	got, err := collect(t, it)
	require.NoError(t, err)
	require.Len(t, got, 1)
	return got[0]
}

// TestWhatATaskLeavesAnswersNoOther has tasks leave a process or a thread that answers later.
func TestWhatATaskLeavesAnswersNoOther(t *testing.T) {
	for _, factory := range []struct {
		name  string
		pairs []config.Pair
	}{{"embedded", nil}, {"stock", []config.Pair{throughDaemon}}} {
		for _, function := range []string{"leave_fork", "leave_c_fork", "leave_exit", "leave_process", "leave_thread"} {
			t.Run(factory.name+" "+function, func(t *testing.T) {
				held := filepath.Join(t.TempDir(), "held")
				e := newEnv(t, "4.2", append(factory.pairs[:len(factory.pairs):len(factory.pairs)],
					config.Pair{Key: config.ExecutorEnv + "LEFT_HELD", Value: held})...)
				for range 5 {
					require.NoError(t, os.WriteFile(held, nil, 0o600))
					assert.Equal(t, []int64{1, 2, 3, 4, 5}, answers(t, e, function))
					require.NoError(t, os.Remove(held))
					// Longer than what was left takes to answer.
					assert.Equal(t, []int64{2, 4, 6, 8, 10}, answers(t, e, "double_slowly"))
				}
			})
		}
		t.Run(factory.name+" reuse", func(t *testing.T) {
			e := newEnv(t, "4.2", factory.pairs...)
			r := job(t, e, 200, "long", onA, "functions:process_id")
			first := processOf(t, r)
			for _, function := range []string{"double", "wait_for_child", "wait_for_thread"} {
				answers(t, e, function)
				assert.Equal(t, first, processOf(t, r), function)
			}
		})
	}
}
