package crashes

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/config"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

// module is the setting of a module that a test writes, to be run in place of PySpark's. It is where the env's are: the
// interpreter and its environment are those that the env has asked for their versions, within no row's start timeout.
func module(key, text string, more ...config.Pair) func(*scene) []config.Pair {
	return func(s *scene) []config.Pair {
		file, err := os.CreateTemp(s.dir, "module*.py")
		require.NoError(s.t, err)
		defer func() { _ = file.Close() }()
		_, err = file.WriteString(text)
		require.NoError(s.t, err)
		name := strings.TrimSuffix(filepath.Base(file.Name()), ".py")
		return append([]config.Pair{{Key: key, Value: name}}, more...)
	}
}

// Daemons of PySpark do not tell how their workers end, and their stderr is their workers' too.
var stockDaemon = []crash{
	{what: "SIGSEGV in C code", function: "segfault", code: status.WorkerExited, cause: status.CauseUnknown,
		message: "does not report",
		details: details{"worker.pid": "", "worker.python_stack": "in segfault"}},
	{what: "`os._exit(3)`", function: "exit_three", code: status.WorkerExited, cause: status.CauseUnknown,
		message: "does not report",
		details: details{"worker.pid": "", "worker.stderr_tail": "about to leave"}},
	{what: "An exception", function: "fail", code: status.PythonException, cause: status.CauseException,
		message: "ValueError: a deliberate error",
		details: details{"python.traceback": "in fail", "worker.pid": ""}},
	{what: "More memory than `spark.executor.pyspark.memory`", function: "allocate_beyond_the_limit",
		settings: set(config.Pair{Key: config.PySparkMemory, Value: "4g"}),
		code:     status.PythonException, cause: status.CauseOutOfMemory, message: "MemoryError",
		details: details{"python.traceback": "in allocate_beyond_the_limit", "worker.pid": ""}},
	outgrow,
	{what: "The daemon is killed in mid-task", function: "wait", begun: killDaemon, code: status.WorkerExited,
		cause: status.CauseDaemonEnded, message: "SIGKILL",
		details: details{"worker.pid": ""}},
	{what: "Cancelled, stuck in C code with all signals blocked", function: "hang_in_c",
		begun: func(s *scene) { s.it.Cancel("") }, code: status.Cancelled,
		cause: status.CauseCancelled, details: details{"worker.pid": ""}},
	{what: "A daemon module that prints", settings: module(config.PythonDaemonModule,
		"print('hello')\nimport runpy\nrunpy.run_module('pyspark.daemon')\n"),
		code: status.Spawn, cause: status.CauseProtocol, message: "hello"},
	{what: "A daemon module that is missing",
		settings: set(config.Pair{Key: config.PythonDaemonModule, Value: "no_such_module"}), code: status.Spawn,
		cause: status.CauseBadInterpreter, message: "no_such_module",
		details: details{"worker.stderr_tail": "No module named no_such_module"}},
	{what: "A daemon that cannot fork", settings: module(config.PythonDaemonModule, forksNothing), code: status.Spawn,
		cause:   status.CauseNoProcess,
		message: "cannot allocate memory"},
	{what: "A daemon that is silent", settings: module(config.PythonDaemonModule, "import time\ntime.sleep(1000)\n",
		config.Pair{Key: config.WorkerStart, Value: "1s"}),
		code: status.Spawn, cause: status.CauseStartTimeout, message: "no port within 1s"},
}

// forksNothing is a daemon that answers a connection as PySpark's does where fork fails: with the error's number.
const forksNothing = `
import os, socket, struct
with socket.create_server(("127.0.0.1", 0)) as server:
    os.write(1, struct.pack("!i", server.getsockname()[1]))
    connection, _ = server.accept()
    connection.sendall(struct.pack("!i", -12))
    connection.close()
    os.read(0, 1)
`

var simpleWorker = []crash{
	{what: "SIGSEGV in C code", function: "segfault", code: status.WorkerExited, cause: status.CauseSignal,
		message: "SIGSEGV",
		details: seen(details{"worker.signal": "11", "worker.python_stack": "in segfault"})},
	{what: "`os._exit(3)`", function: "exit_three", code: status.WorkerExited, cause: status.CauseExit,
		message: "status 3",
		details: seen(details{"worker.exit_status": "3", "worker.stderr_tail": "about to leave"})},
	{what: "Fifty children, and exit", function: "fork_many", begun: func(*scene) {}, code: status.WorkerExited,
		cause: status.CauseExit, message: "status 7",
		details: seen(details{"worker.exit_status": "7"})},
	{what: "A worker module that ends at once", settings: module(config.PythonWorkerModule, "raise SystemExit(6)\n"),
		code:  status.Spawn,
		cause: status.CauseBadInterpreter, message: "status 6 before it connected"},
	{what: "A worker module that does not connect", settings: module(config.PythonWorkerModule,
		"import time\ntime.sleep(1000)\n",
		config.Pair{Key: config.WorkerStart, Value: "1s"}), code: status.Spawn, cause: status.CauseStartTimeout,
		message: "did not connect within 1s"},
}

// largePickle is of a string of 128 MiB, in place of a function.
func largePickle() []byte {
	const size = 128 << 20
	text := make([]byte, 0, size+16)
	text = append(text, "\x80\x04B\x00\x00\x00\x08"...) // BINBYTES of 128 MiB
	text = append(text, make([]byte, size)...)
	return append(text, "N\x86."...)
}

// deleteInterpreter has the env's own interpreter be a link that is removed while its daemon runs, and is there again
// after the task.
func deleteInterpreter(s *scene) {
	dir := s.t.TempDir()
	link := filepath.Join(dir, "python")
	place := func() {
		require.NoError(s.t, os.WriteFile(link, []byte("#!/bin/sh\nexec "+testenv.Python(s.t, "4.2")+" \"$@\"\n"),
			0o755))
	}
	place()
	*s = *newScene(s.t, config.Pair{Key: config.PythonExecutable, Value: link})
	s.works(s.t)
	require.NoError(s.t, os.Remove(link))
	f, err := s.e.Factory(s.e.Config())
	require.NoError(s.t, err)
	hosttest.Signal(s.t, f.DaemonPID(), unix.SIGKILL)
	<-f.Gone()
	s.mend = place
}
