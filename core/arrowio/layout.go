package arrowio

import "fmt"

// layout is how the values of a type lie in buffers; several types share one.
type layout uint8

const (
	layoutFixed     layout = iota // validity, values of node.width bytes
	layoutNull                    // nothing
	layoutBool                    // validity, bits
	layoutBytes                   // validity, offsets of node.width bytes, data
	layoutView                    // validity, views of 16 bytes, any number of data buffers
	layoutList                    // validity, offsets of node.width bytes; items
	layoutListView                // validity, offsets and sizes of node.width bytes; items
	layoutFixedList               // validity; node.size items each
	layoutStruct                  // validity; fields
	layoutSparse                  // type ids; fields
	layoutDense                   // type ids, int32 offsets; fields
	layoutRunEnds                 // run ends (int16, int32, int64) and values
)

const viewSize = 16

var layouts = [numTypeIDs]layout{
	Null: layoutNull, Bool: layoutBool, Binary: layoutBytes, String: layoutBytes,
	LargeBinary: layoutBytes, LargeString: layoutBytes, BinaryView: layoutView, StringView: layoutView,
	FixedSizeBinary: layoutFixed, List: layoutList, LargeList: layoutList, ListView: layoutListView,
	LargeListView: layoutListView, FixedSizeList: layoutFixedList, Struct: layoutStruct, Map: layoutList,
	SparseUnion: layoutSparse, DenseUnion: layoutDense, RunEndEncoded: layoutRunEnds,
}

// node is one field of a schema, prepared for walking: a message's field nodes come in the order of a
// walk, parent before children.
type node struct {
	layout layout
	typ    *Type
	at     *place
	// width of a value (layoutFixed), or of an offset, in bytes.
	width int64
	// size is the items of each entry (layoutFixedList).
	size int64
	// aligned asks for data at multiples of 16 bytes in memory.
	aligned  bool
	children []*node
	// dictionary of the values, where the column holds indices.
	dictionary *dictionary
	// childOf is the child that a union's type id belongs to, or -1.
	childOf *[256]int16
}

// dictionary is the values that columns of one dictionary id share.
type dictionary struct {
	id     int64
	index  int // in plan.dictionaries
	values plan
	// flat values have neither children nor dictionaries of their own.
	flat bool
}

// plan is a schema prepared for walking.
type plan struct {
	roots []*node
	// nodes and buffers (data buffers of views aside) of a message.
	nodes, buffers int
	// views is the number of nodes that a message states a count of data buffers for.
	views int
	// aligned is the number of nodes that ask for alignment.
	aligned int
	// uses is the dictionaries that nodes hold indices of, one for each such node.
	uses []*dictionary
	// dictionaries of the whole schema, inner ones before those whose values use them, each once an id.
	dictionaries []*dictionary
	// sharedID is a dictionary id that several columns use, or -1.
	sharedID int64
}

// newPlan prepares columns whose types were validated. Columns that share a dictionary id must have
// the same value type.
func newPlan(fields []Field) (*plan, error) {
	p := &plan{sharedID: -1}
	b := &planBuilder{top: p, byID: map[int64]*dictionary{}}
	for i := range fields {
		n, err := b.node(p, fields[i].Type, &place{name: fields[i].Name})
		if err != nil {
			return nil, err
		}
		p.roots = append(p.roots, n)
	}
	return p, nil
}

type planBuilder struct {
	top  *plan
	byID map[int64]*dictionary
}

// node prepares a type as part of the columns of p: the plan itself or one of a dictionary's values.
func (b *planBuilder) node(p *plan, t *Type, at *place) (*node, error) {
	n := newNode(t, at)
	p.nodes++
	if t.ID == Dictionary {
		p.buffers += 2
		d, err := b.dictionary(t, at)
		n.dictionary = d
		p.uses = append(p.uses, d)
		return n, err
	}
	if n.aligned {
		p.aligned++
	}
	if n.layout == layoutView {
		p.views++
	}
	p.buffers += n.fixedBuffers()
	for i := range t.Children {
		child, err := b.node(p, t.Children[i].Type, at.child(t.Children[i].Name))
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
	}
	return n, nil
}

// newNode is a node of the type without its children and its dictionary.
func newNode(t *Type, at *place) *node {
	n := &node{layout: layoutFixed, typ: t, at: at, width: fixedWidths[t.ID]}
	if t.ID == Dictionary {
		n.width = fixedWidths[t.Index.ID]
		return n
	}
	n.layout = layouts[t.ID]
	n.aligned = t.ID == Decimal128 || t.ID == Decimal256
	switch n.layout {
	case layoutBytes, layoutList, layoutListView:
		n.width = 4
		switch t.ID {
		case LargeBinary, LargeString, LargeList, LargeListView:
			n.width = 8
		}
	case layoutFixed:
		if t.ID == FixedSizeBinary {
			n.width = int64(t.Size)
		}
	case layoutFixedList:
		n.size = int64(t.Size)
	case layoutSparse, layoutDense:
		n.unionChildren(t)
	}
	return n
}

func (n *node) unionChildren(t *Type) {
	n.childOf = new([256]int16)
	for i := range n.childOf {
		n.childOf[i] = -1
	}
	for i, id := range t.TypeIDs {
		n.childOf[uint8(id)] = int16(i) //nolint:gosec // the same bits
	}
}

func (b *planBuilder) dictionary(t *Type, at *place) (*dictionary, error) {
	if d := b.byID[t.DictionaryID]; d != nil {
		if d.values.roots == nil {
			return nil, fmt.Errorf("column %q: dictionary %d contains itself", at, d.id)
		}
		b.top.sharedID = d.id
		return d, matchTypes(at.child("dictionary"), t.Value, d.values.roots[0].typ, exactly)
	}
	d := &dictionary{id: t.DictionaryID}
	b.byID[d.id] = d
	root, err := b.node(&d.values, t.Value, at.child("dictionary"))
	if err != nil {
		return nil, err
	}
	d.values.roots = []*node{root}
	d.flat = len(root.children) == 0
	d.index = len(b.top.dictionaries)
	b.top.dictionaries = append(b.top.dictionaries, d)
	return d, nil
}

// hasValidity says whether the first buffer is a validity bitmap.
func (n *node) hasValidity() bool {
	switch n.layout {
	case layoutNull, layoutSparse, layoutDense, layoutRunEnds:
		return false
	}
	return true
}

// fixedBuffers is the number of buffers in a message, those of views' data aside; the C data interface
// has the same ones.
func (n *node) fixedBuffers() int {
	switch n.layout {
	case layoutBool, layoutFixed, layoutView, layoutList, layoutDense:
		return 2
	case layoutBytes, layoutListView:
		return 3
	case layoutFixedList, layoutStruct, layoutSparse:
		return 1
	}
	return 0
}
