package runner

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

// asHost is set in a process that tests start to be a host with less than others have: it names the test.
const asHost = "UDFRUNNER_TEST_HOST"

// host runs the test of a name, from hosts, in a process of its own. before is what starts it: a command to which the
// program and its arguments are added.
func host(t *testing.T, name string, attributes *syscall.SysProcAttr, before ...string) {
	t.Helper()
	command := append(before, os.Args[0], "-test.run=^TestAsHost$", "-test.v")
	command = append(command, testenv.CoverageArguments()...)
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), asHost+"="+name)
	cmd.SysProcAttr = attributes
	output, err := cmd.CombinedOutput()
	if testing.CoverMode() == "" { // else it may have no file for its report of coverage
		require.NoError(t, err, "%s", output)
	}
	require.Contains(t, string(output), "--- PASS: TestAsHost", "it ran")
}

// hosts are run in processes of their own.
var hosts = map[string]func(*testing.T){
	"no working directory": withoutDirectory,
	"no memfd, ENOSYS":     func(t *testing.T) { withoutMemfd(t, unix.ENOSYS) },
	"no memfd, EPERM":      func(t *testing.T) { withoutMemfd(t, unix.EPERM) },
	"no files at all":      withoutFiles,
	"no groups, EPERM":     func(t *testing.T) { withoutGroups(t, unix.EPERM) },
	"no groups, ENOSYS":    func(t *testing.T) { withoutGroups(t, unix.ENOSYS) },
	"no timers":            withoutTimers,
	"no prctl":             behind(insideASandbox, denied(unix.SYS_PRCTL, unix.EPERM)),
	"Docker's profile":     behind(insideASandbox, dockers()...),
	"old Docker":           behind(insideASandbox, noClone3, sinceLinux51(unix.EPERM)),
	"old kernel":           behind(insideASandbox, noClone3, sinceLinux51(unix.ENOSYS)),
	"no pidfds":            behind(withoutPidfds, noClone3, sinceLinux51(unix.ENOSYS)),
	"no /proc":             withoutProc,
	"few descriptors":      withFewDescriptors,
	"few processes":        withFewProcesses,
}

// TestAsHost does nothing but in such a process.
func TestAsHost(t *testing.T) {
	if name := os.Getenv(asHost); name != "" {
		hosts[name](t)
	}
}

func TestDegradedHosts(t *testing.T) {
	for _, name := range []string{
		"no working directory", "no memfd, ENOSYS", "no memfd, EPERM", "no files at all",
		"no groups, EPERM", "no groups, ENOSYS", "no timers", "no prctl", "no pidfds",
		"Docker's profile", "old Docker", "old kernel",
	} {
		t.Run(name, func(t *testing.T) { host(t, name, nil) })
	}
}

func TestHostWithoutProc(t *testing.T) {
	before := []string{"unshare", "--mount", "sh", "-c", `umount -l /proc && exec "$@"`, "sh"}
	//nolint:gosec // a constant
	if output, err := exec.Command(before[0], append(before[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("no mount namespace without /proc: %v %s", err, output)
	}
	host(t, "no /proc", nil, before...)
}

// eachFactory runs tasks through each kind of factory, in an env that is made before prepare is called.
func eachFactory(t *testing.T, prepare func(*testing.T)) {
	t.Helper()
	for name, pairs := range map[string][]config.Pair{"embedded": nil, "stock": {throughDaemon},
		"simple": {withoutDaemon}} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, "4.2", pairs...)
			prepare(t)
			works(t, e)
			works(t, e)
		})
	}
}

func withoutDirectory(t *testing.T) {
	before, err := os.Getwd()
	require.NoError(t, err)
	eachFactory(t, func(t *testing.T) {
		t.Helper()
		dir, err := os.MkdirTemp("", "")
		require.NoError(t, err)
		require.NoError(t, os.Chdir(dir))
		require.NoError(t, os.Remove(dir))
		t.Cleanup(func() { require.NoError(t, os.Chdir(before)) })
	})
}

