package arrowio

import (
	"fmt"
	"unsafe"

	"udfrunner/core/cdata"
)

// checkRoot checks the struct of an array that is a batch.
func checkRoot(a *cdata.Array, columns int) error {
	if a == nil || a.Release == 0 {
		return fmt.Errorf("NULL or released")
	}
	if err := checkCounts(a, 1, 1, columns); err != nil {
		return err
	}
	if p := bufferOf(a, 0); p != nil && a.NullCount != 0 && countBits(p, a.Offset, a.Length) != a.Length {
		return fmt.Errorf("a batch has no null rows, null_count is %d", a.NullCount)
	}
	return nil
}

// begin begins a record batch of count rows.
func (e *Encoder) begin(w *body, count int64) {
	w.reset()
	w.length = count
	if e.wrap {
		w.node(count, 0)
		w.empty()
	}
}

// columns encodes count rows of a struct array that was checked, its children as the columns of a record batch.
func (e *Encoder) columns(w *body, a *cdata.Array, from, count int64) error {
	for i, n := range e.plan.roots {
		if err := e.child(w, n, a, i, a.Offset+from, count); err != nil {
			return err
		}
	}
	return nil
}

// checkCounts checks an array's numbers; maxBuffers is -1 for any number from minBuffers on.
func checkCounts(a *cdata.Array, minBuffers, maxBuffers int64, children int) error {
	switch {
	case a.Release == 0:
		return fmt.Errorf("array is released")
	case a.Length < 0 || a.Offset < 0 || a.Length > maxBytes || a.Offset > maxBytes:
		return fmt.Errorf("length %d, offset %d, must be 0 to 2^56", a.Length, a.Offset)
	case a.NullCount < -1 || a.NullCount > a.Length:
		return fmt.Errorf("null_count %d of length %d", a.NullCount, a.Length)
	case a.NBuffers < minBuffers || maxBuffers >= 0 && a.NBuffers > maxBuffers:
		return fmt.Errorf("n_buffers is %d, must be %d", a.NBuffers, minBuffers)
	case a.NBuffers > 0 && a.Buffers == nil:
		return fmt.Errorf("buffers is NULL")
	case a.NChildren != int64(children):
		return fmt.Errorf("n_children is %d, must be %d", a.NChildren, children)
	case children > 0 && a.Children == nil:
		return fmt.Errorf("children is NULL")
	}
	return nil
}

func bufferOf(a *cdata.Array, i int) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(a.Buffers), uintptr(i)*unsafe.Sizeof(uintptr(0))))
}

func childOf(a *cdata.Array, i int) *cdata.Array {
	return *(**cdata.Array)(unsafe.Add(unsafe.Pointer(a.Children), uintptr(i)*unsafe.Sizeof(uintptr(0))))
}

// child encodes count values of a's child i, from value `from` of that child on.
func (e *Encoder) child(w *body, n *node, a *cdata.Array, i int, from, count int64) error {
	c, err := n.childArray(a, i)
	if err != nil {
		return err
	}
	if count > c.Length || from > c.Length-count {
		return fmt.Errorf("column %q: length is %d, its parent needs %d", n.at, c.Length, from+count)
	}
	return e.values(w, n, c, c.Offset+from, count)
}

// childArray is a's child i, checked to be an array of the node.
func (n *node) childArray(a *cdata.Array, i int) (*cdata.Array, error) {
	c := childOf(a, i)
	if c == nil {
		return nil, fmt.Errorf("column %q: array is NULL", n.at)
	}
	if err := n.checkArray(c); err != nil {
		return nil, fmt.Errorf("column %q: %w", n.at, err)
	}
	return c, nil
}

func (n *node) checkArray(a *cdata.Array) error {
	buffers, most := int64(n.fixedBuffers()), int64(n.fixedBuffers())
	if n.layout == layoutView {
		buffers, most = buffers+1, -1
	}
	if err := checkCounts(a, buffers, most, len(n.children)); err != nil {
		return err
	}
	return n.checkKind(a)
}

