package worker

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/hosttest"
	"udfrunner/core/testenv"
)

// asHost is set in a process that this file's tests start to be a host: "kind unixSockets what".
const asHost = "UDFRUNNER_TEST_HOST"

// unresponsive is a worker module that connects and then reads nothing.
const unresponsive = `
import time
from pyspark.worker_util import get_sock_file_to_executor
with get_sock_file_to_executor() as sock_file:
    time.sleep(1000)
`

// TestAsHost does nothing but in such a process.
func TestAsHost(t *testing.T) {
	role := os.Getenv(asHost)
	if role == "" {
		return
	}
	var kind Kind
	var unixSockets bool
	var what string
	_, err := fmt.Sscan(role, &kind, &unixSockets, &what)
	require.NoError(t, err)
	spec := moduleSpec(t, "4.2", kind, unixSockets)
	if what == "killed" && kind == SimpleWorker {
		pythonPath(t, &spec, "unresponsive", unresponsive)
		spec.WorkerModule = "unresponsive"
	}
	if what == "ignoring" {
		signal.Ignore(unix.SIGCHLD) //nolint:forbidigo // this process is the host
	}
	wake, end, err := os.Pipe() // has the runtime make its poller's descriptors, which stay
	require.NoError(t, err)
	defer func() { _ = wake.Close() }()
	defer func() { _ = end.Close() }()
	f := begin(t, spec)
	w := connect(t, f, nil)
	fmt.Println("pids", w.PID(), f.DaemonPID())
	if what == "killed" {
		time.Sleep(time.Hour) // until it is
	}
	hosttest.Signal(t, w.PID(), unix.SIGSEGV)
	exit(t, w)
	fmt.Println("error", w.ExitError(false))
	f.Kill(w)
}

// host starts a process that is a host, and returns its worker's and daemon's ids and the rest of its output.
func host(t *testing.T, kind Kind, unixSockets bool, what string) (*exec.Cmd, []int, *bufio.Reader) {
	t.Helper()
	arguments := append(testenv.CoverageArguments(), "-test.run=^TestAsHost$")
	cmd := exec.Command(os.Args[0], arguments...) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), fmt.Sprint(asHost, "=", int(kind), " ", unixSockets, " ", what))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	output := bufio.NewReader(stdout)
	for {
		line, err := output.ReadString('\n')
		require.NoError(t, err)
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "pids" {
			var pids []int
			for _, field := range fields[1:] {
				pid, err := strconv.Atoi(field)
				require.NoError(t, err)
				if pid > 0 {
					pids = append(pids, pid)
				}
			}
			return cmd, pids, output
		}
	}
}

func eachKindOfProcess(t *testing.T, f func(t *testing.T, kind Kind, unixSockets bool)) {
	t.Helper()
	for _, kind := range []Kind{StockDaemon, SimpleWorker} {
		for _, unixSockets := range []bool{false, true} {
			t.Run(fmt.Sprint(kind, " ", unixSockets), func(t *testing.T) { f(t, kind, unixSockets) })
		}
	}
}

func TestAKilledHostLeavesNoProcess(t *testing.T) {
	eachKindOfProcess(t, func(t *testing.T, kind Kind, unixSockets bool) {
		cmd, pids, _ := host(t, kind, unixSockets, "killed")
		var held []*pidfd
		for _, pid := range pids {
			p, err := openPidfd(pid)
			require.NoError(t, err)
			defer p.close()
			held = append(held, p)
		}
		require.NoError(t, cmd.Process.Kill())
		start := time.Now()
		for _, p := range held {
			assert.True(t, p.wait())
		}
		assert.Less(t, time.Since(start), time.Second)
	})
}

func TestAHostThatIgnoresItsChildren(t *testing.T) {
	eachKindOfProcess(t, func(t *testing.T, kind Kind, unixSockets bool) {
		cmd, _, output := host(t, kind, unixSockets, "ignoring")
		line, err := output.ReadString('\n')
		require.NoError(t, err)
		assert.Contains(t, line, "its status is not known")
		rest, _ := io.ReadAll(output)
		assert.NoError(t, cmd.Wait(), "%s", rest)
	})
}

func TestManyAtOnce(t *testing.T) {
	eachKindOfProcess(t, func(t *testing.T, kind Kind, unixSockets bool) {
		f := started(t, moduleSpec(t, "4.2", kind, unixSockets), "4.2")
		var group sync.WaitGroup
		const hosts = 6
		for i := range hosts {
			w, err := f.Acquire("x", nil)
			require.NoError(t, err)
			ended := make(chan struct{})
			w.OnExit(func() { close(ended) })
			group.Add(1)
			go func() {
				defer group.Done()
				time.Sleep(time.Duration(i) * 40 * time.Millisecond) // kills at any moment of a start
				w.Kill()
				<-ended
				f.Kill(w)
			}()
		}
		group.Wait()
		counts := f.Counts()
		assert.Zero(t, counts.Alive+counts.Running+counts.Crashed)
		assert.EqualValues(t, hosts, counts.Killed)
	})
}
