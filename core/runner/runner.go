// Package runner is Spark's BasePythonRunner: a Runner is a list of chained functions of one eval type
// with their argument offsets, Compute starts a task of it, and the task's Iterator moves input
// and output between the host and a worker, on the thread of whoever asks for the next results.
//
// There is a concrete runner for each family of eval types, a row of families. It says what arguments and result
// columns its functions have, and supplies what Spark's runners supply: the writer of a task's input and the reader of
// its results.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package runner

import (
	"udfrunner/core/datasection"
	"udfrunner/core/hostcall"
)

// Computer is a Runner of any input and output.
type Computer interface {
	// Compute starts a task and returns at once. The input is moved only if it succeeds.
	Compute(input hostcall.Input, task Task) (*Iterator, error)
}

// Runner is Spark's BasePythonRunner[IN, OUT]. It is not changed after it was made; many tasks may run at once.
type Runner[In datasection.Input, Out datasection.Output] struct {
	*base
	concrete[In, Out]
}

// concrete is what a concrete runner supplies.
type concrete[In datasection.Input, Out datasection.Output] struct {
	// newWriter is the writer for a kind of input, or NotSupported where the functions do not take it
	// (BasePythonRunner.newWriter).
	newWriter func(f *datasection.Functions, in *hostcall.Input) (In, error)
	// newReaderIterator reads a task's results (BasePythonRunner.newReaderIterator).
	newReaderIterator func(f *datasection.Functions, c *datasection.Counters) Out
}

// family is what a family of eval types has of its own.
type family struct {
	// functions says what arguments and results its functions have.
	functions shape
	// layout is what its input looks like.
	layout datasection.Layout
	// windows says that the runner conf has the windows' bounds.
	windows bool
	// idle are the keys of its idle timeout; those of SQL functions where nothing is said.
	idle *idleKeys
	// runner makes the runner once its functions are defined.
	runner func(*base) Computer
}

// of is a family's row with what its concrete runner supplies.
func of[In datasection.Input, Out datasection.Output](
	newWriter func(*datasection.Functions, *hostcall.Input) (In, error),
	newReaderIterator func(*datasection.Functions, *datasection.Counters) Out,
	row family,
) *family {
	if row.idle == nil {
		row.idle = sqlIdle
	}
	row.runner = func(b *base) Computer { return &Runner[In, Out]{b, concrete[In, Out]{newWriter, newReaderIterator}} }
	return &row
}

// Compute starts a task and returns at once. The input is moved only if it succeeds.
func (r *Runner[In, Out]) Compute(input hostcall.Input, task Task) (*Iterator, error) {
	if err := input.Check(); err != nil {
		return nil, err
	}
	if err := task.check(); err != nil {
		return nil, err
	}
	factory, err := r.currentFactory()
	if err != nil {
		return nil, err
	}
	p := newPump()
	if p.in, err = r.newWriter(&r.Functions, &input); err != nil {
		return nil, err
	}
	p.out = r.newReaderIterator(&r.Functions, &p.counters.results)
	it, err := newIterator(r.base, factory, p, &input, task)
	if err != nil {
		return nil, err
	}
	it.lease.begin()
	return it, nil
}
