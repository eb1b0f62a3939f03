package arrowio

import (
	"encoding/binary"
	"math"
	"slices"
	"unsafe"

	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// heldDictionary is a dictionary's values as far as they are needed for exporting batches.
type heldDictionary struct {
	contents
	// block holds the body and, for flat values, what array points to. nil where none came yet, or bodies are borrowed.
	block unsafe.Pointer
	body  []byte
	array cdata.Array
}

func (h *heldDictionary) release(memory *hostmem.Functions) {
	if h.block != nil {
		memory.Release(h.block)
	}
	*h = heldDictionary{}
}

// keep takes over the dictionary that the finished message brings.
func (d *Decoder) keep() error {
	b := &d.batch
	i := b.dictionary.index
	length := b.length
	if b.delta && d.lengths[i] > 0 {
		length += d.lengths[i]
	}
	if length > maxBytes {
		return status.New(d.opt.Fault, "IPC dictionary %d of %d values", b.dictionary.id, length)
	}
	if d.keeps() && d.block != nil {
		if err := d.hold(&d.held[i]); err != nil {
			return err
		}
	}
	if length < d.lengths[i] {
		d.forgetUsers(b.dictionary)
	}
	d.lengths[i] = length
	return nil
}

// forgetUsers forgets dictionaries whose values may hold indices beyond a dictionary that shrank: they must come
// again before the next batch.
func (d *Decoder) forgetUsers(shrunk *dictionary) {
	for i, user := range d.plan.dictionaries {
		if slices.Contains(user.values.uses, shrunk) {
			d.lengths[i] = -1
			d.forgetUsers(user)
		}
	}
}

// hold makes the message at hand the dictionary's values.
func (d *Decoder) hold(h *heldDictionary) error {
	b := &d.batch
	if b.delta && h.block != nil {
		return d.extend(h)
	}
	h.release(d.opt.Memory)
	h.contents = contents{
		b.length, slices.Clone(b.nodes), slices.Clone(b.buffers), slices.Clone(b.variadic),
	}
	h.block, h.body = d.block, b.body
	d.block = nil
	d.describe(h, b.dictionary, d.blockSize)
	return nil
}

// extend makes a new block of the dictionary's values and those of the message at hand.
func (d *Decoder) extend(h *heldDictionary) error {
	b := &d.batch
	root := b.dictionary.values.roots[0]
	if root.layout == layoutBytes && root.width == 4 && len(h.body)+len(b.body) > math.MaxInt32 {
		return status.New(status.NotSupported, "IPC dictionary %d: more than 2 GiB of %s by deltas", b.dictionary.id, root.typ)
	}
	var joined body
	joined.length = h.length + b.length
	joined.join(root,
		&walk{contents: &h.contents, body: unsafe.Pointer(unsafe.SliceData(h.body))},
		&walk{contents: &b.contents, body: unsafe.Pointer(unsafe.SliceData(b.body))})
	size := uintptr(joined.size) + treeSize(&b.dictionary.values, &joined.contents, nil)
	block := d.opt.Memory.Alloc(size)
	if block == nil {
		return status.New(status.NoMemory, "no memory for a dictionary of %d bytes", joined.size)
	}
	to := hostmem.Bytes(block, 0, uintptr(joined.size))
	for at, rest := 0, joined.segments; len(rest) > 0; rest = rest[1:] {
		at += copy(to[at:], rest[0])
	}
	h.release(d.opt.Memory)
	*h = heldDictionary{contents: joined.contents, block: block, body: to}
	d.describe(h, b.dictionary, size)
	return nil
}

// describe prepares the array of flat values behind the body in their block of blockSize bytes.
func (d *Decoder) describe(h *heldDictionary, of *dictionary, blockSize uintptr) {
	if of.flat {
		x := d.exporter(h.block, uintptr(len(h.body)+7)&^7, blockSize)
		x.node(&h.array, of.values.roots[0], &walk{contents: &h.contents, body: hostmem.Payload(h.block)})
	}
}

// join appends the values of two messages, one after the other, of a node without children.
func (w *body) join(n *node, parts ...*walk) {
	var length, nulls int64
	for _, part := range parts {
		f := part.nodes[0]
		length, nulls = length+f.length, nulls+f.nulls
	}
	w.node(length, nulls)
	if n.hasValidity() {
		w.joinBits(length, nulls > 0, true, parts)
	}
	switch n.layout {
	case layoutBool:
		w.joinBits(length, true, false, parts)
	case layoutFixed:
		w.joinBytes(length*n.width, n.width, parts)
	case layoutBytes:
		w.joinOffsets(n, length, parts)
	case layoutView:
		w.joinViews(length, parts)
	}
}

// joinBits appends the next bitmap of each part, or an empty one unless wanted. An absent validity
// counts as all ones.
func (w *body) joinBits(length int64, wanted, validity bool, parts []*walk) {
	var out []byte
	if wanted {
		out = w.grab((length + 7) >> 3)
		clear(out)
	} else {
		w.empty()
	}
	var at int64
	for _, part := range parts {
		f, s := part.nodes[0], part.nextBuffer()
		for i := range f.length {
			if wanted && (validity && f.nulls == 0 || bit(part.at(s), i)) {
				out[at>>3] |= 1 << (at & 7)
			}
			at++
		}
	}
}

// joinBytes appends the next buffer of each part, its length times width.
func (w *body) joinBytes(size, width int64, parts []*walk) {
	out := w.grab(size)
	for _, part := range parts {
		s := part.nextBuffer()
		out = out[copy(out, unsafe.Slice((*byte)(part.at(s)), part.nodes[0].length*width)):]
	}
}

func (w *body) joinOffsets(n *node, length int64, parts []*walk) {
	out := w.grab((length + 1) * n.width)
	clear(out)
	var data [][]byte
	var at, size int64
	for _, part := range parts {
		s, bytes := part.nextBuffer(), part.nextBuffer()
		count := part.nodes[0].length
		if count == 0 {
			continue
		}
		p := part.at(s)
		first, last := offset(p, n.width, 0), offset(p, n.width, count)
		for i := range count {
			at++
			setOffset(out, n.width, at, size+offset(p, n.width, i+1)-first)
		}
		data = append(data, unsafe.Slice((*byte)(unsafe.Add(part.at(bytes), first)), last-first))
		size += last - first
	}
	all := w.grab(size)
	for _, piece := range data {
		all = all[copy(all, piece):]
	}
}

func offset(p unsafe.Pointer, width, i int64) int64 {
	if width == 4 {
		return int64(*(*int32)(unsafe.Add(p, i*4)))
	}
	return *(*int64)(unsafe.Add(p, i*8))
}

func setOffset(out []byte, width, i, value int64) {
	if width == 4 {
		binary.NativeEndian.PutUint32(out[i*4:], uint32(value))
		return
	}
	binary.NativeEndian.PutUint64(out[i*8:], uint64(value))
}

func (w *body) joinViews(length int64, parts []*walk) {
	out := w.grab(length * viewSize)
	views := unsafe.Slice((*view)(unsafe.Pointer(unsafe.SliceData(out))), length)
	var buffers int64
	for _, part := range parts {
		s := part.nextBuffer()
		n := copy(views, unsafe.Slice((*view)(part.at(s)), part.nodes[0].length))
		for i := range views[:n] {
			if uint32(views[i].size) > maxInline {
				views[i].index += int32(buffers)
			}
		}
		views = views[n:]
		buffers += part.contents.variadic[0]
	}
	for _, part := range parts {
		for _, data := range part.nextViews() {
			w.add(part.at(data), data.length)
		}
	}
	w.variadic = append(w.variadic, buffers)
}
