package arrowio

import (
	"fmt"
	"sort"
	"unsafe"

	"udfrunner/core/cdata"
)

// runEnds encodes the runs that cover the values asked for; offset and length of a run-end encoded
// array count values, not runs.
func (e *Encoder) runEnds(w *body, n *node, a *cdata.Array, from, count int64) error {
	endsNode := n.children[0]
	ends := childOf(a, 0)
	if ends == nil {
		return fmt.Errorf("column %q: array is NULL", endsNode.at)
	}
	if err := endsNode.checkArray(ends); err != nil {
		return fmt.Errorf("column %q: %w", endsNode.at, err)
	}
	if ends.NullCount > 0 {
		return fmt.Errorf("column %q: null_count is %d, run ends are not null", endsNode.at, ends.NullCount)
	}
	p, err := needed(ends, 1, "values", ends.Length*endsNode.width)
	if err != nil {
		return fmt.Errorf("column %q: %w", endsNode.at, err)
	}
	if ends.Length > 0 {
		p = unsafe.Add(p, ends.Offset*endsNode.width)
	}
	var first, runs int64
	switch endsNode.width {
	case 2:
		first, runs, err = cutRuns(w, unsafe.Slice((*int16)(p), ends.Length), from, count)
	case 4:
		first, runs, err = cutRuns(w, unsafe.Slice((*int32)(p), ends.Length), from, count)
	default:
		first, runs, err = cutRuns(w, unsafe.Slice((*int64)(p), ends.Length), from, count)
	}
	if err != nil {
		return fmt.Errorf("column %q: %w", endsNode.at, err)
	}
	return e.child(w, n.children[1], a, 1, first, runs)
}

// cutRuns appends the node and buffers of the run ends that cover count values from `from` on, and returns
// the first run and their number. Of a slice it looks at these only: others are other slices' concern.
func cutRuns[T int16 | int32 | int64](w *body, ends []T, from, count int64) (first, runs int64, err error) {
	covering := ends
	if w.loaded {
		first, runs = findRuns(ends, from, count)
		covering = ends[first : first+runs]
	}
	last, err := runEndRange(covering)
	if err == nil && last < from+count && (count > 0 || !w.loaded) {
		err = fmt.Errorf("last run end is %d, values up to %d are needed", last, from+count)
	}
	if err != nil {
		return 0, 0, err
	}
	if !w.loaded {
		first, runs = findRuns(ends, from, count)
	}
	w.node(runs, 0)
	w.empty()
	out := w.grab(runs * fromSize(unsafe.Sizeof(T(0))))
	cut := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(out))), runs)
	for i, end := range ends[first : first+runs] {
		cut[i] = T(min(int64(end)-from, count))
	}
	return first, runs, nil
}

// findRuns finds the runs that cover count values from `from` on, as far as there are any.
func findRuns[T int16 | int32 | int64](ends []T, from, count int64) (first, runs int64) {
	if count == 0 {
		return 0, 0
	}
	after := func(value int64) int {
		return sort.Search(len(ends), func(i int) bool { return int64(ends[i]) > value })
	}
	begin, end := after(from), min(after(from+count-1)+1, len(ends))
	return int64(begin), int64(max(end-begin, 0)) // Ends that fall may give any.
}
