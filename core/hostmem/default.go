package hostmem

import (
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/ebitengine/purego"

	"udfrunner/core/cdata"
)

// Default returns functions for Go programs that use core without the C ABI: memory from libc, counted
// and released by Go code. Their callbacks enter Go and so do not work in a
// forked child, which a Go program does not have.
var Default = sync.OnceValue(func() *Functions {
	libc := goLibc()
	f := &Functions{
		Alloc: func(size uintptr) unsafe.Pointer {
			if size > math.MaxInt64-2*HeaderSize {
				return nil
			}
			raw := libc.alignedAlloc(HeaderSize, (size+2*HeaderSize-1)/HeaderSize*HeaderSize)
			if raw == nil {
				return nil
			}
			count(raw).Store(1)
			return raw
		},
		Retain: func(block unsafe.Pointer, n int64) { count(block).Add(n) },
		Release: func(block unsafe.Pointer) {
			if count(block).Add(-1) == 0 {
				libc.free(block)
			}
		},
	}
	f.ReleaseArray = purego.NewCallback(func(a *cdata.Array) { releaseArray(f, a) })
	f.ReleaseSchema = purego.NewCallback(func(s *cdata.Schema) { releaseSchema(f, s) })
	return f
})

type libcFunctions struct {
	alignedAlloc func(align, size uintptr) unsafe.Pointer
	free         func(unsafe.Pointer)
}

func goLibc() libcFunctions {
	var f libcFunctions
	purego.RegisterLibFunc(&f.alignedAlloc, purego.RTLD_DEFAULT, "aligned_alloc")
	purego.RegisterLibFunc(&f.free, purego.RTLD_DEFAULT, "free")
	return f
}

func count(block unsafe.Pointer) *atomic.Int64 { return (*atomic.Int64)(block) }

func releaseArray(f *Functions, a *cdata.Array) {
	for _, child := range unsafe.Slice(a.Children, a.NChildren) {
		if child != nil && child.Release != 0 {
			purego.SyscallN(child.Release, uintptr(unsafe.Pointer(child)))
		}
	}
	if d := a.Dictionary; d != nil && d.Release != 0 {
		purego.SyscallN(d.Release, uintptr(unsafe.Pointer(d)))
	}
	block := a.PrivateData
	a.Release = 0
	f.Release(block)
}

func releaseSchema(f *Functions, s *cdata.Schema) {
	for _, child := range unsafe.Slice(s.Children, s.NChildren) {
		if child != nil && child.Release != 0 {
			purego.SyscallN(child.Release, uintptr(unsafe.Pointer(child)))
		}
	}
	if d := s.Dictionary; d != nil && d.Release != 0 {
		purego.SyscallN(d.Release, uintptr(unsafe.Pointer(d)))
	}
	block := s.PrivateData
	s.Release = 0
	f.Release(block)
}
