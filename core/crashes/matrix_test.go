package crashes

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/hosttest"
	"udfrunner/core/runner"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

// group is rows of one way of making workers.
type group struct {
	title    string
	settings []config.Pair
	crashes  []crash
}

var groups = []group{
	{title: "Signals", crashes: signals},
	{title: "Exits", crashes: exits},
	{title: "Exceptions", crashes: exceptions},
	{title: "Descriptors", crashes: descriptors},
	{title: "Processes and threads", crashes: processes},
	{title: "Interpreters and versions", crashes: interpreters},
	{title: "Killed by the library", crashes: kills},
	{title: "pyspark.daemon", settings: []config.Pair{{Key: config.PythonDaemonModule, Value: "pyspark.daemon"}},
		crashes: stockDaemon},
	{title: "A process per task", settings: []config.Pair{{Key: config.PythonUseDaemon, Value: "false"}},
		crashes: simpleWorker},
}

type details = map[string]string

// What is known of a worker whose end was seen.
func seen(more details) details {
	all := details{"worker.pid": "", "worker.peak_rss": ""}
	for key, value := range more {
		all[key] = value
	}
	return all
}

func set(pairs ...config.Pair) func(*scene) []config.Pair {
	return func(*scene) []config.Pair { return pairs }
}

var signals = []crash{
	{what: "SIGSEGV in C code", function: "segfault", code: status.WorkerExited, cause: status.CauseSignal,
		message: "SIGSEGV",
		details: seen(details{"worker.signal": "11", "worker.python_stack": "in segfault"})},
	{what: "SIGABRT of `abort()`", function: "abort", code: status.WorkerExited, cause: status.CauseSignal,
		message: "SIGABRT",
		details: seen(details{"worker.signal": "6", "worker.python_stack": "in abort"})},
	{what: "SIGBUS of a mapped file that became shorter", function: "bus_error", code: status.WorkerExited,
		cause: status.CauseSignal, message: "SIGBUS",
		details: seen(details{"worker.signal": "7", "worker.python_stack": "in bus_error"})},
	{what: "SIGFPE", function: "division_by_zero", code: status.WorkerExited, cause: status.CauseSignal,
		message: "SIGFPE",
		details: seen(details{"worker.signal": "8", "worker.python_stack": "in division_by_zero"})},
	{what: "Overflow of the C stack", function: "overflow_c_stack", code: status.WorkerExited,
		cause: status.CauseSignal, message: "SIGSEGV",
		details: seen(details{"worker.signal": "11", "worker.python_stack": "in down"})},
	{what: "SIGKILL", function: "kill", code: status.WorkerExited, cause: status.CauseSignal, message: "SIGKILL",
		details: seen(details{"worker.signal": "9"})},
	{what: "SIGKILL in the second batch", function: "killed_in_the_second_batch", code: status.WorkerExited,
		cause: status.CauseSignal, message: "SIGKILL",
		details: seen(details{"worker.signal": "9"})},
	{what: "SIGTERM", function: "terminate", code: status.WorkerExited, cause: status.CauseSignal, message: "SIGTERM",
		details: seen(details{"worker.signal": "15"})},
	{what: "SIGKILL by somebody else", function: "wait",
		begun: func(s *scene) { hosttest.Signal(s.t, s.pid, unix.SIGKILL) },
		code:  status.WorkerExited, cause: status.CauseSignal, message: "SIGKILL",
		details: seen(details{"worker.signal": "9"})},
	{what: "More CPU time than RLIMIT_CPU", function: "overflow_cpu_limit", code: status.WorkerExited,
		cause: status.CauseSignal, message: "SIGXCPU",
		details: seen(details{"worker.signal": "24"})},
}

