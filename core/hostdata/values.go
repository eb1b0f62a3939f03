package hostdata

import (
	"unsafe"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// validity makes the validity bitmap of the selected values, none where nothing is null.
func (w *work) validity(v *conversion, a *cdata.Array, s *selection, out *array) error {
	p, err := v.reader.Validity(a)
	switch {
	case err != nil:
		return v.malformed(err)
	case s.count == 0 || p == nil && !s.nulls:
		return nil
	}
	if start, ok := s.contiguous(); ok {
		out.NullCount = -1 // The host's number may be wrong.
		out.buffers[0], err = w.bits(p, a.Offset+start, s.count)
		return err
	}
	out.buffers[0], err = w.scatteredBits(p, a.Offset, s)
	out.NullCount = s.count - arrowio.CountBits(out.buffers[0], 0, s.count)
	return err
}

// bits is count bits of a bitmap, borrowed where they begin with a byte.
func (w *work) bits(p unsafe.Pointer, from, count int64) (unsafe.Pointer, error) {
	if from%8 == 0 {
		return unsafe.Add(p, from/8), nil
	}
	size := (count + 7) / 8
	bits, err := w.buffer(size)
	if err == nil {
		arrowio.ShiftBits(unsafe.Slice((*byte)(bits), size), p, from, count)
	}
	return bits, err
}

// scatteredBits is the selected bits of a bitmap, or of one of ones where that is nil, and zeros for nulls.
func (w *work) scatteredBits(p unsafe.Pointer, offset int64, s *selection) (unsafe.Pointer, error) {
	size := (s.count + 7) / 8
	bits, err := w.buffer(size)
	if err != nil {
		return nil, err
	}
	out := unsafe.Slice((*byte)(bits), size)
	clear(out)
	return bits, s.each(func(at int64, sp span) error {
		for i := int64(0); i < sp.count && sp.start != nullValue; i++ {
			if p == nil || arrowio.Bit(p, offset+sp.start+i) {
				out[(at+i)>>3] |= 1 << ((at + i) & 7)
			}
		}
		return nil
	})
}

func (w *work) bools(v *conversion, a *cdata.Array, s *selection, out *array) error {
	p, err := v.reader.Values(a, a.Offset+s.needs())
	if err != nil {
		return v.malformed(err)
	}
	out.buffers[1], err = w.scatteredBits(p, a.Offset, s)
	return err
}

func (w *work) numbers(v *conversion, a *cdata.Array, s *selection, out *array) error {
	p, err := v.reader.Values(a, a.Offset+s.needs())
	if err != nil {
		return v.malformed(err)
	}
	to, from := v.result.Width(), v.reader.Width()
	values, err := w.buffer(s.count * to)
	if err != nil {
		return err
	}
	out.buffers[1] = values
	return s.each(func(at int64, sp span) error {
		made := unsafe.Add(values, at*to)
		if sp.start == nullValue {
			clear(unsafe.Slice((*byte)(made), sp.count*to))
			return nil
		}
		host := unsafe.Add(p, (a.Offset+sp.start)*from)
		if v.kernel.convert(made, host, sp.count) {
			return nil
		}
		return v.refused(host, at, sp.count, out.buffers[0], s.place)
	})
}

// refused is the error of the first of count values that the type to make cannot hold, if it is not null. The values
// are those from `at` on of the result, of which validity is.
func (v *conversion) refused(host unsafe.Pointer, at, count int64, validity unsafe.Pointer, part *place) error {
	for i := range count {
		problem := v.kernel.problem(unsafe.Add(host, i*v.reader.Width()))
		if problem == "" || validity != nil && !arrowio.Bit(validity, at+i) {
			continue
		}
		if row, null := part.row(at + i); !null {
			return status.New(status.InvalidArgument, "column %q, row %d: %s", v.at, row, problem)
		}
	}
	return nil
}

// indices puts the values of a dictionary in place of their indices.
func (w *work) indices(v *conversion, a *cdata.Array, s *selection) (*cdata.Array, error) {
	if a.Dictionary == nil {
		return nil, v.malformedf("dictionary is NULL")
	}
	if err := v.children[0].reader.Check(a.Dictionary, 0); err != nil {
		return nil, v.malformedf("dictionary: %w", err)
	}
	p, err := v.reader.Values(a, a.Offset+s.needs())
	if err != nil {
		return nil, v.malformed(err)
	}
	validity, err := v.reader.Validity(a)
	if err != nil {
		return nil, v.malformed(err)
	}
	values, err := w.selection(v, s.count, s.place)
	if err != nil {
		return nil, err
	}
	err = s.each(func(_ int64, sp span) error {
		if sp.start == nullValue {
			values.add(nullValue, sp.count)
			return nil
		}
		start := a.Offset + sp.start
		if err := v.reader.Indices(p, start, sp.count, validity, a.Dictionary.Length); err != nil {
			return v.malformed(err)
		}
		for i := start; i < start+sp.count; i++ {
			if validity != nil && !arrowio.Bit(validity, i) {
				values.add(nullValue, 1)
			} else {
				values.add(v.reader.Index(p, i), 1)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return w.node(v.children[0], a.Dictionary, values)
}

// runs repeats values as often as their runs are long. Offset and length of such an array count values, not runs.
func (w *work) runs(v *conversion, a *cdata.Array, s *selection) (*cdata.Array, error) {
	host := childOf(a, 0)
	if err := v.ends.Check(host, 0); err != nil {
		return nil, v.malformedf("run ends: %w", err)
	}
	ends, err := v.ends.Runs(host, a.Offset+s.needs())
	if err != nil {
		return nil, v.malformedf("run ends: %w", err)
	}
	values, err := w.selection(v, s.count, s.place)
	if err != nil {
		return nil, err
	}
	_ = s.each(func(_ int64, sp span) error {
		if sp.start == nullValue {
			values.add(nullValue, sp.count)
			return nil
		}
		at := a.Offset + sp.start
		end := at + sp.count
		for run := ends.Find(at); at < end; run++ {
			for last := min(ends.End(run), end); at < last; at++ {
				values.add(run, 1)
			}
		}
		return nil
	})
	return w.node(v.children[0], childOf(a, 1), values)
}
