package arrowio

import (
	"unsafe"

	"udfrunner/core/cdata"
)

// batchView is a record batch described as an array of the C data interface, in Go's memory, for what works on arrays.
// Its columns have no dictionaries: the batch is checked against them already. It is never released.
type batchView struct {
	valid    bool
	root     cdata.Array
	arrays   []cdata.Array
	children []*cdata.Array
	buffers  []unsafe.Pointer
	sizes    []int64
}

// viewRelease marks the structs of a view as not released. Nothing calls it.
const viewRelease = 1

// array is the batch's view, valid as long as its body is, and until the next message.
func (b *Batch) array() *cdata.Array {
	v := &b.view
	if v.valid {
		return &v.root
	}
	var data int
	for _, n := range b.variadic {
		data += int(n)
	}
	// Views have a buffer of sizes more; the root has a validity.
	v.arrays = room(v.arrays, b.plan.nodes)
	v.children = room(v.children, b.plan.nodes)
	v.buffers = room(v.buffers, 1+len(b.buffers)+len(b.variadic))
	v.sizes = room(v.sizes, data)
	v.root = cdata.Array{Release: viewRelease, Length: b.length}
	v.lists(&v.root, 1, len(b.plan.roots))
	w := walk{contents: &b.contents, body: unsafe.Pointer(unsafe.SliceData(b.body))}
	for i, n := range b.plan.roots {
		v.node(childAt(&v.root, i), n, &w)
	}
	v.valid = true
	return &v.root
}

// room is list, empty, with room for n.
func room[T any](list []T, n int) []T {
	if cap(list) < n {
		return make([]T, 0, n)
	}
	clear(list[:cap(list)])
	return list[:0]
}

// next is the next n elements of a list that has room for them.
func next[T any](list *[]T, n int) []T {
	from := len(*list)
	*list = (*list)[:from+n]
	return (*list)[from:]
}

func childAt(a *cdata.Array, i int) **cdata.Array {
	return (**cdata.Array)(unsafe.Add(unsafe.Pointer(a.Children), uintptr(i)*pointerSize))
}

func (v *batchView) lists(a *cdata.Array, buffers, children int) {
	a.NBuffers, a.NChildren = int64(buffers), int64(children)
	a.Buffers = unsafe.SliceData(next(&v.buffers, buffers))
	a.Children = unsafe.SliceData(next(&v.children, children))
}

func (v *batchView) node(at **cdata.Array, n *node, w *walk) {
	f := w.nextNode()
	a := &next(&v.arrays, 1)[0]
	*at = a
	*a = cdata.Array{Release: viewRelease, Length: f.length, NullCount: f.nulls}
	count := n.fixedBuffers()
	var data int
	if n.layout == layoutView {
		data = int(w.contents.variadic[w.variadic])
		count += data + 1
	}
	v.lists(a, count, len(n.children))
	buffers := unsafe.Slice(a.Buffers, count)
	for i := range n.fixedBuffers() {
		s := w.nextBuffer()
		switch {
		case i == 0 && n.hasValidity() && f.nulls == 0:
		case i == 1 && (n.layout == layoutBytes || n.layout == layoutList) && s.length < n.width:
			buffers[i] = unsafe.Pointer(&zeros)
		case s.length > 0:
			buffers[i] = w.at(s)
		}
	}
	if n.layout == layoutView {
		sizes := next(&v.sizes, data)
		for i, s := range w.nextViews() {
			buffers[2+i], sizes[i] = w.at(s), s.length
		}
		buffers[count-1] = unsafe.Pointer(unsafe.SliceData(sizes))
	}
	for i, child := range n.children {
		v.node(childAt(a, i), child, w)
	}
}
