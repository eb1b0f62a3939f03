package worker

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// askSignal has Python code of a worker of the embedded daemon write its stacks, stackSignal faulthandler: also of one
// that is in C code, but not of one that may be just entering a function. core/daemon/taskstate.py names them.
const (
	askSignal   = unix.Signal(62)
	stackSignal = unix.Signal(63)
)

// stackFile is the file in memory to which a worker writes the Python stacks of its threads, when asked and at a fatal
// signal.
type stackFile struct{ fd int }

// stackLimit is how much of a stack file is read, from its end.
const stackLimit = 64 << 10

// size is how long the file is, 0 where there is none.
func (f *stackFile) size() int64 {
	var s unix.Stat_t
	if f == nil || unix.Fstat(f.fd, &s) != nil {
		return 0
	}
	return s.Size
}

// text is the file from start on, at most its last stackLimit bytes.
func (f *stackFile) text(start int64) string {
	end := f.size()
	start = max(start, end-stackLimit)
	if end <= start {
		return ""
	}
	b := make([]byte, end-start)
	n, err := unix.Pread(f.fd, b, start)
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(string(b[:n]), "\uFFFD")
}

func (f *stackFile) close() {
	if f != nil {
		_ = unix.Close(f.fd)
	}
}

// handling says whether a thread of a process is in the handler of a signal, which blocks it meanwhile.
func handling(pid int, signal unix.Signal) bool {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task/"
	entries, err := os.ReadDir(tasks)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		text, err := os.ReadFile(tasks + entry.Name() + "/status")
		if err != nil {
			continue
		}
		_, rest, _ := bytes.Cut(text, []byte("SigBlk:\t"))
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		mask, err := strconv.ParseUint(string(line), 16, 64)
		if err == nil && mask&(1<<(signal-1)) != 0 {
			return true
		}
	}
	return false
}