// checkKind refuses what an array of another type may have.
func (n *node) checkKind(a *cdata.Array) error {
	switch {
	case n.typ.ID != Dictionary && a.Dictionary != nil:
		return fmt.Errorf("array with a dictionary, must be %s", n.typ)
	case !n.hasValidity() && n.layout != layoutNull && a.NullCount > 0:
		return fmt.Errorf("null_count is %d, a %s has no nulls of its own", a.NullCount, n.typ.ID)
	}
	return nil
}

// values encodes count values of an array whose counts were checked. from counts from the start of its
// buffers: the array's offset is in it.
func (e *Encoder) values(w *body, n *node, a *cdata.Array, from, count int64) (err error) {
	nodeAt := len(w.nodes)
	w.node(count, 0)
	if n.hasValidity() {
		if w.nodes[nodeAt].nulls, err = w.validity(a, from, count); err != nil {
			return fmt.Errorf("column %q: %w", n.at, err)
		}
	}
	switch n.layout {
	case layoutNull:
		w.nodes[nodeAt].nulls = count
	case layoutBool:
		err = w.bools(a, from, count)
	case layoutFixed:
		err = e.fixed(w, n, a, from, count)
	case layoutBytes:
		err = w.bytes(n, a, from, count)
	case layoutView:
		err = w.views(a, from, count)
	case layoutSparse:
		_, err = w.typeIDs(n, a, from, count)
	}
	if err != nil {
		return fmt.Errorf("column %q: %w", n.at, err)
	}
	switch n.layout {
	case layoutList:
		return e.list(w, n, a, from, count)
	case layoutListView:
		return e.listView(w, n, a, from, count)
	case layoutFixedList:
		return e.fixedList(w, n, a, from, count)
	case layoutStruct, layoutSparse:
		for i, child := range n.children {
			if err := e.child(w, child, a, i, from, count); err != nil {
				return err
			}
		}
	case layoutDense:
		return e.denseUnion(w, n, a, from, count)
	case layoutRunEnds:
		return e.runEnds(w, n, a, from, count)
	}
	return nil
}

// validity appends the validity bitmap, left empty where nothing is null, and returns the number of nulls.
func (w *body) validity(a *cdata.Array, from, count int64) (nulls int64, err error) {
	p := bufferOf(a, 0)
	if p == nil && a.NullCount > 0 {
		return 0, fmt.Errorf("null_count is %d and buffer 0 (validity) is NULL", a.NullCount)
	}
	if p != nil && count > 0 && a.NullCount != 0 {
		nulls = a.NullCount
		if nulls < 0 || from != a.Offset || count != a.Length {
			nulls = count - countBits(p, from, count)
		}
	}
	if nulls == 0 {
		w.empty()
	} else {
		w.bits(p, from, count)
	}
	return nulls, nil
}

// needed is buffer i, which must hold size bytes.
func needed(a *cdata.Array, i int, name string, size int64) (unsafe.Pointer, error) {
	p := bufferOf(a, i)
	if p == nil && size > 0 {
		return nil, fmt.Errorf("buffer %d (%s) is NULL, %d bytes needed", i, name, size)
	}
	return p, nil
}

func (w *body) bools(a *cdata.Array, from, count int64) error {
	p, err := needed(a, 1, "values", (count+7)>>3)
	if err != nil {
		return err
	}
	if count == 0 {
		w.empty()
		return nil
	}
	w.bits(p, from, count)
	return nil
}

func (e *Encoder) fixed(w *body, n *node, a *cdata.Array, from, count int64) error {
	end, ok := product(from+count, n.width)
	if !ok {
		return fmt.Errorf("%d values of %d bytes", from+count, n.width)
	}
	start := from * n.width
	p, err := needed(a, 1, "values", end-start)
	if err != nil {
		return err
	}
	if end > start {
		p = unsafe.Add(p, start)
	}
	w.add(p, end-start)
	if n.dictionary == nil || w.checked {
		return nil
	}
	length := e.dictionaries[n.dictionary.index].body.length
	if !w.loaded {
		if length, err = e.dictionary(n.dictionary, a.Dictionary); err != nil {
			return err
		}
	}
	validity := bufferOf(a, 0)
	if a.NullCount == 0 {
		validity = nil
	}
	return checkIndices(p, n.typ.Index.ID, count, validity, from, length)
}

