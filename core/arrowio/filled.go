package arrowio

import (
	"fmt"
	"sort"
	"unsafe"

	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// Filled is the end of the batch that Spark's writer makes of the loaded rows `from` up to `to`: behind the row with
// which its vectors reach limit bytes, or `to`. A batch has one row at least. What an array turns out to hold wrong is
// a HOST error.
func (e *Encoder) Filled(from, to, limit int64) (end int64, err error) {
	if err := e.checkRows(from, to); err != nil {
		return 0, err
	}
	rows := sort.Search(int(to-from), func(i int) bool {
		size, problem := e.vectorsSize(from, int64(i)+1)
		if problem != nil {
			err = problem
		}
		return size >= limit
	})
	if err != nil {
		return 0, status.New(status.Host, "input array: %w", err)
	}
	return min(from+int64(rows)+1, to), nil
}

// vectorsSize is how large Spark's vectors are with count rows (ArrowWriter.sizeInBytes, ValueVector.getBufferSize).
func (e *Encoder) vectorsSize(from, count int64) (size int64, err error) {
	if e.wrap {
		size = bitmapSize(count)
	}
	for i, n := range e.plan.roots {
		more, err := n.childSize(e.loaded, i, e.loaded.Offset+from, count)
		if err != nil {
			return 0, err
		}
		size += more
	}
	return size, nil
}

func bitmapSize(count int64) int64 { return (count + 7) >> 3 }

// childSize is the size of count values of a's child i.
func (n *node) childSize(a *cdata.Array, i int, from, count int64) (int64, error) {
	c, err := n.childArray(a, i)
	if err != nil {
		return 0, err
	}
	if count > c.Length || from > c.Length-count {
		return 0, fmt.Errorf("column %q: length is %d, its parent needs %d", n.at, c.Length, from+count)
	}
	if count == 0 {
		return 0, nil
	}
	size, err := n.valuesSize(c, c.Offset+from, count)
	if err != nil {
		err = fmt.Errorf("column %q: %w", n.at, err)
	}
	return size, err
}

// valuesSize is the size of count values, at least one; from counts from the start of the buffers.
func (n *node) valuesSize(a *cdata.Array, from, count int64) (int64, error) {
	size := bitmapSize(count)
	switch n.layout {
	case layoutNull:
		return 0, nil
	case layoutBool:
		return 2 * size, nil
	case layoutFixed:
		return size + count*n.width, nil
	case layoutView:
		return n.viewsSize(a, size, from, count)
	case layoutBytes, layoutList:
		offsets, err := needed(a, 1, "offsets", (count+1)*n.width)
		if err != nil {
			return 0, err
		}
		at := unsafe.Add(offsets, from*n.width)
		first, last := offset(at, n.width, 0), offset(at, n.width, count)
		if first < 0 || last < first {
			return 0, fmt.Errorf("offsets fall from %d to %d", first, last)
		}
		size += (count + 1) * n.width
		if n.layout == layoutBytes {
			return size + last - first, nil
		}
		items, err := n.children[0].childSize(a, 0, first, last-first)
		return size + items, err
	case layoutFixedList:
		end, ok := product(from+count, n.size)
		if !ok {
			return 0, fmt.Errorf("%d lists of %d items", from+count, n.size)
		}
		items, err := n.children[0].childSize(a, 0, from*n.size, end-from*n.size)
		return size + items, err
	case layoutStruct:
		for i, child := range n.children {
			more, err := child.childSize(a, i, from, count)
			if err != nil {
				return 0, err
			}
			size += more
		}
		return size, nil
	}
	// Spark has no vectors of the other types: a row of theirs counts as an offset.
	return size + count*4, nil
}

// viewsSize is the size of views as strings or binaries, which Spark has in their place.
func (n *node) viewsSize(a *cdata.Array, size, from, count int64) (int64, error) {
	p, err := needed(a, 1, "views", count*viewSize)
	if err != nil {
		return 0, err
	}
	size += (count + 1) * 4
	for _, v := range unsafe.Slice((*view)(unsafe.Add(p, from*viewSize)), count) {
		size += max(0, int64(v.size))
	}
	return size, nil
}
