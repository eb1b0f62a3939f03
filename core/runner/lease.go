package runner

import (
	"time"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// lease is what a pump needs of its task's hold on a worker.
type lease interface {
	// enter begins a call, leave ends one in which data moved or the host is waited for.
	enter()
	leave()
	// interrupted is what a cancel, the deadline or a limit ends the task with, nil where none did.
	interrupted() *status.Error
	// expiring says that the task is over, and the interrupt being made: what the worker still sends comes too late.
	expiring() bool
	// open answers the dialect and Python minor of a worker that is ready, having acquired one where that is to be
	// done, and no dialect while its factory, or it, is being made. What follows needs a worker that was ready.
	open() (dialect *protocol.Dialect, python string, err error)
	// join gives the writer the worker's channel and answers what reads it; the worker's end wakes wait from then on.
	join(w *transport.Writer) *transport.Reader
	// wait waits until the task is woken or, where it listens, the channel is ready; at most d, without limit if d is
	// negative.
	wait(listen, send bool, d time.Duration) (transport.Ready, error)
	// waits says that from now on, or still, the worker is what is waited for.
	waits()
	// broadcasts are the ids of the broadcast variables that the worker holds.
	broadcasts() map[int64]bool
	// overdue is the error of a worker whose process should have begun by now, birthDue after what time it has to be
	// asked for.
	overdue() error
	birthDue() (time.Duration, bool)
	// unborn says that there is a worker of whose process nothing is known: neither its id nor its end.
	unborn() bool
	// exited says that the worker has ended and exitError tells of it, ending that it has ended or is about to.
	exited() bool
	ending() bool
	kill()
	exitError(killed bool) error
}
