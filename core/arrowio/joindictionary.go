package arrowio

import "unsafe"

// dictionaryJoint collects values of one dictionary, of which batches of a group may bring different ones.
type dictionaryJoint struct {
	joint
	// taken is how many of the dictionary's present values are among the parts, of which the first begins at value
	// start.
	taken int
	start int64
	// places are where values lie once equal ones were made one, by their place in the parts; nil if they stay.
	places []int64
}

// replaceValues forgets values that others take the place of.
func (d *encodedDictionary) replaceValues() { d.values, d.joint.taken = d.values[:0], 0 }

// appendDictionaries takes in the values that the loaded rows' indices are of, and returns where they begin.
func (e *Encoder) appendDictionaries() (starts []int64) {
	if len(e.dictionaries) == 0 {
		return nil
	}
	starts = make([]int64, len(e.dictionaries))
	for i, known := range e.plan.dictionaries {
		d := &e.dictionaries[i]
		if len(d.values) == 0 { // Load's, which are the array's memory.
			d.values = append(d.values, newPart(&d.body))
		}
		j := &d.joint
		for _, inner := range known.values.uses {
			if j.taken > 0 && j.parts[len(j.parts)-1].starts[inner.index] != starts[inner.index] {
				j.taken = 0 // What the values were made of was replaced.
			}
		}
		if j.taken == 0 {
			j.start = j.length
		}
		starts[i] = j.start
		for _, p := range d.values[j.taken:] {
			p.starts = starts
			j.add(p)
		}
		j.taken = len(d.values)
	}
	return starts
}

// isPresent says whether the appended values are the dictionary's present ones.
func (d *encodedDictionary) isPresent() bool {
	return d.joint.start == 0 && d.joint.taken > 0 && d.joint.taken == len(d.values)
}

// isSent says whether the stream has the appended values, or any at all where no rows were appended.
func (d *encodedDictionary) isSent() bool {
	if len(d.joint.parts) == 0 {
		return d.sent > 0
	}
	return d.isPresent() && d.sent == len(d.messages)
}

// setSent notes what the stream has once the appended values were sent.
func (d *encodedDictionary) setSent() {
	switch {
	case len(d.joint.parts) == 0: // No values were sent.
	case d.isPresent():
		d.sent = len(d.messages)
	default:
		d.sent = 0
	}
}

// joinDictionary makes one body of the appended values.
func (e *Encoder) joinDictionary(d *encodedDictionary, known *dictionary) error {
	j, root := &d.joint, known.values.roots[0]
	w := &j.body
	w.kept = true
	w.reset()
	w.length = j.length
	if err := j.join(known.values.roots, e.dictionaries); err != nil {
		return err
	}
	if j.start > 0 && known.flat && root.takesMemory() {
		j.places = w.unify(root)
	}
	return nil
}

// takesMemory says whether each value lies somewhere. Of others a message can state any number.
func (n *node) takesMemory() bool {
	return n.layout != layoutNull && (n.layout != layoutFixed || n.width > 0)
}

// unify makes equal values of a node without children one, and returns where each is now. pandas takes no
// categories of which two are equal.
func (w *body) unify(n *node) (places []int64) {
	all := newPart(w)
	from := walk{contents: &all.contents, body: unsafe.Pointer(unsafe.SliceData(all.bytes))}
	f, s := from.nextNode(), from.nextBuffer()
	var validity unsafe.Pointer
	if f.nulls > 0 {
		validity = from.at(s)
	}
	values := newFlatValues(n, &from)
	places = make([]int64, f.length)
	found := make(map[string]int64, f.length)
	null := int64(-1)
	var kept []int64
	for i := range f.length {
		if validity != nil && !bit(validity, i) {
			if null < 0 {
				null = int64(len(kept))
				kept = append(kept, i)
			}
			places[i] = null
			continue
		}
		value := values.at(i)
		place, ok := found[string(value)]
		if !ok {
			place = int64(len(kept))
			found[string(value)] = place
			kept = append(kept, i)
		}
		places[i] = place
	}
	w.reset()
	w.length = int64(len(kept))
	if null < 0 {
		w.node(w.length, 0)
		w.empty()
	} else {
		w.node(w.length, 1)
		valid := w.grab((w.length + 7) >> 3)
		for i := range valid {
			valid[i] = 0xFF
		}
		valid[null>>3] &^= 1 << (null & 7)
	}
	values.take(w, kept)
	return places
}

// flatValues are the values of a node without children.
type flatValues struct {
	*node
	values unsafe.Pointer // or bits, offsets, views
	data   unsafe.Pointer // of offsets
	views  [][]byte       // data buffers of views
}

func newFlatValues(n *node, from *walk) *flatValues {
	v := &flatValues{node: n, values: from.at(from.nextBuffer())}
	switch n.layout {
	case layoutBytes:
		v.data = from.at(from.nextBuffer())
	case layoutView:
		for _, s := range from.nextViews() {
			v.views = append(v.views, unsafe.Slice((*byte)(from.at(s)), s.length))
		}
	}
	return v
}

var boolBytes = [2][]byte{{0}, {1}}

// at is the bytes of value i.
func (v *flatValues) at(i int64) []byte {
	switch v.layout {
	case layoutBool:
		if bit(v.values, i) {
			return boolBytes[1]
		}
		return boolBytes[0]
	case layoutBytes:
		start, end := offset(v.values, v.width, i), offset(v.values, v.width, i+1)
		return unsafe.Slice((*byte)(unsafe.Add(v.data, start)), end-start)
	case layoutView:
		p := (*view)(unsafe.Add(v.values, i*viewSize))
		if p.size > maxInline {
			return v.views[p.index][p.offset:][:p.size]
		}
		return unsafe.Slice((*byte)(unsafe.Pointer(&p.prefix)), p.size)
	}
	return unsafe.Slice((*byte)(unsafe.Add(v.values, i*v.width)), v.width)
}

// take appends the values at these places, and all data buffers of views.
func (v *flatValues) take(w *body, places []int64) {
	switch v.layout {
	case layoutBool:
		out := w.grab((w.length + 7) >> 3)
		clear(out)
		for i, place := range places {
			out[i>>3] |= v.at(place)[0] << (i & 7)
		}
		return
	case layoutBytes:
		out := w.grab((w.length + 1) * v.width)
		clear(out)
		pieces := make([][]byte, len(places))
		var end int64
		for i, place := range places {
			pieces[i] = v.at(place)
			end += int64(len(pieces[i]))
			setOffset(out, v.width, int64(i)+1, end)
		}
		w.gather(pieces)
		return
	}
	width := v.width
	if v.layout == layoutView {
		width = viewSize
	}
	out := w.grab(w.length * width)
	for i, place := range places {
		copy(out[int64(i)*width:], unsafe.Slice((*byte)(unsafe.Add(v.values, place*width)), width))
	}
	if v.layout == layoutView {
		for _, data := range v.views {
			w.add(unsafe.Pointer(unsafe.SliceData(data)), int64(len(data)))
		}
		w.variadic = append(w.variadic, int64(len(v.views)))
	}
}
