package transport

import (
	"encoding/binary"
	"sync"

	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

// Wake is an event descriptor: set from any thread, readable until cleared. All methods are safe from any
// thread; after Close the others do nothing.
type Wake struct {
	mu  sync.Mutex // a late Set must not write to a descriptor number that was given away again
	fd  int
	set bool
}

// NewWake makes one that is not set.
func NewWake() (*Wake, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, status.New(status.IO, "event descriptor: %w", err)
	}
	return &Wake{fd: fd}, nil
}

// FD is the descriptor, for poll and epoll.
func (w *Wake) FD() int { return w.fd }

// Set makes the descriptor readable.
func (w *Wake) Set() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fd < 0 || w.set {
		return
	}
	w.set = true
	_, _ = ignoringEINTR(func() (int, error) {
		return unix.Write(w.fd, binary.NativeEndian.AppendUint64(nil, 1))
	})
}

// Clear makes it unreadable.
func (w *Wake) Clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fd < 0 || !w.set {
		return
	}
	w.set = false
	var b [8]byte
	_, _ = ignoringEINTR(func() (int, error) { return unix.Read(w.fd, b[:]) })
}

// Close closes the descriptor.
func (w *Wake) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fd >= 0 {
		_ = unix.Close(w.fd)
		w.fd = -1
	}
}
