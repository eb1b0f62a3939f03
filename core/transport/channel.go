// Package transport moves bytes between the library and one worker over a channel, of which stream sockets are the kind
// at hand. Nothing here waits but Wait: a channel does what is possible at once, so that one thread serves both
// directions and no size of input or output can block the other.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package transport

import "errors"

// ErrWouldBlock says that nothing was possible without waiting, and nothing was changed.
var ErrWouldBlock = errors.New("operation would block")

// ErrClosed says that the worker's end is closed: no more bytes come, or none are taken.
var ErrClosed = errors.New("worker closed its end")

// Channel is the library's end of a connection to one worker: all that Reader, Writer, Wait, the pool of workers and
// the event descriptors of iterators ask of a transport. It is used by one thread at a time, and but for Close nothing
// is called once it is closed.
type Channel interface {
	// Receive fills buffers, in order, with what has come, a byte at least; ErrWouldBlock says that nothing has,
	// ErrClosed that nothing will.
	Receive(buffers [][]byte) (int, error)
	// Send takes as much of buffers, in order, as there is room for, a byte at least; ErrWouldBlock says that there is
	// no room, ErrClosed that there will be none. It keeps no buffer: what it has not taken is offered again.
	Send(buffers [][]byte) (int, error)
	// FD is a descriptor for poll and epoll, the same one until Close.
	FD() int
	// Events are poll's events of FD (epoll's have the same bits) that say when Receive has something to tell or, if
	// forWriting, Send has. It is asked before each wait. They are level-triggered: what is true already counts.
	Events(forWriting bool) int16
	// Ready is what these events, once they are there, say of Receive and Send. Both may be false: wait on.
	Ready(events int16) (receive, send bool)
	// Idle says that the worker's end is open and has sent nothing: what a worker between tasks must show.
	Idle() bool
	// Close closes the library's end; the worker then reads the end of its input. A second Close does nothing.
	Close()
}
