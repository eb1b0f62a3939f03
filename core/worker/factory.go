package worker

import (
	"strings"
	"time"

	"udfrunner/core/logsink"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// Kind says how a factory makes workers.
type Kind uint8

// The kinds of factories.
const (
	// Embedded is the daemon carried inside the library, which forks workers out of a warm process.
	Embedded Kind = iota
	// StockDaemon is a daemon module run with `python -m`, to which each worker is a connection
	// (PythonWorkerFactory.createThroughDaemon).
	StockDaemon
	// SimpleWorker is a process a task, run with `python -m`, that connects back (PythonWorkerFactory.createSimpleWorker).
	SimpleWorker
)

// String is the kind's name in statistics.
func (k Kind) String() string { return [...]string{"embedded", "daemon", "simple"}[k] }

// The modules of PySpark that stock factories run where no other is named.
const (
	DefaultDaemonModule = "pyspark.daemon"
	DefaultWorkerModule = "pyspark.worker"
)

// Spec is what a factory is made for: factories differ where it does.
type Spec struct {
	Kind Kind
	// Python is the interpreter, a path or a name to be found on PATH.
	Python string
	// Env is the whole environment of the factory's processes, NAME=value.
	Env []string
	// DaemonModule is run by a StockDaemon, WorkerModule by a SimpleWorker; a daemon gets the latter as its argument.
	DaemonModule, WorkerModule string
	// UnixSockets has a stock factory use Unix sockets (PySpark 4.1 and later), not TCP. They are made in a directory of
	// their own in SocketDir.
	UnixSockets bool
	SocketDir   string
	// Modules are imported by an Embedded daemon before forking, where that leaves one thread.
	Modules []string
	// Zygote forks workers after the imports; without it each worker imports by itself.
	Zygote bool
	// StartTimeout bounds the start of a daemon, imports included, and that of a worker.
	StartTimeout time.Duration
	// IdleTimeout ends workers that were idle for longer; zero keeps none.
	IdleTimeout time.Duration
	// MaxIdle bounds the pool of idle workers, spares included.
	MaxIdle int
	// Strict gives every task a fresh worker; a SimpleWorker always is one.
	Strict bool
	// Recycle ends workers between tasks.
	Recycle Recycle
	// Spares is how many workers are kept ready ahead of demand for each key of Acquire, from its first task on. MaxIdle bounds them
	// together with idle workers and those that will come back.
	Spares int
	// Warm makes input streams of tasks that an Embedded daemon runs once before forking.
	Warm func(*protocol.Dialect, Info) [][]byte
	// Check runs a small task on a worker and says whether it was answered as the dialect has it, by the deadline. It is asked where a
	// dialect is only tried, before the factory is ready.
	Check func(w *Worker, dialect *protocol.Dialect, info *Info, deadline time.Time) error
	// Log gets what the processes write to stdout and stderr; nil drops it.
	Log *logsink.Sink
	// Probes keeps what stock factories found out about interpreters; nil keeps nothing.
	Probes *Probes
}

// Info is what is known of a factory's interpreter.
type Info struct {
	Python  string // "3.11.7"
	PySpark string // "4.2.0"
	PyArrow string // "" where it is missing
	Pandas  string // "" where it is missing
	Threads int    // of an embedded daemon, after the imports
	Zygote  bool   // workers are forked after the imports
	Notes   []string
}

// PythonMinor is the interpreter's minor version, as "3.11".
func (i *Info) PythonMinor() string {
	if parts := strings.SplitN(i.Python, ".", 3); len(parts) >= 2 {
		return parts[0] + "." + parts[1]
	}
	return i.Python
}

// Counts are a factory's counters.
type Counts struct {
	Started    int64 `json:"started"`     // workers that were begun
	Reused     int64 `json:"reused"`      // tasks that got a worker that had served others
	SparesUsed int64 `json:"spares_used"` // tasks that got a spare
	Alive      int64 `json:"alive"`       // worker processes
	Running    int64 `json:"running"`     // workers that a task has
	Idle       int64 `json:"idle"`        // workers that wait for a task
	Spares     int64 `json:"spares"`      // those of them that wait for their first
	Recycled   int64 `json:"recycled"`    // ended between tasks, being worn out
	Killed     int64 `json:"killed"`      // by the library
	Crashed    int64 `json:"crashed"`     // ended by themselves while the library wanted them
}

// Factory makes workers of one interpreter and environment and keeps idle ones: Spark's PythonWorkerFactory. All
// methods are safe from any thread, and none waits.
type Factory interface {
	// Kind is how it makes workers.
	Kind() Kind
	// OnStarted calls notify when the factory is ready or has failed, at once where that is so.
	OnStarted(notify func())
	// State is the dialect and the interpreter's versions, nil while the factory starts, or why it has failed. A factory
	// that has failed makes no more workers.
	State() (*protocol.Dialect, *Info, error)
	// Acquire returns a worker for a task: an idle one of the same key, else a new one, which is being made while the
	// caller goes on; see Worker.Ready. env is added to a new worker's environment; paths are what its tasks put on the module path, and
	// one for which a zygote has imported the wrong modules does not come out of it. All workers of a key have the same env and paths. The
	// worker is to be given back, by one call of Release or Kill.
	Acquire(key string, env map[string]string, paths ...string) (*Worker, error)
	// Release gives a worker back. It goes to the pool if reuse holds, the factory is not strict and the worker not worn out, else it ends.
	Release(w *Worker, reuse bool)
	// Kill gives a worker back and ends it at once.
	Kill(w *Worker)
	// ForkDue is until when a worker that was acquired at begun may have no process id: as things are now, it may be put off.
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
