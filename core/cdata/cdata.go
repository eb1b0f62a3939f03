// Package cdata mirrors the structs of Arrow's C data and C stream
// interfaces (https://arrow.apache.org/docs/format/CDataInterface.html) as
// they lie in the host's memory. Pointers are unsafe.Pointer to memory that
// Go does not own; function pointers are uintptr, called through hostcall.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package cdata

import "unsafe"

// Flags of a Schema.
const (
	FlagDictionaryOrdered = 1
	FlagNullable          = 2
	FlagMapKeysSorted     = 4
)

// Schema is struct ArrowSchema.
type Schema struct {
	Format      *byte
	Name        *byte
	Metadata    *byte
	Flags       int64
	NChildren   int64
	Children    **Schema
	Dictionary  *Schema
	Release     uintptr
	PrivateData unsafe.Pointer
}

// Array is struct ArrowArray.
type Array struct {
	Length      int64
	NullCount   int64
	Offset      int64
	NBuffers    int64
	NChildren   int64
	Buffers     *unsafe.Pointer
	Children    **Array
	Dictionary  *Array
	Release     uintptr
	PrivateData unsafe.Pointer
}

// Stream is struct ArrowArrayStream.
type Stream struct {
	GetSchema    uintptr
	GetNext      uintptr
	GetLastError uintptr
	Release      uintptr
	PrivateData  unsafe.Pointer
}

// Sizes that the C compiler gives these structs on 64-bit platforms; a build
// for another layout fails here.
var (
	_ [72]byte = [unsafe.Sizeof(Schema{})]byte{}
	_ [80]byte = [unsafe.Sizeof(Array{})]byte{}
	_ [40]byte = [unsafe.Sizeof(Stream{})]byte{}
)
