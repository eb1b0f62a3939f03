package arrowio

import (
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
	if d.lengths[i] < 0 {
		b.delta = false // There is nothing that holds to add to.
	}
	if b.delta {
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
	var joined body
	joined.length = h.length + b.length
	j := joining{body: &joined, parts: []source{
		{walk: walk{contents: &h.contents, body: unsafe.Pointer(unsafe.SliceData(h.body))}},
		{walk: walk{contents: &b.contents, body: unsafe.Pointer(unsafe.SliceData(b.body))}},
	}}
	if err := j.node(root); err != nil {
		return status.New(status.NotSupported, "IPC dictionary %d: %w", b.dictionary.id, err)
	}
	size := toSize(joined.size) + treeSize(&b.dictionary.values, &joined.contents, nil)
	block := d.opt.Memory.Alloc(size)
	if block == nil {
		return status.New(status.NoMemory, "no memory for a dictionary of %d bytes", joined.size)
	}
	to := hostmem.Bytes(block, 0, toSize(joined.size))
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
