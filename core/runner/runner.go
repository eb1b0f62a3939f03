// Package runner is Spark's BasePythonRunner: a Runner is a list of chained functions of one eval type
// with their argument offsets, Compute starts a task of it, and the task's Iterator moves input
// and output between the host and a worker, on the thread of whoever asks for the next results.
//
// There is a concrete runner for each family of eval types, a row of families. It says what arguments and result
// columns its functions have, and supplies what Spark's runners supply: the writer of a task's input and the reader of
// its results.
package runner

import (
	"udfrunner/core/hostcall"
)

// Computer is a Runner of any input and output.
type Computer interface {
	// Compute starts a task and returns at once. The input is moved only if it succeeds.
	Compute(input hostcall.Input, task Task) (*Iterator, error)
}

// Runner is Spark's BasePythonRunner[IN, OUT]. It is not changed after it was made; many tasks may run at once.
type Runner[In input, Out output] struct {
	*base
	concrete[In, Out]
}

// concrete is what a concrete runner supplies.
type concrete[In input, Out output] struct {
	// newWriter is the writer for a kind of input, or NotSupported where the functions do not take it (BasePythonRunner.newWriter).
	newWriter func(b *base, in *hostcall.Input) (In, error)
	// newReaderIterator reads a task's results (BasePythonRunner.newReaderIterator).
	newReaderIterator func(b *base, c *counters) Out
}

// of is a family's row with what its concrete runner supplies.
func of[In input, Out output](
	row family, newWriter func(*base, *hostcall.Input) (In, error), newReaderIterator func(*base, *counters) Out,
) *family {
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
	in, err := r.newWriter(r.base, &input)
	if err != nil {
		return nil, err
	}
	out := func(c *counters) output { return r.newReaderIterator(r.base, c) }
	it, err := newIterator(r.base, factory, task, &input, in, out)
	if err != nil {
		return nil, err
	}
	it.lease.begin()
	return it, nil
}