var exits = []crash{
	{what: "`os._exit(3)`", function: "exit_three", code: status.WorkerExited, cause: status.CauseExit,
		message: "status 3",
		details: seen(details{"worker.exit_status": "3", "worker.stderr_tail": "about to leave"})},
	{what: "`os._exit(0)`", function: "exit_well", code: status.WorkerExited, cause: status.CauseExit,
		message: "status 0",
		details: seen(details{"worker.exit_status": "0"})},
	{what: "`exec` of another program", function: "become_another_program", code: status.WorkerExited,
		cause: status.CauseExit, message: "status 9",
		details: seen(details{"worker.exit_status": "9"})},
	{what: "Exit, while a process that left the worker's group holds the channel",
		function: "exit_with_an_orphan_on_the_channel",
		code:     status.WorkerExited, cause: status.CauseExit, message: "status 4",
		details: seen(details{"worker.exit_status": "4"})},
	{what: "Exit, while the daemon is too busy to report it", function: "exit_while_the_daemon_is_stopped",
		begun: func(s *scene) {
			daemon := s.daemon()
			time.AfterFunc(reported, func() { _ = unix.Kill(daemon, unix.SIGCONT) })
		}, code: status.WorkerExited, cause: status.CauseExit, message: "status 3",
		details: seen(details{"worker.exit_status": "3"})},
}

// reported is how late a report comes that is late: later than a worker may live on that has closed its channel.
const reported = 400 * time.Millisecond

var exceptions = []crash{
	{what: "An exception", function: "fail", code: status.PythonException, cause: status.CauseException,
		message: "ValueError: a deliberate error",
		details: details{"python.traceback": "in fail", "worker.pid": ""}},
	{what: "An exception whose text is no UTF-8", function: "fail_unspeakably", code: status.PythonException,
		cause:   status.CauseException,
		message: "cannot be encoded", details: details{"worker.stderr_tail": "half a pair", "worker.pid": ""}},
	{what: "`sys.exit(5)`", function: "raise_system_exit", code: status.PythonException, cause: status.CauseException,
		message: "SystemExit: 5",
		details: details{"python.traceback": "in raise_system_exit", "worker.pid": ""}},
	{what: "SIGINT: KeyboardInterrupt", function: "raise_keyboard_interrupt", code: status.PythonException,
		cause: status.CauseException, message: "KeyboardInterrupt",
		details: details{"python.traceback": "in raise_keyboard_interrupt", "worker.pid": ""}},
	{what: "RecursionError", function: "recurse", code: status.PythonException, cause: status.CauseException,
		message: "RecursionError",
		details: details{"python.traceback": "in recurse", "worker.pid": ""}},
	{what: "MemoryError of an impossible size", function: "allocate_too_much", code: status.PythonException,
		cause: status.CauseOutOfMemory, message: "MemoryError",
		details: details{"python.traceback": "in allocate_too_much", "worker.pid": ""}},
	{what: "MemoryError of NumPy", function: "allocate_by_numpy", code: status.PythonException,
		cause: status.CauseOutOfMemory, message: "MemoryError",
		details: details{"python.traceback": "in allocate_by_numpy", "worker.pid": ""}},
	{what: "More memory than `spark.executor.pyspark.memory`", function: "allocate_beyond_the_limit",
		settings: set(config.Pair{Key: config.PySparkMemory, Value: "4g"}),
		code:     status.PythonException, cause: status.CauseOutOfMemory, message: "MemoryError",
		details: details{"python.traceback": "in allocate_beyond_the_limit", "worker.pid": ""}},
	{what: "A pickle larger than `spark.executor.pyspark.memory`", pickle: largePickle(),
		settings: set(config.Pair{Key: config.PySparkMemory, Value: "64m"}),
		code:     status.PythonException, cause: status.CauseOutOfMemory, message: "MemoryError",
		details: details{"python.traceback": "", "worker.pid": ""}},
	{what: "A module that is missing, imported by the function", function: "import_nothing",
		code: status.PythonException, cause: status.CauseMissingModule,
		message: "no_such_module", details: details{"python.traceback": "in import_nothing", "worker.pid": ""}},
	{what: "A module that is missing, named by a pickle", pickle: []byte("\x80\x02cno_such_module\nf\nN\x86."),
		code: status.PythonException, cause: status.CauseMissingModule,
		message: "no_such_module", details: details{"python.traceback": "", "worker.pid": ""}},
	{what: "A pickle that names what its module does not have", pickle: []byte("\x80\x02cos\nno_such_function\nN\x86."),
		code: status.PythonException, cause: status.CauseUnpickle,
		message: "no_such_function", details: details{"python.traceback": "", "worker.pid": ""}},
	{what: "A reference to what its module does not have", function: "no_such_function", code: status.PythonException,
		cause:   status.CauseUnpickle,
		message: "no_such_function", details: details{"python.traceback": "", "worker.pid": ""}},
	{what: "A pickle that is cut off", pickle: []byte("\x80\x04\x8d\x00\x00\x00\x00\x00\x00\x01\x00abc."),
		code: status.PythonException, cause: status.CauseUnpickle,
		message: "", details: details{"python.traceback": "loads", "worker.pid": ""}},
	{what: "A pickle of garbage", pickle: []byte("\x80\x04\xff\xfe\xfd garbage."), code: status.PythonException,
		cause:   status.CauseUnpickle,
		message: "UnpicklingError", details: details{"python.traceback": "loads", "worker.pid": ""}},
	{what: "A pickle that lies: no function", pickle: []byte("\x80\x04K\x05N\x86."), code: status.PythonException,
		cause:   status.CauseException,
		message: "TypeError", details: details{"python.traceback": "", "worker.pid": ""}},
	{what: "No space for PySpark's spill", function: "fill_the_disk", code: status.PythonException,
		cause:   status.CauseException,
		message: "No space left on device", details: details{"python.traceback": "in fill_the_disk", "worker.pid": ""}},
	{what: "A file larger than RLIMIT_FSIZE", function: "overflow_file_limit", code: status.PythonException,
		cause:   status.CauseException,
		message: "File too large", details: details{"python.traceback": "in overflow_file_limit", "worker.pid": ""}},
}

