package worker

import (
	"os"
	"strings"
	"sync"
	"time"

	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// tailSize is how much of a worker's output is kept for its error.
const tailSize = 16 << 10

// tail reads a log pipe to its end, so that a chatty process never blocks, and keeps the last bytes.
type tail struct {
	pipe  *os.File
	mu    sync.Mutex
	kept  []byte
	ended chan struct{}
}

// newTail makes a pipe; the returned file is the writer's end, which the caller closes once it was handed over.
func newTail() (*tail, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, status.New(status.IO, "log pipe of a worker: %w", err)
	}
	t := &tail{pipe: r, ended: make(chan struct{})}
	safego.Go(t.read, nil)
	return t, w, nil
}

// lastWords is how long the pipe of a process that has ended is read on: descendants may hold it for ever.
const lastWords = 500 * time.Millisecond

// finish ends the reading soon; the process has ended.
func (t *tail) finish() { _ = t.pipe.SetReadDeadline(time.Now().Add(lastWords)) }

func (t *tail) read() {
	defer close(t.ended)
	defer t.pipe.Close()
	buffer := make([]byte, 4<<10)
	for {
		n, err := t.pipe.Read(buffer)
		t.mu.Lock()
		t.kept = append(t.kept, buffer[:n]...)
		if over := len(t.kept) - tailSize; over > 0 {
			t.kept = append(t.kept[:0], t.kept[over:]...)
		}
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// text is what was kept, after waiting at most d for the pipe's end.
func (t *tail) text(d time.Duration) string {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.ended:
	case <-timer.C:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.kept), "\uFFFD")
}
