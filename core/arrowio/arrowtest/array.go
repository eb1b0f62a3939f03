package arrowtest

import (
	"fmt"
	"unsafe"

	"udfrunner/core/cdata"
)

// Array describes an array of the C data interface to be built in Go's memory, sound or not. Buffers are slices of
// numbers, or nil for NULL.
type Array struct {
	Length, Nulls, Offset int64
	Buffers               []any
	Children              []Array
	Dictionary            *Array
}

// Build makes the array, marked as not released. Nobody releases it.
func (a *Array) Build() *cdata.Array {
	out := &cdata.Array{
		Length: a.Length, NullCount: a.Nulls, Offset: a.Offset,
		NBuffers: int64(len(a.Buffers)), NChildren: int64(len(a.Children)), Release: 1,
	}
	if len(a.Buffers) > 0 {
		buffers := make([]unsafe.Pointer, len(a.Buffers))
		for i, b := range a.Buffers {
			buffers[i] = address(b)
		}
		out.Buffers = unsafe.SliceData(buffers)
	}
	if len(a.Children) > 0 {
		children := make([]*cdata.Array, len(a.Children))
		for i := range a.Children {
			children[i] = a.Children[i].Build()
		}
		out.Children = unsafe.SliceData(children)
	}
	if a.Dictionary != nil {
		out.Dictionary = a.Dictionary.Build()
	}
	return out
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
	case []uint16:
		return unsafe.Pointer(unsafe.SliceData(b))
	case []int32:
		return unsafe.Pointer(unsafe.SliceData(b))
	case []uint32:
		return unsafe.Pointer(unsafe.SliceData(b))
	case []int64:
		return unsafe.Pointer(unsafe.SliceData(b))
	case []uint64:
		return unsafe.Pointer(unsafe.SliceData(b))
	}
	panic(fmt.Sprintf("buffer of %T", buffer))
}
