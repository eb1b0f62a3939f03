package arrowio

import "unsafe"

// listReader reads where lists lie among their items.
type listReader struct {
	node           *node
	validity       unsafe.Pointer
	offsets, sizes unsafe.Pointer
}

// list is the items of entry i. Null entries of list views may be any; others lie one behind the other even so.
func (l *listReader) list(i int64) (start, size int64) {
	switch l.node.layout {
	case layoutList:
		start = offset(l.offsets, l.node.width, i)
		return start, offset(l.offsets, l.node.width, i+1) - start
	case layoutFixedList:
		return i * l.node.size, l.node.size
	}
	if l.validity != nil && !bit(l.validity, i) {
		return 0, 0
	}
	return offset(l.offsets, l.node.width, i), offset(l.sizes, l.node.width, i)
}

// lists appends the buffers of lists, and their items: as they are, where they lie in the order of the lists.
func (c *converter) lists(v *conversion, in *input, s *selection) error {
	var offsets, sizes span
	switch v.from.layout {
	case layoutListView:
		offsets, sizes = in.nextBuffer(), in.nextBuffer()
	case layoutList:
		offsets = in.nextBuffer()
	}
	if s != nil && v.to.layout == layoutFixedList {
		items, err := c.fixedItems(v, s)
		if err != nil {
			return err
		}
		return c.node(v.children[0], in.walk, items)
	}
	if s == nil && v.from.layout == v.to.layout && (v.from.layout != layoutListView || v.from.width == v.to.width) {
		switch v.to.layout {
		case layoutListView:
			c.result.buffers = append(c.result.buffers, offsets, sizes)
		case layoutList:
			if err := c.offsets(v, in.walk, offsets, in.length, "items"); err != nil {
				return err
			}
		}
		return c.node(v.children[0], in.walk, nil)
	}
	items, err := c.listEntries(v, in, offsets, sizes, s)
	if err != nil {
		return err
	}
	if s == nil && items.isPrefix() {
		items = nil
	}
	return c.node(v.children[0], in.walk, items)
}

// listEntries appends the offsets, or offsets and sizes, of lists whose items are moved together, and returns these.
func (c *converter) listEntries(v *conversion, in *input, offsets, sizes span, s *selection) (*selection, error) {
	ranges, length := s.of(in.length)
	pieces := length
	if v.from.layout != layoutListView {
		pieces = int64(len(ranges)) // Entries that follow each other make one.
	}
	items, err := c.selection(pieces)
	if err != nil {
		return nil, err
	}
	var out listWriter
	switch width := v.to.width; v.to.layout {
	case layoutList:
		if err := c.room((length + 1) * width); err != nil {
			return nil, err
		}
		out = listWriter{width: width, offsets: c.grab((length + 1) * width)}
	case layoutListView:
		if err := c.room(length*width, length*width); err != nil {
			return nil, err
		}
		out = listWriter{width: width, offsets: c.grab(length * width), sizes: c.grab(length * width)}
	}
	reader := listReader{v.from, in.validity(), in.at(offsets), in.at(sizes)}
	for _, r := range ranges {
		for i := range r.length {
			var start, size int64
			if r.offset >= 0 {
				start, size = reader.list(r.offset + i)
			}
			if size > v.to.limit()-items.length {
				return nil, c.tooLarge(v, "items")
			}
			out.add(items.length, size)
			items.add(start, size)
		}
	}
	if v.to.layout == layoutList {
		setOffset(out.offsets, out.width, out.count, items.length)
	}
	return items, nil
}

// fixedItems selects the items of lists of fixed size, of which nulls have as many.
func (c *converter) fixedItems(v *conversion, s *selection) (*selection, error) {
	items, err := c.selection(int64(len(s.ranges)))
	if err != nil {
		return nil, err
	}
	for _, r := range s.ranges {
		size, ok := product(r.length, v.from.size)
		if !ok || size > v.to.limit()-items.length {
			return nil, c.tooLarge(v, "items")
		}
		if r.offset < 0 {
			items.add(nullValue, size)
		} else {
			items.add(r.offset*v.from.size, size)
		}
	}
	return items, nil
}

// listWriter writes offsets and sizes, as far as there are any.
type listWriter struct {
	width, count   int64
	offsets, sizes []byte
}

func (l *listWriter) add(start, size int64) {
	if l.offsets != nil {
		setOffset(l.offsets, l.width, l.count, start)
	}
	if l.sizes != nil {
		setOffset(l.sizes, l.width, l.count, size)
	}
	l.count++
}