var descriptors = []crash{
	{what: "The function closes all descriptors and goes on", function: "close_descriptors_and_stay",
		code: status.WorkerExited, cause: status.CauseChannelClosed,
		message: "closed its channel", details: seen(nil)},
	{what: "The function closes stdin, stdout and stderr", function: "close_standard_streams"},
	{what: "Garbage on the channel", function: "write_garbage_to_the_channel", code: status.Protocol,
		cause: status.CauseProtocol, message: "2139062143",
		details: details{"worker.pid": ""}},
	{what: "A length of 2 GiB on the channel", function: "write_a_huge_length_to_the_channel", code: status.Protocol,
		cause:   status.CauseProtocol,
		message: "2147483647", details: details{"worker.pid": ""}},
	{what: "8 MiB of garbage on stdout and stderr", function: "write_garbage_to_stdout"},
}

var processes = []crash{
	outgrow,
	{what: "Fifty children, and exit", function: "fork_many", begun: func(*scene) {}, code: status.WorkerExited,
		cause:   status.CauseExit,
		message: "status 7", details: seen(details{"worker.exit_status": "7"})},
	{what: "A fork bomb, up to RLIMIT_NPROC", function: "fork_until_refused", code: status.PythonException,
		cause:   status.CauseException,
		message: "temporarily unavailable", details: details{"python.traceback": "in fork_until_refused",
			"worker.pid": ""}},
	{what: "A child is left behind", function: "leave_a_child"},
	{what: "Threads are left behind", function: "leave_threads"},
	{what: "The working directory is changed", function: "change_directory"},
	{what: "The working directory is removed", function: "remove_the_directory"},
	{what: "Signals, environment, timers and streams are changed", function: "change_the_process"},
	{what: "The worker is killed while it is idle", before: func(s *scene) {
		s.works(s.t)
		for _, pid := range childrenOf(s.t, s.daemon()) {
			hosttest.Signal(s.t, pid, unix.SIGKILL)
			require.Eventually(s.t, func() bool { return unix.Kill(pid, 0) == unix.ESRCH }, patience, time.Millisecond)
		}
	}},
	{what: "The daemon is killed by the function", function: "kill_the_daemon", begun: func(*scene) {},
		code: status.WorkerExited, cause: status.CauseDaemonEnded,
		message: "SIGKILL", details: details{"worker.pid": ""}},
	{what: "The daemon is killed in mid-task", function: "wait", begun: killDaemon, code: status.WorkerExited,
		cause:   status.CauseDaemonEnded,
		message: "SIGKILL", details: details{"worker.pid": ""}},
	{what: "The daemon is stopped", own: []config.Pair{{Key: config.WorkerStart, Value: "10s"},
		{Key: config.PythonWorkerReuse, Value: "false"}}, before: func(s *scene) {
		s.works(s.t)
		hosttest.Signal(s.t, s.daemon(), unix.SIGSTOP)
	}, code: status.Spawn, cause: status.CauseStartTimeout, message: "forked no worker within 10s"},
}