// deny has a system call of this process and of all that it starts fail.
func deny(t *testing.T, call uint32, errno unix.Errno) {
	t.Helper()
	filter(t, denied(call, errno))
}

// denied are the instructions that have a system call fail.
func denied(call uint32, errno unix.Errno) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)}, //nolint:gosec // small
	}
}

// filter has the kernel ask instructions about each system call of this process and of all that it starts.
func filter(t *testing.T, instructions ...[]unix.SockFilter) {
	t.Helper()
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}}
	for _, some := range instructions {
		program = append(program, some...)
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]} //nolint:gosec // few
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	require.NoError(t, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	_, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&fprog)))
	require.Zero(t, failed)
	runtime.KeepAlive(program)
}

// behind runs a test in a program that was started behind a filter: what looks at its start for what the kernel has
// finds it so.
func behind(f func(*testing.T), instructions ...[]unix.SockFilter) func(*testing.T) {
	const filtered = "UDFRUNNER_TEST_FILTERED=1"
	return func(t *testing.T) {
		t.Helper()
		if slices.Contains(os.Environ(), filtered) {
			f(t)
			return
		}
		filter(t, instructions...)
		require.NoError(t, unix.Exec(os.Args[0], os.Args, append(os.Environ(), filtered)))
	}
}

// noClone3 is what a sandbox has to answer that does not know the call, or glibc makes no thread.
var noClone3 = denied(unix.SYS_CLONE3, unix.ENOSYS)

// sinceLinux51 has all system calls fail that the kernel has got since 5.1, those of pidfds among them: those that old
// sandboxes and kernels do not know.
func sinceLinux51(errno unix.Errno) []unix.SockFilter {
	instructions := denied(unix.SYS_PIDFD_SEND_SIGNAL, errno) // the first of them
	instructions[0].Code = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	return instructions
}

// dockers are the system calls that Docker's default profile refuses a container without capabilities, as far as any
// of the processes could want them.
func dockers() (instructions [][]unix.SockFilter) {
	for _, call := range []uint32{
		unix.SYS_BPF, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT,
		unix.SYS_CHROOT, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KCMP, unix.SYS_PTRACE,
		unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_PIDFD_GETFD,
		unix.SYS_SYSLOG, unix.SYS_QUOTACTL, unix.SYS_MBIND, unix.SYS_SET_MEMPOLICY, unix.SYS_MOVE_PAGES,
		unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME,
	} {
		instructions = append(instructions, denied(call, unix.EPERM))
	}
	return append(instructions, noClone3)
}

func insideASandbox(t *testing.T) {
	eachFactory(t, func(*testing.T) {})
	e := newEnv(t, "4.2")
	killsWorkers(t, e)
	crashing, err := job(t, e, 200, "long", onA, "functions:segfault").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer crashing.Close()
	_, err = collect(t, crashing)
	require.Equal(t, status.CauseSignal, status.CauseOf(err))
	works(t, e)
}

// withoutPidfds has a daemon killed whose worker asked not to end with it: the host cannot kill it without a pidfd, and
// says no more than it knows.
func withoutPidfds(t *testing.T) {
	_, err := unix.PidfdOpen(os.Getpid(), 0)
	require.ErrorIs(t, err, unix.ENOSYS)
	e := newEnv(t, "4.2")
	it := start(t, job(t, e, 200, "long", onA, "functions:outlive_the_daemon"), Task{})
	defer it.Close()
	var worker int
	var started []int
	require.Eventually(t, func() bool {
		if worker = it.lease.held().PID(); worker > 0 {
			started = children(t, worker)
		}
		return len(started) == 1
	}, patience, time.Millisecond)
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	require.NoError(t, unix.Kill(f.DaemonPID(), unix.SIGKILL))
	_, err = collect(t, it)
	assert.Equal(t, status.CauseDaemonEnded, status.CauseOf(err))
	assert.ErrorContains(t, err, fmt.Sprintf("worker %d", worker))
	assert.ErrorContains(t, err, "was not seen to end and may live on")
	e.Close()
	assert.False(t, e.Wait(10*time.Millisecond), "a worker lives")
	require.NoError(t, unix.Kill(worker, unix.SIGKILL))
	require.NoError(t, unix.Kill(started[0], unix.SIGKILL))
	assert.True(t, e.Wait(patience))
}

