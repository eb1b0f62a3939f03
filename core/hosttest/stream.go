// Package hosttest plays a host in Go tests: Arrow C streams and record callbacks as a C program would bring them, and
// checks that nothing is left after a test.
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

// Column is a column of int64 without nulls.
type Column struct {
	Name   string
	Values []int64
}

// Stream is an Arrow C stream of batches of int64 columns, with counters of what the library did to it.
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
	batches          [][]Column
	next             int
	text             []byte
}

var (
	streams sync.Map // id → *Stream
	lastID  atomic.Uintptr
)

// NewStream makes a stream; its test fails if it was not released exactly once with all of its arrays.
func NewStream(t *testing.T, batches ...[]Column) *Stream {
	t.Helper()
	s := &Stream{id: lastID.Add(1), releaseArray: callbacks().releaseArray, batches: batches}
	streams.Store(s.id, s)
	f := callbacks()
	s.C = cdata.Stream{GetSchema: f.getSchema, GetNext: f.getNext, GetLastError: f.getLastError, Release: f.release}
	setPrivate(unsafe.Pointer(&s.C.PrivateData), s.id)
	t.Cleanup(func() {
		streams.Delete(s.id)
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
	s, _ := streams.Load(*(*uintptr)(unsafe.Pointer(&c.PrivateData)))
	return s.(*Stream)
}

func getSchema(c *cdata.Stream, out *cdata.Schema) uintptr {
	s := find(c)
	if s.SchemaError != 0 {
		s.text = []byte("no schema today\x00")
		return uintptr(s.SchemaError)
	}
	schema := &arrowio.Schema{}
	for _, column := range s.batches[0] {
		schema.Fields = append(schema.Fields, arrowio.Field{Name: column.Name, Type: &arrowio.Type{ID: arrowio.Int64}})
	}
	if err := schema.Export(hostmem.Default(), out); err != nil {
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
	if s.next >= len(s.batches) {
		*(*uintptr)(unsafe.Pointer(&out.Release)) = 0
		return 0
	}
	columns := s.batches[s.next]
	fill(s, out, columns)
	s.next++
	if s.Mangle != nil {
		s.Mangle(s.next-1, out)
	}
	s.Peak.Store(max(s.Peak.Load(), s.Live.Add(1)))
	return 0
}

// fill lays a batch out in one block of C memory.
func fill(s *Stream, out *cdata.Array, columns []Column) {
	rows, n := len(columns[0].Values), len(columns)
	sizeArray, sizePointer := unsafe.Sizeof(cdata.Array{}), unsafe.Sizeof(uintptr(0))
	perColumn := sizeArray + 3*sizePointer + uintptr(rows)*8
	size := sizePointer*2 + uintptr(n)*perColumn
	mem := hostmem.Default()
	block := mem.Alloc(size)
	clear(hostmem.Bytes(block, 0, size))
	at := hostmem.Payload(block)
	take := func(n uintptr) unsafe.Pointer {
		p := at
		at = unsafe.Add(at, n)
		return p
	}
	*(*uintptr)(take(sizePointer)) = s.id
	noNulls := (*unsafe.Pointer)(take(sizePointer))
	children := (**cdata.Array)(take(sizePointer * uintptr(n)))
	for i, column := range columns {
		child := (*cdata.Array)(take(sizeArray))
		buffers := unsafe.Slice((*unsafe.Pointer)(take(2*sizePointer)), 2)
		values := take(uintptr(rows) * 8)
		copy(unsafe.Slice((*int64)(values), rows), column.Values)
		buffers[1] = values
		*child = cdata.Array{Length: int64(rows), NBuffers: 2, Buffers: &buffers[0], Release: mem.ReleaseArray, PrivateData: block}
		unsafe.Slice(children, n)[i] = child
		mem.Retain(block, 1)
	}
	*out = cdata.Array{
		Length: int64(rows), NBuffers: 1, Buffers: noNulls, NChildren: int64(n), Children: children,
		Release: s.releaseArray, PrivateData: block,
	}
}

func releaseArray(a *cdata.Array) {
	s, _ := streams.Load(*(*uintptr)(hostmem.Payload(a.PrivateData)))
	s.(*Stream).Live.Add(-1)
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
	find(c).Released.Add(1)
	c.Release = 0
}

// Discard releases a stream that the library did not take.
func (s *Stream) Discard() { releaseStream(&s.C) }

// End makes the next get_next the stream's end.
func (s *Stream) End() { s.next = len(s.batches) }
