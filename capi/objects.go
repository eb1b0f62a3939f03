package main

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/handle"
	"udfrunner/core/runner"
	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// Handles of the ABI. A stream is what the exported ArrowArrayStream of an iterator asks for.
var (
	envs      = handle.NewTable[*envObject](1, "env")
	runners   = handle.NewTable[*runnerObject](2, "runner")
	iterators = handle.NewTable[*iteratorObject](3, "iterator")
	streams   = handle.NewTable[*iteratorObject](4, "stream")
)

// object is what the objects behind handles have in common: a panic in one of its calls makes it and
// those below it unusable.
type object struct {
	parent *object
	broken atomic.Pointer[status.Error]
	// stop ends what runs for the object, without calling the host.
	stop func()
}

func (o *object) base() *object { return o }

// usable is nil, or the Internal error that reports an earlier panic.
func (o *object) usable() error {
	for ; o != nil; o = o.parent {
		if cause := o.broken.Load(); cause != nil {
			return status.New(status.Internal, "unusable since an earlier call failed inside the library: %w", cause).
				With(detailPanic, cause.Details[detailPanic])
		}
	}
	return nil
}

func (o *object) poison(cause *status.Error) {
	if o.broken.CompareAndSwap(nil, cause) {
		// The panic may have left a lock behind: the caller must not wait for it.
		safego.Go(o.stop, nil)
	}
}

const detailPanic = "go.panic"

type envObject struct {
	object
	env    *env.Env
	closed atomic.Bool
}

type runnerObject struct {
	object
	env     *envObject
	builder *runner.Builder
}

type iteratorObject struct {
	object
	env *envObject
	it  *runner.Iterator
}

// open is nil, or Cancelled where the object's env was destroyed or shut down.
func (e *envObject) open() error {
	if e.closed.Load() {
		return status.New(status.Cancelled, "the env was destroyed or shut down")
	}
	return nil
}

func (r *runnerObject) open() error   { return r.env.open() }
func (i *iteratorObject) open() error { return i.env.open() }

// known is every env whose processes may live, for shutdown: also those that were destroyed.
var known struct {
	sync.Mutex
	envs map[*envObject]struct{}
	dflt *envObject
}

func newEnv(pairs []config.Pair, environ []string) (*envObject, error) {
	e, err := env.New(pairs, environ, memory)
	if err != nil {
		return nil, err
	}
	o := &envObject{env: e}
	o.stop = o.close
	return o, nil
}

func addEnv(pairs []config.Pair, environ []string) (*envObject, error) {
	o, err := newEnv(pairs, environ)
	if err != nil {
		return nil, err
	}
	known.Lock()
	defer known.Unlock()
	remember(o)
	return o, nil
}

// remember also forgets closed envs whose processes are gone. known is locked.
func remember(o *envObject) {
	for old := range known.envs {
		if old.closed.Load() && old.env.Wait(0) {
			delete(known.envs, old)
		}
	}
	if known.envs == nil {
		known.envs = map[*envObject]struct{}{}
	}
	known.envs[o] = struct{}{}
}

// defaultEnv is the env of NULL: made at first use, ended by shutdown.
func defaultEnv(environ unsafe.Pointer) (*envObject, error) {
	known.Lock()
	defer known.Unlock()
	if known.dflt == nil {
		o, err := newEnv(nil, environment(environ))
		if err != nil {
			return nil, err
		}
		remember(o)
		known.dflt = o
	}
	return known.dflt, known.dflt.usable()
}

func (e *envObject) close() {
	e.closed.Store(true)
	e.env.Close()
}

// shutdown closes every env and says whether all of their processes were seen to end.
func shutdown(timeout time.Duration) bool {
	known.Lock()
	ending := known.envs
	known.envs, known.dflt = nil, nil
	known.Unlock()

	start := time.Now()
	var closing sync.WaitGroup
	for e := range ending {
		closing.Add(1)
		safego.Go(func() {
			defer closing.Done()
			e.close()
		}, nil)
	}
	closing.Wait()

	ended := true
	for e := range ending {
		left := timeout
		if left >= 0 {
			left = max(0, timeout-time.Since(start))
		}
		if !e.env.Wait(left) {
			ended = false
			known.Lock()
			remember(e)
			known.Unlock()
		}
	}
	return ended
}
