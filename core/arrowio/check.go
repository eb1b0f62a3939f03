package arrowio

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// maxBytes bounds every length and size, far above what a machine can hold and far below overflow.
const maxBytes = 1 << 56

// product multiplies two counts; ok is false above maxBytes.
func product(a, b int64) (n int64, ok bool) {
	high, low := bits.Mul64(toBits(a), toBits(b))
	return fromBits(low), a >= 0 && b >= 0 && high == 0 && low <= maxBytes
}

// checkOffsets checks that count+1 offsets start at 0 or above, never fall and end at limit or
// below, and returns the first and the last.
func checkOffsets(p unsafe.Pointer, width, count, limit int64) (first, last int64, err error) {
	if width == 4 {
		return offsetRange(unsafe.Slice((*int32)(p), count+1), limit)
	}
	return offsetRange(unsafe.Slice((*int64)(p), count+1), limit)
}

func offsetRange[T int32 | int64](offsets []T, limit int64) (first, last int64, err error) {
	previous := offsets[0]
	bad := previous
	for _, offset := range offsets[1:] {
		bad |= offset | (offset - previous) // negative where one of them is
		previous = offset
	}
	if bad >= 0 && int64(previous) <= limit {
		return int64(offsets[0]), int64(previous), nil
	}
	if offsets[0] < 0 {
		return 0, 0, fmt.Errorf("offset 0 is %d, negative", offsets[0])
	}
	for i, offset := range offsets[1:] {
		if offset < offsets[i] {
			return 0, 0, fmt.Errorf("offset %d is %d, falling from %d", i+1, offset, offsets[i])
		}
	}
	return 0, 0, fmt.Errorf("last offset is %d, beyond %d", previous, limit)
}

// checkListViews checks count pairs of offset and size against the number of items, and returns the range
// of items they cover.
func checkListViews(offsets, sizes unsafe.Pointer, width, count, limit int64) (first, end int64, err error) {
	if width == 4 {
		return listViewRange(unsafe.Slice((*int32)(offsets), count), unsafe.Slice((*int32)(sizes), count), limit)
	}
	return listViewRange(unsafe.Slice((*int64)(offsets), count), unsafe.Slice((*int64)(sizes), count), limit)
}

func listViewRange[T int32 | int64](offsets, sizes []T, limit int64) (first, end int64, err error) {
	first = limit
	for i := range offsets {
		offset, size := int64(offsets[i]), int64(sizes[i])
		if offset < 0 || size < 0 || offset > limit || size > limit-offset {
			return 0, 0, fmt.Errorf("entry %d is items %d+%d of %d", i, offset, size, limit)
		}
		first, end = min(first, offset), max(end, offset+size)
	}
	return min(first, end), end, nil
}

// view is a value of the view types; prefix, index and offset are the text itself up to 12 bytes.
type view struct {
	size   int32
	prefix [4]byte
	index  int32
	offset int32
}

const maxInline = 12

// inlined says whether the text is in the view itself.
func (v *view) inlined() bool { return v.size >= 0 && v.size <= maxInline }

// checkViews checks that valid views point into the data buffers, of which sizes are known. Null
// entries, by validity from bit `from` on or no bitmap, may hold anything.
func checkViews(p unsafe.Pointer, count int64, validity unsafe.Pointer, from int64, sizes []int64) error {
	for i, v := range unsafe.Slice((*view)(p), count) {
		if v.inlined() {
			continue
		}
		if v.size > 0 && v.index >= 0 && int(v.index) < len(sizes) && v.offset >= 0 &&
			int64(v.offset)+int64(v.size) <= sizes[v.index] {
			continue
		}
		if validity == nil || bit(validity, from+int64(i)) {
			return fmt.Errorf("view %d is %d+%d of data buffer %d (%d buffers)",
				i, v.offset, v.size, v.index, len(sizes))
		}
	}
	return nil
}

// checkIndices checks that valid dictionary indices lie below limit.
func checkIndices(p unsafe.Pointer, id TypeID, count int64, validity unsafe.Pointer, from, limit int64) error {
	width, values := fixedWidths[id], limit
	if id < Int64 { // Seen as unsigned, negative indices lie above this.
		limit = min(limit, 1<<(width*8-1))
	}
	var bad int
	switch width {
	case 1:
		bad = outOfRange(unsafe.Slice((*uint8)(p), count), limit, validity, from)
	case 2:
		bad = outOfRange(unsafe.Slice((*uint16)(p), count), limit, validity, from)
	case 4:
		bad = outOfRange(unsafe.Slice((*uint32)(p), count), limit, validity, from)
	default:
		bad = outOfRange(unsafe.Slice((*uint64)(p), count), limit, validity, from)
	}
	if bad >= 0 {
		return fmt.Errorf("dictionary index at %d is outside a dictionary of %d values", bad, values)
	}
	return nil
}

// outOfRange is the position of the first valid index that is not below limit, or -1.
func outOfRange[T uint8 | uint16 | uint32 | uint64](indices []T, limit int64, validity unsafe.Pointer, from int64) int {
	if len(indices) == 0 || uint64(highest(indices)) < toBits(limit) {
		return -1
	}
	for i, index := range indices {
		if uint64(index) >= toBits(limit) && (validity == nil || bit(validity, from+int64(i))) {
			return i
		}
	}
	return -1
}

// highest is the largest index, found in four lanes that the processor works on at once.
func highest[T uint8 | uint16 | uint32 | uint64](indices []T) T {
	var a, b, c, d T
	for ; len(indices) >= 4; indices = indices[4:] {
		a, b = max(a, indices[0]), max(b, indices[1])
		c, d = max(c, indices[2]), max(d, indices[3])
	}
	for _, index := range indices {
		a = max(a, index)
	}
	return max(a, b, c, d)
}

// checkTypeIDs checks a union's type ids.
func checkTypeIDs(p unsafe.Pointer, count int64, childOf *[256]int16) error {
	ids := unsafe.Slice((*uint8)(p), count)
	var bad int16
	for _, id := range ids {
		bad |= childOf[id]
	}
	if bad >= 0 {
		return nil
	}
	for i, id := range ids {
		if childOf[id] < 0 {
			return fmt.Errorf("type id %d is %d, none of the union's", i, int8(id)) //nolint:gosec // the same bits
		}
	}
	return nil
}

// checkUnionOffsets checks a dense union's offsets, whose type ids are known to be good, against the
// lengths of its children.
func checkUnionOffsets(ids, offsets unsafe.Pointer, count int64, childOf *[256]int16, lengths []int64) error {
	types := unsafe.Slice((*uint8)(ids), count)
	for i, offset := range unsafe.Slice((*int32)(offsets), count) {
		child := childOf[types[i]]
		if offset < 0 || int64(offset) >= lengths[child] {
			return fmt.Errorf("offset %d is %d in child %d of %d values", i, offset, child, lengths[child])
		}
	}
	return nil
}

// checkRunEnds checks that run ends are positive and rise, and returns the last, 0 where there is none.
func checkRunEnds(p unsafe.Pointer, width, count int64) (last int64, err error) {
	switch width {
	case 2:
		return runEndRange(unsafe.Slice((*int16)(p), count))
	case 4:
		return runEndRange(unsafe.Slice((*int32)(p), count))
	}
	return runEndRange(unsafe.Slice((*int64)(p), count))
}

func runEndRange[T int16 | int32 | int64](ends []T) (last int64, err error) {
	for i, end := range ends {
		if int64(end) <= last {
			return 0, fmt.Errorf("run end %d is %d, not above %d", i, end, last)
		}
		last = int64(end)
	}
	return last, nil
}
