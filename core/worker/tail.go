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
	t := &tail{ended: make(chan struct{})}
	safego.Go(func() { t.read(r) }, nil)
	return t, w, nil
}

func (t *tail) read(r *os.File) {
	defer close(t.ended)
	defer r.Close()
	buffer := make([]byte, 4<<10)
	for {
		n, err := r.Read(buffer)
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
