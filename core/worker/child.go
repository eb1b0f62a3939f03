package worker

import (
	_ "embed"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// launch is run by the interpreter in front of a module.
//
//go:embed launch.py
var launch string

// child is a process that the library started, which leads a group of its own, and is waited for.
type child struct {
	pid  int
	logs logs
	dead chan struct{} // closed when it has ended
	done chan struct{} // closed when it was waited for as well, and what it left of its group was killed
	exit Exit          // from then on

	mu     sync.Mutex
	reaped bool
}

// stdio are the child's ends of its standard streams. They are closed by startModule.
type stdio struct{ in, out, err *os.File }

func (s *stdio) close() {
	for _, f := range []*os.File{s.in, s.out, s.err} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// startModule runs `python -m` with module and arguments. start starts the process: cmd.Start or a spawner's.
func startModule(spec *Spec, env []string, files stdio, start func(*exec.Cmd) error, module ...string) (*child, error) {
	defer files.close()
	path, err := interpreter(spec)
	if err != nil {
		return nil, err
	}
	cmd, err := command(spec, append([]string{path, "-I", "-S", "-c", launch, path, "-m"}, module...))
	if err != nil {
		return nil, err
	}
	cmd.Env, cmd.Stdout, cmd.Stderr = env, files.out, files.err
	if files.in != nil { // else /dev/null
		cmd.Stdin = files.in
	}
	if cmd, err = startCommand(cmd, start); err != nil {
		return nil, startError(spec, err)
	}
	p := &child{pid: cmd.Process.Pid, dead: make(chan struct{}), done: make(chan struct{})}
	safego.Go(func() { p.wait(cmd) }, nil)
	return p, nil
}

// wait waits for the end. What is left of the group is killed while the dead leader still holds its id.
func (p *child) wait(cmd *exec.Cmd) {
	defer close(p.done)
	seen := false
	if pidfd, err := openPidfd(p.pid); err == nil {
		seen = pidfd.wait()
		pidfd.close()
	}
	if seen {
		close(p.dead)
		p.kill()
	}
	release(cmd, cmd.Wait())
	if !seen {
		close(p.dead)
	}
	p.mu.Lock()
	p.reaped = true
	p.mu.Unlock()
	p.exit = exitOf(cmd.ProcessState)
}

// kill ends the process and its group at once, unless it was waited for: the id may be another's then.
func (p *child) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		killGroup(p.pid)
	}
}

// hasEnded says whether the process has ended.
func (p *child) hasEnded() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// environment is a process's: of variables of one name the last counts. What connects a process to a factory is never
// taken over from the host, which may itself be a PySpark worker.
func environment(variables []string, env map[string]string, own ...string) []string {
	var all []string
	for _, v := range variables {
		name, _, _ := strings.Cut(v, "=")
		if _, ok := env[name]; !ok && !slices.Contains(factoryVariables, name) {
			all = append(all, v)
		}
	}
	for name, value := range env {
		all = append(all, name+"="+value)
	}
	return append(all, own...)
}

// Variables that PythonWorkerFactory sets on daemons and workers.
const (
	secretVariable      = "PYTHON_WORKER_FACTORY_SECRET"
	portVariable        = "PYTHON_WORKER_FACTORY_PORT"
	unixVariable        = "PYTHON_UNIX_DOMAIN_ENABLED"
	socketDirVariable   = "PYTHON_WORKER_FACTORY_SOCK_DIR"
	socketPathVariable  = "PYTHON_WORKER_FACTORY_SOCK_PATH"
	preferIPv6Variable  = "SPARK_PREFER_IPV6"
	unixVariableEnabled = unixVariable + "=True"
)

var factoryVariables = []string{secretVariable, portVariable, unixVariable, socketDirVariable, socketPathVariable}

// prefersIPv6 says whether PySpark uses the loopback address of IPv6.
func prefersIPv6(env []string) bool {
	value := ""
	for _, v := range env {
		if text, ok := strings.CutPrefix(v, preferIPv6Variable+"="); ok {
			value = text
		}
	}
	return strings.EqualFold(value, "true")
}

// spawner starts processes from one thread of its own and has the kernel kill them when that ends, with the host or by
// close: PDEATHSIG follows the thread, and a host's threads come and go.
type spawner struct{ requests chan spawnRequest }

type spawnRequest struct {
	cmd    *exec.Cmd
	answer chan error
}

func newSpawner() *spawner {
	s := &spawner{make(chan spawnRequest)}
	safego.Go(func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		for r := range s.requests {
			r.answer <- r.cmd.Start()
		}
	}, nil)
	return s
}

// start starts a process; not after close.
func (s *spawner) start(cmd *exec.Cmd) error {
	// A sandbox that refuses prctl would refuse the process.
	if _, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err == nil {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	answer := make(chan error)
	s.requests <- spawnRequest{cmd, answer}
	return <-answer
}

func (s *spawner) close() { close(s.requests) }

// endedEarly is the error of a module whose process ended before it did what is told.
func endedEarly(spec *Spec, p *child, cause status.Cause, module, before string) *status.Error {
	stderr := p.logs.stderr.text(tailReport)
	return status.New(status.Spawn, "module %s (%s)%s %s before it %s%s",
		module, spec.Python, launched(spec), p.exit.statusText(), before, afterLastLine(stderr)).
		With("worker.stderr_tail", stderr).Because(cause)
}
