package worker

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

// stackSignal has a worker of the embedded daemon write its Python stacks; core/daemon/taskstate.py names it.
const stackSignal = unix.Signal(63)

// stackFile is the file in memory to which a worker writes the Python stacks of its threads, when asked and at a fatal signal.
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

// stackPoll is how often it is looked whether a worker has written its stacks: nothing tells of it.
const stackPoll = 500 * time.Microsecond

// Stack is the Python stacks of the worker's threads now, as faulthandler writes them: also while the worker is stuck in C code. It
// waits at most d, without limit if d is negative; status.TimedOut says that the worker did not answer in time, as it
// does while it is stopped or being made. Workers of stock daemons have no such answer: NOT_SUPPORTED.
func (w *Worker) Stack(d time.Duration) (string, status.Code, error) {
	if w.factory.spec.Kind != Embedded {
		return "", 0, status.New(status.NotSupported, "Python stack of a running worker (%s factory): only workers of the embedded daemon give it", w.factory.spec.Kind)
	}
	var expired <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case w.asking <- struct{}{}: // one at a time
		defer func() { <-w.asking }()
	case <-w.reported:
		return "", 0, w.ExitError(false)
	case <-expired:
		return "", status.TimedOut, nil
	}
	poll := time.NewTicker(stackPoll)
	defer poll.Stop()
	asked, before := false, int64(0)
	for {
		w.mu.Lock()
		file, pid, ended, lack := w.stacks, w.pid, w.hasExited(), w.noStacks
		if !asked && file != nil {
			asked, before = true, file.size()
			w.mu.Unlock()
			w.ask(stackSignal)
			w.mu.Lock()
		}
		if asked && !ended && file.size() > before && !handling(pid, stackSignal) {
			text := file.text(before)
			w.mu.Unlock()
			return text, status.OK, nil
		}
		w.mu.Unlock()
		if lack != "" && !ended {
			return "", 0, status.New(status.NotSupported, "Python stack of worker %d: it has no file for its stacks (%s)", pid, lack)
		}
		select {
		case <-w.reported:
			return "", 0, w.ExitError(false)
		case <-expired:
			return "", status.TimedOut, nil
		case <-poll.C:
		}
	}
}

// ask sends a signal to the process itself, by the daemon where it is not held.
func (w *Worker) ask(signal unix.Signal) {
	if w.held() {
		w.signal(signal)
		return
	}
	if e, ok := w.factory.maker.(*embedded); ok {
		e.askStack(w)
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
