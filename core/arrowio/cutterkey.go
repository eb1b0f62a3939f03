package arrowio

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"udfrunner/core/cdata"
)

// key is a key column: of the batch at hand, and its value in the last row of the batch before. Keys below it are the
// parts of a nested value: their rows are counted from the first that the batch at hand needs.
type key struct {
	node   *node
	column int
	nested *nestedKey // nil where values have no parts

	// from is the position of row 0 in the buffers. validity is nil where no row is null.
	from     int64
	validity unsafe.Pointer
	// values is the values', offsets' or views' buffer, data the bytes that offsets point into.
	values, data unsafe.Pointer
	buffers      *cdata.Array // of views

	lastNull bool
	last     []byte
	first    []byte
}

// load takes a child of an array that was checked, rows of which are values `base` up to base+count, and checks what
// is read of it.
func (k *key) load(parent *cdata.Array, base, count int64) error {
	column, err := k.node.childArray(parent, k.column)
	if err != nil {
		return err
	}
	return k.loadArray(column, base, count)
}

// loadArray is load of an array whose counts were checked.
func (k *key) loadArray(column *cdata.Array, base, count int64) error {
	if count > column.Length || base > column.Length-count {
		return fmt.Errorf("column %q: length is %d, its parent needs %d", k.node.at, column.Length, base+count)
	}
	if column.NullCount > 0 && k.node.hasValidity() && bufferOf(column, 0) == nil {
		return fmt.Errorf("column %q: null_count is %d and buffer 0 (validity) is NULL", k.node.at, column.NullCount)
	}
	k.from, k.buffers, k.validity = column.Offset+base, column, nil
	if column.NullCount != 0 && k.node.hasValidity() {
		k.validity = bufferOf(column, 0)
	}
	if count == 0 {
		return nil // What has no values may have no buffers.
	}
	if k.nested != nil {
		return k.loadParts(column, count)
	}
	if err := k.loadValues(column, count); err != nil {
		return fmt.Errorf("column %q: %w", k.node.at, err)
	}
	return nil
}

func (k *key) loadValues(column *cdata.Array, count int64) (err error) {
	n := k.node
	switch n.layout {
	case layoutBool:
		k.values, err = needed(column, 1, "values", (count+7)>>3)
	case layoutFixed:
		size, ok := product(k.from+count, n.width)
		if !ok {
			return fmt.Errorf("%d values of %d bytes", k.from+count, n.width)
		}
		k.values, err = needed(column, 1, "values", size)
	case layoutBytes:
		first, last, err := k.loadOffsets(column, count)
		if err != nil {
			return err
		}
		k.data, err = needed(column, 2, "data", last-first)
		return err
	case layoutView:
		if k.values, err = needed(column, 1, "views", count*viewSize); err != nil {
			return err
		}
		sizes, err := viewSizes(column)
		if err != nil {
			return err
		}
		return checkViews(unsafe.Add(k.values, k.from*viewSize), count, k.validity, k.from, sizes)
	}
	return err
}

// loadOffsets takes offsets, and returns the first and the last of the rows'.
func (k *key) loadOffsets(column *cdata.Array, count int64) (first, last int64, err error) {
	if k.values, err = needed(column, 1, "offsets", (count+1)*k.node.width); err != nil {
		return 0, 0, err
	}
	return checkOffsets(unsafe.Add(k.values, k.from*k.node.width), k.node.width, count, maxBytes)
}

// valid says whether a row's key is not null.
func (k *key) valid(row int64) bool { return k.validity == nil || bit(k.validity, k.from+row) }

// mark sets edges[i] where the keys of row+i and the row before differ; row is 1 or above.
func (k *key) mark(edges []bool, row int64) {
	if k.nested != nil {
		k.markNested(edges, row)
		return
	}
	if k.validity != nil {
		before := bit(k.validity, k.from+row-1)
		for i := range edges {
			now := bit(k.validity, k.from+row+int64(i))
			edges[i] = edges[i] || now != before
			before = now
		}
	}
	// Where one of two is null, the edge is set already, and where both are, the later one is.
	switch k.node.layout {
	case layoutBool:
		for i := range edges {
			at := k.from + row + int64(i)
			if bit(k.values, at) != bit(k.values, at-1) && k.valid(row+int64(i)) {
				edges[i] = true
			}
		}
	case layoutFixed:
		k.markFixed(edges, row)
	case layoutBytes:
		if k.node.width == 4 {
			markTexts[int32](k, edges, row)
		} else {
			markTexts[int64](k, edges, row)
		}
	case layoutView:
		k.markViews(edges, row)
	}
}

func (k *key) markFixed(edges []bool, row int64) {
	switch k.node.typ.ID {
	case Float16:
		for i, values := 0, values[uint16](k, edges, row); i < len(edges); i++ {
			if normalHalf(values[i+1]) != normalHalf(values[i]) && k.valid(row+int64(i)) {
				edges[i] = true
			}
		}
		return
	case Float32:
		markFloats[float32](k, edges, row)
		return
	case Float64:
		markFloats[float64](k, edges, row)
		return
	}
	switch k.node.width {
	case 1:
		markUnequal[uint8](k, edges, row)
	case 2:
		markUnequal[uint16](k, edges, row)
	case 4:
		markUnequal[uint32](k, edges, row)
	case 8:
		markUnequal[uint64](k, edges, row)
	case 16:
		markUnequal[[2]uint64](k, edges, row)
	case 32:
		markUnequal[[4]uint64](k, edges, row)
	default:
		width := k.node.width
		at := unsafe.Add(k.values, (k.from+row-1)*width)
		for i := range edges {
			next := unsafe.Add(at, width)
			if unsafe.String((*byte)(next), width) != unsafe.String((*byte)(at), width) && k.valid(row+int64(i)) {
				edges[i] = true
			}
			at = next
		}
	}
}

