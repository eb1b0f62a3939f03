package worker

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/hosttest"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
	"udfrunner/core/transport"
)

// moduleSpec is a factory of PySpark's own modules.
func moduleSpec(t *testing.T, minor string, kind Kind, unixSockets bool) Spec {
	t.Helper()
	dir, err := os.MkdirTemp("", "") // short: paths of sockets are
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return Spec{
		Program: Program{
			Kind: kind, Python: testenv.Python(t, minor),
			Env: append(os.Environ(), "SPARK_REUSE_WORKER=1", "PYTHONHASHSEED=0", "OMP_NUM_THREADS=1",
				secretVariable+"=a host's own"),
			DaemonModule: DefaultDaemonModule, WorkerModule: DefaultWorkerModule, UnixSockets: unixSockets,
			SocketDir:    dir,
			StartTimeout: patience,
		},
		Policy: Policy{IdleTimeout: time.Hour, MaxIdle: 10},
	}
}

// eachKind runs a test with every kind of factory of PySpark's modules.
func eachKind(t *testing.T, minor string, f func(t *testing.T, spec Spec)) {
	t.Helper()
	for _, kind := range []Kind{StockDaemon, SimpleWorker} {
		for _, unixSockets := range []bool{false, true} {
			if unixSockets && (minor == "3.5" || minor == "4.0") {
				continue
			}
			name := map[Kind]string{StockDaemon: "daemon", SimpleWorker: "simple"}[kind] +
				map[bool]string{false: " TCP", true: " Unix"}[unixSockets]
			t.Run(minor+" "+name, func(t *testing.T) { f(t, moduleSpec(t, minor, kind, unixSockets)) })
		}
	}
}

// connect acquires a worker and waits for its channel.
func connect(t *testing.T, f Factory, env map[string]string) *Worker {
	t.Helper()
	w, err := f.Acquire("x", env)
	require.NoError(t, err)
	known := make(chan struct{})
	w.OnReady(func() { close(known) })
	wait(t, known, "a worker's channel")
	ready, err := w.Ready()
	require.NoError(t, err)
	require.True(t, ready)
	return w
}

// recorded is one direction of a task of real Spark.
func recorded(t *testing.T, minor, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "protocol", "recording", "testdata", minor, name))
	require.NoError(t, err)
	return b
}

// answers are the pickled records of an answer up to its very end.
func answers(t *testing.T, dialect *protocol.Dialect, source protocol.Source, wait func()) (records [][]byte) {
	t.Helper()
	reader := protocol.NewReader(dialect, protocol.Pickled, source)
	for {
		event, err := reader.Next()
		if errors.Is(err, transport.ErrWouldBlock) {
			wait()
			continue
		}
		require.NoError(t, err)
		switch event {
		case protocol.Record:
			record := make([]byte, reader.Length())
			for n := 0; n < len(record); {
				got, err := source.Read(record[n:])
				if errors.Is(err, transport.ErrWouldBlock) {
					wait()
					continue
				}
				require.NoError(t, err)
				n += got
			}
			records = append(records, record)
		case protocol.End:
			assert.True(t, reader.Result().Reusable)
			return records
		default:
			require.Fail(t, "unexpected event", "%v %s", event, reader.Exception())
		}
	}
}

// recording is a Source of recorded bytes.
type recording struct{ *bytes.Buffer }

func (r recording) Peek(n int) ([]byte, error) {
	if r.Len() < n {
		return nil, io.ErrUnexpectedEOF
	}
	return r.Bytes()[:n], nil
}

func (r recording) Discard(n int) { r.Next(n) }

// send writes all of it to a worker.
func send(t *testing.T, w *Worker, input []byte) {
	t.Helper()
	writer := transport.NewWriter(w.Channel)
	writer.Queue(input)
	for writer.Pending() > 0 {
		if err := writer.Send(); err != nil {
			require.ErrorIs(t, err, transport.ErrWouldBlock)
			idle(t, w, true)
		}
	}
}

func idle(t *testing.T, w *Worker, forWriting bool) {
	t.Helper()
	wake, err := transport.NewWake()
	require.NoError(t, err)
	defer wake.Close()
	ready, err := transport.Wait(w.Channel, forWriting, wake, patience)
	require.NoError(t, err)
	require.NotEqual(t, transport.Ready{}, ready, "the worker does not answer")
}

// runTask runs a recorded task of Spark's: the answer must be Spark's worker's.
func runTask(t *testing.T, f Factory, w *Worker, minor string) {
	t.Helper()
	dialect, _, err := f.State()
	require.NoError(t, err)
	w.Reader.Restart()
	send(t, w, recorded(t, minor, "udf.in"))
	got := answers(t, dialect, w.Reader, func() { idle(t, w, false) })
	want := answers(t, dialect, recording{bytes.NewBuffer(recorded(t, minor, "udf.out"))}, nil)
	assert.Equal(t, want, got)
}

