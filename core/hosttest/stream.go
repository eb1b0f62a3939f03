// Package hosttest plays a host in Go tests: Arrow C streams, record and group callbacks as a C program would bring
// them. It compares Arrow data, and checks that nothing is left after a test.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package hosttest

import (
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
)

// Stream is an Arrow C stream, with counters of what the library did to it.
type Stream struct {
	C cdata.Stream
	// Step, if set, is called by get_next before batch i is given; what it returns, if not 0, is get_next's errno.
	Step func(i int) unix.Errno
	// SchemaError is get_schema's errno.
	SchemaError unix.Errno
	// Mangle, if set, changes a batch before it is given.
	Mangle func(i int, a *cdata.Array)
	// Live is the count of arrays given and not released, Peak the most of them at once.
	Live, Peak atomic.Int64
	// Released is the count of the stream's releases.
	Released atomic.Int64

	id, releaseArray uintptr
	batches          batches
	next             int
	text             []byte
}

// batches is what a stream gives.
type batches interface {
	schema() *arrowio.Schema
	count() int
	// give makes batch i; each is asked for once at most, in order.
	give(i int, out *cdata.Array)
	// drop releases the batches from i on, which nobody asked for.
	drop(i int)
}

var (
	streams registry[uintptr, Stream]
	given   registry[unsafe.Pointer, Stream] // by the private data of arrays
	lastID  atomic.Uintptr
)

// NewStream makes a stream of batches of int64 columns, one at least; its test fails if it was not released exactly
// once with all of its arrays.
func NewStream(t testing.TB, batches ...[]Column) *Stream {
	t.Helper()
	return newStream(t, columnBatches(batches))
}

func newStream(t testing.TB, batches batches) *Stream {
	t.Helper()
	s := &Stream{id: lastID.Add(1), releaseArray: callbacks().releaseArray, batches: batches}
	streams.store(s.id, s)
	f := callbacks()
	s.C = cdata.Stream{GetSchema: f.getSchema, GetNext: f.getNext, GetLastError: f.getLastError, Release: f.release}
	setPrivate(unsafe.Pointer(&s.C.PrivateData), s.id)
	t.Cleanup(func() {
		streams.remove(s.id)
		require.EqualValues(t, 1, s.Released.Load(), "releases of the input stream")
		require.Zero(t, s.Live.Load(), "input arrays that were not released")
	})
	return s
}

// Input is the stream as a task's input.
func (s *Stream) Input() hostcall.Input { return hostcall.Input{Kind: hostcall.Streams, Stream: &s.C} }

// setPrivate stores an id where a pointer is declared, as hosts do.
func setPrivate(field unsafe.Pointer, id uintptr) { *(*uintptr)(field) = id }

type callbackSet struct{ getSchema, getNext, getLastError, release, releaseArray uintptr }

var callbacks = sync.OnceValue(func() callbackSet {
	return callbackSet{
		getSchema:    purego.NewCallback(getSchema),
		getNext:      purego.NewCallback(getNext),
		getLastError: purego.NewCallback(getLastError),
		release:      purego.NewCallback(releaseStream),
		releaseArray: purego.NewCallback(releaseArray),
	}
})

func find(c *cdata.Stream) *Stream {
	return streams.load(*(*uintptr)(unsafe.Pointer(&c.PrivateData)))
}

func getSchema(c *cdata.Stream, out *cdata.Schema) uintptr {
	s := find(c)
	if s.SchemaError != 0 {
		s.text = []byte("no schema today\x00")
		return uintptr(s.SchemaError)
	}
	if err := s.batches.schema().Export(hostmem.Default(), out); err != nil {
		return uintptr(unix.ENOMEM)
	}
	return 0
}

func getNext(c *cdata.Stream, out *cdata.Array) uintptr {
	s := find(c)
	if s.Step != nil {
		if errno := s.Step(s.next); errno != 0 {
			s.text = []byte("no batch today\x00")
			return uintptr(errno)
		}
	}
	if s.next >= s.batches.count() {
		*(*uintptr)(unsafe.Pointer(&out.Release)) = 0
		return 0
	}
	s.batches.give(s.next, out)
	given.store(out.PrivateData, s)
	out.Release = s.releaseArray
	s.next++
	if s.Mangle != nil {
		s.Mangle(s.next-1, out)
	}
	s.Peak.Store(max(s.Peak.Load(), s.Live.Add(1)))
	return 0
}

func releaseArray(a *cdata.Array) {
	given.load(a.PrivateData).Live.Add(-1)
	given.remove(a.PrivateData)
	a.Release = hostmem.Default().ReleaseArray
	purego.SyscallN(a.Release, uintptr(unsafe.Pointer(a)))
}

func getLastError(c *cdata.Stream) uintptr {
	s := find(c)
	if len(s.text) == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(&s.text[0]))
}

func releaseStream(c *cdata.Stream) {
	s := find(c)
	s.batches.drop(s.next)
	s.Released.Add(1)
	c.Release = 0
}

// Discard releases a stream that the library did not take.
func (s *Stream) Discard() { releaseStream(&s.C) }

// End makes the next get_next the stream's end.
func (s *Stream) End() {
	s.batches.drop(s.next)
	s.next = s.batches.count()
}