// values is those of row-1 and of every row that edges stand for.
func values[T any](k *key, edges []bool, row int64) []T {
	var value T
	return unsafe.Slice((*T)(unsafe.Add(k.values, (k.from+row-1)*fromSize(unsafe.Sizeof(value)))), len(edges)+1)
}

func markUnequal[T comparable](k *key, edges []bool, row int64) {
	values := values[T](k, edges, row)
	before := values[0]
	for i, now := range values[1:] {
		if now != before && k.valid(row+int64(i)) {
			edges[i] = true
		}
		before = now
	}
}

func markFloats[T float32 | float64](k *key, edges []bool, row int64) {
	values := values[T](k, edges, row)
	for i := range edges {
		a, b := values[i], values[i+1]
		if a != b && (a == a || b == b) && k.valid(row+int64(i)) { // Both may be NaN, unequal to themselves.
			edges[i] = true
		}
	}
}

func markTexts[T int32 | int64](k *key, edges []bool, row int64) {
	offsets := values[T](k, edges, row)
	offsets = unsafe.Slice(unsafe.SliceData(offsets), len(offsets)+1)
	before := text(k.data, offsets[0], offsets[1])
	for i := range edges {
		now := text(k.data, offsets[i+1], offsets[i+2])
		if now != before && k.valid(row+int64(i)) {
			edges[i] = true
		}
		before = now
	}
}

func text[T int32 | int64](data unsafe.Pointer, from, to T) string {
	if from == to {
		return ""
	}
	return unsafe.String((*byte)(unsafe.Add(data, from)), to-from)
}

func (k *key) markViews(edges []bool, row int64) {
	views := values[view](k, edges, row)
	for i := range edges {
		a, b := &views[i], &views[i+1]
		if *a == *b || !k.valid(row+int64(i)) || !k.valid(row+int64(i)-1) {
			continue // An edge between null and not is set already, and a null's view may point anywhere.
		}
		if a.size != b.size || k.viewed(a) != k.viewed(b) {
			edges[i] = true
		}
	}
}

// viewed is the text of a valid view.
func (k *key) viewed(v *view) string {
	if v.size <= maxInline {
		return unsafe.String(&v.prefix[0], v.size)
	}
	return unsafe.String((*byte)(unsafe.Add(bufferOf(k.buffers, int(v.index)+2), v.offset)), v.size)
}

// normalHalf is one of the 16 bits of floats that are equal.
func normalHalf(v uint16) uint16 {
	switch {
	case v&0x7fff > 0x7c00:
		return 0x7e00
	case v&0x7fff == 0:
		return 0
	}
	return v
}

// value is the bytes of a valid row's key, the same for all that are equal.
func (k *key) value(to []byte, row int64) []byte {
	at, n := k.from+row, k.node
	switch n.layout {
	case layoutBool:
		if bit(k.values, at) {
			return append(to, 1)
		}
		return append(to, 0)
	case layoutBytes:
		p := unsafe.Add(k.values, at*n.width)
		return append(to, text(k.data, offset(p, n.width, 0), offset(p, n.width, 1))...)
	case layoutView:
		return append(to, k.viewed((*view)(unsafe.Add(k.values, at*viewSize)))...)
	}
	p := unsafe.Add(k.values, at*n.width)
	switch n.typ.ID {
	case Float16:
		return binary.NativeEndian.AppendUint16(to, normalHalf(*(*uint16)(p)))
	case Float32:
		return appendFloat(to, float64(*(*float32)(p)))
	case Float64:
		return appendFloat(to, *(*float64)(p))
	}
	return append(to, unsafe.Slice((*byte)(p), n.width)...)
}

func appendFloat(to []byte, v float64) []byte {
	switch {
	case v != v:
		v = math.NaN()
	case v == 0:
		v = 0 // of either sign
	}
	return binary.NativeEndian.AppendUint64(to, math.Float64bits(v))
}

// keepLast remembers a row's key.
func (k *key) keepLast(row int64) {
	if k.nested != nil {
		k.last = k.appendTo(k.last[:0], row)
		return
	}
	k.lastNull = !k.valid(row)
	k.last = k.last[:0]
	if !k.lastNull {
		k.last = k.value(k.last, row)
	}
}

// equalsLast says whether a row's key is the one remembered.
func (k *key) equalsLast(row int64) bool {
	if k.nested != nil {
		k.first = k.appendTo(k.first[:0], row)
		return string(k.first) == string(k.last)
	}
	if !k.valid(row) || k.lastNull {
		return k.valid(row) != k.lastNull
	}
	k.first = k.value(k.first[:0], row)
	return string(k.first) == string(k.last)
}
