package arrowio

import (
	"unsafe"

	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// selection is values of a node in a new order, any number of times: positions, or nulls where a range's offset is
// nullValue.
type selection struct {
	ranges []span
	length int64 // of all ranges
	nulls  bool  // there are such ranges
}

const nullValue = -1

// selection makes an empty one with room for ranges. They lie outside of Go's memory: how many there are is
// the stream's to say, and must not end the process.
func (c *converter) selection(ranges int64) (*selection, error) {
	memory := c.decoder.opt.Memory
	block := memory.Alloc(toSize(ranges) * unsafe.Sizeof(span{}))
	if block == nil {
		return nil, status.New(status.NoMemory, "no memory to select %d values", ranges)
	}
	c.selections = append(c.selections, block)
	return &selection{ranges: unsafe.Slice((*span)(hostmem.Payload(block)), ranges)[:0]}, nil
}

func (c *converter) releaseSelections() {
	for _, block := range c.selections {
		c.decoder.opt.Memory.Release(block)
	}
	c.selections = c.selections[:0]
}

// add appends count values from start on, or as many nulls.
func (s *selection) add(start, count int64) {
	if count == 0 {
		return
	}
	s.length += count
	s.nulls = s.nulls || start == nullValue
	if n := len(s.ranges); n > 0 {
		last := &s.ranges[n-1]
		if start == last.offset+last.length && last.offset >= 0 || start == nullValue && last.offset == nullValue {
			last.length += count
			return
		}
	}
	s.ranges = append(s.ranges, span{start, count})
}

// of is the selection's ranges and their length, or the one of all values of a node where there is no selection.
func (s *selection) of(length int64) ([]span, int64) {
	if s == nil {
		return []span{{0, length}}, length
	}
	return s.ranges, s.length
}

// isPrefix says whether the values are the first ones of the node, in order.
func (s *selection) isPrefix() bool {
	return len(s.ranges) == 0 || len(s.ranges) == 1 && s.ranges[0].offset == 0
}

// bits writes the bits selected from a bitmap, nil for one of ones, and zeros for nulls. It returns the number of ones.
func (s *selection) bits(out []byte, bitmap unsafe.Pointer) (set int64) {
	clear(out)
	var at int64
	for _, r := range s.ranges {
		if r.offset < 0 {
			at += r.length
			continue
		}
		for i := r.offset; i < r.offset+r.length; i++ {
			if bitmap == nil || bit(bitmap, i) {
				out[at>>3] |= 1 << (at & 7)
				set++
			}
			at++
		}
	}
	return set
}
