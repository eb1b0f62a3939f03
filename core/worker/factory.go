package worker

import (
	"time"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// Factory makes workers of one interpreter and environment and keeps idle ones: Spark's PythonWorkerFactory. All
// methods are safe from any thread, and none waits.
type Factory interface {
	// Kind is how it makes workers.
	Kind() Kind
	// OnStarted calls notify when the factory is ready or has failed, at once where that is so.
	OnStarted(notify func())
	// State is the dialect and the interpreter's versions, nil while the factory starts, or why it has failed. A
	// factory that has failed makes no more workers.
	State() (*protocol.Dialect, *Info, error)
	// Acquire returns a worker for a task: an idle one of the same key, else a new one, which is being made while the
	// caller goes on; see Worker.Ready. env is added to a new worker's environment; paths are what its tasks put on the
	// module path, and one for which a zygote has imported the wrong modules does not come out of it. All workers of a
	// key have the same env and paths. The worker is to be given back, by one call of Release or Kill.
	Acquire(key string, env map[string]string, paths ...string) (*Worker, error)
	// Release gives a worker back. It goes to the pool if reuse holds, the factory is not strict and the worker not
	// worn out, else it ends.
	Release(w *Worker, reuse bool)
	// Kill gives a worker back and ends it at once.
	Kill(w *Worker)
	// ForkDue is until when a worker that was acquired at begun may have no process id: as things are now, it may be
	// put off.
	ForkDue(begun time.Time) time.Time
	// Stuck ends a factory that overstepped that limit, so that the next task gets another.
	Stuck() *status.Error
	// Counts are the counters now.
	Counts() Counts
	// DaemonPID is the process id of the (newest) daemon, 0 where none runs.
	DaemonPID() int
	// Close ends the factory and its processes. Gone tells when they ended.
	Close()
	// Gone is closed once a closed or failed factory has no process any more.
	Gone() <-chan struct{}
}

// NewFactory begins to start a factory and returns at once.
func NewFactory(spec Spec) Factory {
	spec.Strict = spec.Strict || spec.Kind == SimpleWorker
	switch spec.Kind {
	case StockDaemon:
		return newStock(spec)
	case SimpleWorker:
		return newSimple(spec)
	default:
		return newEmbedded(spec)
	}
}
