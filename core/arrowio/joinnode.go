package arrowio

import (
	"fmt"
	"math"
	"unsafe"
)

// maxJoined bounds the values of a node: what is null in one part takes a bit of each value of the others, also where
// they took no memory.
const maxJoined = 1 << 33

// joining makes the nodes of one message of those of several parts, one after the other.
type joining struct {
	*body
	parts []source
	// dictionaries that indices are moved in; nil where there are none.
	dictionaries []encodedDictionary
}

// source is a part as far as it was joined.
type source struct {
	walk
	starts   []int64        // as in part
	field    fieldNode      // at hand
	validity unsafe.Pointer // nil where nothing is null
}

// tooMany is the error of a column that holds more than its type can count.
func (n *node) tooMany(limit int64, things string) error {
	return fmt.Errorf("column %q: %s with more than %d %s", n.at, n.typ.ID, limit, things)
}

// signedLimit is the largest integer of the width.
func signedLimit(width int64) int64 { return math.MaxInt64 >> (64 - 8*width) }

// node appends the next node of every part, and its children.
func (j *joining) node(n *node) error {
	var length, nulls int64
	for i := range j.parts {
		p := &j.parts[i]
		p.field = p.nextNode()
		length, nulls = length+p.field.length, nulls+p.field.nulls
		if length > maxJoined {
			return n.tooMany(maxJoined, "values")
		}
	}
	j.body.node(length, nulls)
	if n.hasValidity() {
		j.validity(length, nulls)
	}
	children := n.children
	var err error
	switch n.layout {
	case layoutBool:
		j.bits(length)
	case layoutFixed:
		if n.dictionary != nil && j.moves(n.dictionary) {
			err = j.indices(n, length)
		} else {
			j.fixed(n.width)
		}
	case layoutBytes:
		err = j.texts(n, length)
	case layoutView:
		err = j.views(n, length)
	case layoutList:
		_, err = j.offsets(n, length, "items")
	case layoutListView:
		err = j.listViews(n, length)
	case layoutSparse:
		j.fixed(1)
	case layoutDense:
		j.fixed(1)
		err = j.unionOffsets(n, length)
	case layoutRunEnds:
		err = j.runEnds(n)
		children = children[1:]
	}
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := j.node(child); err != nil {
			return err
		}
	}
	return nil
}

// validity appends the validity bitmap, left empty where nothing is null.
func (j *joining) validity(length, nulls int64) {
	for i := range j.parts {
		p := &j.parts[i]
		s := p.nextBuffer()
		p.validity = nil
		if p.field.nulls > 0 {
			p.validity = p.at(s)
		}
	}
	if nulls == 0 {
		j.empty()
		return
	}
	out := j.grab((length + 7) >> 3)
	clear(out)
	var at int64
	for i := range j.parts {
		p := &j.parts[i]
		putBits(out, at, p.validity, p.field.length)
		at += p.field.length
	}
}

func (j *joining) bits(length int64) {
	out := j.grab((length + 7) >> 3)
	clear(out)
	var at int64
	for i := range j.parts {
		p := &j.parts[i]
		if s := p.nextBuffer(); p.field.length > 0 {
			putBits(out, at, p.at(s), p.field.length)
		}
		at += p.field.length
	}
}

// fixed appends values of width bytes.
func (j *joining) fixed(width int64) {
	pieces := make([][]byte, len(j.parts))
	for i := range j.parts {
		p := &j.parts[i]
		pieces[i] = unsafe.Slice((*byte)(p.at(p.nextBuffer())), p.field.length*width)
	}
	j.gather(pieces)
}

// offsets appends offsets, and returns which range each part's cover.
func (j *joining) offsets(n *node, length int64, things string) ([]span, error) {
	out := j.grab((length + 1) * n.width)
	clear(out)
	out = out[n.width:]
	covered := make([]span, len(j.parts))
	var end int64
	for i := range j.parts {
		p := &j.parts[i]
		s, count := p.nextBuffer(), p.field.length
		if count == 0 {
			continue
		}
		offsets := p.at(s)
		first, last := offset(offsets, n.width, 0), offset(offsets, n.width, count)
		if last-first > signedLimit(n.width)-end {
			return nil, n.tooMany(signedLimit(n.width), things)
		}
		shift(out, unsafe.Add(offsets, n.width), n.width, count, end-first)
		out = out[count*n.width:]
		end += last - first
		covered[i] = span{first, last - first}
	}
	return covered, nil
}

func (j *joining) texts(n *node, length int64) error {
	covered, err := j.offsets(n, length, "bytes")
	if err != nil {
		return err
	}
	pieces := make([][]byte, len(j.parts))
	for i := range j.parts {
		p := &j.parts[i]
		if s, c := p.nextBuffer(), covered[i]; c.length > 0 {
			pieces[i] = unsafe.Slice((*byte)(unsafe.Add(p.at(s), c.offset)), c.length)
		}
	}
	j.gather(pieces)
	return nil
}

