package runner

import (
	"maps"
	"slices"
	"sync"

	"udfrunner/core/env"
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// Builder is a runner that is put together call by call, as the C ABI does it; the first Compute makes
// the Runner, and from then on it does not change. All methods are safe from any thread.
type Builder struct {
	env      *env.Env
	evalType *protocol.EvalType

	mu      sync.Mutex
	chains  []*chain
	options Options
	runner  Computer
	closed  bool
	tasks   map[*Iterator]struct{}
}

// NewBuilder checks the eval type: InvalidArgument for none of PySpark's, NotSupported for one that is not run.
func NewBuilder(e *env.Env, evalType int32) (*Builder, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	known, err := protocol.EvalTypeByID(evalType)
	if err != nil {
		return nil, err
	}
	return &Builder{env: e, evalType: known, options: Options{Config: e.Config()}, tasks: map[*Iterator]struct{}{}}, nil
}

// change runs f unless the runner is made already.
func (b *Builder) change(f func() error) error {
	if err := b.env.Check(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.runner != nil {
		return status.New(status.InvalidState, "runner has computed: its functions and settings are fixed")
	}
	return f()
}

// AddFunction adds a chain and the arguments of its first function.
func (b *Builder) AddFunction(chain []Function, arguments []Argument) error {
	return b.change(func() error {
		if err := checkCount(b.evalType, len(b.chains)+1); err != nil {
			return err
		}
		functions := families[b.evalType.Family].functions
		read, err := readChain(b.evalType, functions, len(b.chains), chain, arguments)
		if err != nil {
			return err
		}
		// On trial, so that a bad chain is refused here and not by Compute; the settings may still change.
		if err := newBase(b.env, b.evalType, b.options).add(functions, len(b.chains), read); err != nil {
			return err
		}
		b.chains = append(b.chains, read)
		return nil
	})
}

// Set sets one key of the runner's configuration.
func (b *Builder) Set(key, value string) error {
	return b.change(func() error {
		conf, err := b.options.Config.With(key, value)
		if err == nil {
			b.options.Config = conf
		}
		return err
	})
}

// AddInclude adds a path to the workers' sys.path.
func (b *Builder) AddInclude(path string) error {
	return b.change(func() error {
		if path == "" {
			return status.New(status.InvalidArgument, "include path is empty")
		}
		b.options.Includes = append(b.options.Includes, path)
		return nil
	})
}

// AddBroadcast adds a broadcast variable.
func (b *Builder) AddBroadcast(id int64, path string) error {
	return b.change(func() error {
		if id < 0 {
			return status.New(status.InvalidArgument, "broadcast id %d, allowed are 0 and up", id)
		}
		if slices.ContainsFunc(b.options.Broadcasts, func(v Broadcast) bool { return v.ID == id }) {
			return status.New(status.InvalidArgument, "broadcast id %d is given twice", id)
		}
		if path != "" {
			if err := checkBroadcast(path); err != nil {
				return err
			}
		}
		b.options.Broadcasts = append(b.options.Broadcasts, Broadcast{id, path})
		return nil
	})
}

// Compute starts a task; see Computer.Compute.
func (b *Builder) Compute(input hostcall.Input, task Task) (*Iterator, error) {
	r, err := b.build()
	if err != nil {
		return nil, err
	}
	it, err := r.Compute(input, task)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	closed := b.closed
	if !closed {
		b.tasks[it] = struct{}{}
		it.onEnd(func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			delete(b.tasks, it)
		})
	}
	b.mu.Unlock()
	if closed {
		it.Cancel("the runner was destroyed")
	}
	return it, nil
}

func (b *Builder) build() (Computer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.runner == nil {
		if err := checkCount(b.evalType, len(b.chains)); err != nil {
			return nil, err
		}
		r, err := construct(b.env, b.evalType, b.chains, b.options)
		if err != nil {
			return nil, err
		}
		b.runner = r
	}
	return b.runner, nil
}

// Cancel cancels the running tasks; see Iterator.Cancel.
func (b *Builder) Cancel(reason string) {
	b.mu.Lock()
	tasks := slices.Collect(maps.Keys(b.tasks))
	b.mu.Unlock()
	for _, it := range tasks {
		it.Cancel(reason)
	}
}

// Close cancels the running tasks; their iterators stay to be closed.
func (b *Builder) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.Cancel("the runner was destroyed")
}
