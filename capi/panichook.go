//go:build panichook

package main

// #include <stdint.h>
import "C"

import "sync/atomic"

var panicIn atomic.Pointer[string]

// udfrunner_test_panic makes the next call of the named function dereference nil inside Go. It exists
// in the library of the tests only.
//
//export udfrunner_test_panic
func udfrunner_test_panic(function *C.char) {
	name := C.GoString(function)
	panicIn.Store(&name)
}

func panicHook(function string) {
	if name := panicIn.Load(); name != nil && *name == function && panicIn.CompareAndSwap(name, nil) {
		var nothing *struct{ field int }
		nothing.field++
	}
}