func withoutMemfd(t *testing.T, errno unix.Errno) {
	deny(t, unix.SYS_MEMFD_CREATE, errno)
	_, err := unix.MemfdCreate("x", 0)
	require.ErrorIs(t, err, errno)
	e := newEnv(t, "4.2")
	works(t, e)
	it := start(t, job(t, e, 200, "long", onA, "functions:sleep_forever"), Task{})
	defer it.Close()
	require.Eventually(t, func() bool {
		stack, code, err := it.Stack(patience)
		require.NoError(t, err)
		require.Equal(t, status.OK, code)
		return strings.Contains(stack, "sleep_forever") // it may be on its way there
	}, patience, time.Millisecond, "its stack, in a file that is not in memory")
}

func withoutFiles(t *testing.T) {
	e := newEnv(t, "4.2")
	deny(t, unix.SYS_MEMFD_CREATE, unix.ENOSYS)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{})) // as on a full disk
	works(t, e)
	it := start(t, job(t, e, 200, "long", onA, "functions:sleep_forever"), Task{})
	defer it.Close()
	require.Eventually(t, func() bool { return it.lease.held().PID() > 0 }, patience, time.Millisecond)
	_, _, err := it.Stack(patience)
	assert.Equal(t, status.NotSupported, status.CodeOf(err))
	assert.ErrorContains(t, err, "no file for its stacks (stack file: ")
	crashing, err := job(t, e, 200, "long", onA, "functions:segfault").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer crashing.Close()
	_, err = collect(t, crashing)
	require.Equal(t, status.WorkerExited, status.CodeOf(err))
	assert.Contains(t, status.From(err).Details["worker.python_stack"], "in segfault", "it went to stderr")
}

// withoutGroups is a host where no process may lead a group of its own, as some sandboxes have it.
func withoutGroups(t *testing.T, errno unix.Errno) {
	deny(t, unix.SYS_SETPGID, errno)
	require.ErrorIs(t, unix.Setpgid(0, 0), errno)
	for name, pairs := range map[string][]config.Pair{"embedded": nil, "simple": {withoutDaemon}} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, "4.2", pairs...)
			works(t, e)
			works(t, e)
			killsWorkers(t, e)
			works(t, e)
		})
	}
}

func withoutTimers(t *testing.T) {
	deny(t, unix.SYS_SETITIMER, unix.EPERM)
	e := newEnv(t, "4.2")
	works(t, e)
	works(t, e)
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	counts := f.Counts()
	assert.EqualValues(t, 1, counts.Reused, "the task before left the worker well")
	assert.Zero(t, counts.Crashed)
}

func withoutProc(t *testing.T) {
	_, err := os.ReadDir("/proc/self")
	require.ErrorIs(t, err, os.ErrNotExist)
	eachFactory(t, func(*testing.T) {})
	e := newEnv(t, "4.2")
	works(t, e)
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	_, info, err := f.State()
	require.NoError(t, err)
	assert.True(t, info.Zygote, "the kernel is asked whether there is one thread: %v", info.Notes)
	assert.Equal(t, 1, info.Threads)
}

// idleWorkers leaves an env with idle workers.
func idleWorkers(t *testing.T, e *env.Env, n int) {
	t.Helper()
	r := job(t, e, 200, "long", onA, "functions:double")
	var iterators []*Iterator
	for range n {
		it, err := r.Compute(numbers(t).Input(), Task{})
		require.NoError(t, err)
		iterators = append(iterators, it)
	}
	for _, it := range iterators {
		_, err := collect(t, it)
		require.NoError(t, err)
		it.Close()
	}
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	require.EqualValues(t, n, f.Counts().Idle)
}

