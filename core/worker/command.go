package worker

import (
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

// command is the process that runs an interpreter: its path, with its arguments, behind the launcher's words where
// there is one. It leads a group of its own: the terminal's Ctrl-C is the host's to handle.
func command(spec *Spec, words []string) (*exec.Cmd, error) {
	program := words[0]
	if len(spec.Launcher) > 0 {
		words = slices.Concat(spec.Launcher, words)
		var found bool
		if program, found = onPath(spec, words[0]); !found {
			return nil, launcherError(spec, errors.New(words[0]+" was not found on PATH"))
		}
	} else {
		words = slices.Concat([]string{spec.Python}, words[1:])
	}
	return &exec.Cmd{Path: program, Args: words, SysProcAttr: &syscall.SysProcAttr{Setpgid: true}}, nil
}

// startCommand starts a command by start: cmd.Start or a spawner's. Where the system refuses a process group of its own
// it stays in the host's, and a kill reaches it alone.
func startCommand(cmd *exec.Cmd, start func(*exec.Cmd) error) (*exec.Cmd, error) {
	err := start(cmd)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		again := &exec.Cmd{
			Path: cmd.Path, Args: cmd.Args, Env: cmd.Env, Stdin: cmd.Stdin, Stdout: cmd.Stdout, Stderr: cmd.Stderr,
			SysProcAttr: &syscall.SysProcAttr{},
		}
		if start(again) == nil {
			return again, nil
		}
	}
	return cmd, err
}

// killGroup ends a process that was begun and is not waited for yet, and its group.
func killGroup(pid int) {
	if unix.Kill(-pid, unix.SIGKILL) != nil { // it leads none
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// interpreter finds the interpreter on the PATH that the process will have.
func interpreter(spec *Spec) (string, error) {
	path, found := onPath(spec, spec.Python)
	if !found {
		return "", status.New(status.Spawn, "interpreter %q: not found on PATH", spec.Python).
			Because(status.CauseBadInterpreter)
	}
	return path, nil
}

// onPath is where a program is: its name where that is a path.
func onPath(spec *Spec, program string) (string, bool) {
	if strings.ContainsRune(program, '/') {
		return program, true
	}
	for _, variable := range spec.Env {
		path, ok := strings.CutPrefix(variable, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range strings.Split(path, ":") {
			candidate := dir + "/" + program
			if unix.Access(candidate, unix.X_OK) == nil {
				return candidate, true
			}
		}
	}
	return "", false
}

// startError is why an interpreter could not be started; that the system had no process for it is not the interpreter's
// fault.
func startError(spec *Spec, err error) *status.Error {
	if isScarce(err) {
		return status.New(status.Spawn, "process of interpreter %q: %w", spec.Python, err)
	}
	if cause := errors.Unwrap(err); cause != nil {
		err = cause
	}
	if len(spec.Launcher) > 0 {
		return launcherError(spec, err)
	}
	return status.New(status.Spawn, "interpreter %q: %w", spec.Python, err).Because(status.CauseBadInterpreter)
}

func launcherError(spec *Spec, err error) *status.Error {
	return status.New(status.Spawn, "udfrunner.worker.launcher %q: %w", strings.Join(spec.Launcher, " "), err).
		Because(status.CauseBadInterpreter)
}

// launched adds the launcher to what is said of a process that ended early: it may have been the launcher's fault.
func launched(spec *Spec) string {
	if len(spec.Launcher) == 0 {
		return ""
	}
	return " behind udfrunner.worker.launcher " + strconv.Quote(strings.Join(spec.Launcher, " "))
}
