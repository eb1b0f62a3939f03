package arrowio

import (
	"encoding/binary"
	"fmt"
	"sort"
	"unsafe"

	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// maxKeyBytes bounds what a nested key is compared as. A row of Spark's is below 2 GiB.
const maxKeyBytes = 1 << 30

// nestedKey is what the key of a type with parts also has: rows are compared as bytes that are equal where the values
// are. Each value is written behind a byte that tells it from null, and what varies in size behind its size.
type nestedKey struct {
	// parts are the fields of a struct, the items of lists and maps, or the values that dictionary indices and runs
	// stand for.
	parts []*key
	// base is the position of the items' row 0 in the child, for offsets.
	base int64
	// sizes are those of list views.
	sizes unsafe.Pointer
	// ends are those of runs.
	ends runEnds
	// long says that a value was above maxKeyBytes.
	long bool
	// before and now are values that are compared.
	before, now []byte
}

// runEnds are run ends of any width.
type runEnds struct {
	at    unsafe.Pointer
	width int64
	count int64
}

func (r runEnds) end(i int) int64 {
	switch p := unsafe.Add(r.at, int64(i)*r.width); r.width {
	case 2:
		return int64(*(*int16)(p))
	case 4:
		return int64(*(*int32)(p))
	default:
		return *(*int64)(p)
	}
}

// newKey makes the key of a column's node, child i of its parent.
func newKey(n *node, i int) (*key, error) {
	k := &key{node: n, column: i}
	var parts []*node
	switch {
	case n.dictionary != nil:
		parts = n.dictionary.values.roots
	case n.layout == layoutSparse || n.layout == layoutDense:
		return nil, status.New(status.NotSupported, "column %q: %s cannot be a key of groups; all types but unions can",
			n.at, n.typ)
	case n.layout == layoutRunEnds:
		parts = n.children[1:]
	case n.layout <= layoutView:
		return k, nil
	default:
		parts = n.children
	}
	k.nested = &nestedKey{}
	for j, part := range parts {
		if n.layout == layoutRunEnds {
			j = 1
		}
		p, err := newKey(part, j)
		if err != nil {
			return nil, err
		}
		k.nested.parts = append(k.nested.parts, p)
	}
	return k, nil
}

func (k *key) hasDictionary() bool {
	if k.nested == nil || k.node.dictionary != nil {
		return k.node.dictionary != nil
	}
	for _, part := range k.nested.parts {
		if part.hasDictionary() {
			return true
		}
	}
	return false
}

// loadParts is loadValues of a nested column, and load of what is below it.
func (k *key) loadParts(column *cdata.Array, count int64) error {
	n, parts := k.node, k.nested.parts
	switch {
	case n.dictionary != nil:
		return k.loadDictionary(column, count)
	case n.layout == layoutRunEnds:
		return k.loadRuns(column, count)
	case n.layout == layoutStruct:
		for _, part := range parts {
			if err := part.load(column, k.from, count); err != nil {
				return err
			}
		}
		return nil
	case n.layout == layoutFixedList:
		base, ok := product(k.from, n.size)
		items, fits := product(count, n.size)
		if !ok || !fits {
			return fmt.Errorf("column %q: %d lists of %d", n.at, k.from+count, n.size)
		}
		return parts[0].load(column, base, items)
	}
	var first, end int64
	var err error
	if n.layout == layoutList {
		first, end, err = k.loadOffsets(column, count)
	} else {
		first, end, err = k.loadListViews(column, count)
	}
	if err != nil {
		return fmt.Errorf("column %q: %w", n.at, err)
	}
	k.nested.base = first
	return parts[0].load(column, first, end-first)
}

func (k *key) loadListViews(column *cdata.Array, count int64) (first, end int64, err error) {
	width := k.node.width
	if k.values, err = needed(column, 1, "offsets", count*width); err != nil {
		return 0, 0, err
	}
	if k.nested.sizes, err = needed(column, 2, "sizes", count*width); err != nil {
		return 0, 0, err
	}
	items, err := k.node.children[0].childArray(column, 0)
	if err != nil {
		return 0, 0, err
	}
	at := k.from * width
	return checkListViews(unsafe.Add(k.values, at), unsafe.Add(k.nested.sizes, at), width, count, items.Length)
}

func (k *key) loadDictionary(column *cdata.Array, count int64) (err error) {
	n, values := k.node, k.nested.parts[0]
	if k.values, err = needed(column, 1, "values", count*n.width); err != nil {
		return fmt.Errorf("column %q: %w", n.at, err)
	}
	d := column.Dictionary
	if d == nil {
		return fmt.Errorf("column %q: dictionary is NULL", n.at)
	}
	if err := values.node.checkArray(d); err != nil {
		return fmt.Errorf("column %q: %w", values.node.at, err)
	}
	if err := checkIndices(unsafe.Add(k.values, k.from*n.width), n.typ.Index.ID, count, k.validity, k.from,
		d.Length); err != nil {
		return fmt.Errorf("column %q: %w", n.at, err)
	}
	return values.loadArray(d, 0, d.Length)
}

func (k *key) loadRuns(column *cdata.Array, count int64) error {
	node := k.node.children[0]
	ends, err := node.childArray(column, 0)
	if err != nil {
		return err
	}
	p, err := needed(ends, 1, "values", ends.Length*node.width)
	var last int64
	if err == nil && ends.Length > 0 {
		p = unsafe.Add(p, ends.Offset*node.width)
		last, err = checkRunEnds(p, node.width, ends.Length)
	}
	if err == nil && last < k.from+count {
		err = fmt.Errorf("last run end is %d, values up to %d are needed", last, k.from+count)
	}
	if err != nil {
		return fmt.Errorf("column %q: %w", node.at, err)
	}
	k.nested.ends = runEnds{p, node.width, ends.Length}
	return k.nested.parts[0].load(column, 0, ends.Length)
}

// markNested is mark of nested values.
func (k *key) markNested(edges []bool, row int64) {
	n := k.nested
	n.before = k.appendTo(n.before[:0], row-1)
	for i := range edges {
		n.now = k.appendTo(n.now[:0], row+int64(i))
		edges[i] = edges[i] || string(n.now) != string(n.before)
		n.before, n.now = n.now, n.before
	}
}

// tooLong says whether a row's value was cut, since the last call.
func (k *key) tooLong() bool {
	if k.nested == nil {
		return false
	}
	long := k.nested.long
	k.nested.long = false
	for _, part := range k.nested.parts {
		long = part.tooLong() || long
	}
	return long
}

// appendTo appends a row's value, null or not, in the form that nested values are compared in.
func (k *key) appendTo(to []byte, row int64) []byte {
	if k.nested == nil {
		return k.appendFlat(to, row)
	}
	n, at := k.nested, k.from+row
	if k.node.layout == layoutRunEnds {
		run := sort.Search(int(n.ends.count), func(i int) bool { return n.ends.end(i) > at })
		return n.parts[0].appendTo(to, int64(run))
	}
	if !k.valid(row) {
		return append(to, 0)
	}
	if k.node.dictionary != nil {
		return n.parts[0].appendTo(to, dictionaryIndex(k.values, k.node.width, at))
	}
	to = append(to, 1)
	switch k.node.layout {
	case layoutStruct:
		for _, part := range n.parts {
			to = part.appendTo(to, row)
		}
	case layoutFixedList:
		to = k.appendItems(to, row*k.node.size, k.node.size)
	case layoutList:
		p := unsafe.Add(k.values, at*k.node.width)
		first := offset(p, k.node.width, 0)
		to = k.appendItems(to, first-n.base, offset(p, k.node.width, 1)-first)
	case layoutListView:
		place := at * k.node.width
		first, size := offset(unsafe.Add(k.values, place), k.node.width, 0),
			offset(unsafe.Add(n.sizes, place), k.node.width, 0)
		to = k.appendItems(to, first-n.base, size)
	}
	return to
}

// appendItems appends the number of items and each of them, as far as maxKeyBytes allows.
func (k *key) appendItems(to []byte, first, size int64) []byte {
	to = binary.NativeEndian.AppendUint64(to, toBits(size))
	for i := first; i < first+size; i++ {
		if len(to) > maxKeyBytes {
			k.nested.long = true
			break
		}
		to = k.nested.parts[0].appendTo(to, i)
	}
	return to
}

// appendFlat is appendTo of a value without parts.
func (k *key) appendFlat(to []byte, row int64) []byte {
	if k.node.layout == layoutNull || !k.valid(row) {
		return append(to, 0)
	}
	to = append(to, 1)
	if k.node.layout != layoutBytes && k.node.layout != layoutView {
		return k.value(to, row)
	}
	start := len(to)
	to = k.value(binary.NativeEndian.AppendUint64(to, 0), row)
	binary.NativeEndian.PutUint64(to[start:], toBits(int64(len(to)-start-8)))
	return to
}

// dictionaryIndex is the index at a position, of a width in bytes.
func dictionaryIndex(p unsafe.Pointer, width, at int64) int64 {
	switch p = unsafe.Add(p, at*width); width {
	case 1:
		return int64(*(*uint8)(p))
	case 2:
		return int64(*(*uint16)(p))
	case 4:
		return int64(*(*uint32)(p))
	default:
		return *(*int64)(p)
	}
}
