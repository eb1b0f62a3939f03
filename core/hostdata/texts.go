package hostdata

import (
	"unsafe"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
)

// texts makes texts or byte strings that lie one behind the other, borrowed where the host's do.
func (w *work) texts(v *conversion, a *cdata.Array, s *selection, out *array) error {
	switch v.from.ID {
	case arrowio.StringView, arrowio.BinaryView:
		return w.viewedTexts(v, a, s, out)
	case arrowio.FixedSizeBinary:
		return w.fixedTexts(v, a, s, out)
	}
	if start, ok := s.contiguous(); ok {
		p, first, last, err := v.reader.Offsets(a, a.Offset+start, s.count, arrowio.MaxBytes)
		if err != nil {
			return v.malformed(err)
		}
		if out.buffers[1], err = w.rebased(v, p, s.count, first, last, "bytes"); err != nil || last == first {
			return err
		}
		return v.data(a, first, last, out)
	}
	return w.scatteredTexts(v, a, s, out)
}

// data borrows bytes of the host's texts.
func (v *conversion) data(a *cdata.Array, first, last int64, out *array) error {
	p, err := v.reader.Data(a, last-first)
	if err != nil {
		return v.malformed(err)
	}
	out.buffers[2] = unsafe.Add(p, first)
	return nil
}

// scatteredTexts copies texts span by span.
func (w *work) scatteredTexts(v *conversion, a *cdata.Array, s *selection, out *array) error {
	var size int64
	err := s.each(func(_ int64, sp span) error {
		if sp.start == nullValue {
			return nil
		}
		_, first, last, err := v.reader.Offsets(a, a.Offset+sp.start, sp.count, arrowio.MaxBytes)
		switch {
		case err != nil:
			return v.malformed(err)
		case last-first > v.limit()-size:
			return v.tooLarge("bytes")
		}
		size += last - first
		return nil
	})
	if err != nil {
		return err
	}
	host, err := v.reader.Data(a, size)
	if err != nil {
		return v.malformed(err)
	}
	offsets, data, err := w.textBuffers(v, s.count, size, out)
	if err != nil {
		return err
	}
	size = 0
	return s.each(func(at int64, sp span) error {
		if sp.start == nullValue {
			for i := range sp.count {
				offsets.set(at+i+1, size)
			}
			return nil
		}
		p, first, last, err := v.reader.Offsets(a, a.Offset+sp.start, sp.count, arrowio.MaxBytes)
		if err != nil {
			return v.malformed(err)
		}
		offsets.rebase(at+1, v.reader, p, 1, sp.count, first-size)
		if last > first {
			size += int64(copy(data[size:], unsafe.Slice((*byte)(unsafe.Add(host, first)), last-first)))
		}
		return nil
	})
}

// textBuffers makes the buffers of count texts of so many bytes together.
func (w *work) textBuffers(v *conversion, count, size int64, out *array) (writtenOffsets, []byte, error) {
	offsets, err := w.offsets(v, count)
	if err != nil {
		return offsets, nil, err
	}
	offsets.set(0, 0)
	p, err := w.buffer(size + slack)
	out.buffers[1], out.buffers[2] = offsets.p, p
	return offsets, unsafe.Slice((*byte)(p), size), err
}

// fixedTexts makes byte strings of byte strings of one size.
func (w *work) fixedTexts(v *conversion, a *cdata.Array, s *selection, out *array) error {
	host, err := v.reader.Values(a, a.Offset+s.needs())
	if err != nil {
		return v.malformed(err)
	}
	size := v.reader.Width()
	if size > 0 && s.count > v.limit()/size {
		return v.tooLarge("bytes")
	}
	start, borrows := s.contiguous()
	total := s.count * size
	if borrows {
		total = 0
	}
	offsets, data, err := w.textBuffers(v, s.count, total, out)
	if err != nil {
		return err
	}
	if borrows {
		for i := range s.count {
			offsets.set(i+1, (i+1)*size)
		}
		if s.count*size > 0 {
			out.buffers[2] = unsafe.Add(host, (a.Offset+start)*size)
		}
		return nil
	}
	var end int64
	return s.each(func(at int64, sp span) error {
		each := size
		if sp.start == nullValue {
			each = 0
		}
		for i := range sp.count {
			offsets.set(at+i+1, end+(i+1)*each)
		}
		if n := sp.count * each; n > 0 {
			end += int64(copy(data[end:], unsafe.Slice((*byte)(unsafe.Add(host, (a.Offset+sp.start)*size)), n)))
		}
		return nil
	})
}
