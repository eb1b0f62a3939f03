package arrowio

import (
	"fmt"
	"math"
	"unsafe"

	"udfrunner/core/cdata"
)

// views appends views and their data buffers: whole ones, or of a slice what its rows use.
func (w *body) views(a *cdata.Array, from, count int64) error {
	p, err := needed(a, 1, "views", count*viewSize)
	if err != nil {
		return err
	}
	if count > 0 {
		p = unsafe.Add(p, from*viewSize)
	}
	sizes, err := viewSizes(a)
	if err != nil {
		return err
	}
	validity := bufferOf(a, 0)
	if a.NullCount == 0 {
		validity = nil
	}
	if err := checkViews(p, count, validity, from, sizes); err != nil {
		return err
	}
	if w.loaded {
		w.usedViews(a, unsafe.Slice((*view)(p), count), validity, from, len(sizes))
		return nil
	}
	w.add(p, count*viewSize)
	for i, size := range sizes {
		w.add(bufferOf(a, i+2), size)
	}
	w.variadic = append(w.variadic, int64(len(sizes)))
	return nil
}

// viewSizes checks the data buffers of a view array and returns their sizes.
func viewSizes(a *cdata.Array) ([]int64, error) {
	n := a.NBuffers - 3
	if n > math.MaxInt32 {
		return nil, fmt.Errorf("n_buffers is %d", a.NBuffers)
	}
	at, err := needed(a, int(n+2), "sizes", n*8)
	if err != nil {
		return nil, err
	}
	sizes := unsafe.Slice((*int64)(at), n)
	for i, size := range sizes {
		if size < 0 || size > maxBytes {
			return nil, fmt.Errorf("data buffer %d of %d bytes", i, size)
		}
		if _, err := needed(a, i+2, "data", size); err != nil {
			return nil, err
		}
	}
	return sizes, nil
}

// usedViews appends views that were checked, and what they use of n data buffers: of each the bytes from the
// first to the last that a view refers to. Views are copied where they change by that.
func (w *body) usedViews(a *cdata.Array, views []view, validity unsafe.Pointer, from int64, n int) {
	if len(w.used) < n {
		w.used = make([]span, n) // From offset to end, zero where unused.
	}
	copied := false
	touched := w.touched[:0]
	for i, v := range views {
		if v.inlined() {
			continue
		}
		if validity != nil && !bit(validity, from+int64(i)) {
			copied = true // A null's view may point anywhere.
			continue
		}
		start, end := int64(v.offset), int64(v.offset)+int64(v.size)
		r := &w.used[v.index]
		if r.length == 0 {
			touched = append(touched, v.index)
			*r = span{start, end}
		}
		*r = span{min(r.offset, start), max(r.length, end)}
	}
	w.touched = touched
	for i, index := range touched {
		copied = copied || int(index) != i || w.used[index].offset != 0
	}
	if copied {
		w.rebasedViews(views, validity, from)
	} else {
		w.add(unsafe.Pointer(unsafe.SliceData(views)), int64(len(views))*viewSize)
	}
	for _, index := range touched {
		r := &w.used[index]
		w.add(unsafe.Add(bufferOf(a, int(index)+2), r.offset), r.length-r.offset)
		*r = span{}
	}
	w.variadic = append(w.variadic, int64(len(touched)))
}

// rebasedViews appends copies of views into the parts of buffers that are sent.
func (w *body) rebasedViews(views []view, validity unsafe.Pointer, from int64) {
	if len(w.position) < len(w.used) {
		w.position = make([]int32, len(w.used))
	}
	for i, index := range w.touched {
		w.position[index] = int32(i)
	}
	out := w.grab(int64(len(views)) * viewSize)
	for i, v := range views {
		if !v.inlined() {
			if validity != nil && !bit(validity, from+int64(i)) {
				v = view{}
			} else {
				v.offset -= int32(w.used[v.index].offset) //nolint:gosec // within its buffer
				v.index = w.position[v.index]
			}
		}
		unsafe.Slice((*view)(unsafe.Pointer(unsafe.SliceData(out))), len(views))[i] = v
	}
}
