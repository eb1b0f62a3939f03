package hostcall

import (
	"math"
	"unsafe"

	"github.com/ebitengine/purego"

	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

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
	mem    *hostmem.Functions
	block  unsafe.Pointer
	record *record
	next   uintptr
	ctx    uintptr
	ended  inputRelease
	gate   gate
}

// MoveRecords takes over an input of kind Records.
func MoveRecords(mem *hostmem.Functions, in *Input) (*Source, error) {
	block, err := alloc(mem, unsafe.Sizeof(record{}))
	if err != nil {
		return nil, err
	}
	return &Source{
		mem, block, (*record)(hostmem.Payload(block)), in.Next, in.Ctx, inputRelease{in.Release, in.Ctx},
		in.Interrupted,
	}, nil
}

// Next calls the callback. It returns records, whose memory the host keeps until the next call, and
// answers ErrDone, ErrAgain or a Host error.
func (s *Source) Next() ([][]byte, error) {
	if err := s.gate.check(); err != nil {
		return nil, err
	}
	clear(unsafe.Slice((*byte)(unsafe.Pointer(s.record)), unsafe.Sizeof(*s.record)))
	r, _, _ := purego.SyscallN(s.next, s.ctx, uintptr(unsafe.Pointer(s.record)))
	if err := answer(r, s.record.message); err != nil {
		return nil, err
	}
	return s.record.split()
}

// answer is what an input callback's return says: nil for OK, ErrDone, ErrAgain or a Host error.
func answer(returned, message uintptr) error {
	switch code := status.Code(int32(returned)); { //nolint:gosec // int32 of C
	case code == status.OK:
		return nil
	case code == status.Done:
		return ErrDone
	case code == status.NeedInput:
		return ErrAgain
	case code < 0:
		text := oneLine(goString(message))
		if text == "" {
			text = code.String()
		}
		return status.New(status.Host, "input callback: %s", text)
	default:
		return status.New(status.Host,
			"input callback answered %d, must be OK (0), DONE (1), AGAIN (3) or a negative code", int32(code))
	}
}

func (r *record) split() ([][]byte, error) {
	if r.data == nil || r.size == 0 {
		return nil, status.New(status.Host, "input callback answered OK with no data; the end of input is DONE")
	}
	if r.size > math.MaxInt64 {
		return nil, status.New(status.Host, "input callback gave %d bytes, at most %d are allowed", r.size,
			math.MaxInt64)
	}
	if r.offsets == nil {
		return [][]byte{unsafe.Slice((*byte)(r.data), r.size)}, nil
	}
	if r.n == 0 || r.n > r.size {
		return nil, status.New(status.Host, "input callback gave %d records in %d bytes", r.n, r.size)
	}
	const believed = 4096 // n costs no memory before the offsets were seen
	records := make([][]byte, 0, min(r.n, believed))
	offset := func(i uint64) uint64 {
		return *(*uint64)(unsafe.Add(unsafe.Pointer(r.offsets), i*uint64(unsafe.Sizeof(*r.offsets))))
	}
	for from, i := offset(0), uint64(0); i < r.n; i++ {
		to := offset(i + 1)
		if from > to || to > r.size {
			return nil, status.New(status.Host, "input callback gave record %d at bytes %d to %d of %d", i, from, to,
				r.size)
		}
		records = append(records, unsafe.Slice((*byte)(unsafe.Add(r.data, from)), to-from))
		from = to
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
	s.ended.call()
}
