package worker

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"udfrunner/core/logsink"
	"udfrunner/core/protocol"
)

// Spec is what a factory is made for.
type Spec struct {
	Program
	Policy
	// Warm makes input streams of tasks that an Embedded daemon runs once before forking.
	Warm func(*protocol.Dialect, Info) [][]byte
	// Check runs a small task on a worker and says whether it was answered as the dialect has it, by the deadline. It
	// is asked where a dialect is only tried, before the factory is ready.
	Check func(w *Worker, dialect *protocol.Dialect, info *Info, deadline time.Time) error
	// Log gets what the processes write to stdout and stderr; nil drops it.
	Log *logsink.Sink
	// Probes keeps what stock factories found out about interpreters; nil keeps nothing.
	Probes *Probes
}

// Program is what a factory's processes are made of: two tasks share a factory only where all of it is the same.
type Program struct {
	Kind Kind
	// Python is the interpreter, a path or a name to be found on PATH.
	Python string
	// Launcher is a command put in front of the interpreter, none if empty.
	Launcher []string
	// Env is the whole environment of the factory's processes, NAME=value.
	Env []string
	// DaemonModule is run by a StockDaemon, WorkerModule by a SimpleWorker; a daemon gets the latter as its argument.
	DaemonModule, WorkerModule string
	// UnixSockets has a stock factory use Unix sockets (PySpark 4.1 and later), not TCP. They are made in a directory
	// of their own in SocketDir.
	UnixSockets bool
	SocketDir   string
	// Modules are imported by an Embedded daemon before forking, where that leaves one thread.
	Modules []string
	// Zygote forks workers after the imports; without it each worker imports by itself.
	Zygote bool
	// StartTimeout bounds the start of a daemon, imports included, and that of a worker.
	StartTimeout time.Duration
}

// Key tells programs apart. It goes through all fields, so that none can be left out.
func (p *Program) Key() string {
	var key []byte
	program := reflect.ValueOf(p).Elem()
	for i := range program.NumField() {
		switch field := program.Field(i).Interface().(type) {
		case []string: // as texts that end in NUL, which no variable or name holds
			key = fmt.Appendf(key, "%d\x00%s\x00", len(field), strings.Join(field, "\x00"))
		default:
			key = fmt.Appendf(key, "%v\x00", field)
		}
	}
	return string(key)
}

// Policy is what a factory does with workers that have no task. A running factory serves tasks of other policies as
// well.
type Policy struct {
	// IdleTimeout ends workers that were idle for longer; zero keeps none.
	IdleTimeout time.Duration
	// MaxIdle bounds the pool of idle workers, spares included.
	MaxIdle int
	// Strict gives every task a fresh worker; a SimpleWorker always is one.
	Strict bool
	// Recycle ends workers between tasks.
	Recycle Recycle
	// Spares is how many workers are kept ready ahead of demand for each key of Acquire, from its first task on.
	// MaxIdle bounds them together with idle workers and those that will come back.
	Spares int
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