// dictionary encodes the values of a dictionary and returns their number.
func (e *Encoder) dictionary(d *dictionary, a *cdata.Array) (int64, error) {
	if a == nil {
		return 0, fmt.Errorf("dictionary is NULL")
	}
	root, out := d.values.roots[0], &e.dictionaries[d.index]
	out.body.reset()
	out.body.loaded, out.body.checked = false, false
	if err := root.checkArray(a); err != nil {
		return 0, fmt.Errorf("dictionary: %w", err)
	}
	out.body.length = a.Length
	return a.Length, e.values(&out.body, root, a, a.Offset, a.Length)
}

// offsetsOf checks the offsets of count entries and appends them, rebased, to the body. limit is what
// they may reach.
func (w *body) offsetsOf(n *node, a *cdata.Array, from, count, limit int64) (first, last int64, err error) {
	if count == 0 {
		w.add(unsafe.Pointer(&zeros), n.width)
		return 0, 0, nil
	}
	p, err := needed(a, 1, "offsets", (count+1)*n.width)
	if err != nil {
		return 0, 0, err
	}
	p = unsafe.Add(p, from*n.width)
	if first, last, err = checkOffsets(p, n.width, count, limit); err != nil {
		return 0, 0, err
	}
	w.offsets(p, n.width, count+1, first)
	return first, last, nil
}

func (w *body) bytes(n *node, a *cdata.Array, from, count int64) error {
	first, last, err := w.offsetsOf(n, a, from, count, maxBytes)
	if err != nil {
		return err
	}
	p, err := needed(a, 2, "data", last-first)
	if err != nil {
		return err
	}
	if last > first {
		p = unsafe.Add(p, first)
	}
	w.add(p, last-first)
	return nil
}

func (e *Encoder) list(w *body, n *node, a *cdata.Array, from, count int64) error {
	items, err := itemsOf(n, a)
	if err != nil {
		return err
	}
	first, last, err := w.offsetsOf(n, a, from, count, items)
	if err != nil {
		return fmt.Errorf("column %q: %w", n.at, err)
	}
	return e.child(w, n.children[0], a, 0, first, last-first)
}

// itemsOf is the length of a list's items.
func itemsOf(n *node, a *cdata.Array) (int64, error) {
	if c := childOf(a, 0); c != nil {
		return c.Length, nil
	}
	return 0, fmt.Errorf("column %q: array is NULL", n.children[0].at)
}

func (e *Encoder) listView(w *body, n *node, a *cdata.Array, from, count int64) error {
	items, err := itemsOf(n, a)
	if err != nil {
		return err
	}
	offsets, err1 := needed(a, 1, "offsets", count*n.width)
	sizes, err2 := needed(a, 2, "sizes", count*n.width)
	if err1 != nil || err2 != nil {
		return fmt.Errorf("column %q: offsets or sizes are NULL, %d bytes needed of each", n.at, count*n.width)
	}
	if count == 0 {
		w.empty()
		w.empty()
		return e.child(w, n.children[0], a, 0, 0, 0)
	}
	offsets, sizes = unsafe.Add(offsets, from*n.width), unsafe.Add(sizes, from*n.width)
	first, end, err := checkListViews(offsets, sizes, n.width, count, items)
	if err != nil {
		return fmt.Errorf("column %q: %w", n.at, err)
	}
	w.offsets(offsets, n.width, count, first)
	w.add(sizes, count*n.width)
	return e.child(w, n.children[0], a, 0, first, end-first)
}

func (e *Encoder) fixedList(w *body, n *node, a *cdata.Array, from, count int64) error {
	end, ok := product(from+count, n.size)
	if !ok {
		return fmt.Errorf("column %q: %d lists of %d items", n.at, from+count, n.size)
	}
	return e.child(w, n.children[0], a, 0, from*n.size, end-from*n.size)
}
