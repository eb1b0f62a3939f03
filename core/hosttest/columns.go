package hosttest

import (
	"unsafe"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
)

// Column is a column of int64 without nulls.
type Column struct {
	Name   string
	Values []int64
}

// columnBatches are batches made of columns.
type columnBatches [][]Column

func (b columnBatches) schema() *arrowio.Schema {
	schema := &arrowio.Schema{}
	for _, column := range b[0] {
		schema.Fields = append(schema.Fields, arrowio.Field{Name: column.Name, Type: &arrowio.Type{ID: arrowio.Int64}})
	}
	return schema
}

func (b columnBatches) count() int { return len(b) }

func (b columnBatches) drop(int) {}

// give lays a batch out in one block of C memory.
func (b columnBatches) give(i int, out *cdata.Array) {
	columns := b[i]
	rows, n := len(columns[0].Values), len(columns)
	sizeArray, sizePointer := unsafe.Sizeof(cdata.Array{}), unsafe.Sizeof(uintptr(0))
	perColumn := sizeArray + 3*sizePointer + uintptr(rows)*8
	size := sizePointer + uintptr(n)*perColumn
	mem := hostmem.Default()
	block := mem.Alloc(size)
	clear(hostmem.Bytes(block, 0, size))
	at := hostmem.Payload(block)
	take := func(n uintptr) unsafe.Pointer {
		p := at
		at = unsafe.Add(at, n)
		return p
	}
	noNulls := (*unsafe.Pointer)(take(sizePointer))
	children := (**cdata.Array)(take(sizePointer * uintptr(n)))
	for i, column := range columns {
		child := (*cdata.Array)(take(sizeArray))
		buffers := unsafe.Slice((*unsafe.Pointer)(take(2*sizePointer)), 2)
		values := take(uintptr(rows) * 8)
		copy(unsafe.Slice((*int64)(values), rows), column.Values)
		buffers[1] = values
		*child = cdata.Array{Length: int64(rows), NBuffers: 2, Buffers: &buffers[0], Release: mem.ReleaseArray,
			PrivateData: block}
		unsafe.Slice(children, n)[i] = child
		mem.Retain(block, 1)
	}
	*out = cdata.Array{
		Length: int64(rows), NBuffers: 1, Buffers: noNulls, NChildren: int64(n), Children: children,
		Release: mem.ReleaseArray, PrivateData: block,
	}
}
