package runner

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/config"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

func TestStoppedDaemonIsNotWaitedForForEver(t *testing.T) {
	const limit = 10 * time.Second // also of the daemon's start
	e := newEnv(t, "4.2", config.Pair{Key: "spark.python.worker.reuse", Value: "false"},
		config.Pair{Key: config.WorkerStart, Value: limit.String()})
	works(t, e)
	r := job(t, e, 200, "long", onA, "functions:double")
	factory, err := e.Factory(e.Config())
	require.NoError(t, err)
	hosttest.Signal(t, factory.DaemonPID(), unix.SIGSTOP)
	it, err := r.Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	start := time.Now()
	_, err = collect(t, it)
	assert.Less(t, time.Since(start), 2*limit)
	assert.Equal(t, status.Spawn, status.CodeOf(err))
	assert.Contains(t, err.Error(), "forked no worker within")
	works(t, e) // with another daemon
}
