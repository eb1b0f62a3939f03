package arrowio

import (
	"fmt"
	"unsafe"
)

// values checks what a node's buffers hold: bits, offsets, views, ids, decimals. lengths are the numbers of
// values of the stream's dictionaries, -1 for those that did not come yet.
func (w *walk) values(n *node, lengths []int64) error {
	f := w.nextNode()
	var validity unsafe.Pointer
	if n.hasValidity() {
		if s := w.nextBuffer(); f.nulls > 0 {
			validity = w.at(s)
			if valid := countBits(validity, 0, f.length); valid != f.length-f.nulls {
				return fmt.Errorf("column %q: %d nulls, its validity says %d", n.at, f.nulls, f.length-valid)
			}
		}
	}
	if err := w.buffersOf(n, f.length, validity, lengths); err != nil {
		return fmt.Errorf("column %q: %w", n.at, err)
	}
	for _, child := range n.children {
		if err := w.values(child, lengths); err != nil {
			return err
		}
	}
	return nil
}

// buffersOf checks the buffers after the validity.
func (w *walk) buffersOf(n *node, length int64, validity unsafe.Pointer, lengths []int64) error {
	switch n.layout {
	case layoutBool:
		w.nextBuffer()
	case layoutFixed:
		values := w.nextBuffer()
		if n.dictionary == nil {
			if n.typ.ID == Decimal128 {
				return checkDecimals(w.at(values), n.typ, length, validity)
			}
			return nil
		}
		size := lengths[n.dictionary.index]
		if size < 0 {
			return fmt.Errorf("dictionary %d did not come before the batch", n.dictionary.id)
		}
		return checkIndices(w.at(values), n.typ.Index.ID, length, validity, 0, size)
	case layoutBytes:
		offsets, data := w.nextBuffer(), w.nextBuffer()
		return w.offsets(n, offsets, length, data.length)
	case layoutList:
		return w.offsets(n, w.nextBuffer(), length, w.nodes[w.node].length)
	case layoutView:
		views := w.nextBuffer()
		var sizes []int64
		for _, data := range w.nextViews() {
			sizes = append(sizes, data.length)
		}
		return checkViews(w.at(views), length, validity, 0, sizes)
	case layoutListView:
		offsets, sizes := w.nextBuffer(), w.nextBuffer()
		_, _, err := checkListViews(w.at(offsets), w.at(sizes), n.width, length, w.nodes[w.node].length)
		return err
	case layoutSparse:
		return checkTypeIDs(w.at(w.nextBuffer()), length, n.childOf)
	case layoutDense:
		return w.denseUnion(n, length)
	case layoutRunEnds:
		return w.runEnds(n, length)
	}
	return nil
}

// offsets checks an offsets buffer; one of no entries may be empty.
func (w *walk) offsets(n *node, s span, length, limit int64) error {
	if s.length < n.width {
		return nil
	}
	_, _, err := checkOffsets(w.at(s), n.width, length, limit)
	return err
}

func (w *walk) denseUnion(n *node, length int64) error {
	ids, offsets := w.at(w.nextBuffer()), w.at(w.nextBuffer())
	if err := checkTypeIDs(ids, length, n.childOf); err != nil {
		return err
	}
	lengths := make([]int64, len(n.children))
	ahead := *w
	for i, child := range n.children {
		lengths[i] = w.nodes[ahead.node].length
		ahead.skip(child)
	}
	return checkUnionOffsets(ids, offsets, length, n.childOf, lengths)
}

func (w *walk) runEnds(n *node, length int64) error {
	ahead := *w
	ends := ahead.nextNode()
	ahead.nextBuffer()
	buffer := ahead.nextBuffer()
	values := ahead.nextNode()
	if ends.nulls > 0 {
		return fmt.Errorf("%d of its run ends are null", ends.nulls)
	}
	last, err := checkRunEnds(w.at(buffer), n.children[0].width, ends.length)
	switch {
	case err != nil:
		return err
	case last < length:
		return fmt.Errorf("last run end is %d, length is %d", last, length)
	case values.length < ends.length:
		return fmt.Errorf("%d run ends and %d values", ends.length, values.length)
	}
	return nil
}
