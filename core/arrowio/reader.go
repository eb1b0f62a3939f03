package arrowio

import (
	"fmt"
	"sort"
	"unsafe"

	"udfrunner/core/cdata"
)

// Reader reads arrays of one type that a host made, for other rooms: what it hands out was checked as an Encoder
// checks it. Positions count from the start of the buffers, with the array's offset in them. Its errors name no column.
type Reader struct {
	node     *node
	children int
}

// NewReader is the reader of a type that ImportSchema or a Decoder made.
func NewReader(t *Type) *Reader { return &Reader{newNode(t, nil), len(t.Children)} }

// CheckBatch checks the struct of an array that is a batch with so many columns.
func CheckBatch(a *cdata.Array, columns int) error { return checkRoot(a, columns) }

// Check checks the numbers of an array, which must have at least length values. It comes before all other methods.
func (r *Reader) Check(a *cdata.Array, length int64) error {
	if a == nil {
		return fmt.Errorf("array is NULL")
	}
	buffers, most := int64(r.node.fixedBuffers()), int64(r.node.fixedBuffers())
	if r.node.layout == layoutView {
		buffers, most = buffers+1, -1
	}
	if err := checkCounts(a, buffers, most, r.children); err != nil {
		return err
	}
	if err := r.node.checkKind(a); err != nil {
		return err
	}
	if a.Length < length {
		return fmt.Errorf("length is %d, its parent needs %d", a.Length, length)
	}
	return nil
}

// Child is child i of an array that was checked; Check of its own type comes next.
func (r *Reader) Child(a *cdata.Array, i int) *cdata.Array { return childOf(a, i) }

// Validity is the validity bitmap, nil where the array has no nulls.
func (r *Reader) Validity(a *cdata.Array) (unsafe.Pointer, error) {
	if !r.node.hasValidity() || a.NullCount == 0 {
		return nil, nil
	}
	p := bufferOf(a, 0)
	if p == nil && a.NullCount > 0 && a.Length > 0 {
		return nil, fmt.Errorf("null_count is %d and buffer 0 (validity) is NULL", a.NullCount)
	}
	return p, nil
}

// Width is the bytes of a value, of a dictionary index, or of an offset; 0 for other types.
func (r *Reader) Width() int64 { return r.node.width }

// Values is buffer 1 of a type of fixed width, a dictionary or Bool, with values before end.
func (r *Reader) Values(a *cdata.Array, end int64) (unsafe.Pointer, error) {
	if r.node.layout == layoutBool {
		return needed(a, 1, "values", (end+7)>>3)
	}
	size, ok := product(end, r.node.width)
	if !ok {
		return nil, fmt.Errorf("%d values of %d bytes", end, r.node.width)
	}
	return needed(a, 1, "values", size)
}

// Offsets is the offsets of texts or lists from entry `from` on, which were checked: count+1, or nil where count is
// 0. They reach up to limit.
func (r *Reader) Offsets(a *cdata.Array, from, count, limit int64) (p unsafe.Pointer, first, last int64, err error) {
	if count == 0 {
		return nil, 0, 0, nil
	}
	if p, err = needed(a, 1, "offsets", (count+1)*r.node.width); err != nil {
		return nil, 0, 0, err
	}
	p = unsafe.Add(p, from*r.node.width)
	first, last, err = checkOffsets(p, r.node.width, count, limit)
	return p, first, last, err
}

// Data is the data buffer of texts, of which bytes before end are needed. Offsets tell end, and may reach up to
// MaxBytes.
func (r *Reader) Data(a *cdata.Array, end int64) (unsafe.Pointer, error) {
	return needed(a, 2, "data", end)
}

// MaxBytes is more than any length or size can be.
const MaxBytes = maxBytes

// ListViews is the offsets and the sizes of list views before entry end. What they hold is not checked: those of
// nulls may be anything.
func (r *Reader) ListViews(a *cdata.Array, end int64) (offsets, sizes unsafe.Pointer, err error) {
	if offsets, err = needed(a, 1, "offsets", end*r.node.width); err != nil {
		return nil, nil, err
	}
	sizes, err = needed(a, 2, "sizes", end*r.node.width)
	return offsets, sizes, err
}

// View is a value of the view types: Size bytes, which follow Size in the view itself up to MaxInline, or else lie at
// Offset of data buffer Index.
type View struct{ Size, Prefix, Index, Offset int32 }

