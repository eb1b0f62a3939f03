package worker

import (
	"bytes"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// pidfd is a process held by a descriptor: its end is an event, and its id cannot become another's meanwhile.
type pidfd struct {
	file *os.File
	raw  syscall.RawConn
}

// openPidfd fails where there is no such process or the kernel has no pidfds.
func openPidfd(pid int) (*pidfd, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // for the runtime's poller
		_ = unix.Close(fd)
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "process "+strconv.Itoa(pid))
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &pidfd{file, raw}, nil
}

// wait waits for the end of the process. False is that nothing can be said: the kernel cannot wait for it this way.
func (p *pidfd) wait() bool {
	ended := false
	_ = p.raw.Read(func(fd uintptr) bool {
		for {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0) //nolint:gosec // a descriptor
			if err == unix.EINTR {
				continue
			}
			ended = n == 1
			return ended || err != nil
		}
	})
	return ended
}

// duplicate is a descriptor of the same process for the caller to close, -1 where there is none.
func (p *pidfd) duplicate() int {
	copied := -1
	_ = p.raw.Control(func(fd uintptr) {
		if n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			copied = n
		}
	})
	return copied
}

func (p *pidfd) close() { _ = p.file.Close() }

// pidOf is the id of the process that a pidfd holds, in the PID namespace of the host, -1 where it is not known.
func pidOf(pidfd int) int {
	text, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(pidfd))
	if err != nil {
		return -1
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("Pid:")); ok {
			if pid, err := strconv.Atoi(string(bytes.TrimSpace(value))); err == nil && pid > 0 {
				return pid
			}
		}
	}
	return -1
}

// maxAncestors bounds the way from a worker up to its daemon.
const maxAncestors = 16

// descendsFrom says whether pid is a living process that ancestor or one of its children started.
func descendsFrom(pid, ancestor int) bool {
	for range maxAncestors {
		parent, ok := parentOf(pid)
		if !ok || parent <= 1 {
			return false
		}
		if parent == ancestor {
			return true
		}
		pid = parent
	}
	return false
}

func parentOf(pid int) (int, bool) {
	fields := statOf(pid)
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return parent, err == nil
}

// stateOf is a process's state as ps shows it, such as T for one that a signal has stopped; 0 of no process.
func stateOf(pid int) byte {
	fields := statOf(pid)
	if len(fields) == 0 {
		return 0
	}
	return fields[0][0]
}

// startOf is when a process began, by the kernel's clock; "" of no process.
func startOf(pid int) string {
	const startField = 19
	fields := statOf(pid)
	if len(fields) <= startField {
		return ""
	}
	return string(fields[startField])
}

// statOf are the fields of /proc/<pid>/stat from the state on: pid (name) state parent ...
func statOf(pid int) [][]byte {
	text, err := readProc(pid, "stat")
	if err != nil {
		return nil
	}
	return bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // the name may hold anything
}

// exiting says whether the kernel is taking a process apart, PF_EXITING in linux/sched.h.
func exiting(pid int) bool {
	const flagsField, flag = 6, 0x4
	fields := statOf(pid)
	if len(fields) <= flagsField {
		return false
	}
	flags, err := strconv.ParseUint(string(fields[flagsField]), 10, 64)
	return err == nil && flags&flag != 0
}
