//go:build !panichook

package main

// panicHook does nothing in the library; see panichook.go.
func panicHook(string) {}
