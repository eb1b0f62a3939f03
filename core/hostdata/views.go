package hostdata

import (
	"unsafe"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
)

// slack is the bytes behind texts, so that a copy of a short one may write more than the text has.
const slack = shortest

// shortest is the longest text that is copied by a few moves of registers, with what lies behind it.
const shortest = 32

// viewedTexts puts the texts of views one behind the other.
func (w *work) viewedTexts(v *conversion, a *cdata.Array, s *selection, out *array) error {
	validity, err := v.reader.Validity(a)
	if err != nil {
		return v.malformed(err)
	}
	c := viewCopier{validity: validity}
	if c.data, err = v.reader.ViewData(a); err != nil {
		return v.malformed(err)
	}
	var size int64
	err = s.each(func(_ int64, sp span) error {
		if sp.start == nullValue {
			return nil
		}
		from := a.Offset + sp.start
		views, err := v.reader.Views(a, from, sp.count)
		if err == nil {
			err = arrowio.CheckViews(views, validity, from, c.data)
		}
		if err != nil {
			return v.malformed(err)
		}
		if size += c.size(views, from); size > v.limit() {
			return v.tooLarge("bytes")
		}
		return nil
	})
	if err != nil {
		return err
	}
	offsets, texts, err := w.textBuffers(v, s.count, size, out)
	if err != nil {
		return err
	}
	c.out = unsafe.Pointer(unsafe.SliceData(texts))
	return s.each(func(at int64, sp span) error {
		if sp.start == nullValue {
			for i := range sp.count {
				offsets.set(at+i+1, c.at)
			}
			return nil
		}
		from := a.Offset + sp.start
		views, err := v.reader.Views(a, from, sp.count)
		if err != nil {
			return v.malformed(err)
		}
		if ends := unsafe.Add(offsets.p, (at+1)*offsets.width); offsets.width == 4 {
			copyViews(&c, unsafe.Slice((*int32)(ends), sp.count), views, from)
		} else {
			copyViews(&c, unsafe.Slice((*int64)(ends), sp.count), views, from)
		}
		return nil
	})
}

// viewCopier copies the texts of views that were checked.
type viewCopier struct {
	data     arrowio.ViewData
	validity unsafe.Pointer
	out      unsafe.Pointer // of texts
	at       int64          // behind the texts that were copied
}

// size is the bytes of the texts of views from `from` on.
func (c *viewCopier) size(views []arrowio.View, from int64) (size int64) {
	if c.validity == nil {
		for i := range views {
			size += int64(views[i].Size)
		}
		return size
	}
	for i := range views {
		if arrowio.Bit(c.validity, from+int64(i)) {
			size += int64(views[i].Size)
		}
	}
	return size
}

// copyViews copies texts and sets the offsets of their ends. Texts that lie one behind the other are copied together.
func copyViews[T int32 | int64](c *viewCopier, ends []T, views []arrowio.View, from int64) {
	at := c.at
	for i := 0; i < len(views); i++ {
		v := &views[i]
		if c.validity != nil && !arrowio.Bit(c.validity, from+int64(i)) {
			ends[i] = T(at)
			continue
		}
		if v.Size <= arrowio.MaxInline {
			*(*[arrowio.MaxInline]byte)(unsafe.Add(c.out, at)) = *(*[arrowio.MaxInline]byte)(unsafe.Pointer(&v.Prefix))
			at += int64(v.Size)
			ends[i] = T(at)
			continue
		}
		start, size := int64(v.Offset), int64(v.Size)
		to, text := unsafe.Add(c.out, at), unsafe.Add(c.data.Buffers[v.Index], start)
		at += size
		ends[i] = T(at)
		for next := i + 1; next < len(views); next++ {
			n := &views[next]
			if n.Size <= arrowio.MaxInline || n.Index != v.Index || int64(n.Offset) != start+size ||
				c.validity != nil && !arrowio.Bit(c.validity, from+int64(next)) {
				break
			}
			size += int64(n.Size)
			at += int64(n.Size)
			ends[next] = T(at)
			i = next
		}
		if size <= shortest && start+shortest <= c.data.Sizes[v.Index] {
			*(*[shortest]byte)(to) = *(*[shortest]byte)(text)
		} else {
			copy(unsafe.Slice((*byte)(to), size), unsafe.Slice((*byte)(text), size))
		}
	}
	c.at = at
}
