package worker

import (
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/logsink"
	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// tailSize is how much of a process's output is kept for its error.
const tailSize = 16 << 10

// tail reads a log pipe to its end, so that a chatty process never blocks, hands the lines on, and keeps the last
// bytes.
type tail struct {
	pipe  *os.File
	lines *logsink.Stream // under mu, but for SetPID and SetTask
	raw   syscall.RawConn
	ended chan struct{}

	mu    sync.Mutex
	kept  []byte
	total int64 // bytes that were read
}

// newTail makes a pipe that is read; the returned file is the writer's end, which the caller closes once it was handed
// over.
func newTail(sink *logsink.Sink, name string) (*tail, *os.File, error) {
	t, w, err := newPipe(sink, name)
	if err == nil {
		t.start()
	}
	return t, w, err
}

// newPipe makes a pipe that is not read before start; without start the caller closes t.pipe.
func newPipe(sink *logsink.Sink, name string) (*tail, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, status.New(status.IO, "log pipe of a worker: %w", err)
	}
	raw, err := r.SyscallConn()
	if err != nil {
		_ = r.Close()
		_ = w.Close()
		return nil, nil, status.New(status.IO, "log pipe of a worker: %w", err)
	}
	return &tail{pipe: r, lines: logsink.NewStream(sink, name), raw: raw, ended: make(chan struct{})}, w, nil
}

func (t *tail) start() { safego.Go(t.read, nil) }

// pipeGrace is how long the pipe of a process that has ended is read on: descendants may hold it for ever.
const pipeGrace = 500 * time.Millisecond

// finish ends the reading soon; the process has ended.
func (t *tail) finish() {
	if t != nil {
		_ = t.pipe.SetReadDeadline(time.Now().Add(pipeGrace))
	}
}

// cut ends the reading at once.
func (t *tail) cut() {
	if t != nil {
		_ = t.pipe.SetReadDeadline(time.Unix(1, 0))
	}
}

func (t *tail) read() {
	defer close(t.ended)
	defer func() { _ = t.pipe.Close() }()
	for end := false; !end; {
		err := t.raw.Read(func(fd uintptr) bool {
			empty := false
			for !empty && !end {
				empty, end = t.drain(int(fd))
			}
			return end
		})
		end = end || err != nil
	}
	t.flush()
}

// flush makes a line of what came after the last line's end.
func (t *tail) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines.Flush()
}

// pipeSize is more than a pipe holds.
const pipeSize = 128 << 10

// drain keeps what the pipe holds now, and says whether that was all or even its end.
func (t *tail) drain(fd int) (empty, end bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var buffer [4 << 10]byte
	for total := 0; total < pipeSize; {
		n, err := unix.Read(fd, buffer[:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return true, false
		case err != nil || n == 0:
			return true, true
		}
		total += n
		t.total += int64(n)
		t.lines.Write(buffer[:n])
		t.kept = append(t.kept, buffer[:n]...)
		if over := len(t.kept) - tailSize; over > 0 {
			t.kept = append(t.kept[:0], t.kept[over:]...)
		}
	}
	return false, false
}

func (t *tail) setPID(pid int) {
	if t != nil {
		t.lines.SetPID(pid)
	}
}

// drainNow takes what was written before the call.
func (t *tail) drainNow() {
	_ = t.raw.Control(func(fd uintptr) { t.drain(int(fd)) })
}

// onEnd calls f at the pipe's end, but after d at the latest; immediately where it has ended or there is none.
func (t *tail) onEnd(d time.Duration, f func()) {
	if t == nil {
		f()
		return
	}
	select {
	case <-t.ended:
		f()
		return
	default:
	}
	safego.Go(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-t.ended:
		case <-timer.C:
		}
		f()
	}, nil)
}

// mark is a place in what is written: what was read so far is before it.
func (t *tail) mark() int64 {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// text is what was kept, after waiting at most d for the pipe's end. All that was written before the call is in it.
func (t *tail) text(d time.Duration) string {
	if t != nil && d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-t.ended:
		case <-timer.C:
		}
	}
	return t.textSince(0)
}

// textSince is what was kept of what came after a mark. All that was written before the call is in it.
func (t *tail) textSince(mark int64) string {
	if t == nil {
		return ""
	}
	t.drainNow()
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.kept[max(0, int64(len(t.kept))-(t.total-mark)):]
	return strings.ToValidUTF8(string(kept), "\uFFFD")
}

// lastLineShown is how many bytes of a dead process's last line its error shows.
const lastLineShown = 200

// afterLastLine is the last line of what a process wrote, as the end of an error's message: ": line", or "".
func afterLastLine(text string) string {
	last := strings.TrimSpace(text)
	if i := strings.LastIndexByte(last, '\n'); i >= 0 {
		last = last[i+1:]
	}
	if last == "" {
		return ""
	}
	return ": " + clip(last, lastLineShown)
}

// clip cuts a text to at most n bytes, between characters.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}