// killDaemon kills the daemon of the task's worker.
func killDaemon(s *scene) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	require.NoError(s.t, err)
	_, parent, found := strings.Cut(string(text), "\nPPid:")
	require.True(s.t, found)
	parent, _, _ = strings.Cut(parent, "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(parent))
	require.NoError(s.t, err)
	require.Greater(s.t, pid, 1)
	hosttest.Signal(s.t, pid, unix.SIGKILL)
}

// childrenOf are the processes that a process forked: a daemon's are its workers.
func childrenOf(t *testing.T, pid int) (children []int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	require.NoError(t, err)
	for _, field := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(field)
		require.NoError(t, err)
		children = append(children, child)
	}
	require.NotEmpty(t, children)
	return children
}

// interpreter is the setting of an interpreter that a test makes in a directory.
func interpreter(write func(t *testing.T, dir string) string, more ...config.Pair) func(*scene) []config.Pair {
	return func(s *scene) []config.Pair {
		return append([]config.Pair{{Key: config.PythonExecutable, Value: write(s.t, s.t.TempDir())}}, more...)
	}
}

// script is a program of a text.
func script(text string) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string {
		path := filepath.Join(dir, "python")
		require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(text, "@PYTHON@", testenv.Python(t, "4.2"))),
			0o755))
		return path
	}
}

// pySpark is an interpreter that finds a package in place of PySpark, which says its version and has nothing else.
func pySpark(version string) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "pyspark"), 0o755))
		for _, name := range []string{"__init__.py", "version.py"} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "pyspark", name),
				[]byte("__version__ = '"+version+"'\n"), 0o600))
		}
		return script("#!/bin/sh\nPYTHONPATH="+dir+" exec @PYTHON@ -S \"$@\"\n")(t, dir)
	}
}

// inTheWay is an interpreter that finds a module of PySpark's name first.
func inTheWay(t *testing.T, dir string) string {
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pyspark.py"), nil, 0o600))
	return script("#!/bin/sh\nPYTHONPATH="+dir+" exec @PYTHON@ \"$@\"\n")(t, dir)
}

func named(name string) func(*testing.T, string) string {
	return func(*testing.T, string) string { return name }
}

var interpreters = []crash{
	{what: "An interpreter that is not there", settings: interpreter(named("/no/such/python")), code: status.Spawn,
		cause: status.CauseBadInterpreter, message: "no such file"},
	{what: "An interpreter that is not on PATH", settings: interpreter(named("no-such-python")), code: status.Spawn,
		cause: status.CauseBadInterpreter, message: "not found on PATH"},
	{what: "A program that is no Python", settings: interpreter(named("/bin/ls")), code: status.Spawn,
		cause: status.CauseBadInterpreter, message: "/bin/ls"},
	{what: "A file that is not a program", settings: interpreter(script("text")), code: status.Spawn,
		cause: status.CauseBadInterpreter, message: "exec format"},
	{what: "A Python without PySpark", settings: interpreter(script("#!/bin/sh\nexec @PYTHON@ -S \"$@\"\n")),
		code: status.Spawn, cause: status.CauseBadInterpreter,
		message: "PySpark", details: details{"python.traceback": ""}},
	{what: "A module of the host's in the place of PySpark", settings: interpreter(inTheWay),
		code: status.Spawn, cause: status.CauseBadInterpreter,
		message: "pyspark.py in place of PySpark: rename it", details: details{"python.traceback": ""}},
	{what: "A PySpark that cannot be imported", settings: interpreter(pySpark("4.2.0")), code: status.Spawn,
		cause:   status.CauseBadInterpreter,
		message: "pyspark.worker", details: details{"python.traceback": ""}},
	{what: "An interpreter that is silent", settings: interpreter(script("#!/bin/sh\nexec sleep 1000\n"),
		config.Pair{Key: config.WorkerStart, Value: "300ms"}),
		code: status.Spawn, cause: status.CauseStartTimeout, message: "udfrunner.worker.startTimeout"},
	{what: "An interpreter that is deleted, and its daemon killed", own: []config.Pair{}, before: deleteInterpreter,
		code: status.Spawn, cause: status.CauseBadInterpreter,
		message: "no such file"},
	{what: "A PySpark that is too old", settings: interpreter(pySpark("3.4.1")), code: status.Spawn,
		cause: status.CauseVersionMismatch, message: "3.4.1",
		details: details{"python.traceback": ""}},
	{what: "Functions of another Python", settings: set(config.Pair{Key: config.PythonVersion, Value: "3.7"}),
		code:  status.PythonException,
		cause: status.CauseVersionMismatch, message: "3.7", details: details{"python.traceback": "", "worker.pid": ""}},
}

