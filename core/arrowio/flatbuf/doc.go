// Package flatbuf is the metadata of Arrow IPC messages, generated from
// arrow.fbs. Reading malformed bytes through it panics: callers recover.
package flatbuf

//go:generate flatc --go --gen-onefile --go-namespace flatbuf arrow.fbs
//go:generate gofmt -w arrow_generated.go
