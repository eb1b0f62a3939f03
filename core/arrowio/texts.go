package arrowio

import "unsafe"

// textReader reads single texts or byte strings of a node.
type textReader struct {
	width    int64 // of offsets, 0 for views
	validity unsafe.Pointer
	items    unsafe.Pointer // offsets or views
	body     unsafe.Pointer
	data     []span
}

// text is a value's bytes, none of a null.
func (t *textReader) text(i int64) []byte {
	if t.validity != nil && !bit(t.validity, i) {
		return nil
	}
	if t.width > 0 {
		start, end := offset(t.items, t.width, i), offset(t.items, t.width, i+1)
		return unsafe.Slice((*byte)(unsafe.Add(t.body, t.data[0].offset+start)), end-start)
	}
	v := (*view)(unsafe.Add(t.items, i*viewSize))
	if v.size <= maxInline {
		return unsafe.Slice((*byte)(unsafe.Pointer(&v.prefix)), v.size)
	}
	return unsafe.Slice((*byte)(unsafe.Add(t.body, t.data[v.index].offset+int64(v.offset))), v.size)
}

// textWriter writes texts one after the other.
type textWriter struct {
	width       int64 // of offsets, 0 for views
	items, data []byte
	count, size int64
}

func (t *textWriter) add(text []byte) {
	copy(t.data[t.size:], text)
	if t.width > 0 {
		setOffset(t.items, t.width, t.count, t.size)
	} else {
		t.addView(text)
	}
	t.count++
	t.size += int64(len(text))
}

// addView points into the data, where short texts lie too, unused.
func (t *textWriter) addView(text []byte) {
	v := (*view)(unsafe.Pointer(&t.items[t.count*viewSize]))
	*v = view{size: int32(len(text))} //nolint:gosec // 12 at most
	if len(text) <= maxInline {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&v.prefix)), maxInline), text)
		return
	}
	copy(v.prefix[:], text)
	v.offset = int32(t.size) //nolint:gosec // see above
}

func (t *textWriter) finish() {
	if t.width > 0 {
		setOffset(t.items, t.width, t.count, t.size)
	}
}
