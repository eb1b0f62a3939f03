package runner

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

// launcher is the setting of a launcher that this system can run, behind which cat can read what the tests need.
func launcher(t *testing.T, command string) config.Pair {
	t.Helper()
	words := append(strings.Fields(command), "cat", testModules(t)+"/functions.py")
	if output, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil { //nolint:gosec // of the tests
		t.Skipf("%s: %v %s", command, err, output)
	}
	return config.Pair{Key: config.WorkerLauncher, Value: command}
}

// alone are the values of a one-column task of pandas functions.
func alone(t *testing.T, e *env.Env, reference string, values ...int64) []int64 {
	t.Helper()
	r := job(t, e, 200, "long", onA, reference)
	var got [][]int64
	var m metrics
	for range 2 { // a daemon's word of a new worker may come after the worker's own
		stream := hosttest.NewStream(t, []hosttest.Column{{Name: "a", Values: values}})
		it, err := r.Compute(stream.Input(), Task{})
		require.NoError(t, err)
		got, err = collect(t, it)
		require.NoError(t, err)
		m = it.metrics
		it.Close()
	}
	assert.Positive(t, m.WorkerPID)
	assert.Positive(t, m.PeakRSS)
	return got[0]
}

// nobody has workers run as another user, as which they can still import what belongs to root alone.
const nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs " +
	"--inh-caps=+dac_read_search --ambient-caps=+dac_read_search"

func TestWorkersOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, which may become another user")
	}
	for name, pairs := range map[string][]config.Pair{"embedded": nil, "stock": {throughDaemon},
		"simple": {withoutDaemon}} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, "4.2", append(pairs, launcher(t, nobody))...)
			assert.Equal(t, []int64{65534}, alone(t, e, "sandboxed:user", 1))
			killsWorkers(t, e)
		})
	}
}

// killsWorkers has a task cancelled, and its worker dead with it.
func killsWorkers(t *testing.T, e *env.Env) {
	t.Helper()
	it := start(t, job(t, e, 200, "long", onA, "functions:sleep_forever"), Task{})
	defer it.Close()
	w := it.lease.held()
	require.Eventually(t, func() bool { return w.PID() > 0 }, patience, time.Millisecond)
	require.NoError(t, unix.Kill(w.PID(), 0))
	it.Cancel("enough")
	code, _ := it.NextArrow(-1, new(cdata.Array), nil)
	assert.Equal(t, status.Cancelled, code)
	require.Eventually(t, w.Exited, patience, time.Millisecond)
	assert.ErrorIs(t, unix.Kill(w.PID(), 0), unix.ESRCH)
}

func TestWorkersWithoutNetwork(t *testing.T) {
	e := newEnv(t, "4.2", launcher(t, "unshare --net"))
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = server.Close() }()
	port := int64(server.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // of TCP
	t.Run("without the launcher", func(t *testing.T) {
		assert.Equal(t, []int64{1}, alone(t, newEnv(t, "4.2"), "sandboxed:reaches", port))
	})
	assert.Equal(t, []int64{0}, alone(t, e, "sandboxed:reaches", port))
	killsWorkers(t, e)
}

func TestWorkersInASandbox(t *testing.T) {
	t.Run("without the launcher", func(t *testing.T) {
		e := newEnv(t, "4.2")
		t.Chdir(t.TempDir())
		assert.Equal(t, []int64{1}, alone(t, e, "sandboxed:writes", 1))
	})
	e := newEnv(t, "4.2", launcher(t, "bwrap --ro-bind / / --dev /dev --proc /proc --unshare-net --unshare-pid"))
	t.Chdir(t.TempDir())
	assert.Equal(t, []int64{0}, alone(t, e, "sandboxed:writes", 1))
	inItsNamespace(t, e)
}

// A launcher may go on as the parent of what it starts, in another PID namespace.
func TestWorkersInAPIDNamespace(t *testing.T) {
	inItsNamespace(t, newEnv(t, "4.2", launcher(t, "unshare --pid --fork --kill-child")))
}

// Of a PID namespace nothing outlives the daemon, whatever functions do.
func TestNothingInAPIDNamespaceOutlivesItsDaemon(t *testing.T) {
	e := newEnv(t, "4.2", launcher(t, "unshare --pid --fork --kill-child"))
	it := start(t, job(t, e, 200, "long", onA, "functions:outlive_in_a_session"), Task{})
	defer it.Close()
	var pids []int
	require.Eventually(t, func() bool {
		worker := it.lease.held().PID()
		if worker > 0 {
			pids = append([]int{worker}, children(t, worker)...)
		}
		return len(pids) == 2
	}, patience, time.Millisecond)
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	hosttest.Signal(t, f.DaemonPID(), unix.SIGKILL)
	killed := time.Now()
	for _, pid := range pids {
		require.Eventually(t, func() bool { return unix.Kill(pid, 0) != nil }, patience, time.Millisecond,
			"process %d of %v lives", pid, pids)
	}
	assert.Less(t, time.Since(killed), time.Second+promptly)
	_, err = collect(t, it)
	assert.Equal(t, status.CauseDaemonEnded, status.CauseOf(err))
}

func inItsNamespace(t *testing.T, e *env.Env) {
	t.Helper()
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	pid := alone(t, e, "sandboxed:process", 1)[0]
	assert.Less(t, pid, int64(1000), "of a namespace that has just begun")
	killsWorkers(t, e)

	daemon := f.DaemonPID()
	name, err := os.ReadFile("/proc/" + strconv.Itoa(daemon) + "/cmdline")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(name), "/"), "the interpreter's: %q", name)
	hosttest.Signal(t, daemon, unix.SIGSTOP) // it has to be killed
	e.Close()
	select {
	case <-f.Gone():
	case <-time.After(patience):
		require.Fail(t, "the daemon lives")
	}
	require.Eventually(t, func() bool { return unix.Kill(daemon, 0) == unix.ESRCH }, patience, time.Millisecond)
}

func TestLaunchersThatDoNotWork(t *testing.T) {
	for name, pairs := range map[string][]config.Pair{"embedded": nil, "stock": {throughDaemon},
		"simple": {withoutDaemon}} {
		for command, message := range map[string]string{
			"no-such-launcher --x": `udfrunner.worker.launcher "no-such-launcher --x": ` +
				`no-such-launcher was not found on PATH`,
			"/no/such/launcher": `udfrunner.worker.launcher "/no/such/launcher": no such file or directory`,
			"sh -c 'echo not today >&2; exit 3' sh": ` behind udfrunner.worker.launcher ` +
				`"sh -c echo not today >&2; exit 3 sh" ended with status 3 before it could start a worker: not today`,
		} {
			t.Run(name+" "+command, func(t *testing.T) {
				e := newEnv(t, "4.2", append(pairs, config.Pair{Key: config.WorkerLauncher, Value: command})...)
				it, err := job(t, e, 200, "long", onA, "functions:double").Compute(numbers(t).Input(), Task{})
				require.NoError(t, err)
				defer it.Close()
				_, err = collect(t, it)
				assert.Equal(t, status.Spawn, status.CodeOf(err))
				assert.Equal(t, status.CauseBadInterpreter, status.CauseOf(err))
				assert.ErrorContains(t, err, message)
				assert.NotContains(t, err.Error(), "\n")
			})
		}
	}
}