var kills = []crash{
	{what: "Cancelled", function: "wait", begun: func(s *scene) { s.it.Cancel("enough of it") }, code: status.Cancelled,
		cause:   status.CauseCancelled,
		message: "enough of it", details: details{"worker.pid": ""}},
	{what: "Cancelled, stuck in C code with all signals blocked", function: "hang_in_c",
		begun: func(s *scene) { s.it.Cancel("") }, code: status.Cancelled,
		cause: status.CauseCancelled, details: details{"worker.pid": ""}},
	{what: "The env is closed", own: []config.Pair{}, function: "wait", begun: func(s *scene) {
		s.e.Close()
		s.e = newScene(s.t).e // for the next task
	}, code: status.Cancelled, cause: status.CauseCancelled, message: "env was destroyed",
		details: details{"worker.pid": ""}},
	{what: "A deadline", function: "wait", task: runner.Task{DeadlineMS: 1500}, begun: func(*scene) {},
		code: status.Deadline, cause: status.CauseDeadline,
		message: "1500 ms", details: details{"worker.pid": "", "worker.python_stack": "in wait"}},
	{what: "A deadline, the worker being stopped (SIGSTOP)", function: "stop", task: runner.Task{DeadlineMS: 1500},
		begun: func(*scene) {}, code: status.Deadline,
		cause: status.CauseDeadline, message: "1500 ms", details: details{"worker.pid": ""}},
	{what: "More private memory than `udfrunner.worker.memory.limit`", function: "take_memory",
		settings: set(config.Pair{Key: config.WorkerMemoryLimit, Value: "300m"}),
		begun:    func(*scene) {}, code: status.NoMemory, cause: status.CauseMemoryLimit,
		message: config.WorkerMemoryLimit,
		details: details{"worker.pid": "", "worker.python_stack": "in take_memory"}},
	{what: "No output for longer than `spark.python.worker.idleTimeoutSeconds`", function: "wait",
		begun: func(*scene) {},
		settings: set(config.Pair{Key: config.PythonIdleTimeout, Value: "1s"}, config.Pair{Key: config.PythonKillOnIdle,
			Value: "true"}),
		code: status.WorkerExited, cause: status.CauseIdleTimeout, message: "no data from worker",
		details: details{"worker.pid": "", "worker.python_stack": "in wait"}},
	{what: "The host's input fails",
		input: func(s *hosttest.Stream) { s.Step = func(i int) unix.Errno { return []unix.Errno{0, unix.EIO}[i] } },
		code:  status.Host, cause: status.CauseHost, message: "no batch today", details: details{"worker.pid": ""}},
	{what: "The host's input has a wrong structure",
		input: func(s *hosttest.Stream) { s.Mangle = func(_ int, a *cdata.Array) { a.Length = -1 } },
		code:  status.Host, cause: status.CauseHost, message: "length"},
}
