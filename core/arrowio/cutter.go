package arrowio

import (
	"bytes"
	"fmt"
	"unsafe"

	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// Cutter finds the groups of a stream of batches in which the rows of a group follow each other: rows whose first
// columns, the keys, are equal. Equal is what Spark's grouping takes for equal: nulls, NaNs, and zeros of either sign
// (NormalizeFloatingNumbers), in nested values too; texts and bytes are compared byte by byte, decimals, dates, times
// and intervals as they lie, lists and maps entry by entry, dictionary and run-end encoded values as the values that
// they stand for.
type Cutter struct {
	columns int
	keys    []*key
	ends    []int64
	edges   [cutterBlock]bool
	// started says that there was a row; its keys are in the keys' last.
	started bool
}

// cutterBlock is how many rows are compared at a time.
const cutterBlock = 4096

// NewCutter makes a cutter for one stream with the schema's columns, of which the first k are keys; with none, all rows
// are one group. A k that the schema has no columns for is INVALID_ARGUMENT; a key with a union in it, which Spark has
// no such type for, is NOT_SUPPORTED.
func NewCutter(s *Schema, k int) (*Cutter, error) {
	if k < 0 || k > len(s.Fields) {
		return nil, status.New(status.InvalidArgument, "%d key columns, must be 0 to %d", k, len(s.Fields))
	}
	if err := s.validate(); err != nil {
		return nil, status.New(status.InvalidArgument, "%w", err)
	}
	p, err := newPlan(s.Fields[:k])
	if err != nil {
		return nil, status.New(status.InvalidArgument, "%w", err)
	}
	c := &Cutter{columns: len(s.Fields)}
	for i, n := range p.roots {
		k, err := newKey(n, i)
		if err != nil {
			return nil, err
		}
		if n.layout != layoutNull {
			c.keys = append(c.keys, k)
		}
	}
	return c, nil
}

// Cut returns where the groups of a batch, a struct array, end: group i is rows ends[i-1] (0 for the first) up to
// ends[i]. continues says that the first of them goes on with the last group of the batches before. A batch without
// rows has no ends. The list is valid until the next call. An array that does not fit the schema is a HOST error, after
// which the stream can go on.
func (c *Cutter) Cut(a *cdata.Array) (ends []int64, continues bool, err error) {
	if ends, continues, err = c.cut(a); err != nil {
		return nil, false, status.New(status.Host, "input array: %w", err)
	}
	return ends, continues, nil
}

func (c *Cutter) cut(a *cdata.Array) (ends []int64, continues bool, err error) {
	if err := checkRoot(a, c.columns); err != nil {
		return nil, false, err
	}
	if a.Length == 0 {
		return nil, false, nil
	}
	for _, k := range c.keys {
		if err := k.load(a, a.Offset, a.Length); err != nil {
			return nil, false, err
		}
	}
	c.ends = c.ends[:0]
	if len(c.keys) > 0 {
		c.compare(a.Length)
	}
	c.ends = append(c.ends, a.Length)
	continues = c.started
	for _, k := range c.keys {
		continues = continues && k.equalsLast(0)
		k.keepLast(a.Length - 1)
		if k.tooLong() {
			return nil, false, fmt.Errorf("column %q: a key of groups above %d bytes", k.node.at, maxKeyBytes)
		}
	}
	c.started = true
	return c.ends, continues, nil
}

// Dictionaries says whether a key is dictionary encoded, which arrays have with them and record batches of a stream
// do not.
func (c *Cutter) Dictionaries() bool {
	for _, k := range c.keys {
		if k.hasDictionary() {
			return true
		}
	}
	return false
}

// CutBatch is Cut of a record batch that a Decoder of the schema finished.
func (c *Cutter) CutBatch(b *Batch) (ends []int64, continues bool, err error) {
	if b.dictionary != nil {
		return nil, false, status.New(status.Internal, "IPC dictionary %d has no groups", b.dictionary.id)
	}
	return c.Cut(b.array())
}

// compare appends the rows in which a key differs from that of the row before.
func (c *Cutter) compare(length int64) {
	for row := int64(1); row < length; row += cutterBlock {
		edges := c.edges[:min(length-row, cutterBlock)]
		clear(edges)
		for _, k := range c.keys {
			k.mark(edges, row)
		}
		found := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(edges))), len(edges))
		for at := 0; ; at++ {
			next := bytes.IndexByte(found[at:], 1)
			if next < 0 {
				break
			}
			at += next
			c.ends = append(c.ends, row+int64(at))
		}
	}
}
