// Package env is the environment of tasks, Spark's SparkEnv: configuration, worker factories with their
// pools, and the tasks that run.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package env

import (
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"udfrunner/core/config"
	"udfrunner/core/hostmem"
	"udfrunner/core/logsink"
	"udfrunner/core/status"
	"udfrunner/core/worker"
)

// Task is a running task, as far as an env must know it.
type Task interface {
	// Cancel ends the task; see runner.Iterator.Cancel.
	Cancel(reason string)
}

// Env is configuration, factories and tasks. All methods are safe from any thread.
type Env struct {
	conf *config.Config
	mem  *hostmem.Functions

	log    *logsink.Sink
	probes worker.Probes
	ahead  atomic.Int64 // see GoAhead

	mu        sync.Mutex
	closed    bool
	factories map[string]worker.Factory
	ending    []worker.Factory
	tasks     map[Task]struct{}
	counts    counts
}

type counts struct {
	Started int64 `json:"started"`
	Running int64 `json:"running"`
	Done    int64 `json:"done"`
	Failed  int64 `json:"failed"`
	Closed  int64 `json:"closed"`
}

// Outcome is how a task ended.
type Outcome uint8

// The outcomes. Left is a task that its host closed before its end, as a LIMIT does: no failure.
const (
	Done Outcome = iota
	Failed
	Left
)

// maxAhead is more than the cores of most hosts: whoever begins more tasks than that before it reads the first does not
// read all of them at a time.
const maxAhead = 16

// GoAhead says whether a task may acquire its worker before the host's first call for it, so that the process is being
// made meanwhile. Each such task calls CaughtUp once, with the first call or the end. Beyond a few of them it may not:
// a host that begins a thousand tasks and reads them in turn needs few processes, as each task finds those of the tasks
// before it.
func (e *Env) GoAhead() bool {
	if e.ahead.Add(1) <= maxAhead {
		return true
	}
	e.ahead.Add(-1)
	return false
}

// CaughtUp is the counterpart of a GoAhead that said true.
func (e *Env) CaughtUp() { e.ahead.Add(-1) }

// New makes an env. It starts no process. environ is what worker processes inherit, as NAME=value;
// mem makes the memory that hosts receive. Errors are InvalidArgument and name the pair.
func New(pairs []config.Pair, environ []string, mem *hostmem.Functions) (*Env, error) {
	conf, err := config.New(pairs, environ...)
	if err != nil {
		return nil, err
	}
	log, err := newLog(conf)
	if err != nil {
		return nil, err
	}
	return &Env{
		conf: conf, mem: mem, log: log,
		factories: map[string]worker.Factory{}, tasks: map[Task]struct{}{},
	}, nil
}

// Config is the env's configuration.
func (e *Env) Config() *config.Config { return e.conf }

// Log is where the lines of its workers go.
func (e *Env) Log() *logsink.Sink { return e.log }

// Memory makes the memory that hosts receive.
func (e *Env) Memory() *hostmem.Functions { return e.mem }

// Check answers Cancelled once the env is closed.
func (e *Env) Check() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.check()
}

func (e *Env) check() error {
	if e.closed {
		return status.New(status.Cancelled, "the env was destroyed or the library shut down")
	}
	return nil
}

// Begin registers a task, or answers Cancelled when the env is closed.
func (e *Env) Begin(t Task) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.check(); err != nil {
		return err
	}
	e.tasks[t] = struct{}{}
	e.counts.Started++
	return nil
}

// End forgets a task; later calls for it do nothing.
func (e *Env) End(t Task, how Outcome) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.tasks[t]; !ok {
		return
	}
	delete(e.tasks, t)
	switch how {
	case Done:
		e.counts.Done++
	case Left:
		e.counts.Closed++
	default:
		e.counts.Failed++
	}
}

// Factory returns the factory for a runner's configuration, making it where there is none; a factory whose daemon
// failed is replaced. It starts in the background.
func (e *Env) Factory(conf *config.Config) (worker.Factory, error) {
	spec := e.factorySpec(conf)
	key := spec.Key()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.check(); err != nil {
		return nil, err
	}
	if f := e.factories[key]; f != nil {
		if _, _, err := f.State(); err == nil {
			return f, nil
		}
		e.ending = append(e.ending, f)
	}
	e.ending = slices.DeleteFunc(e.ending, isGone)
	f := worker.NewFactory(spec)
	e.factories[key] = f
	return f, nil
}

func isGone(f worker.Factory) bool {
	select {
	case <-f.Gone():
		return true
	default:
		return false
	}
}

// closeWait is how long Close waits for processes to end.
const closeWait = 50 * time.Millisecond

// Close cancels the tasks and ends the daemons and workers. It waits 50 ms at most; Wait waits for the rest.
func (e *Env) Close() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	tasks := make([]Task, 0, len(e.tasks))
	for t := range e.tasks {
		tasks = append(tasks, t)
	}
	for _, f := range e.factories {
		e.ending = append(e.ending, f)
	}
	factories := slices.Clone(e.ending)
	e.mu.Unlock()
	for _, t := range tasks {
		t.Cancel("the env was destroyed or the library shut down")
	}
	for _, f := range factories {
		f.Close()
	}
	e.Wait(closeWait)
	e.log.Close()
}

// Wait waits, after Close, until every process ended, at most d, without limit if d is negative. It says whether all
// did.
func (e *Env) Wait(d time.Duration) bool {
	e.mu.Lock()
	factories := slices.Clone(e.ending)
	e.mu.Unlock()
	var expired <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		expired = timer.C
	}
	for _, f := range factories {
		select {
		case <-f.Gone():
		case <-expired:
			return false
		}
	}
	return true
}

// stats is what Stats says; include/udfrunner.h lists the members.
type stats struct {
	Tasks     counts         `json:"tasks"`
	Log       logsink.Counts `json:"log"`
	Factories []factoryStats `json:"factories"`
}

// factoryStats is what it says of one factory.
type factoryStats struct {
	Kind    string   `json:"kind"`
	Python  string   `json:"python,omitempty"`
	PySpark string   `json:"pyspark,omitempty"`
	PyArrow string   `json:"pyarrow,omitempty"`
	Pandas  string   `json:"pandas,omitempty"`
	Zygote  bool     `json:"zygote"`
	Threads int      `json:"zygote_threads"`
	Notes   []string `json:"notes,omitempty"`
	Daemon  int      `json:"daemon_pid"`
	Error   string   `json:"error,omitempty"`
	worker.Counts
}

// Stats is the env's counters as a JSON object. It waits for nothing.
func (e *Env) Stats() []byte {
	e.mu.Lock()
	stats := stats{Tasks: e.counts, Log: e.log.Counts(), Factories: []factoryStats{}}
	stats.Tasks.Running = int64(len(e.tasks))
	factories := make([]worker.Factory, 0, len(e.factories))
	for _, f := range e.factories {
		factories = append(factories, f)
	}
	e.mu.Unlock()
	for _, f := range factories {
		s := factoryStats{Kind: f.Kind().String(), Counts: f.Counts(), Daemon: f.DaemonPID()}
		dialect, info, err := f.State()
		switch {
		case err != nil:
			s.Error = err.Error()
		case dialect != nil:
			s.Python, s.PySpark, s.PyArrow, s.Pandas = info.Python, info.PySpark, info.PyArrow, info.Pandas
			s.Zygote, s.Threads, s.Notes = info.Zygote, info.Threads, info.Notes
		}
		stats.Factories = append(stats.Factories, s)
	}
	text, err := json.Marshal(stats)
	if err != nil { // numbers and texts always marshal
		return []byte("{}")
	}
	return text
}
