package env_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
	"udfrunner/core/worker"
)

func newEnv(t *testing.T, pairs ...config.Pair) *env.Env {
	t.Helper()
	hosttest.CheckLeaks(t)
	e, err := env.New(pairs, os.Environ(), hostmem.Default())
	require.NoError(t, err)
	t.Cleanup(func() {
		e.Close()
		assert.True(t, e.Wait(20*time.Second), "every process ends")
	})
	return e
}

func ready(t *testing.T, f worker.Factory) error {
	t.Helper()
	told := make(chan struct{})
	f.OnStarted(func() { close(told) })
	select {
	case <-told:
	case <-time.After(30 * time.Second):
		require.Fail(t, "the factory does not start")
	}
	_, _, err := f.State()
	return err
}

func TestFactoriesAreKeyedByWhatTheyReadAtStart(t *testing.T) {
	e := newEnv(t, config.Pair{Key: "spark.pyspark.python", Value: testenv.Python(t, "4.2")})
	first, err := e.Factory(e.Config())
	require.NoError(t, err)
	perTask, err := e.Config().With("spark.sql.execution.python.udf.maxRecordsPerBatch", "7")
	require.NoError(t, err)
	same, err := e.Factory(perTask)
	require.NoError(t, err)
	assert.Same(t, first, same, "what a worker reads task by task needs no daemon of its own")
	atStart, err := e.Config().With("spark.executorEnv.PYTHONHASHSEED", "7")
	require.NoError(t, err)
	other, err := e.Factory(atStart)
	require.NoError(t, err)
	assert.NotSame(t, first, other)
	require.NoError(t, ready(t, first))
	require.NoError(t, ready(t, other))
}

func TestFailedFactoryIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "python")
	e := newEnv(t, config.Pair{Key: "spark.pyspark.python", Value: path})
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	assert.Equal(t, status.Spawn, status.CodeOf(ready(t, f)))
	require.NoError(t, os.Symlink(testenv.Python(t, "4.2"), path)) // the operator mends it
	again, err := e.Factory(e.Config())
	require.NoError(t, err)
	assert.NotSame(t, f, again)
}

func TestStats(t *testing.T) {
	for _, minor := range protocol.Minors() {
		t.Run(minor, func(t *testing.T) { testStats(t, minor) })
	}
}

func testStats(t *testing.T, minor string) {
	t.Helper()
	e := newEnv(t, config.Pair{Key: "spark.pyspark.python", Value: testenv.Python(t, minor)})
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	require.NoError(t, ready(t, f))
	var stats struct {
		Tasks     map[string]int64
		Factories []map[string]any
	}
	require.NoError(t, json.Unmarshal(e.Stats(), &stats))
	require.Len(t, stats.Factories, 1)
	factory := stats.Factories[0]
	assert.Equal(t, true, factory["zygote"], "the imports leave one thread")
	assert.EqualValues(t, 1, factory["zygote_threads"])
	assert.EqualValues(t, f.DaemonPID(), factory["daemon_pid"])
	assert.Contains(t, factory["pyspark"], minor+".")
	assert.Empty(t, factory["notes"], "imports and warm-up went well")
	assert.EqualValues(t, 0, stats.Tasks["running"])
}

type task struct{ cancelled chan string }

func (c task) Cancel(reason string) { c.cancelled <- reason }

func TestCloseCancelsTasksAndRefusesNewOnes(t *testing.T) {
	e := newEnv(t)
	running, over := task{make(chan string, 1)}, task{make(chan string, 1)}
	require.NoError(t, e.Begin(running))
	require.NoError(t, e.Begin(over))
	e.End(over, env.Done)
	e.End(over, env.Failed) // does nothing
	e.Close()
	assert.NotEmpty(t, <-running.cancelled)
	assert.Empty(t, over.cancelled)
	assert.Equal(t, status.Cancelled, status.CodeOf(e.Begin(over)))
	assert.Equal(t, status.Cancelled, status.CodeOf(e.Check()))
	_, err := e.Factory(e.Config())
	assert.Equal(t, status.Cancelled, status.CodeOf(err))
}

func TestBadPairIsRefused(t *testing.T) {
	_, err := env.New([]config.Pair{{Key: "udfrunner.no.such.key", Value: "1"}}, nil, hostmem.Default())
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	assert.Contains(t, err.Error(), "udfrunner.no.such.key")
}