func TestIdleWorkersAreGivenUpForDescriptors(t *testing.T) { host(t, "few descriptors", nil) }

func withFewDescriptors(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e)
	idleWorkers(t, e, 9)
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	few := uint64(len(entries) + 2) // a daemon needs more
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: few, Max: few}))
	r := job(t, newEnv(t, "4.2", config.Pair{Key: "spark.executorEnv.ANOTHER", Value: "1"}), 200, "long", onA,
		"functions:double")
	var iterators []*Iterator
	defer func() {
		for _, it := range iterators {
			it.Close()
		}
	}()
	first, err := r.Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	iterators = append(iterators, first)
	got, err := collect(t, first)
	require.NoError(t, err, "a task of another env, with another daemon")
	assert.Equal(t, [][]int64{{2, 4, 6, 8, 10}}, got)
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	assert.Zero(t, f.Counts().Idle)

	for err == nil { // until there is nothing more to give up
		var it *Iterator
		input := numbers(t)
		if it, err = job(t, e, 200, "long", onA, "functions:sleep_forever").Compute(input.Input(), Task{}); err != nil {
			input.Discard()
			break
		}
		iterators = append(iterators, it)
		require.Less(t, uint64(len(iterators)), few)
		err = it.lease.early
	}
	assert.Equal(t, status.Spawn, status.CodeOf(err))
	assert.Equal(t, status.CauseNoProcess, status.CauseOf(err))
	assert.ErrorContains(t, err, fmt.Sprintf("too many open files (RLIMIT_NOFILE is %d)", few))
}

func TestIdleWorkersAreGivenUpForProcesses(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs a user id without other processes")
	}
	const readAll = 2 // CAP_DAC_READ_SEARCH: what the tests need may belong to root
	host(t, "few processes", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321},
		AmbientCaps: []uintptr{readAll}},
		"env") // the capability is there from the first program on
}

// threads counts those of a process.
func threads(t *testing.T, pid int) uint64 {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	require.NoError(t, err)
	return uint64(len(entries))
}

// children are the child processes of a process with one thread.
func children(t *testing.T, pid int) []int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	require.NoError(t, err)
	var pids []int
	for _, field := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(field)
		require.NoError(t, err)
		pids = append(pids, child)
	}
	return pids
}

func withFewProcesses(t *testing.T) {
	e := newEnv(t, "4.2", config.Pair{Key: "spark.executorEnv.HOME", Value: "/"})
	works(t, e)
	idleWorkers(t, e, 3)
	f, err := e.Factory(e.Config())
	require.NoError(t, err)
	// A user that has as many processes as its daemon may have.
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NPROC, &limit))
	processes := threads(t, os.Getpid()) + threads(t, f.DaemonPID())
	for _, pid := range children(t, f.DaemonPID()) {
		processes += threads(t, pid)
	}
	require.NoError(t, unix.Prlimit(f.DaemonPID(), unix.RLIMIT_NPROC, &unix.Rlimit{Cur: processes, Max: limit.Max},
		nil))
	r, err := New(e, 200, [][]Function{{{Reference: "functions:double", ReturnType: "long"}}}, [][]Argument{onA},
		Options{Includes: []string{testModules(t) + "/functions.py"}})
	require.NoError(t, err)
	other, err := r.Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer other.Close()
	_, err = collect(t, other)
	require.NoError(t, err, "a task that needs a worker of another key")
	assert.EqualValues(t, 1, f.Counts().Idle, "its own")

	require.NoError(t, unix.Prlimit(f.DaemonPID(), unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 1, Max: limit.Max}, nil))
	failing, err := job(t, e, 200, "long", onA, "functions:double").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer failing.Close()
	_, err = collect(t, failing)
	assert.Equal(t, status.Spawn, status.CodeOf(err))
	assert.Equal(t, status.CauseNoProcess, status.CauseOf(err))
	assert.ErrorContains(t, err,
		"fork: Resource temporarily unavailable (RLIMIT_NPROC is 1, pids.max of the control group bounds processes "+
			"too)")
}
