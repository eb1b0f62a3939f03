package hosttest

import (
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/require"

	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// Records is a records callback that plays a list of answers, then Done.
type Records struct {
	// Answers are what the callback says, call by call.
	Answers []Answer
	// Released is the count of releases.
	Released atomic.Int64

	id    uintptr
	next  int
	block unsafe.Pointer
}

// Answer is one call's: Code, and for OK the records.
type Answer struct {
	Code    status.Code
	Records [][]byte
	Message string
}

// OK answers with records.
func OK(records ...[]byte) Answer { return Answer{Records: records} }

var (
	recordSources registry[uintptr, Records]
	nextRecords   = sync.OnceValue(func() uintptr { return purego.NewCallback(recordsNext) })
	endRecords    = sync.OnceValue(func() uintptr { return purego.NewCallback(recordsRelease) })
)

// NewRecords makes a source; its test fails if it was not released exactly once.
func NewRecords(t testing.TB, answers ...Answer) *Records {
	t.Helper()
	r := &Records{Answers: answers, id: lastID.Add(1)}
	recordSources.store(r.id, r)
	t.Cleanup(func() {
		recordSources.remove(r.id)
		require.EqualValues(t, 1, r.Released.Load(), "releases of the input")
	})
	return r
}

// Input is the source as a task's input.
func (r *Records) Input() hostcall.Input {
	return hostcall.Input{Kind: hostcall.Records, Next: nextRecords(), Release: endRecords(), Ctx: r.id}
}

// record is udfrunner_record.
type record struct {
	data    unsafe.Pointer
	size    uint64
	n       uint64
	offsets unsafe.Pointer
	message unsafe.Pointer
}

func recordsNext(id uintptr, out *record) uintptr {
	r := recordSources.load(id)
	r.free()
	if r.next >= len(r.Answers) {
		return uintptr(status.Done)
	}
	answer := r.Answers[r.next]
	r.next++
	var data []byte
	offsets := []uint64{0}
	for _, b := range answer.Records {
		data = append(data, b...)
		offsets = append(offsets, uint64(len(data)))
	}
	text := append([]byte(answer.Message), 0)
	padded := (uintptr(len(data)) + 7) &^ 7
	r.block = hostmem.Default().Alloc(padded + uintptr(len(offsets))*8 + uintptr(len(text)))
	start := hostmem.Payload(r.block)
	copy(hostmem.Bytes(r.block, 0, uintptr(len(data))), data)
	copy(unsafe.Slice((*uint64)(unsafe.Add(start, padded)), len(offsets)), offsets)
	copy(hostmem.Bytes(r.block, padded+uintptr(len(offsets))*8, uintptr(len(text))), text)
	if len(data) > 0 {
		*out = record{data: start, size: uint64(len(data)), n: uint64(len(answer.Records)),
			offsets: unsafe.Add(start, padded)}
	}
	if answer.Message != "" {
		out.message = unsafe.Add(start, padded+uintptr(len(offsets))*8)
	}
	return uintptr(answer.Code) //nolint:gosec // the same bits
}

func recordsRelease(id uintptr) uintptr {
	r := recordSources.load(id)
	r.free()
	r.Released.Add(1)
	return 0
}

func (r *Records) free() {
	if r.block != nil {
		hostmem.Default().Release(r.block)
		r.block = nil
	}
}
