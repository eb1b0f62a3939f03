package hostdata

import (
	"fmt"
	"math"
	"math/bits"
	"unsafe"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// zeros serve as offsets where there are no entries.
var zeros [8]byte

// writtenOffsets are offsets of a result, of its width.
type writtenOffsets struct {
	p     unsafe.Pointer
	width int64
}

func (w *work) offsets(v *conversion, count int64) (writtenOffsets, error) {
	width := v.result.Width()
	p, err := w.buffer((count + 1) * width)
	return writtenOffsets{p, width}, err
}

func (o *writtenOffsets) set(i, value int64) {
	if o.width == 4 {
		*(*int32)(unsafe.Add(o.p, i*4)) = int32(value) //nolint:gosec // checked by who counts the items
	} else {
		*(*int64)(unsafe.Add(o.p, i*8)) = value
	}
}

// limit is what the result's offsets may reach.
func (v *conversion) limit() int64 {
	if v.result.Width() == 4 {
		return math.MaxInt32
	}
	return arrowio.MaxBytes
}

// tooLarge is the error of offsets beyond the limit.
func (v *conversion) tooLarge(things string) error {
	advice := "send smaller batches"
	if v.kind == texts {
		advice += " or set spark.sql.execution.arrow.useLargeVarTypes"
	}
	return status.New(status.InvalidArgument, "column %q: more than %d %s of %s in a batch, the most that %s holds: %s",
		v.at, v.limit(), things, v.from, v.to, advice)
}

// rebased is count+1 offsets, which begin with first and end with last, as the result has them, which begin with 0:
// borrowed where they are the same.
func (w *work) rebased(
	v *conversion, p unsafe.Pointer, count, first, last int64, things string,
) (unsafe.Pointer, error) {
	switch {
	case count == 0:
		return unsafe.Pointer(&zeros), nil
	case last-first > v.limit():
		return nil, v.tooLarge(things)
	case first == 0 && v.reader.Width() == v.result.Width():
		return p, nil
	}
	out, err := w.offsets(v, count)
	if err == nil {
		out.rebase(0, v.reader, p, 0, count+1, first)
	}
	return out.p, err
}

// rebase sets count offsets from `at` on to a host's from `from` on, less first.
func (o *writtenOffsets) rebase(at int64, host *arrowio.Reader, p unsafe.Pointer, from, count, first int64) {
	to, p := unsafe.Add(o.p, at*o.width), unsafe.Add(p, from*host.Width())
	switch {
	case o.width == 4 && host.Width() == 4:
		move[int32, int32](to, p, count, first)
	case o.width == 4:
		move[int64, int32](to, p, count, first)
	case host.Width() == 4:
		move[int32, int64](to, p, count, first)
	default:
		move[int64, int64](to, p, count, first)
	}
}

func move[Host, Made int32 | int64](out, host unsafe.Pointer, n, first int64) {
	values, made := arrays[Host, Made](out, host, n)
	for i, value := range values {
		made[i] = Made(int64(value) - first)
	}
}

// lists makes offsets of lists or maps, and their items: as the host has them, where they lie in the order of the
// lists.
func (w *work) lists(v *conversion, a *cdata.Array, s *selection, out *array) error {
	items := childOf(a, 0)
	if err := v.children[0].reader.Check(items, 0); err != nil {
		return v.children[0].malformed(err)
	}
	chosen, err := w.items(v, a, items, s, out)
	if err != nil {
		return err
	}
	chosen.place = &place{
		validity: out.buffers[0], lists: v.result, offsets: out.buffers[1], count: s.count, parent: s.place,
	}
	child, err := w.node(v.children[0], items, chosen)
	out.setChildren([]*cdata.Array{child})
	return err
}

// items makes the offsets and selects the items. Null lists get none: items that a host left in them are nothing that
// Spark sends, and pandas would see them in the type of all items.
func (w *work) items(v *conversion, a, items *cdata.Array, s *selection, out *array) (*selection, error) {
	switch v.from.ID {
	case arrowio.FixedSizeList:
		s, err := w.withoutNulls(v, s, out)
		if err != nil {
			return nil, err
		}
		return w.fixedItems(v, a, s, out)
	case arrowio.ListView, arrowio.LargeListView:
		return w.viewedItems(v, a, items, s, out)
	}
	if start, ok := s.contiguous(); ok {
		p, first, last, err := v.reader.Offsets(a, a.Offset+start, s.count, items.Length)
		if err != nil {
			return nil, v.malformed(err)
		}
		if !v.nullsHaveItems(p, s.count, out.buffers[0]) {
			out.buffers[1], err = w.rebased(v, p, s.count, first, last, "items")
			return slice(first, last-first, nil), err
		}
	}
	s, err := w.withoutNulls(v, s, out)
	if err != nil {
		return nil, err
	}
	offsets, chosen, err := w.scatteredItems(v, s, out)
	if err != nil {
		return nil, err
	}
	return chosen, s.each(func(at int64, sp span) error {
		if sp.start == nullValue {
			for i := range sp.count {
				offsets.set(at+i+1, chosen.count)
			}
			return nil
		}
		p, first, last, err := v.reader.Offsets(a, a.Offset+sp.start, sp.count, items.Length)
		switch {
		case err != nil:
			return v.malformed(err)
		case last-first > v.limit()-chosen.count:
			return v.tooLarge("items")
		}
		offsets.rebase(at+1, v.reader, p, 1, sp.count, first-chosen.count)
		chosen.add(first, last-first)
		return nil
	})
}

// nullsHaveItems says whether one of count lists is null and has items.
func (v *conversion) nullsHaveItems(offsets unsafe.Pointer, count int64, validity unsafe.Pointer) bool {
	for i := int64(0); i < count && validity != nil; i++ {
		if !arrowio.Bit(validity, i) && v.reader.Offset(offsets, i) < v.reader.Offset(offsets, i+1) {
			return true
		}
	}
	return false
}

// withoutNulls is the selection with nulls in place of values that are null.
func (w *work) withoutNulls(v *conversion, s *selection, out *array) (*selection, error) {
	validity := out.buffers[0]
	if validity == nil {
		return s, nil
	}
	valid, err := w.selection(v, s.count, s.place)
	if err != nil {
		return nil, err
	}
	return valid, s.each(func(at int64, sp span) error {
		for i := range sp.count {
			if arrowio.Bit(validity, at+i) {
				valid.add(sp.start+i, 1)
			} else {
				valid.add(nullValue, 1)
			}
		}
		return nil
	})
}

// scatteredItems makes room for the offsets of scattered lists, a span of items for each of their own spans.
func (w *work) scatteredItems(v *conversion, s *selection, out *array) (writtenOffsets, *selection, error) {
	offsets, err := w.offsets(v, s.count)
	if err != nil {
		return offsets, nil, err
	}
	out.buffers[1] = offsets.p
	offsets.set(0, 0)
	chosen, err := w.selection(v, int64(len(s.spans)), nil)
	return offsets, chosen, err
}

func (w *work) fixedItems(v *conversion, a *cdata.Array, s *selection, out *array) (*selection, error) {
	size := int64(v.from.Size)
	//nolint:gosec // not negative
	if high, low := bits.Mul64(uint64(a.Offset+s.needs()), uint64(size)); high != 0 || low > arrowio.MaxBytes {
		return nil, v.malformed(fmt.Errorf("%d lists of %d items", a.Offset+s.needs(), size))
	}
	offsets, chosen, err := w.scatteredItems(v, s, out)
	if err != nil {
		return nil, err
	}
	return chosen, s.each(func(at int64, sp span) error {
		each := size
		if sp.start == nullValue {
			each = 0
		}
		if sp.count*each > v.limit()-chosen.count {
			return v.tooLarge("items")
		}
		for i := range sp.count {
			offsets.set(at+i+1, chosen.count+(i+1)*each)
		}
		chosen.add((a.Offset+sp.start)*size, sp.count*each)
		return nil
	})
}

// viewedItems selects the items of list views, of which those of nulls are not looked at.
func (w *work) viewedItems(v *conversion, a, items *cdata.Array, s *selection, out *array) (*selection, error) {
	starts, sizes, err := v.reader.ListViews(a, a.Offset+s.needs())
	if err != nil {
		return nil, v.malformed(err)
	}
	offsets, err := w.offsets(v, s.count)
	if err != nil {
		return nil, err
	}
	out.buffers[1] = offsets.p
	offsets.set(0, 0)
	chosen, err := w.selection(v, s.count, nil)
	if err != nil {
		return nil, err
	}
	return chosen, s.each(func(at int64, sp span) error {
		for i := range sp.count {
			if validity := out.buffers[0]; validity == nil || arrowio.Bit(validity, at+i) {
				entry := a.Offset + sp.start + i
				start, size := v.reader.Offset(starts, entry), v.reader.Offset(sizes, entry)
				switch {
				case start < 0 || size < 0 || start > items.Length || size > items.Length-start:
					return v.malformed(fmt.Errorf("entry %d is items %d+%d of %d", entry-a.Offset, start, size,
						items.Length))
				case size > v.limit()-chosen.count:
					return v.tooLarge("items")
				}
				chosen.add(start, size)
			}
			offsets.set(at+i+1, chosen.count)
		}
		return nil
	})
}
