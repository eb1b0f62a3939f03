package arrowio

import (
	"math"
	"unsafe"

	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// conversion is a column, or a child of one, as the stream has it and as it is declared: types that match
// equivalently.
type conversion struct {
	from, to *node
	// same says that from lies as to does, with all its children.
	same     bool
	children []*conversion
	// values is the conversion of a dictionary's values, where from holds indices.
	values *conversion
}

func newConversion(from, to *node) *conversion {
	v := &conversion{from: from, to: to}
	if from.dictionary != nil {
		v.values = newConversion(from.dictionary.values.roots[0], to)
		return v
	}
	v.same = from.layout == to.layout && from.width == to.width
	for i := range from.children {
		child := newConversion(from.children[i], to.children[i])
		v.children = append(v.children, child)
		v.same = v.same && child.same
	}
	return v
}

// converter turns record batches that were checked into such of the declared types. Buffers that lie as declared stay
// where they are in the body; others are written behind it, and the body grows by them.
type converter struct {
	decoder *Decoder
	columns []*conversion
	// source walks through the batch as it came. Its body moves with the decoder's block.
	source walk
	// result is the numbers of the batch as it is handed out.
	result contents
	// expected is the bytes left behind the body at hand.
	expected uintptr
	// selections are blocks in which ranges of selections lie.
	selections []unsafe.Pointer
}

// newConverter is the converter of a decoder's columns to those of a plan, nil where none has to be converted.
func newConverter(d *Decoder, result *plan) *converter {
	c := &converter{decoder: d}
	same := true
	for i, from := range d.plan.roots {
		c.columns = append(c.columns, newConversion(from, result.roots[i]))
		same = same && c.columns[i].same
	}
	if same {
		return nil
	}
	return c
}

// convert replaces the numbers of the batch at hand, and its body, by those of the declared types.
func (c *converter) convert() error {
	d := c.decoder
	c.source = walk{contents: &d.batch.contents, body: unsafe.Pointer(unsafe.SliceData(d.batch.body))}
	c.result.reset()
	c.result.length = d.batch.length
	clear(hostmem.Bytes(d.block, d.bodyOffset+toSize(d.step.BodyLength), toSize(-d.step.BodyLength&7)))
	defer c.releaseSelections()
	for _, column := range c.columns {
		if err := c.node(column, &c.source, nil); err != nil {
			return err
		}
	}
	d.batch.contents, c.result = c.result, d.batch.contents
	d.batch.plan = d.result
	if !d.opt.Messages {
		size := d.rootSize()
		if err := c.room(fromSize(size)); err != nil {
			return err
		}
		d.blockSize = d.bodyEnd + size
	}
	d.batch.body = hostmem.Bytes(d.block, d.bodyOffset, d.bodyEnd-d.bodyOffset)
	return nil
}

// node appends a node of the batch with its children: all its values, or those of a selection.
func (c *converter) node(v *conversion, w *walk, s *selection) error {
	switch {
	case v.values != nil:
		return c.dictionary(v, w, s)
	case v.same && s == nil:
		c.keep(v.from, w)
		return nil
	}
	in := input{walk: w, fieldNode: w.nextNode()}
	if v.from.layout == layoutNull {
		c.result.nodes = append(c.result.nodes, fieldNode{s.length, s.length})
		return nil
	}
	in.bits = w.nextBuffer()
	if err := c.validity(&in, s); err != nil {
		return err
	}
	switch v.from.layout {
	case layoutBool:
		return c.bools(w, s)
	case layoutFixed:
		return c.fixed(v.from.width, w, s)
	case layoutBytes, layoutView:
		return c.texts(v, &in, s)
	case layoutList, layoutListView, layoutFixedList:
		return c.lists(v, &in, s)
	}
	for _, field := range v.children {
		if err := c.node(field, w, s); err != nil {
			return err
		}
	}
	return nil
}

// keep appends a node with its children as they are.
func (c *converter) keep(n *node, w *walk) {
	from := *w
	w.skip(n)
	c.result.nodes = append(c.result.nodes, w.nodes[from.node:w.node]...)
	c.result.buffers = append(c.result.buffers, w.buffers[from.buffer:w.buffer]...)
	c.result.variadic = append(c.result.variadic, w.contents.variadic[from.variadic:w.variadic]...)
}

// input is a node of the stream whose buffers after the validity come next in the walk.
type input struct {
	*walk
	fieldNode
	bits span
}

// validity is the node's bitmap, nil where nothing is null.
func (in *input) validity() unsafe.Pointer {
	if in.nulls == 0 {
		return nil
	}
	return in.at(in.bits)
}

// validity appends a node and its validity.
func (c *converter) validity(in *input, s *selection) error {
	if s == nil {
		c.result.nodes = append(c.result.nodes, in.fieldNode)
		c.result.buffers = append(c.result.buffers, in.bits)
		return nil
	}
	if in.nulls == 0 && !s.nulls {
		c.result.nodes = append(c.result.nodes, fieldNode{s.length, 0})
		c.result.buffers = append(c.result.buffers, span{})
		return nil
	}
	size := (s.length + 7) >> 3
	if err := c.room(size); err != nil {
		return err
	}
	valid := s.bits(c.grab(size), in.validity())
	c.result.nodes = append(c.result.nodes, fieldNode{s.length, s.length - valid})
	return nil
}

// dictionary appends the values that indices stand for.
func (c *converter) dictionary(v *conversion, w *walk, s *selection) error {
	in := input{walk: w, fieldNode: w.nextNode()}
	in.bits = w.nextBuffer()
	indices, validity := w.at(w.nextBuffer()), in.validity()
	ranges, length := s.of(in.length)
	values, err := c.selection(length)
	if err != nil {
		return err
	}
	for _, r := range ranges {
		if r.offset < 0 {
			values.add(nullValue, r.length)
			continue
		}
		for i := r.offset; i < r.offset+r.length; i++ {
			if validity != nil && !bit(validity, i) {
				values.add(nullValue, 1)
			} else {
				values.add(index(indices, v.from.width, i), 1)
			}
		}
	}
	held := &c.decoder.held[v.from.dictionary.index]
	return c.node(v.values, &walk{contents: &held.contents, body: unsafe.Pointer(unsafe.SliceData(held.body))}, values)
}

// index is a dictionary index that was checked, and so is not negative.
func index(p unsafe.Pointer, width, i int64) int64 {
	switch width {
	case 1:
		return int64(*(*uint8)(unsafe.Add(p, i)))
	case 2:
		return int64(*(*uint16)(unsafe.Add(p, i*2)))
	}
	return offset(p, width, i)
}

func (c *converter) bools(w *walk, s *selection) error {
	values, size := w.nextBuffer(), (s.length+7)>>3
	if err := c.room(size); err != nil {
		return err
	}
	s.bits(c.grab(size), w.at(values))
	return nil
}

func (c *converter) fixed(width int64, w *walk, s *selection) error {
	values := w.nextBuffer()
	if err := c.room(s.length * width); err != nil {
		return err
	}
	out, p := c.grab(s.length*width), w.at(values)
	for _, r := range s.ranges {
		size := r.length * width
		if r.offset < 0 {
			clear(out[:size])
		} else {
			copy(out, unsafe.Slice((*byte)(unsafe.Add(p, r.offset*width)), size))
		}
		out = out[size:]
	}
	return nil
}

// limit is what the offsets of a declared type may reach.
func (n *node) limit() int64 {
	if n.width == 4 || n.layout == layoutView {
		return math.MaxInt32
	}
	return maxBytes
}

// wider are the types to declare where 32 bits of offsets are too few.
var wider = [numTypeIDs]TypeID{
	String: LargeString, StringView: LargeString, Binary: LargeBinary, BinaryView: LargeBinary,
	List: LargeList, ListView: LargeListView,
}

// tooLarge is the error of offsets beyond the limit.
func (c *converter) tooLarge(v *conversion, things string) error {
	advice := ""
	if id := wider[v.to.typ.ID]; id != Null {
		advice = " or declare " + id.String()
	}
	return status.New(c.decoder.resultFault(),
		"column %q: more than %d %s in a batch's %s, declared %s: yield smaller batches%s",
		v.to.at, v.to.limit(), things, v.from.typ.ID, v.to.typ.ID, advice)
}

// offsets appends the offsets of length entries in the declared width.
func (c *converter) offsets(v *conversion, w *walk, s span, length int64, things string) error {
	if v.from.width == v.to.width {
		c.result.buffers = append(c.result.buffers, s)
		return nil
	}
	if length > 0 && offset(w.at(s), v.from.width, length) > v.to.limit() {
		return c.tooLarge(v, things)
	}
	if err := c.room((length + 1) * v.to.width); err != nil {
		return err
	}
	out, p := unsafe.Pointer(unsafe.SliceData(c.grab((length+1)*v.to.width))), w.at(s)
	switch {
	case length == 0: // Offsets of nothing may have come empty.
		clear(unsafe.Slice((*byte)(out), v.to.width))
	case v.to.width == 4:
		recode(unsafe.Slice((*int32)(out), length+1), unsafe.Slice((*int64)(p), length+1))
	default:
		recode(unsafe.Slice((*int64)(out), length+1), unsafe.Slice((*int32)(p), length+1))
	}
	return nil
}

func recode[To, From int32 | int64](out []To, values []From) {
	for i, value := range values {
		out[i] = To(value)
	}
}

// texts appends the buffers of texts or bytes.
func (c *converter) texts(v *conversion, in *input, s *selection) error {
	items := in.nextBuffer()
	var data []span
	if v.from.layout == layoutView {
		data = in.nextViews()
	} else {
		in.nextBuffer()
		data = in.buffers[in.buffer-1 : in.buffer]
	}
	if s == nil && v.from.layout == layoutBytes && v.to.layout == layoutBytes {
		if err := c.offsets(v, in.walk, items, in.length, "bytes"); err != nil {
			return err
		}
		c.result.buffers = append(c.result.buffers, data[0])
		return nil
	}
	ranges, length := s.of(in.length)
	reader := textReader{v.from.width, in.validity(), in.at(items), in.body, data}
	var size int64
	for _, r := range ranges {
		for i := r.offset; r.offset >= 0 && i < r.offset+r.length; i++ {
			size += int64(len(reader.text(i)))
			if size > v.to.limit() {
				return c.tooLarge(v, "bytes")
			}
		}
	}
	tableSize := (length + 1) * v.to.width
	if v.to.layout == layoutView {
		tableSize = length * viewSize
		c.result.variadic = append(c.result.variadic, 1)
	}
	if err := c.room(tableSize, size); err != nil {
		return err
	}
	out := textWriter{width: v.to.width, items: c.grab(tableSize), data: c.grab(size)}
	reader = textReader{v.from.width, in.validity(), in.at(items), in.body, data}
	for _, r := range ranges {
		for i := range r.length {
			if r.offset < 0 {
				out.add(nil)
			} else {
				out.add(reader.text(r.offset + i))
			}
		}
	}
	out.finish()
	return nil
}

// room makes room for buffers of these sizes behind the body, for grab. Pointers into the body do not outlive it.
func (c *converter) room(sizes ...int64) error {
	d, needed := c.decoder, uintptr(0)
	for _, size := range sizes {
		needed += toSize(size) + 2*valueAlignment
	}
	if d.bodyEnd+needed <= d.blockSize {
		return nil
	}
	size := d.bodyEnd + max(needed, d.bodyEnd/4) // so that many small columns do not copy it often
	block := d.opt.Memory.Alloc(size + d.opt.Spare)
	if block == nil {
		return status.New(status.NoMemory, "no memory for a batch of %d bytes", size)
	}
	copy(hostmem.Bytes(block, 0, d.bodyEnd), hostmem.Bytes(d.block, 0, d.bodyEnd))
	d.opt.Memory.Release(d.block)
	d.block, d.blockSize = block, size
	c.source.body = unsafe.Add(hostmem.Payload(block), d.bodyOffset)
	return nil
}

// grab appends a buffer of size bytes to the batch, for which room made room, and returns its memory, not zeroed.
func (c *converter) grab(size int64) []byte {
	d := c.decoder
	start := (d.bodyEnd - d.bodyOffset + valueAlignment - 1) &^ (valueAlignment - 1)
	end := start + toSize(size)
	padded := (end + 7) &^ 7
	clear(hostmem.Bytes(d.block, d.bodyEnd, d.bodyOffset+start-d.bodyEnd))
	clear(hostmem.Bytes(d.block, d.bodyOffset+end, padded-end))
	d.bodyEnd = d.bodyOffset + padded
	c.result.buffers = append(c.result.buffers, span{fromSize(start), size})
	return hostmem.Bytes(d.block, d.bodyOffset+start, toSize(size))
}

// reserve says how many bytes to leave before the body at hand, for the header of a message, and behind it: a guess
// by numbers that are known before the body, beyond which room helps itself.
func (c *converter) reserve() (before, behind uintptr) {
	d := c.decoder
	w := walk{contents: &d.batch.contents}
	c.expected = 0
	for _, column := range c.columns {
		c.expectNode(column, &w)
	}
	if !d.opt.Messages {
		structs := structsSize(d.result, &d.batch.contents) +
			pointerSize*uintptr(1+len(d.result.roots)+2*d.result.views)
		return 0, c.expected + structs + 2*valueAlignment
	}
	buffers := d.result.buffers
	if d.result.views > 0 { // They keep their data buffers, or get one.
		buffers += d.result.views
		for _, n := range w.contents.variadic {
			buffers += int(n)
		}
	}
	return uintptr(len(d.header(d.result.nodes, buffers, d.result.views).bytes)), c.expected
}

// expect adds bytes to those that are left behind a body, which are no more than a few times as many.
func (c *converter) expect(size int64) {
	c.expected = min(c.expected+toSize(size)+2*valueAlignment, 4*toSize(c.decoder.step.BodyLength+1<<10))
}

// expectNode guesses what a node is converted into. Items that have to be moved are not among it.
func (c *converter) expectNode(v *conversion, w *walk) {
	if v.same {
		c.expect(fromSize(w.alignedSize(v.from)))
		return
	}
	w.node++
	if v.from.hasValidity() {
		w.nextBuffer()
	}
	width := v.to.width
	if v.to.layout == layoutView {
		width = viewSize
	}
	switch v.from.layout {
	case layoutFixed:
		rows := w.nextBuffer().length / v.from.width
		held := &c.decoder.held[v.from.dictionary.index]
		const longest = 64 // of a guess
		c.expect(rows/8 + rows*(width+min(int64(len(held.body))/max(held.length, 1), longest)))
	case layoutBytes:
		c.expect(w.nextBuffer().length / v.from.width * width)
		if data := w.nextBuffer(); v.to.layout == layoutView {
			c.expect(data.length)
		}
	case layoutView:
		c.expect(w.nextBuffer().length)
		for _, data := range w.nextViews() {
			c.expect(data.length)
		}
	case layoutList:
		c.expect(w.nextBuffer().length / v.from.width * width * 2)
	case layoutListView:
		c.expect(w.nextBuffer().length / v.from.width * width)
		c.expect(w.nextBuffer().length / v.from.width * width)
	case layoutFixedList:
		c.expect(w.nodes[w.node-1].length * width)
	}
	for _, child := range v.children {
		c.expectNode(child, w)
	}
}
