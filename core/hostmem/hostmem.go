// Package hostmem hands out memory that outlives Go's view of it: what a
// host receives lies in blocks of C memory, counted by references, whose
// release is plain C and never enters Go (include/udfrunner.h, OWNERSHIP).
//
// A block is a 64-byte header followed by its payload, aligned to 64 bytes. The header begins with
// an int64 count of references; every exported struct that points into a block holds one
// (its PrivateData is the block's address) and its release callback drops it. The last one frees the block.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package hostmem

import "unsafe"

// HeaderSize is the distance from a block's address to its payload.
const HeaderSize = 64

// Functions is how blocks are made and released. The C ABI supplies functions written in C; a Go
// program that uses core directly gets Go ones from Default.
type Functions struct {
	// Alloc returns a block with the given payload size and one reference, or nil. The payload is not
	// zeroed.
	Alloc func(size uintptr) unsafe.Pointer
	// Retain adds n references.
	Retain func(block unsafe.Pointer, n int64)
	// Release drops one reference.
	Release func(block unsafe.Pointer)
	// ReleaseArray and ReleaseSchema are C function pointers, release callbacks of Arrow's C structs whose
	// PrivateData is a block: they release children and dictionary, mark the struct released, and
	// drop its reference.
	ReleaseArray  uintptr
	ReleaseSchema uintptr
}

// Payload is the first byte after the header.
func Payload(block unsafe.Pointer) unsafe.Pointer { return unsafe.Add(block, HeaderSize) }

// Bytes is n bytes of the payload from offset on, as a slice over C memory.
func Bytes(block unsafe.Pointer, offset, n uintptr) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(block, HeaderSize+offset)), n)
}
