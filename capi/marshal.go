package main

// #cgo CFLAGS: -I${SRCDIR}/../include
// #include "internal.h"
import "C"

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"udfrunner/core/handle"
	"udfrunner/core/hostmem"
	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// memory is where all that the host receives lies: C blocks with C releases.
var memory = &hostmem.Functions{
	Alloc:   func(size uintptr) unsafe.Pointer { return C.udfc_block_alloc(C.size_t(size)) },
	Retain:  func(block unsafe.Pointer, n int64) { (*atomic.Int64)(block).Add(n) },
	Release: func(block unsafe.Pointer) { C.udfc_block_release(block) },

	ReleaseArray:  uintptr(unsafe.Pointer(C.udfc_array_release)),
	ReleaseSchema: uintptr(unsafe.Pointer(C.udfc_schema_release)),
}

// guard runs an export that needs no object, or whose object could not be looked up. A panic becomes
// an Internal error.
func guard(function string, errOut unsafe.Pointer, f func() (status.Code, error)) (code C.int32_t) {
	defer func() {
		if p := safego.Recovered(recover()); p != nil {
			code = fail(errOut, p)
		}
	}()
	panicHook(function)
	c, err := f()
	return answer(errOut, c, err)
}

// on runs an export on the object of a handle; a panic poisons the object.
func on[T interface{ base() *object }](
	table *handle.Table[T], function string, id C.uint64_t, errOut unsafe.Pointer, f func(T) (status.Code, error),
) (code C.int32_t) {
	o, err := table.Get(handle.ID(id))
	if err != nil {
		return fail(errOut, err)
	}
	return within(o, function, errOut, f)
}

// within is on for an object that was looked up already.
func within[T interface{ base() *object }](
	o T, function string, errOut unsafe.Pointer, f func(T) (status.Code, error),
) (code C.int32_t) {
	if err := o.base().usable(); err != nil {
		return fail(errOut, err)
	}
	defer func() {
		if p := safego.Recovered(recover()); p != nil {
			o.base().poison(p)
			code = fail(errOut, p)
		}
	}()
	panicHook(function)
	c, err := f(o)
	return answer(errOut, c, err)
}

func answer(errOut unsafe.Pointer, code status.Code, err error) C.int32_t {
	if err != nil {
		return fail(errOut, err)
	}
	return C.int32_t(code)
}

// fail gives the host an error in C memory, where it wants one.
func fail(errOut unsafe.Pointer, err error) C.int32_t {
	e := status.From(err)
	code := e.Code
	if code >= 0 {
		code = status.Unknown
	}
	if errOut == nil {
		return C.int32_t(code)
	}
	text := appendText(nil, e.Message)
	for _, key := range slices.Sorted(maps.Keys(e.Details)) {
		text = appendText(text, key)
		text = appendText(text, e.Details[key])
	}
	out := (**C.udfrunner_error)(errOut)
	*out = C.udfc_error_new(C.int32_t(code), (*C.char)(unsafe.Pointer(unsafe.SliceData(text))),
		C.size_t(len(text)), C.uint32_t(len(e.Details)))
	return C.int32_t(code)
}

// appendText adds UTF-8 without NULs, ended by one.
func appendText(to []byte, text string) []byte {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	return append(append(to, text...), 0)
}

// fillBytes copies data into a udfrunner_bytes.
func fillBytes(out unsafe.Pointer, data []byte) error {
	n := uintptr(len(data))
	block := memory.Alloc(n + 1)
	if block == nil {
		return status.New(status.NoMemory, "%d bytes of a result", n)
	}
	copied := hostmem.Bytes(block, 0, n+1)
	copy(copied, data)
	copied[n] = 0
	bytes := (*C.udfrunner_bytes)(out)
	bytes.data = (*C.char)(hostmem.Payload(block))
	bytes.size = C.uint64_t(n)
	bytes.private_data = block
	return nil
}

// setHandle writes a handle without Go taking its bits for a pointer.
func setHandle(out unsafe.Pointer, id handle.ID) { *(*uint64)(out) = uint64(id) }
