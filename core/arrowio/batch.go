package arrowio

import (
	"fmt"
	"unsafe"

	"udfrunner/core/arrowio/flatbuf"
)

// Batch is one message of a decoded stream, a record batch or a dictionary: its numbers, and its body in memory
// that is borrowed or belongs to a block of the decoder.
type Batch struct {
	contents
	// dictionary that the message brings values for; nil for a record batch.
	dictionary *dictionary
	// delta adds to a dictionary's values instead of replacing them.
	delta bool
	body  []byte
	// plan is of the columns, or of the dictionary's values.
	plan *plan
	view batchView
}

// Length is the number of rows, or of values of a dictionary.
func (b *Batch) Length() int64 { return b.length }

// read takes the numbers of a message's metadata and checks all that can be checked without its body. Malformed
// flatbuffers panic. wrapped says that the columns are those of one struct column.
func (b *Batch) read(table *flatbuf.RecordBatch, p *plan, wrapped bool, bodyLength int64) error {
	b.reset()
	b.plan, b.view.valid = p, false
	b.length = table.Length()
	if b.length < 0 || b.length > maxBytes {
		return fmt.Errorf("length is %d", b.length)
	}
	nodes, buffers, variadic := vectors(table)
	for ; len(nodes) > 0; nodes = nodes[16:] {
		b.nodes = append(b.nodes, fieldNode{number(nodes), number(nodes[8:])})
	}
	for ; len(buffers) > 0; buffers = buffers[16:] {
		s := span{number(buffers), number(buffers[8:])}
		if s.offset < 0 || s.length < 0 || s.offset > bodyLength || s.length > bodyLength-s.offset {
			return fmt.Errorf("buffer %d is bytes %d+%d of a body of %d", len(b.buffers), s.offset, s.length,
				bodyLength)
		}
		if s.offset&7 != 0 && s.length > 0 {
			return fmt.Errorf("buffer %d begins at byte %d, not a multiple of 8", len(b.buffers), s.offset)
		}
		b.buffers = append(b.buffers, s)
	}
	for ; len(variadic) > 0; variadic = variadic[8:] {
		b.variadic = append(b.variadic, number(variadic))
	}
	if wrapped {
		if err := b.unwrap(); err != nil {
			return err
		}
	}
	if len(b.nodes) != p.nodes || len(b.variadic) != p.views {
		return fmt.Errorf("%d field nodes and %d variadic counts, the schema needs %d and %d",
			len(b.nodes), len(b.variadic), p.nodes, p.views)
	}
	want := int64(p.buffers)
	for _, n := range b.variadic {
		if n < 0 || n > int64(len(b.buffers)) {
			return fmt.Errorf("view column with %d data buffers", n)
		}
		want += n
	}
	if int64(len(b.buffers)) != want {
		return fmt.Errorf("%d buffers, the schema needs %d", len(b.buffers), want)
	}
	w := &walk{contents: &b.contents}
	for _, n := range p.roots {
		length, err := w.sizes(n)
		if err != nil {
			return err
		}
		if length != b.length {
			return fmt.Errorf("column %q: length is %d, the batch's %d", n.at, length, b.length)
		}
	}
	return nil
}

// unwrap takes the struct's own node and validity away.
func (b *Batch) unwrap() error {
	if len(b.nodes) == 0 || len(b.buffers) == 0 {
		return fmt.Errorf("no struct column")
	}
	if n := b.nodes[0]; n.length != b.length || n.nulls != 0 {
		return fmt.Errorf("struct column of length %d with %d nulls in a batch of length %d", n.length, n.nulls,
			b.length)
	}
	b.nodes, b.buffers = b.nodes[1:], b.buffers[1:]
	return nil
}

// walk goes through a message's nodes and buffers in the order of the schema.
type walk struct {
	*contents
	body     unsafe.Pointer
	node     int
	buffer   int
	variadic int
}

func (w *walk) nextNode() fieldNode {
	w.node++
	return w.nodes[w.node-1]
}

func (w *walk) nextBuffer() span {
	w.buffer++
	return w.buffers[w.buffer-1]
}

