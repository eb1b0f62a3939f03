package runner

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/status"
	"udfrunner/core/worker"
)

// patience is for what takes a moment, on a busy machine too.
const patience = 2 * time.Minute

// kindOfFactory is one way of getting workers of PySpark's own modules.
type kindOfFactory struct {
	name   string
	kind   worker.Kind
	unix   bool
	minors []string
	pairs  []config.Pair
}

var (
	throughDaemon = config.Pair{Key: config.PythonDaemonModule, Value: worker.DefaultDaemonModule}
	withoutDaemon = config.Pair{Key: config.PythonUseDaemon, Value: "false"}
	unixSockets   = config.Pair{Key: config.PythonUnixSockets, Value: "true"}
)

var kindsOfFactories = []kindOfFactory{
	{"daemon TCP", worker.StockDaemon, false, supportedMinors, []config.Pair{throughDaemon}},
	{"daemon Unix", worker.StockDaemon, true, []string{"4.1", "4.2", "4.3"}, []config.Pair{throughDaemon, unixSockets}},
	{"simple TCP", worker.SimpleWorker, false, []string{"4.2"}, []config.Pair{withoutDaemon}},
	{"simple Unix", worker.SimpleWorker, true, []string{"4.2"}, []config.Pair{withoutDaemon, unixSockets}},
}

// env is an env whose workers are made this way, with sockets in a directory whose path is short.
func (k *kindOfFactory) env(t *testing.T, minor string) *env.Env {
	t.Helper()
	pairs := k.pairs
	if k.unix {
		dir, err := os.MkdirTemp("", "")
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		pairs = append(pairs[:len(pairs):len(pairs)], config.Pair{Key: config.PythonUnixSocketDir, Value: dir})
	}
	e := newEnv(t, minor, pairs...)
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	require.Equal(t, k.kind, f.Kind())
	return e
}

// sums runs a task of groups.
func sums(t *testing.T, e *env.Env) {
	t.Helper()
	input := sortedRows(t).Input()
	input.Keys = 1
	it, err := job(t, e, 201, "k long, n long, s long", nil, "functions:sum_pandas").Compute(input, Task{})
	require.NoError(t, err)
	defer it.Close()
	got, err := collect(t, it)
	require.NoError(t, err)
	assert.Equal(t, [][]int64{{1, 2, 3, 4, 5}, {2, 3, 1, 3, 1}, {3, 12, 6, 24, 10}}, got)
}

func TestKindsOfFactories(t *testing.T) {
	for _, kind := range kindsOfFactories {
		for _, minor := range kind.minors {
			t.Run(kind.name+" "+minor, func(t *testing.T) {
				e := kind.env(t, minor)
				for range 2 {
					works(t, e)
					sums(t, e)
				}
				process := job(t, e, 200, "long", onA, "functions:process_id")
				first, second := processOf(t, process), processOf(t, process)
				assert.Equal(t, kind.kind == worker.StockDaemon, first == second, "reuse")
			})
		}
	}
}

func TestTasksAfterAKilledWorker(t *testing.T) {
	for _, kind := range kindsOfFactories {
		t.Run(kind.name, func(t *testing.T) {
			e := kind.env(t, "4.2")
			works(t, e)

			for function, stderr := range map[string]string{"functions:kill_itself": "",
				"functions:exit_three": "about to leave"} {
				it, err := job(t, e, 200, "long", onA, function).Compute(numbers(t).Input(), Task{})
				require.NoError(t, err)
				_, err = collect(t, it)
				it.Close()
				assert.Equal(t, status.WorkerExited, status.CodeOf(err), "%v", err)
				assert.Contains(t, status.From(err).Details["worker.stderr_tail"], stderr)
				works(t, e)
			}

			it := start(t, job(t, e, 200, "long", onA, "functions:sleep_forever"), Task{})
			pid := it.lease.held().PID()
			it.Cancel("enough")
			_, err := it.NextArrow(-1, new(cdata.Array), nil)
			assert.Equal(t, status.Cancelled, status.CodeOf(err))
			it.Close()
			sums(t, e)
			require.Eventually(t, func() bool { return unix.Kill(pid, 0) == unix.ESRCH }, patience, time.Millisecond,
				"the cancelled worker's process")
		})
	}
}

// A host with an event loop calls only when the descriptor says so: also while a worker is being connected.
func TestEventDescriptorWhileAWorkerConnects(t *testing.T) {
	for _, kind := range kindsOfFactories {
		t.Run(kind.name, func(t *testing.T) {
			e := kind.env(t, "4.2")
			it, err := job(t, e, 200, "long", onA, "functions:double").Compute(numbers(t).Input(), Task{})
			require.NoError(t, err)
			defer it.Close()
			fd, err := it.EventFD()
			require.NoError(t, err)
			var got []int64
			for {
				out := new(cdata.Array)
				code, err := it.NextArrow(0, out, nil)
				require.NoError(t, err)
				if code == status.Done {
					break
				}
				if code == status.OK {
					got = append(got, columns(t, out)[0]...)
					continue
				}
				fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // a descriptor
				n, err := unix.Poll(fds, int(patience.Milliseconds()))
				if err == unix.EINTR { //nolint:errorlint // a bare errno
					continue
				}
				require.NoError(t, err)
				require.Equal(t, 1, n, "the descriptor tells of nothing")
			}
			assert.Equal(t, []int64{2, 4, 6, 8, 10}, got)
		})
	}
}

func TestUnixSocketsOfAnOlderPySpark(t *testing.T) {
	kind := kindsOfFactories[1]
	e := kind.env(t, "4.0")
	it, err := job(t, e, 200, "long", onA, "functions:double").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	_, err = collect(t, it)
	assert.Equal(t, status.NotSupported, status.CodeOf(err))
	assert.Contains(t, err.Error(), "4.1 is the first that has")
}
