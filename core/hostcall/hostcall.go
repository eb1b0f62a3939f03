// Package hostcall calls the host's input callbacks: function pointers of C, called through purego
// on the thread that called the library. Nothing here may be called while a lock is held, and
// from no thread of the library's own (include/udfrunner.h, THREADS).
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
	Stream    *cdata.Stream
	Next      uintptr
	NextGroup uintptr
	Release   uintptr
	Ctx       uintptr // the host's, any number
}

// ErrAgain says that the host has no input now.
var ErrAgain = errors.New("no input now")

// ErrDone says that the host's input ended.
var ErrDone = errors.New("end of input")

// Check says what is wrong with an input before it is moved.
func (in *Input) Check() error {
	switch in.Kind {
	case None:
	case Streams:
		if in.Stream == nil || in.Stream.Release == 0 {
			return status.New(status.InvalidArgument, "input stream is NULL or released, a live ArrowArrayStream is needed")
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
		return status.New(status.InvalidArgument, "input kind %d, allowed are 0 (NONE), 1 (STREAM), 2 (RECORDS), 3 (GROUPS)", in.Kind)
	}
	return nil
}

// Stream is an ArrowArrayStream that was moved to the library.
type Stream struct {
	mem *hostmem.Functions
	// The host's structs lie in C memory: what hosts keep in private_data is no concern of Go's collector.
	block   unsafe.Pointer
	c       *cdata.Stream
	release uintptr
	ctx     uintptr
}

// MoveStream takes over an input of kind Streams: the host's stream is marked released.
func MoveStream(mem *hostmem.Functions, in *Input) (*Stream, error) {
	src := in.Stream
	block, err := alloc(mem, unsafe.Sizeof(*src))
	if err != nil {
		return nil, err
	}
	s := &Stream{mem, block, (*cdata.Stream)(hostmem.Payload(block)), in.Release, in.Ctx}
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

// Release calls the stream's release and then the input's; further calls do nothing.
func (s *Stream) Release() {
	if s.c == nil {
		return
	}
	if s.c.Release != 0 {
		purego.SyscallN(s.c.Release, uintptr(unsafe.Pointer(s.c)))
	}
	s.c = nil
	s.mem.Release(s.block)
	if s.release != 0 {
		purego.SyscallN(s.release, s.ctx)
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

// record is udfrunner_record.
type record struct {
	data    unsafe.Pointer
	size    uint64
	n       uint64
	offsets *uint64
	message uintptr
}

// Source is a host's records callback.
type Source struct {
	mem     *hostmem.Functions
	block   unsafe.Pointer
	record  *record
	next    uintptr
	release uintptr
	ctx     uintptr
}

// MoveRecords takes over an input of kind Records.
func MoveRecords(mem *hostmem.Functions, in *Input) (*Source, error) {
	block, err := alloc(mem, unsafe.Sizeof(record{}))
	if err != nil {
		return nil, err
	}
	return &Source{mem, block, (*record)(hostmem.Payload(block)), in.Next, in.Release, in.Ctx}, nil
}

// Next calls the callback. It returns records, whose memory the host keeps until the next call, and
// answers ErrDone, ErrAgain or a Host error.
func (s *Source) Next() ([][]byte, error) {
	clear(unsafe.Slice((*byte)(unsafe.Pointer(s.record)), unsafe.Sizeof(*s.record)))
	r, _, _ := purego.SyscallN(s.next, s.ctx, uintptr(unsafe.Pointer(s.record)))
	switch code := status.Code(int32(r)); { //nolint:gosec // int32 of C
	case code == status.OK:
		return s.record.split()
	case code == status.Done:
		return nil, ErrDone
	case code == status.NeedInput:
		return nil, ErrAgain
	case code < 0:
		text := oneLine(goString(s.record.message))
		if text == "" {
			text = code.String()
		}
		return nil, status.New(status.Host, "input callback: %s", text)
	default:
		return nil, status.New(status.Host, "input callback answered %d, allowed are OK 0, DONE 1, AGAIN 3 and negative codes", int32(code))
	}
}

func (r *record) split() ([][]byte, error) {
	if r.data == nil || r.size == 0 {
		return nil, status.New(status.Host, "input callback answered OK with no data; the end of input is DONE")
	}
	data := unsafe.Slice((*byte)(r.data), r.size)
	if r.offsets == nil {
		return [][]byte{data}, nil
	}
	if r.n == 0 || r.n > r.size {
		return nil, status.New(status.Host, "input callback gave %d records in %d bytes", r.n, r.size)
	}
	offsets := unsafe.Slice(r.offsets, r.n+1)
	records := make([][]byte, r.n)
	for i := range records {
		from, to := offsets[i], offsets[i+1]
		if from > to || to > r.size {
			return nil, status.New(status.Host, "input callback gave record %d at bytes %d to %d of %d", i, from, to, r.size)
		}
		records[i] = data[from:to]
	}
	return records, nil
}

// Release calls the input's release; further calls do nothing.
func (s *Source) Release() {
	if s.record == nil {
		return
	}
	s.record = nil
	s.mem.Release(s.block)
	if s.release != 0 {
		purego.SyscallN(s.release, s.ctx)
	}
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