// nextViews is the data buffers of a view node.
func (w *walk) nextViews() []span {
	n := int(w.contents.variadic[w.variadic])
	w.variadic++
	w.buffer += n
	return w.buffers[w.buffer-n : w.buffer]
}

// at is where in memory a buffer begins. An empty one may stand behind the body's end, where a pointer must not.
func (w *walk) at(s span) unsafe.Pointer {
	if s.length == 0 {
		return w.body
	}
	return unsafe.Add(w.body, s.offset)
}

// skip passes over a node and its children.
func (w *walk) skip(n *node) {
	w.node++
	w.buffer += n.fixedBuffers()
	if n.layout == layoutView {
		w.nextViews()
	}
	for _, child := range n.children {
		w.skip(child)
	}
}

// sizes checks that a node's buffers are as long as its length asks for, and returns the length.
func (w *walk) sizes(n *node) (int64, error) {
	f := w.nextNode()
	if f.length < 0 || f.length > maxBytes || f.nulls < 0 || f.nulls > f.length {
		return 0, fmt.Errorf("column %q: length %d with %d nulls", n.at, f.length, f.nulls)
	}
	if n.hasValidity() {
		if validity := w.nextBuffer(); f.nulls > 0 && validity.length < (f.length+7)>>3 {
			return 0, n.short("validity", validity, (f.length+7)>>3)
		}
	} else if f.nulls > 0 && n.layout != layoutNull {
		return 0, fmt.Errorf("column %q: %d nulls in a %s, which has none of its own", n.at, f.nulls, n.typ.ID)
	}
	if err := w.bufferSizes(n, f.length); err != nil {
		return 0, err
	}
	for _, child := range n.children {
		length, err := w.sizes(child)
		if err != nil {
			return 0, err
		}
		if least, ok := n.childLength(f.length); !ok || length < least {
			return 0, fmt.Errorf("column %q: length is %d, too short for its parent's %d", child.at, length, f.length)
		}
	}
	return f.length, nil
}

// childLength is the least length of a child, as far as the parent's own length says; ok is false where it overflows.
func (n *node) childLength(length int64) (least int64, ok bool) {
	switch n.layout {
	case layoutStruct, layoutSparse:
		return length, true
	case layoutFixedList:
		return product(length, n.size)
	}
	return 0, true
}

func (w *walk) bufferSizes(n *node, length int64) error {
	switch n.layout {
	case layoutBool:
		return n.atLeast("values", w.nextBuffer(), (length+7)>>3)
	case layoutFixed:
		size, ok := product(length, n.width)
		if !ok {
			return fmt.Errorf("column %q: %d values of %d bytes", n.at, length, n.width)
		}
		return n.atLeast("values", w.nextBuffer(), size)
	case layoutBytes, layoutList:
		// No entries may come with no offsets.
		if offsets := w.nextBuffer(); length > 0 && offsets.length < (length+1)*n.width {
			return n.short("offsets", offsets, (length+1)*n.width)
		}
		if n.layout == layoutBytes {
			w.nextBuffer()
		}
	case layoutView:
		err := n.atLeast("views", w.nextBuffer(), length*viewSize)
		w.nextViews()
		return err
	case layoutListView:
		if err := n.atLeast("offsets", w.nextBuffer(), length*n.width); err != nil {
			return err
		}
		return n.atLeast("sizes", w.nextBuffer(), length*n.width)
	case layoutSparse:
		return n.atLeast("type ids", w.nextBuffer(), length)
	case layoutDense:
		if err := n.atLeast("type ids", w.nextBuffer(), length); err != nil {
			return err
		}
		return n.atLeast("offsets", w.nextBuffer(), length*4)
	}
	return nil
}

func (n *node) atLeast(name string, s span, size int64) error {
	if s.length < size {
		return n.short(name, s, size)
	}
	return nil
}

func (n *node) short(name string, s span, size int64) error {
	return fmt.Errorf("column %q: buffer of %s has %d bytes, needs %d", n.at, name, s.length, size)
}