// views appends views and every data buffer.
func (j *joining) views(n *node, length int64) error {
	out := j.grab(length * viewSize)
	views := unsafe.Slice((*view)(unsafe.Pointer(unsafe.SliceData(out))), length)
	var buffers int64
	for i := range j.parts {
		p := &j.parts[i]
		s := p.nextBuffer()
		moved := views[:p.field.length]
		copy(moved, unsafe.Slice((*view)(p.at(s)), p.field.length))
		if buffers > 0 {
			for k := range moved {
				if !moved[k].inlined() {
					moved[k].index += int32(buffers)
				}
			}
		}
		views = views[p.field.length:]
		if buffers += p.contents.variadic[p.variadic]; buffers > math.MaxInt32 {
			return n.tooMany(math.MaxInt32, "data buffers")
		}
	}
	for i := range j.parts {
		p := &j.parts[i]
		for _, data := range p.nextViews() {
			j.add(p.at(data), data.length)
		}
	}
	j.variadic = append(j.variadic, buffers)
	return nil
}

// listViews appends offsets and sizes. A part's items are the next node.
func (j *joining) listViews(n *node, length int64) error {
	out := j.grab(length * n.width)
	var items int64
	for i := range j.parts {
		p := &j.parts[i]
		shift(out, p.at(p.nextBuffer()), n.width, p.field.length, items)
		out = out[p.field.length*n.width:]
		if items += p.nodes[p.node].length; items > min(signedLimit(n.width), maxJoined) {
			return n.tooMany(min(signedLimit(n.width), maxJoined), "items")
		}
	}
	j.fixed(n.width)
	return nil
}

// unionOffsets appends a dense union's offsets, which follow the type ids.
func (j *joining) unionOffsets(n *node, length int64) error {
	out := j.grab(length * 4)
	starts := make([]int64, len(n.children))
	for i := range j.parts {
		p := &j.parts[i]
		ids := unsafe.Slice((*uint8)(p.at(p.buffers[p.buffer-1])), p.field.length)
		offsets := unsafe.Slice((*int32)(p.at(p.nextBuffer())), p.field.length)
		for k, offset := range offsets {
			setOffset(out, 4, int64(k), starts[n.childOf[ids[k]]]+int64(offset))
		}
		out = out[len(offsets)*4:]
		ahead := p.walk
		for k, child := range n.children {
			if starts[k] += p.nodes[ahead.node].length; starts[k] > math.MaxInt32 {
				return child.tooMany(math.MaxInt32, "values in a dense union")
			}
			ahead.skip(child)
		}
	}
	return nil
}

// runEnds appends the first child of a run-end encoded node, whose own length is that of the values that runs stand
// for.
func (j *joining) runEnds(n *node) error {
	width := n.children[0].width
	var runs, end int64
	for i := range j.parts {
		runs += j.parts[i].nodes[j.parts[i].node].length
	}
	j.body.node(runs, 0)
	j.empty()
	out := j.grab(runs * width)
	for i := range j.parts {
		p := &j.parts[i]
		count := p.nextNode().length
		p.nextBuffer()
		if p.field.length > signedLimit(width)-end {
			return n.tooMany(signedLimit(width), "values")
		}
		shift(out, p.at(p.nextBuffer()), width, count, end)
		out = out[count*width:]
		end += p.field.length
	}
	return nil
}

// moves says whether values of a dictionary lie elsewhere than in the parts' own.
func (j *joining) moves(d *dictionary) bool { return j.dictionaries[d.index].joint.start > 0 }

// indices appends indices of values that were moved.
func (j *joining) indices(n *node, length int64) error {
	d := &j.dictionaries[n.dictionary.index].joint
	limit := signedLimit(n.width)
	if n.typ.Index.ID > Int64 && n.width < 8 {
		limit = 1<<(8*n.width) - 1
	}
	out := j.grab(length * n.width)
	clear(out)
	for i := range j.parts {
		p := &j.parts[i]
		s, size := p.nextBuffer(), p.field.length*n.width
		if size == 0 {
			continue
		}
		m := mover{p.validity, p.starts[n.dictionary.index], d.places, limit}
		var ok bool
		switch n.width {
		case 1:
			ok = move[uint8](out, p.at(s), p.field.length, m)
		case 2:
			ok = move[uint16](out, p.at(s), p.field.length, m)
		case 4:
			ok = move[uint32](out, p.at(s), p.field.length, m)
		default:
			ok = move[uint64](out, p.at(s), p.field.length, m)
		}
		if !ok {
			return n.tooMany(limit+1, "values")
		}
		out = out[size:]
	}
	return nil
}

// mover is where the values of a part's indices lie.
type mover struct {
	validity unsafe.Pointer
	start    int64
	places   []int64
	limit    int64
}

// move writes count moved indices, unless one is above the limit. Those of nulls may be anything.
func move[T uint8 | uint16 | uint32 | uint64](out []byte, p unsafe.Pointer, count int64, m mover) bool {
	moved := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(out))), count)
	for i, index := range unsafe.Slice((*T)(p), count) {
		if m.validity != nil && !bit(m.validity, int64(i)) {
			continue
		}
		place := int64(index) + m.start
		if m.places != nil {
			place = m.places[place]
		}
		if place > m.limit {
			return false
		}
		moved[i] = T(place)
	}
	return true
}