// MaxInline is the bytes of text that a View has room for.
const MaxInline = maxInline

// ViewData is the data buffers of a view array, and their sizes.
type ViewData struct {
	Buffers []unsafe.Pointer
	Sizes   []int64
}

// ViewData is the data buffers of a view array.
func (r *Reader) ViewData(a *cdata.Array) (ViewData, error) {
	sizes, err := viewSizes(a)
	if err != nil || len(sizes) == 0 {
		return ViewData{}, err
	}
	return ViewData{unsafe.Slice(a.Buffers, a.NBuffers)[2 : 2+len(sizes)], sizes}, nil
}

// Views is count views from `from` on.
func (r *Reader) Views(a *cdata.Array, from, count int64) ([]View, error) {
	p, err := needed(a, 1, "views", count*viewSize)
	if err != nil || count == 0 {
		return nil, err
	}
	return unsafe.Slice((*View)(unsafe.Add(p, from*viewSize)), count), nil
}

// CheckViews checks that the valid ones of views, by validity from bit `from` on, lie in data. Those of nulls may be
// anything.
func CheckViews(views []View, validity unsafe.Pointer, from int64, data ViewData) error {
	return checkViews(unsafe.Pointer(unsafe.SliceData(views)), int64(len(views)), validity, from, data.Sizes)
}

// Indices checks count dictionary indices from `from` on: the valid ones are below limit. p is Values.
func (r *Reader) Indices(p unsafe.Pointer, from, count int64, validity unsafe.Pointer, limit int64) error {
	if count == 0 {
		return nil
	}
	return checkIndices(unsafe.Add(p, from*r.node.width), r.node.typ.Index.ID, count, validity, from, limit)
}

// Runs is the run ends in a run-end encoded array's child 0, which was checked: they rise, and cover the values
// before end.
func (r *Reader) Runs(ends *cdata.Array, end int64) (RunEnds, error) {
	validity, err := r.Validity(ends)
	if err != nil {
		return RunEnds{}, err
	}
	if validity != nil && countBits(validity, ends.Offset, ends.Length) < ends.Length {
		return RunEnds{}, fmt.Errorf("null_count is %d, run ends are not null", ends.NullCount)
	}
	p, err := r.Values(ends, ends.Length)
	if err != nil {
		return RunEnds{}, err
	}
	if ends.Length > 0 {
		p = unsafe.Add(p, ends.Offset*r.node.width)
	}
	last, err := checkRunEnds(p, r.node.width, ends.Length)
	if err == nil && last < end {
		err = fmt.Errorf("last run end is %d, values up to %d are needed", last, end)
	}
	return RunEnds{p, r.node.width, ends.Length}, err
}

// RunEnds is the ends of runs.
type RunEnds struct {
	p            unsafe.Pointer
	width, count int64
}

// Find is the run that a value, which is covered, lies in.
func (e *RunEnds) Find(value int64) int64 {
	return int64(sort.Search(int(e.count), func(i int) bool { return e.End(int64(i)) > value }))
}

// End is the value behind run i.
func (e *RunEnds) End(i int64) int64 {
	if e.width == 2 {
		return int64(*(*int16)(unsafe.Add(e.p, i*2)))
	}
	return offset(e.p, e.width, i)
}

// Index is dictionary index i of p, which was checked, and so is not negative.
func (r *Reader) Index(p unsafe.Pointer, i int64) int64 {
	if r.node.width == 4 {
		return int64(*(*uint32)(unsafe.Add(p, i*4)))
	}
	return index(p, r.node.width, i)
}

// Offset is offset or size i of a buffer with ones of this reader's width.
func (r *Reader) Offset(p unsafe.Pointer, i int64) int64 { return offset(p, r.node.width, i) }

// Bit is bit i of a bitmap.
func Bit(bitmap unsafe.Pointer, i int64) bool { return bit(bitmap, i) }

// CountBits counts the bits set among n from bit `from` on.
func CountBits(bitmap unsafe.Pointer, from, n int64) int64 { return countBits(bitmap, from, n) }

// ShiftBits copies n bits from bit `from` on, which is not a multiple of 8, to the start of dst; it reads no byte of
// the bitmap past the last of them.
func ShiftBits(dst []byte, bitmap unsafe.Pointer, from, n int64) { shiftBits(dst, bitmap, from, n) }
