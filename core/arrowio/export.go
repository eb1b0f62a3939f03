package arrowio

import (
	"unsafe"

	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

const (
	structSize  = unsafe.Sizeof(cdata.Array{})
	pointerSize = unsafe.Sizeof(uintptr(0))
	// nodeSize is a struct, the pointer to it, and eight zero bytes to serve as offsets of an empty array.
	nodeSize = structSize + pointerSize + 8
	// valueAlignment is what 128-bit types need in memory; bodies promise 8 only.
	valueAlignment = 16
	blockAlignment = 64
)

// Export hands out the finished record batch as a struct array: out and, in the batch's block, its children, each
// with a reference of that block. schema receives the columns too, unless nil. What out
// and schema held before is ignored. Out of memory is NO_MEMORY and leaves the batch with the decoder.
func (d *Decoder) Export(out *cdata.Array, schema *cdata.Schema) error {
	if !d.Ready() || d.opt.Messages {
		return status.New(status.Internal, "no record batch to export")
	}
	if schema != nil {
		if err := d.schema.Export(d.opt.Memory, schema); err != nil {
			return err
		}
	}
	x := d.exporter(d.block, d.bodyEnd, d.blockSize)
	clear(unsafe.Slice((*byte)(unsafe.Pointer(out)), structSize))
	x.array(out, d.batch.length, 0, 1, len(d.result.roots))
	w := walk{contents: &d.batch.contents, body: hostmem.Payload(d.block)}
	for i, n := range d.result.roots {
		x.node(x.child(out, i), n, &w)
	}
	if x.references > 1 {
		d.opt.Memory.Retain(d.block, x.references-1)
	}
	d.block, d.finished = nil, false
	return nil
}

func (d *Decoder) exporter(block unsafe.Pointer, from, to uintptr) *exporter {
	clear(hostmem.Bytes(block, from, to-from))
	return &exporter{
		memory: d.opt.Memory, held: d.held, block: block, next: unsafe.Add(hostmem.Payload(block), from),
	}
}

// rootSize is the memory after the body that the record batch at hand is exported in.
func (d *Decoder) rootSize() uintptr {
	return pointerSize*uintptr(1+len(d.result.roots)) + treeSize(d.result, &d.batch.contents, d.held)
}

// treeSize is the memory in which nodes are exported, at most. Dictionaries that are copied are among held.
func treeSize(p *plan, c *contents, held []heldDictionary) uintptr {
	size := structsSize(p, c)
	if p.aligned > 0 {
		w := walk{contents: c}
		for _, n := range p.roots {
			size += w.alignedSize(n)
		}
	}
	for _, d := range p.uses {
		size += structSize
		if h := &held[d.index]; !d.flat && h.block != nil {
			size += blockAlignment + uintptr(len(h.body)+7)&^7 + treeSize(&d.values, &h.contents, held)
		}
	}
	return size
}

// structsSize is the memory for the structs of nodes and their tables.
func structsSize(p *plan, c *contents) uintptr {
	size := uintptr(p.nodes)*nodeSize + uintptr(p.buffers+p.views)*pointerSize
	for _, n := range c.variadic {
		size += toSize(n) * (pointerSize + 8)
	}
	return size
}

// alignedSize is the memory for copies of buffers that the body does not align well enough.
func (w *walk) alignedSize(n *node) (size uintptr) {
	ahead := *w
	w.skip(n)
	ahead.node++
	if n.aligned {
		values := ahead.buffers[ahead.buffer+1]
		if values.offset%valueAlignment != 0 {
			size += toSize(values.length+7)&^7 + valueAlignment
		}
	}
	ahead.buffer += n.fixedBuffers()
	for _, child := range n.children {
		size += ahead.alignedSize(child)
	}
	return size
}

// exporter writes structs and their tables into a block, one after the other, over zeroed memory.
type exporter struct {
	memory *hostmem.Functions
	held   []heldDictionary
	block  unsafe.Pointer
	next   unsafe.Pointer
	// references is the number of structs that hold the block.
	references int64
}

// take is the next size bytes, zero.
func (x *exporter) take(size uintptr) unsafe.Pointer {
	p := x.next
	x.next = unsafe.Add(p, (size+7)&^7)
	return p
}

// array fills in a zeroed struct but for its buffers and children.
func (x *exporter) array(out *cdata.Array, length, nulls int64, buffers, children int) {
	out.Length, out.NullCount = length, nulls
	out.NBuffers, out.NChildren = int64(buffers), int64(children)
	if buffers > 0 {
		out.Buffers = (*unsafe.Pointer)(x.take(uintptr(buffers) * pointerSize))
	}
	if children > 0 {
		out.Children = (**cdata.Array)(x.take(uintptr(children) * pointerSize))
	}
	out.Release = x.memory.ReleaseArray
	out.PrivateData = x.block
	x.references++
}

// child makes child i of an array.
func (x *exporter) child(of *cdata.Array, i int) *cdata.Array {
	child := (*cdata.Array)(x.take(structSize))
	unsafe.Slice(of.Children, of.NChildren)[i] = child
	return child
}

// node fills in the array of a node, from its children up to its dictionary.
func (x *exporter) node(out *cdata.Array, n *node, w *walk) {
	f := w.nextNode()
	count := n.fixedBuffers()
	var views int
	if n.layout == layoutView {
		views = int(w.contents.variadic[w.variadic])
		count += views + 1
	}
	x.array(out, f.length, f.nulls, count, len(n.children))
	buffers := unsafe.Slice(out.Buffers, count)
	for i := range n.fixedBuffers() {
		buffers[i] = x.buffer(n, i, f, w)
	}
	if n.layout == layoutView {
		x.views(buffers[2:], w)
	}
	for i, child := range n.children {
		x.node(x.child(out, i), child, w)
	}
	if n.dictionary != nil {
		out.Dictionary = (*cdata.Array)(x.take(structSize))
		x.dictionary(out.Dictionary, n.dictionary)
	}
}

// buffer is the address of a node's buffer i.
func (x *exporter) buffer(n *node, i int, f fieldNode, w *walk) unsafe.Pointer {
	s := w.nextBuffer()
	p := w.at(s)
	switch {
	case i == 0 && n.hasValidity():
		if f.nulls == 0 {
			return nil
		}
	case i == 1 && (n.layout == layoutBytes || n.layout == layoutList):
		if s.length < n.width {
			return x.take(8)
		}
	case n.aligned && uintptr(p)%valueAlignment != 0 && s.length > 0:
		x.next = unsafe.Add(x.next, -uintptr(x.next)%valueAlignment)
		copied := x.take(uintptr(s.length))
		copy(unsafe.Slice((*byte)(copied), s.length), unsafe.Slice((*byte)(p), s.length))
		return copied
	}
	return p
}

// views fills in the data buffers of views, and after them the buffer of their sizes.
func (x *exporter) views(buffers []unsafe.Pointer, w *walk) {
	data := w.nextViews()
	at := x.take(uintptr(len(data)) * 8)
	sizes := unsafe.Slice((*int64)(at), len(data))
	for i, s := range data {
		buffers[i], sizes[i] = w.at(s), s.length
	}
	buffers[len(data)] = at
}

// dictionary fills in the array of a dictionary's values. One reference serves the struct and what it
// points to, so flat values stay in their own block, shared by all batches, while nested ones, whose child
// structs belong to one batch each, are copied into the batch's.
func (x *exporter) dictionary(out *cdata.Array, d *dictionary) {
	h := &x.held[d.index]
	if d.flat {
		*out = h.array
		x.memory.Retain(h.block, 1)
		return
	}
	x.next = unsafe.Add(x.next, -uintptr(x.next)%blockAlignment)
	copied := x.take(uintptr(len(h.body)))
	copy(unsafe.Slice((*byte)(copied), len(h.body)), h.body)
	x.node(out, d.values.roots[0], &walk{contents: &h.contents, body: copied})
}
