package arrowio

import (
	"fmt"
	"math"
	"unsafe"

	"udfrunner/core/cdata"
)

// typeIDs checks and appends a union's type ids, and returns the first one's address.
func (w *body) typeIDs(n *node, a *cdata.Array, from, count int64) (unsafe.Pointer, error) {
	ids, err := needed(a, 0, "type ids", count)
	if err != nil {
		return nil, err
	}
	if count > 0 {
		ids = unsafe.Add(ids, from)
	}
	if err := checkTypeIDs(ids, count, n.childOf); err != nil {
		return nil, err
	}
	w.add(ids, count)
	return ids, nil
}

// denseUnion appends type ids, offsets and children: whole ones, or of a slice the range of values of each that
// its rows use.
func (e *Encoder) denseUnion(w *body, n *node, a *cdata.Array, from, count int64) error {
	ranges := make([]span, len(n.children))
	if err := w.unionOffsets(n, a, from, count, ranges); err != nil {
		return fmt.Errorf("column %q: %w", n.at, err)
	}
	for i, child := range n.children {
		if err := e.child(w, child, a, i, ranges[i].offset, ranges[i].length); err != nil {
			return err
		}
	}
	return nil
}

// unionOffsets appends what stands before a dense union's children, and sets the ranges of these that are to follow.
func (w *body) unionOffsets(n *node, a *cdata.Array, from, count int64, ranges []span) error {
	ids, err := w.typeIDs(n, a, from, count)
	if err != nil {
		return err
	}
	offsets, err := needed(a, 1, "offsets", count*4)
	if err != nil {
		return err
	}
	if count > 0 {
		offsets = unsafe.Add(offsets, from*4)
	}
	lengths := make([]int64, len(n.children))
	for i := range n.children {
		c := childOf(a, i)
		if c == nil {
			return fmt.Errorf("child %d is NULL", i)
		}
		lengths[i], ranges[i].length = c.Length, c.Length
	}
	if err := checkUnionOffsets(ids, offsets, count, n.childOf, lengths); err != nil {
		return err
	}
	if !w.loaded {
		w.add(offsets, count*4)
		return nil
	}
	w.usedOffsets(n, unsafe.Slice((*uint8)(ids), count), unsafe.Slice((*int32)(offsets), count), ranges)
	return nil
}

// usedOffsets appends a dense union's offsets into the ranges of values that they use, which it sets.
func (w *body) usedOffsets(n *node, ids []uint8, offsets []int32, ranges []span) {
	for i := range ranges {
		ranges[i] = span{math.MaxInt64, 0} // From offset to end.
	}
	for i, offset := range offsets {
		r := &ranges[n.childOf[ids[i]]]
		*r = span{min(r.offset, int64(offset)), max(r.length, int64(offset)+1)}
	}
	for i := range ranges {
		r := &ranges[i]
		*r = span{min(r.offset, r.length), r.length - min(r.offset, r.length)}
	}
	out := w.grab(int64(len(offsets)) * 4)
	for i, offset := range offsets {
		setOffset(out, 4, int64(i), int64(offset)-ranges[n.childOf[ids[i]]].offset)
	}
}
