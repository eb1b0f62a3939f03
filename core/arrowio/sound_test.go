package arrowio_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
)

// soundness walks over arrays that a decoder exported and requires of every value that it lies within the decoder's
// memory.
type soundness struct {
	t *testing.T
	b *blocks
}

// requireSound walks over a batch.
func requireSound(t *testing.T, b *blocks, schema *arrowio.Schema, a *cdata.Array) {
	t.Helper()
	s := &soundness{t, b}
	s.children(schema.Fields, a)
}

func (s *soundness) require(holds bool, what string) {
	if !holds {
		s.t.Helper()
		require.Fail(s.t, what)
	}
}

func (s *soundness) children(fields []arrowio.Field, a *cdata.Array) {
	require.EqualValues(s.t, len(fields), a.NChildren)
	for i, child := range unsafe.Slice(a.Children, a.NChildren) {
		s.array(fields[i].Type, child)
	}
}

// inside requires that n bytes lie in one block.
func (s *soundness) inside(p unsafe.Pointer, n int64) {
	if n == 0 {
		return
	}
	s.require(n > 0, "negative size")
	for block, size := range s.b.made {
		start := uintptr(hostmem.Payload(block))
		if at := uintptr(p); at >= start && at+uintptr(n) <= start+size { //nolint:gosec // not negative
			return
		}
	}
	s.require(false, "memory outside of all blocks")
}

// values is n values of a buffer, which must lie in a block.
func values[T any](s *soundness, p unsafe.Pointer, n int64) []T {
	var value T
	size := int64(unsafe.Sizeof(value)) //nolint:gosec // small
	s.require(n >= 0 && n <= 1<<50, "impossible length")
	s.inside(p, n*size)
	return unsafe.Slice((*T)(p), n)
}

func (s *soundness) array(t *arrowio.Type, a *cdata.Array) {
	s.require(a.Release != 0 && a.Offset == 0 && a.Length >= 0 && a.NullCount >= 0 && a.NullCount <= a.Length,
		"numbers")
	buffers := unsafe.Slice(a.Buffers, a.NBuffers)
	valid := func(int64) bool { return true }
	switch t.ID {
	case arrowio.Null, arrowio.SparseUnion, arrowio.DenseUnion, arrowio.RunEndEncoded:
	default:
		if a.NullCount > 0 {
			bits := values[uint8](s, buffers[0], (a.Length+7)/8)
			valid = func(i int64) bool { return bits[i/8]>>(i%8)&1 == 1 }
		}
	}
	if t.ID == arrowio.Dictionary {
		for i, index := range s.integers(t.Index.ID, buffers[1], a.Length) {
			s.require(!valid(int64(i)) || index >= 0 && index < a.Dictionary.Length, "dictionary index")
		}
		s.array(t.Value, a.Dictionary)
		return
	}
	s.buffers(t, a, buffers, valid)
	s.children(t.Children, a)
}

func (s *soundness) buffers(t *arrowio.Type, a *cdata.Array, buffers []unsafe.Pointer, valid func(int64) bool) {
	items := func() int64 { return (*a.Children).Length }
	switch t.ID {
	case arrowio.Null:
	case arrowio.Bool:
		s.inside(buffers[1], (a.Length+7)/8)
	case arrowio.FixedSizeBinary:
		s.require(t.Size == 0 || a.Length <= 1<<60/int64(t.Size), "impossible length")
		s.inside(buffers[1], a.Length*int64(t.Size))
	case arrowio.String, arrowio.Binary:
		s.inside(buffers[2], s.offsets(buffers[1], arrowio.Int32, a.Length))
	case arrowio.LargeString, arrowio.LargeBinary:
		s.inside(buffers[2], s.offsets(buffers[1], arrowio.Int64, a.Length))
	case arrowio.StringView, arrowio.BinaryView:
		s.views(a, buffers, valid)
	case arrowio.List, arrowio.Map:
		s.require(s.offsets(buffers[1], arrowio.Int32, a.Length) <= items(), "items")
	case arrowio.LargeList:
		s.require(s.offsets(buffers[1], arrowio.Int64, a.Length) <= items(), "items")
	case arrowio.ListView, arrowio.LargeListView:
		id := map[arrowio.TypeID]arrowio.TypeID{arrowio.ListView: arrowio.Int32,
			arrowio.LargeListView: arrowio.Int64}[t.ID]
		sizes := s.integers(id, buffers[2], a.Length)
		for i, offset := range s.integers(id, buffers[1], a.Length) {
			s.require(offset >= 0 && sizes[i] >= 0 && offset <= items()-sizes[i], "items")
		}
	case arrowio.FixedSizeList:
		s.require(t.Size == 0 || a.Length <= items()/int64(t.Size), "items")
	case arrowio.Struct, arrowio.SparseUnion, arrowio.DenseUnion:
		s.fields(t, a, buffers)
	case arrowio.RunEndEncoded:
		s.runs(t, a)
	default:
		s.integers(t.ID, buffers[1], a.Length)
	}
}

