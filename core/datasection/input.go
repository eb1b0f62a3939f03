// Package datasection brings a host's data into the form in which a worker reads it, and the worker's answer into the
// memory that the host gets: Spark's writers and readers of a task's data sections. Nothing here waits, or knows the
// worker.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package datasection

import (
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
	"udfrunner/core/transport"
)

// Input is the writer of a concrete runner (Spark's PythonRunner.Writer): it brings the host's data into the form
// that the worker reads.
type Input interface {
	// Move takes over the host's input; the host keeps it on an error.
	Move(in *hostcall.Input) error
	// Open does what must precede the init section, and says what the input adds to it.
	Open(d *protocol.Dialect) (Additions, error)
	// Start queues what precedes the first data.
	Start(w *transport.Writer)
	// Pull calls the host once, or a few times for little data, and queues what it brought: hostcall.ErrAgain,
	// hostcall.ErrDone or an error of the host.
	Pull(w *transport.Writer) error
	// Finish queues what ends the data section.
	Finish(w *transport.Writer)
	// Release ends the host's input; once, after everything that was queued was sent or dropped.
	Release()
}

// Additions are what an input adds to the init section.
type Additions struct {
	EvalConf  []protocol.Entry
	Arguments []protocol.Argument // of the only chain, where the host gave none
}
