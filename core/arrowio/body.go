package arrowio

import (
	"encoding/binary"
	"unsafe"
)

// maxCopied is the size up to which a buffer is copied next to its neighbours: cheaper than a segment of its own.
const maxCopied = 256

// minChunk and maxChunk are sizes that scratch begins with and, where it is kept, grows to.
const (
	minChunk = 4 << 10
	maxChunk = 64 << 10
)

var zeros [8]byte

// body collects the numbers and segments of a message that is made from buffers of the host.
type body struct {
	contents
	segments [][]byte
	size     int64
	// scratch holds what cannot be sent in place. It is not grown but replaced: segments refer to it.
	scratch []byte
	// open says that the last segment ends where scratch does.
	open bool
	// chunk is the size that scratch was made with.
	chunk int
	// kept says that what was made in scratch is in use for longer than until the next reset.
	kept bool
	// loaded says that rows of a loaded array are made into a slice: its dictionaries are encoded, and what slices have
	// no need of is left out. checked says that the array is a Batch's.
	loaded, checked bool
	// used and position are of data buffers of views, touched the ones that a slice uses.
	used     []span
	position []int32
	touched  []int32
}

func (w *body) reset() {
	w.contents.reset()
	w.segments, w.size, w.open = w.segments[:0], 0, false
	if w.kept {
		w.scratch = w.scratch[len(w.scratch):]
		w.chunk = min(w.chunk, maxChunk/2)
	} else {
		w.scratch = w.scratch[:0]
	}
}

// node appends a field node.
func (w *body) node(length, nulls int64) { w.nodes = append(w.nodes, fieldNode{length, nulls}) }

// empty appends a buffer of no bytes.
func (w *body) empty() { w.buffers = append(w.buffers, span{w.size, 0}) }

// add appends a buffer of size bytes at p, in place where it is large.
func (w *body) add(p unsafe.Pointer, size int64) {
	switch {
	case size == 0:
		w.empty()
	case size <= maxCopied:
		copy(w.grab(size), unsafe.Slice((*byte)(p), size))
	default:
		w.place(size, unsafe.Slice((*byte)(p), size))
	}
}

// place appends a buffer of size bytes in place, in one or more pieces.
func (w *body) place(size int64, pieces ...[]byte) {
	w.buffers = append(w.buffers, span{w.size, size})
	w.segments = append(w.segments, pieces...)
	if padding := -size & 7; padding > 0 {
		w.segments = append(w.segments, zeros[:padding])
		size += padding
	}
	w.size += size
	w.open = false
}

// gather appends a buffer of several pieces, in place where they are large on average.
func (w *body) gather(pieces [][]byte) {
	var size int64
	for _, piece := range pieces {
		size += int64(len(piece))
	}
	if size > maxCopied*int64(len(pieces)) {
		w.place(size, pieces...)
		return
	}
	out := w.grab(size)
	for _, piece := range pieces {
		out = out[copy(out, piece):]
	}
}

// grab appends a buffer of size bytes and returns its memory, which is not zeroed, for the caller to fill.
func (w *body) grab(size int64) []byte {
	w.buffers = append(w.buffers, span{w.size, size})
	if size == 0 {
		return nil
	}
	padded := int((size + 7) &^ 7)
	start := len(w.scratch)
	if cap(w.scratch)-start < padded {
		w.chunk = max(padded, 2*w.chunk, minChunk)
		w.scratch = make([]byte, 0, w.chunk)
		start, w.open = 0, false
	}
	w.scratch = w.scratch[:start+padded]
	piece := w.scratch[start:]
	clear(piece[size:])
	if last := len(w.segments) - 1; w.open {
		w.segments[last] = w.scratch[start-len(w.segments[last]) : start+padded]
	} else {
		w.segments = append(w.segments, piece)
	}
	w.open = true
	w.size += int64(padded)
	return piece[:size]
}

// bits appends n bits from bit `from` of a bitmap on.
func (w *body) bits(bitmap unsafe.Pointer, from, n int64) {
	if from&7 == 0 {
		w.add(unsafe.Add(bitmap, from>>3), (n+7)>>3)
		return
	}
	shiftBits(w.grab((n+7)>>3), bitmap, from, n)
}

// offsets appends n offsets less `first`.
func (w *body) offsets(p unsafe.Pointer, width, n, first int64) {
	if first == 0 {
		w.add(p, n*width)
		return
	}
	shift(w.grab(n*width), p, width, n, -first)
}

// shift writes n integers, each with `by` added, to dst, which is aligned to their width.
func shift(dst []byte, p unsafe.Pointer, width, n, by int64) {
	switch width {
	case 2:
		addTo(dst, unsafe.Slice((*int16)(p), n), int16(by)) //nolint:gosec // checked by who counts the items
	case 4:
		addTo(dst, unsafe.Slice((*int32)(p), n), int32(by)) //nolint:gosec // as above
	default:
		addTo(dst, unsafe.Slice((*int64)(p), n), by)
	}
}

func addTo[T int16 | int32 | int64](dst []byte, values []T, by T) {
	out := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(dst))), len(values))
	for i, v := range values {
		out[i] = v + by
	}
}

// offset is number i of offsets, or of other integers, of 4 or 8 bytes.
func offset(p unsafe.Pointer, width, i int64) int64 {
	if width == 4 {
		return int64(*(*int32)(unsafe.Add(p, i*4)))
	}
	return *(*int64)(unsafe.Add(p, i*8))
}

func setOffset(out []byte, width, i, value int64) {
	if width == 4 {
		binary.NativeEndian.PutUint32(out[i*4:], uint32(value)) //nolint:gosec // checked by who counts the items
		return
	}
	binary.NativeEndian.PutUint64(out[i*8:], toBits(value))
}
