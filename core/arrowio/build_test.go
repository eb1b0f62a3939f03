package arrowio_test

import (
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
)

// column describes an array of the C data interface to be built in Go's memory. buffers are slices, or nil.
type column struct {
	length, nulls, offset int64
	buffers               []any
	children              []column
	dictionary            *column
}

// build makes the array, marked as not released.
func build(c column) *cdata.Array {
	a := c.array()
	return a.Build()
}

func (c *column) array() arrowtest.Array {
	a := arrowtest.Array{Length: c.length, Nulls: c.nulls, Offset: c.offset, Buffers: c.buffers}
	for i := range c.children {
		a.Children = append(a.Children, c.children[i].array())
	}
	if c.dictionary != nil {
		d := c.dictionary.array()
		a.Dictionary = &d
	}
	return a
}
