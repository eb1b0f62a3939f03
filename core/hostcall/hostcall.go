// Package hostcall calls the host's input callbacks: function pointers of C, called through purego
// on the thread that called the library. Nothing here may be called while a lock is held, and
// from no thread of the library's own (include/udfrunner.h, THREADS).
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package hostcall

import (
	"errors"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"

	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// Kinds of Input, UDFRUNNER_INPUT_*.
const (
	None    = 0
	Streams = 1
	Records = 2
	Groups  = 3
)

// Input is udfrunner_input: what a task reads, as the host named it.
type Input struct {
	Kind      int32
	Keys      int32 // count of grouping columns, which come first
	Stream    *cdata.Stream
	Next      uintptr
	NextGroup uintptr
	Release   uintptr
	Ctx       uintptr // the host's, any number
	// Interrupted is the error of a task that a cancel has ended, nil while it goes on: no callback but release is
	// called from then on. Without it all are called.
	Interrupted func() error
}

// gate is asked before each callback but release.
type gate func() error

func (g gate) check() error {
	if g == nil {
		return nil
	}
	return g()
}

// ErrAgain says that the host has no input now.
var ErrAgain = errors.New("no input now")

// ErrDone says that the host's input ended.
var ErrDone = errors.New("end of input")

// Check says what is wrong with an input before it is moved.
func (in *Input) Check() error {
	if in.Keys < 0 {
		return status.New(status.InvalidArgument, "input keys %d, must be 0 or more", in.Keys)
	}
	switch in.Kind {
	case None:
	case Streams:
		if in.Stream == nil || in.Stream.Release == 0 {
			return status.New(status.InvalidArgument,
				"input stream is NULL or released, a live ArrowArrayStream is needed")
		}
		if in.Stream.GetSchema == 0 || in.Stream.GetNext == 0 {
			return status.New(status.InvalidArgument, "input stream without get_schema or get_next")
		}
	case Records:
		if in.Next == 0 {
			return status.New(status.InvalidArgument, "input of kind RECORDS without a next callback")
		}
	case Groups:
		if in.NextGroup == 0 {
			return status.New(status.InvalidArgument, "input of kind GROUPS without a next_group callback")
		}
	default:
		return status.New(status.InvalidArgument,
			"input kind %d, must be 0 (NONE), 1 (STREAM), 2 (RECORDS) or 3 (GROUPS)", in.Kind)
	}
	return nil
}

// Stream is an ArrowArrayStream that was moved to the library: a task's input, or one of a group.
type Stream struct {
	mem *hostmem.Functions
	// The host's structs lie in C memory: what hosts keep in private_data is no concern of Go's collector.
	block unsafe.Pointer
	c     *cdata.Stream
	// ended is what the host is to be told behind the stream's release, by an input; nothing by a group's stream.
	ended inputRelease
	gate  gate
}

// inputRelease is release and ctx of an Input.
type inputRelease struct{ release, ctx uintptr }

func (r inputRelease) call() {
	if r.release != 0 {
		purego.SyscallN(r.release, r.ctx)
	}
}

// MoveStream takes over an input of kind Streams: the host's stream is marked released.
func MoveStream(mem *hostmem.Functions, in *Input) (*Stream, error) {
	src := in.Stream
	block, err := alloc(mem, unsafe.Sizeof(*src))
	if err != nil {
		return nil, err
	}
	s := &Stream{mem, block, (*cdata.Stream)(hostmem.Payload(block)), inputRelease{in.Release, in.Ctx}, in.Interrupted}
	copyBytes(unsafe.Pointer(s.c), unsafe.Pointer(src), unsafe.Sizeof(*src))
	src.Release = 0
	return s, nil
}

// Schema calls get_schema; the result is released with Schema.Release.
func (s *Stream) Schema() (*Schema, error) {
	block, err := alloc(s.mem, unsafe.Sizeof(cdata.Schema{}))
	if err != nil {
		return nil, err
	}
	out := &Schema{s.mem, block, (*cdata.Schema)(hostmem.Payload(block))}
	if err := s.call("get_schema", s.c.GetSchema, hostmem.Payload(block)); err != nil {
		s.mem.Release(block)
		return nil, err
	}
	if out.C.Release == 0 {
		s.mem.Release(block)
		return nil, status.New(status.Host, "input stream get_schema answered 0 with a released schema")
	}
	return out, nil
}

// Next calls get_next. It answers ErrDone at the end and ErrAgain on EAGAIN.
func (s *Stream) Next() (*Array, error) {
	block, err := alloc(s.mem, unsafe.Sizeof(cdata.Array{}))
	if err != nil {
		return nil, err
	}
	out := &Array{s.mem, block, (*cdata.Array)(hostmem.Payload(block))}
	if err := s.call("get_next", s.c.GetNext, hostmem.Payload(block)); err != nil {
		s.mem.Release(block)
		return nil, err
	}
	if out.C.Release == 0 {
		s.mem.Release(block)
		return nil, ErrDone
	}
	return out, nil
}

func (s *Stream) call(name string, f uintptr, out unsafe.Pointer) error {
	if err := s.gate.check(); err != nil {
		return err
	}
	r, _, _ := purego.SyscallN(f, uintptr(unsafe.Pointer(s.c)), uintptr(out))
	errno := unix.Errno(int32(r)) //nolint:gosec // int of C
	if errno == 0 {
		return nil
	}
	if errno == unix.EAGAIN && name == "get_next" {
		return ErrAgain
	}
	text := ""
	if s.c.GetLastError != 0 {
		p, _, _ := purego.SyscallN(s.c.GetLastError, uintptr(unsafe.Pointer(s.c)))
		text = oneLine(goString(p))
	}
	if text == "" {
		text = errno.Error()
	}
	return status.New(status.Host, "input stream %s: %s (errno %d)", name, text, int(errno))
}

// Release calls the stream's release and then, unless it is a group's, the input's; further calls do nothing.
func (s *Stream) Release() {
	if s.c == nil {
		return
	}
	releaseStream(s.c)
	s.c = nil
	s.mem.Release(s.block)
	s.ended.call()
}

func releaseStream(c *cdata.Stream) {
	if c.Release != 0 {
		purego.SyscallN(c.Release, uintptr(unsafe.Pointer(c)))
	}
}

// Schema is an ArrowSchema that a host filled.
type Schema struct {
	mem   *hostmem.Functions
	block unsafe.Pointer
	C     *cdata.Schema
}

// Release calls the schema's release; once.
func (s *Schema) Release() {
	if s.C.Release != 0 {
		purego.SyscallN(s.C.Release, uintptr(unsafe.Pointer(s.C)))
	}
	s.mem.Release(s.block)
}

// Array is an ArrowArray that a host filled.
type Array struct {
	mem   *hostmem.Functions
	block unsafe.Pointer
	C     *cdata.Array
}

// Release calls the array's release; once.
func (a *Array) Release() {
	if a.C.Release != 0 {
		purego.SyscallN(a.C.Release, uintptr(unsafe.Pointer(a.C)))
	}
	a.mem.Release(a.block)
}

// NewArray is an array that fill makes, in memory of its own, and what releases it; once.
func NewArray(mem *hostmem.Functions, fill func(*cdata.Array) error) (*cdata.Array, func(), error) {
	block, err := alloc(mem, unsafe.Sizeof(cdata.Array{}))
	if err != nil {
		return nil, nil, err
	}
	out := &Array{mem, block, (*cdata.Array)(hostmem.Payload(block))}
	if err := fill(out.C); err != nil {
		mem.Release(block)
		return nil, nil, err
	}
	return out.C, out.Release, nil
}

func alloc(mem *hostmem.Functions, size uintptr) (unsafe.Pointer, error) {
	block := mem.Alloc(size)
	if block == nil {
		return nil, status.New(status.NoMemory, "%d bytes for an input struct", size)
	}
	clear(hostmem.Bytes(block, 0, size))
	return block, nil
}

// copyBytes copies without write barriers: to is C memory.
func copyBytes(to, from unsafe.Pointer, n uintptr) {
	copy(unsafe.Slice((*byte)(to), n), unsafe.Slice((*byte)(from), n))
}

const maxMessage = 1 << 16

func goString(p uintptr) string {
	if p == 0 {
		return ""
	}
	c := *(*unsafe.Pointer)(unsafe.Pointer(&p)) // an address of C memory
	n := 0
	for n < maxMessage && *(*byte)(unsafe.Add(c, n)) != 0 {
		n++
	}
	return strings.ToValidUTF8(string(unsafe.Slice((*byte)(c), n)), "\uFFFD")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