func TestTwoTasks(t *testing.T) {
	for _, minor := range protocol.Minors() {
		eachKind(t, minor, func(t *testing.T, spec Spec) {
			f := started(t, spec, minor)
			first := connect(t, f, map[string]string{"SPARK_BUFFER_SIZE": "4096"})
			runTask(t, f, first, minor)
			f.Release(first, true)
			if spec.Kind == SimpleWorker {
				end := exit(t, first)
				assert.True(t, end.Known && end.Status == 0, "it ends by itself after its task: %+v", end)
				assert.Positive(t, end.PeakRSS)
			}
			second := connect(t, f, map[string]string{"SPARK_BUFFER_SIZE": "4096"})
			assert.Equal(t, spec.Kind == StockDaemon, first == second, "reuse")
			runTask(t, f, second, minor)
			f.Release(second, false)
			exit(t, second)
			counts := f.Counts()
			assert.Zero(t, counts.Alive+counts.Running+counts.Idle+counts.Killed+counts.Crashed, "%+v", counts)
			if spec.UnixSockets {
				found, err := os.ReadDir(spec.SocketDir)
				require.NoError(t, err)
				require.Len(t, found, 1)
				info, err := found[0].Info()
				require.NoError(t, err)
				assert.Equal(t, os.ModeDir|0o700, info.Mode())
			}
			f.Close()
			wait(t, f.Gone(), "the factory's end")
			found, err := os.ReadDir(spec.SocketDir)
			require.NoError(t, err)
			assert.Empty(t, found, "sockets")
		})
	}
}

func TestWorkersAreCleanProcesses(t *testing.T) {
	// A descriptor that a host forgot to close on exec, with a number that no worker has by itself.
	const high = 300
	leak, err := unix.FcntlInt(os.Stderr.Fd(), unix.F_DUPFD, high)
	require.NoError(t, err)
	defer func() { _ = unix.Close(leak) }()
	for _, kind := range []Kind{StockDaemon, SimpleWorker} {
		f := started(t, moduleSpec(t, "4.2", kind, false), "4.2")
		w := connect(t, f, map[string]string{"A_VARIABLE": "1"})
		links, err := os.ReadDir("/proc/" + strconv.Itoa(w.PID()) + "/fd")
		require.NoError(t, err)
		for _, link := range links {
			assert.NotEqual(t, strconv.Itoa(leak), link.Name())
		}
		environ, err := os.ReadFile("/proc/" + strconv.Itoa(w.PID()) + "/environ")
		require.NoError(t, err)
		variables := bytes.Split(environ, []byte{0})
		assert.Contains(t, variables, []byte("A_VARIABLE=1"))
		assert.NotContains(t, variables, []byte(secretVariable+"=a host's own"))
		f.Kill(w)
		exit(t, w)
	}
}

func TestKillInMidTask(t *testing.T) {
	eachKind(t, "4.2", func(t *testing.T, spec Spec) {
		f := started(t, spec, "4.2")
		w := connect(t, f, nil)
		input := recorded(t, "4.2", "udf.in")
		send(t, w, input[:len(input)/2])
		start := time.Now()
		f.Kill(w)
		exit(t, w)
		assert.Less(t, time.Since(start), time.Second)
		assert.ErrorIs(t, unix.Kill(w.PID(), 0), unix.ESRCH)
		assert.EqualValues(t, 1, f.Counts().Killed)
		assert.Zero(t, f.Counts().Running)
	})
}

func TestKillBeforeTheWorkerIsConnected(t *testing.T) {
	eachKind(t, "4.2", func(t *testing.T, spec Spec) {
		f := started(t, spec, "4.2")
		w, err := f.Acquire("x", nil)
		require.NoError(t, err)
		f.Kill(w)
		exit(t, w)
		ready, err := w.Ready()
		assert.False(t, ready)
		assert.Equal(t, status.Cancelled, status.CodeOf(err))
		w = connect(t, f, nil)
		f.Release(w, false)
		exit(t, w)
	})
}

func TestDeathInMidTask(t *testing.T) {
	eachKind(t, "4.2", func(t *testing.T, spec Spec) {
		f := started(t, spec, "4.2")
		w := connect(t, f, nil)
		told := make(chan struct{})
		w.OnExit(func() { close(told) })
		hosttest.Signal(t, w.PID(), unix.SIGSEGV)
		wait(t, told, "the worker's end")
		err := w.ExitError(false)
		assert.Equal(t, status.WorkerExited, err.Code)
		assert.Equal(t, strconv.Itoa(w.PID()), err.Details["worker.pid"])
		if spec.Kind == SimpleWorker {
			assert.Contains(t, err.Message, "signal 11 (SIGSEGV)")
		} else {
			assert.Contains(t, err.Message, "its status is not known")
		}
		f.Kill(w)
		assert.EqualValues(t, 1, f.Counts().Crashed)
	})
}

