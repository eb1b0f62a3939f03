// Package constants makes what C, Go, Python and Java hosts share of names and numbers from the tables in core/status
// (error codes, causes, details) and core/protocol (eval types). It is tests only: they write the sections of other
// files that are marked as generated, and hold them to the tables.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package constants

//go:generate go test -count=1 -run TestGenerated . -args -update
