package arrowio

import (
	"fmt"
	"unsafe"

	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// Sides finds the pieces of batches with two struct columns, the sides, of which each row has one and null in the
// other: rows that follow each other on the same side and whose keys, the side's first fields, are equal. It keeps
// nothing from one batch to the next.
type Sides struct {
	names   [2]string
	cutters [2]*Cutter
	pieces  []Piece
}

// Piece is rows up to To, which are on a side.
type Piece struct {
	To   int64
	Side int
}

// NewSides is for the schema's batches, with counts of key fields. A schema of other columns, or with fewer fields, is
// INVALID_ARGUMENT, keys that cannot be compared are NOT_SUPPORTED, as a Cutter's.
func NewSides(s *Schema, keys [2]int) (*Sides, error) {
	if len(s.Fields) != 2 || s.Fields[0].Type.ID != Struct || s.Fields[1].Type.ID != Struct {
		return nil, status.New(status.InvalidArgument, "input of %d columns, expected two structs, of which each row "+
			"has one", len(s.Fields))
	}
	d := &Sides{}
	for i := range d.cutters {
		f := &s.Fields[i]
		var err error
		if d.cutters[i], err = NewCutter(&Schema{Fields: f.Type.Children}, keys[i]); err != nil {
			return nil, status.New(status.CodeOf(err), "column %q: %w", f.Name, err)
		}
		d.names[i] = f.Name
	}
	return d, nil
}

// Cut returns the pieces of a batch, a struct array. The list is valid until the next call. An array that does not fit
// the schema, or a row with both sides or with neither, is a HOST error.
func (d *Sides) Cut(a *cdata.Array) ([]Piece, error) {
	d.pieces = d.pieces[:0]
	var sides [2]*cdata.Array
	var ends [2][]int64
	for i := range sides {
		var err error
		if sides[i], err = d.side(a, i); err == nil {
			ends[i], err = d.ends(i, sides[i])
		}
		if err != nil {
			return nil, status.New(status.Host, "input array: %w", err)
		}
	}
	for row := int64(0); row < a.Length; {
		side := 0
		if isNull(sides[0], row) {
			side = 1
		}
		end := d.next(&ends[side], row)
		to := row
		for to < end && !isNull(sides[side], to) && isNull(sides[1-side], to) {
			to++
		}
		if to == row {
			has := "neither"
			if !isNull(sides[1-side], row) {
				has = "both"
			}
			return nil, status.New(status.Host, "input array: row %d has %s of %q and %q", row, has, d.names[0],
				d.names[1])
		}
		d.pieces = append(d.pieces, Piece{to, side})
		row = to
	}
	return d.pieces, nil
}

// next is where the run of equal keys ends that a row is in.
func (d *Sides) next(ends *[]int64, row int64) int64 {
	for (*ends)[0] <= row {
		*ends = (*ends)[1:]
	}
	return (*ends)[0]
}

// side is a batch's column as far as its rows go, checked to have a validity bitmap if it has nulls.
func (d *Sides) side(a *cdata.Array, i int) (*cdata.Array, error) {
	if err := checkRoot(a, 2); err != nil {
		return nil, err
	}
	c := childOf(a, i)
	if c == nil {
		return nil, fmt.Errorf("column %q: array is NULL", d.names[i])
	}
	if err := checkCounts(c, 1, 1, d.cutters[i].columns); err != nil {
		return nil, fmt.Errorf("column %q: %w", d.names[i], err)
	}
	if a.Offset > c.Length-a.Length {
		return nil, fmt.Errorf("column %q: length is %d, its parent needs %d", d.names[i], c.Length, a.Offset+a.Length)
	}
	if c.NullCount > 0 && bufferOf(c, 0) == nil {
		return nil, fmt.Errorf("column %q: null_count is %d and buffer 0 (validity) is NULL", d.names[i], c.NullCount)
	}
	part := *c
	part.Offset, part.Length = c.Offset+a.Offset, a.Length
	return &part, nil
}

// ends are where runs of equal keys end, in a side's null rows too.
func (d *Sides) ends(i int, side *cdata.Array) ([]int64, error) {
	rows := *side
	none := [1]unsafe.Pointer{}
	rows.Buffers, rows.NullCount = (*unsafe.Pointer)(unsafe.Pointer(&none)), 0
	d.cutters[i].started = false
	ends, _, err := d.cutters[i].cut(&rows)
	if err != nil {
		return nil, fmt.Errorf("column %q: %w", d.names[i], err)
	}
	return ends, nil
}

func isNull(side *cdata.Array, row int64) bool {
	validity := bufferOf(side, 0)
	return side.NullCount != 0 && validity != nil && !bit(validity, side.Offset+row)
}

// SliceSide is Slice of rows that are on one side of two (Sides). The other column has as many rows, none of which is
// null, and its fields have no values. That is not valid Arrow, and is how Spark 4.0 and 4.1 tell workers that a side
// has no rows.
func (e *Encoder) SliceSide(from, to int64, side int) ([]Message, error) {
	if err := e.checkRows(from, to); err != nil {
		return nil, err
	}
	return e.slice(to-from, func(w *body) error {
		for i, n := range e.plan.roots {
			if i == side {
				if err := e.child(w, n, e.loaded, i, e.loaded.Offset+from, to-from); err != nil {
					return err
				}
				continue
			}
			c, err := n.childArray(e.loaded, i)
			if err != nil {
				return err
			}
			w.node(to-from, 0)
			w.empty()
			for j, field := range n.children {
				if err := e.child(w, field, c, j, 0, 0); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
