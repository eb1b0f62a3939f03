// Package cstruct reads the structs of the C ABI that begin with their size in bytes, as hosts of an earlier or a later
// version of the header lay them out.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package cstruct

import (
	"unsafe"

	"udfrunner/core/status"
)

// Layout is what this version of the library knows of a struct. Members are only ever appended.
type Layout struct {
	Name string
	// First is the struct's size in version 1.0 of the header: no host has a smaller one.
	First uintptr
	// Size is its size in this version.
	Size uintptr
}

const (
	// word is what the size of each struct is a multiple of, as it begins with a uint64_t.
	word = 8
	// maxSize bounds what later versions may append.
	maxSize = 4096
)

// Read returns the struct at p as this version lays it out, and the size that it has at p. Members that an earlier
// version lacks are zero, which stands for their defaults; the struct is then a copy, else it is the host's. What a
// later version appended must be zero: what this version does not know it cannot do. Errors are InvalidArgument.
func (l Layout) Read(p unsafe.Pointer) (known unsafe.Pointer, size uintptr, err error) {
	given := *(*uint64)(p)
	if given < uint64(l.First) || given > maxSize || given%word != 0 {
		return nil, 0, status.New(status.InvalidArgument, "%s: size is %d, sizeof the struct is %d", l.Name, given,
			l.Size)
	}
	size = uintptr(given)
	if size < l.Size {
		// Of numbers, not of pointers: the host's may be any bits, which Go's collector must not look at.
		words := make([]uint64, l.Size/word)
		copy(words, unsafe.Slice((*uint64)(p), size/word))
		return unsafe.Pointer(unsafe.SliceData(words)), size, nil
	}
	for i := l.Size; i < size; i++ {
		if *(*byte)(unsafe.Add(p, i)) != 0 {
			return nil, 0, status.New(status.InvalidArgument, "%s: byte %d of %d is set, this version knows %d", l.Name,
				i, size, l.Size)
		}
	}
	return p, size, nil
}
