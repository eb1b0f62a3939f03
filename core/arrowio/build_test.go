package arrowio_test

import (
	"fmt"
	"unsafe"

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
	a := &cdata.Array{
		Length: c.length, NullCount: c.nulls, Offset: c.offset,
		NBuffers: int64(len(c.buffers)), NChildren: int64(len(c.children)), Release: 1,
	}
	if len(c.buffers) > 0 {
		buffers := make([]unsafe.Pointer, len(c.buffers))
		for i, b := range c.buffers {
			buffers[i] = address(b)
		}
		a.Buffers = unsafe.SliceData(buffers)
	}
	if len(c.children) > 0 {
		children := make([]*cdata.Array, len(c.children))
		for i, child := range c.children {
			children[i] = build(child)
		}
		a.Children = unsafe.SliceData(children)
	}
	if c.dictionary != nil {
		a.Dictionary = build(*c.dictionary)
	}
	return a
}

func address(buffer any) unsafe.Pointer {
	switch b := buffer.(type) {
	case nil:
		return nil
	case []byte:
		return unsafe.Pointer(unsafe.SliceData(b))
	case []int8:
		return unsafe.Pointer(unsafe.SliceData(b))
	case []int16:
		return unsafe.Pointer(unsafe.SliceData(b))
	case []int32:
		return unsafe.Pointer(unsafe.SliceData(b))
	case []int64:
		return unsafe.Pointer(unsafe.SliceData(b))
	}
	panic(fmt.Sprintf("buffer of %T", buffer))
}