// integers is n values of a type of fixed width; of those wider than 8 bytes, nothing.
func (s *soundness) integers(id arrowio.TypeID, p unsafe.Pointer, n int64) []int64 {
	switch id {
	case arrowio.Int8:
		return widen(values[int8](s, p, n))
	case arrowio.Uint8:
		return widen(values[uint8](s, p, n))
	case arrowio.Int16:
		return widen(values[int16](s, p, n))
	case arrowio.Uint16, arrowio.Float16:
		return widen(values[uint16](s, p, n))
	case arrowio.Uint32:
		return widen(values[uint32](s, p, n))
	case arrowio.Int32, arrowio.Float32, arrowio.Decimal32, arrowio.Date32, arrowio.Time32, arrowio.IntervalMonths:
		return widen(values[int32](s, p, n))
	case arrowio.Uint64:
		return widen(values[uint64](s, p, n))
	case arrowio.Decimal128, arrowio.IntervalMonthDayNano:
		values[[16]byte](s, p, n)
		return nil
	case arrowio.Decimal256:
		values[[32]byte](s, p, n)
		return nil
	}
	return widen(values[int64](s, p, n))
}

func widen[T int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64](values []T) []int64 {
	wide := make([]int64, len(values))
	for i, v := range values {
		wide[i] = int64(v)
	}
	return wide
}

// offsets walks over n+1 offsets and returns the last.
func (s *soundness) offsets(p unsafe.Pointer, id arrowio.TypeID, n int64) (last int64) {
	for _, offset := range s.integers(id, p, n+1) {
		s.require(offset >= last, "falling offset")
		last = offset
	}
	return last
}

func (s *soundness) views(a *cdata.Array, buffers []unsafe.Pointer, valid func(int64) bool) {
	data := buffers[2 : len(buffers)-1]
	sizes := values[int64](s, buffers[len(buffers)-1], int64(len(data)))
	for i, p := range data {
		s.inside(p, sizes[i])
	}
	for i, v := range values[[4]int32](s, buffers[1], a.Length) {
		if size := v[0]; valid(int64(i)) && (size < 0 || size > 12) {
			s.require(size > 0 && v[2] >= 0 && int(v[2]) < len(data) && v[3] >= 0, "view")
			s.require(int64(v[3])+int64(size) <= sizes[v[2]], "view")
		}
	}
}

func (s *soundness) fields(t *arrowio.Type, a *cdata.Array, buffers []unsafe.Pointer) {
	children := unsafe.Slice(a.Children, a.NChildren)
	for _, child := range children {
		s.require(t.ID == arrowio.DenseUnion || child.Length >= a.Length, "short child")
	}
	if t.ID == arrowio.Struct {
		return
	}
	childOf := map[int8]*cdata.Array{}
	for i, id := range t.TypeIDs {
		childOf[id] = children[i]
	}
	var offsets []int32
	if t.ID == arrowio.DenseUnion {
		offsets = values[int32](s, buffers[1], a.Length)
	}
	for i, id := range values[int8](s, buffers[0], a.Length) {
		child := childOf[id]
		s.require(child != nil, "type id")
		s.require(offsets == nil || offsets[i] >= 0 && int64(offsets[i]) < child.Length, "union offset")
	}
}

func (s *soundness) runs(t *arrowio.Type, a *cdata.Array) {
	children := unsafe.Slice(a.Children, 2)
	ends := children[0]
	var last int64
	for _, end := range s.integers(t.Children[0].Type.ID, unsafe.Slice(ends.Buffers, 2)[1], ends.Length) {
		s.require(end > last, "run end")
		last = end
	}
	s.require(last >= a.Length && children[1].Length >= ends.Length && ends.NullCount == 0, "run ends")
}
