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
	mu      sync.Mutex // a late Set must not write to a descriptor number that was given away again
	fd      int
	set     bool
	pollers int  // who polls the descriptor; without any it is not written, which most tasks never need
	written bool // it is readable
}

// NewWake makes one that is not set.
func NewWake() (*Wake, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, status.New(status.IO, "event descriptor: %w", err)
	}
	return &Wake{fd: fd}, nil
}

// FD is the descriptor, for epoll and for others' poll, from now until Close. Wait polls it by itself.
func (w *Wake) FD() int { return w.poll() }

// poll says that the descriptor is polled, until rest.
func (w *Wake) poll() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pollers++
	w.tell()
	return w.fd
}

func (w *Wake) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pollers--
}

// tell makes the descriptor readable where it is to be, for who polls it. The caller holds mu.
func (w *Wake) tell() {
	if w.fd < 0 || !w.set || w.written || w.pollers == 0 {
		return
	}
	w.written = true
	_, _ = ignoringEINTR(func() (int, error) {
		return unix.Write(w.fd, binary.NativeEndian.AppendUint64(nil, 1))
	})
}

// Set makes the descriptor readable.
func (w *Wake) Set() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.set = true
	w.tell()
}

// Clear makes it unreadable.
func (w *Wake) Clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.set = false
	if w.fd < 0 || !w.written {
		return
	}
	w.written = false
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
