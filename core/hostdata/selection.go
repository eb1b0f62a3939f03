package hostdata

import (
	"unsafe"

	"udfrunner/core/arrowio"
)

// span is count values from one on, or as many nulls where start is nullValue.
type span struct{ start, count int64 }

const nullValue = -1

// selection is values of an array in a new order, any number of times.
type selection struct {
	spans []span
	count int64 // of values in all spans
	end   int64 // behind the last value, without shift
	shift int64 // is added to the spans' starts
	nulls bool  // there are spans of nulls
	// place is what the values are part of.
	place *place
}

// slice selects values that follow each other.
func slice(start, count int64, at *place) *selection {
	return &selection{spans: []span{{start, count}}, count: count, end: start + count, place: at}
}

// add appends values, or nulls. Spans were made with room for one more.
func (s *selection) add(start, count int64) {
	if count == 0 {
		return
	}
	s.count += count
	if start == nullValue {
		s.nulls = true
	} else {
		s.end = max(s.end, start+count)
	}
	if n := len(s.spans); n > 0 {
		last := &s.spans[n-1]
		if start == nullValue && last.start == nullValue || last.start != nullValue && start == last.start+last.count {
			last.count += count
			return
		}
	}
	s.spans = append(s.spans, span{start, count})
}

// contiguous says whether the values follow each other, and where the first is.
func (s *selection) contiguous() (start int64, ok bool) {
	switch {
	case s.count == 0:
		return 0, true
	case len(s.spans) == 1 && !s.nulls:
		return s.spans[0].start + s.shift, true
	}
	return 0, false
}

// needs is the values that an array must have for the selection.
func (s *selection) needs() int64 { return s.end + s.shift }

// each calls f with each span that is not empty, shifted, and the position of its first value in the selection.
func (s *selection) each(f func(at int64, sp span) error) error {
	var at int64
	for _, sp := range s.spans {
		if sp.count == 0 {
			continue
		}
		if sp.start != nullValue {
			sp.start += s.shift
		}
		if err := f(at, sp); err != nil {
			return err
		}
		at += sp.count
	}
	return nil
}

// shifted is the selection in an array where its values lie further back.
func (s *selection) shifted(by int64, at *place) *selection {
	c := *s
	c.shift += by
	c.place = at
	return &c
}

// place is what values became a part of: nil for columns, or the lists or structs of a result.
type place struct {
	validity unsafe.Pointer // nil without nulls
	lists    *arrowio.Reader
	offsets  unsafe.Pointer // of lists
	count    int64
	parent   *place
}

// row is the row that value i of a part lies in, and whether something that it is part of is null.
func (p *place) row(i int64) (row int64, null bool) {
	for ; p != nil; p = p.parent {
		if p.lists != nil {
			i = p.list(i)
		}
		null = null || p.validity != nil && !arrowio.Bit(p.validity, i)
	}
	return i, null
}

// list is the list that holds item i.
func (p *place) list(i int64) int64 {
	low, high := int64(0), p.count // The list is one of these.
	for low+1 < high {
		if middle := (low + high) / 2; p.lists.Offset(p.offsets, middle) <= i {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}