func TestStockDaemonsDeathEndsItsWorkers(t *testing.T) {
	f := started(t, moduleSpec(t, "4.2", StockDaemon, false), "4.2")
	w := connect(t, f, nil)
	hosttest.Signal(t, f.DaemonPID(), unix.SIGKILL)
	exit(t, w)
	err := w.ExitError(false)
	assert.Equal(t, status.WorkerExited, err.Code)
	assert.Contains(t, err.Message, "together with its daemon: module pyspark.daemon")
	assert.Contains(t, err.Message, "SIGKILL")
	f.Kill(w)
	again := connect(t, f, nil)
	runTask(t, f, again, "4.2")
	f.Release(again, false)
	exit(t, again)
}

func TestStoppedStockDaemon(t *testing.T) {
	f := started(t, moduleSpec(t, "4.2", StockDaemon, false), "4.2")
	w := connect(t, f, nil)
	daemon := f.DaemonPID()
	hosttest.Signal(t, daemon, unix.SIGSTOP)
	f.Kill(w)
	exit(t, w)                             // the daemon does not hear of it
	limit := &f.(*stock).spec.StartTimeout //nolint:forcetypeassert // the factory at hand
	*limit = 300 * time.Millisecond        // of this worker alone: a daemon that runs takes longer to start
	stuck, err := f.Acquire("x", nil)
	require.NoError(t, err)
	exit(t, stuck)
	*limit = patience
	_, err = stuck.Ready()
	assert.Equal(t, status.Spawn, status.CodeOf(err))
	assert.Contains(t, err.Error(), "forked no worker within 300ms")
	f.Kill(stuck)
	again := connect(t, f, nil)
	assert.NotEqual(t, daemon, f.DaemonPID())
	f.Kill(again)
	exit(t, again)
}

func TestStockDaemonKillsWhatItReads(t *testing.T) {
	for _, unixSockets := range []bool{false, true} {
		f := started(t, moduleSpec(t, "4.2", StockDaemon, unixSockets), "4.2")
		w := connect(t, f, nil)
		f.(*stock).workers[w].kill(w.PID()) //nolint:forcetypeassert // the factory at hand
		exit(t, w)
		f.Kill(w)
		again := connect(t, f, nil)
		runTask(t, f, again, "4.2")
		f.Release(again, false)
		exit(t, again)
	}
}

func TestDaemonsByEnvironment(t *testing.T) {
	f := started(t, moduleSpec(t, "4.2", StockDaemon, true), "4.2")
	a, b, c := connect(t, f, map[string]string{"A": "1"}), connect(t, f, map[string]string{"A": "2"}),
		connect(t, f, map[string]string{"A": "1"})
	parent := func(w *Worker) int {
		pid, ok := parentOf(w.PID())
		require.True(t, ok)
		return pid
	}
	assert.Equal(t, parent(a), parent(c))
	assert.NotEqual(t, parent(a), parent(b))
	s := f.(*stock) //nolint:forcetypeassert // the factory at hand
	daemon := s.workers[b]
	s.endIdle(daemon)
	assert.False(t, daemon.process.hasEnded(), "it has a worker")
	f.Release(b, false)
	exit(t, b)
	require.Eventually(t, func() bool {
		s.daemonsMu.Lock()
		defer s.daemonsMu.Unlock()
		return daemon.workers == 0
	}, patience, time.Millisecond)
	s.endIdle(daemon)
	wait(t, daemon.process.done, "a daemon without workers")
	for _, w := range []*Worker{a, c} {
		f.Kill(w)
		exit(t, w)
	}
}

func TestUnixSocketsNeedPySpark41(t *testing.T) {
	for _, kind := range []Kind{StockDaemon, SimpleWorker} {
		f := begin(t, moduleSpec(t, "4.0", kind, true))
		_, _, err := f.State()
		assert.Equal(t, status.NotSupported, status.CodeOf(err))
		assert.Contains(t, err.Error(), "PySpark 4.0.")
		assert.Contains(t, err.Error(), "4.1 is the first that has")
		_, err = f.Acquire("x", nil)
		assert.Equal(t, status.NotSupported, status.CodeOf(err))
	}
}

func TestProbesAreKept(t *testing.T) {
	spec := moduleSpec(t, "4.2", SimpleWorker, false)
	spec.Probes = &Probes{}
	started(t, spec, "4.2")
	spec.Python, spec.Env = testenv.Python(t, "4.2"), append([]string(nil), spec.Env...)
	known, ok := spec.Probes.get(probeKey(&spec))
	require.True(t, ok)
	assert.Equal(t, "3.11", known.PythonMinor())
	assert.NotEmpty(t, known.PyArrow)
	spec.Probes.put(probeKey(&spec), Info{Python: "3.11.1", PySpark: "4.2.99"})
	_, info, err := begin(t, spec).State()
	require.NoError(t, err)
	assert.Equal(t, "4.2.99", info.PySpark, "not asked again")
}
