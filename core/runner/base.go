package runner

import (
	"sync/atomic"

	"udfrunner/core/datasection"
	"udfrunner/core/env"
	"udfrunner/core/worker"
)

// base is what every runner has of its construction.
type base struct {
	datasection.Functions
	env        *env.Env
	windows    bool      // the runner conf has the windows' bounds
	idle       *idleKeys // of the idle timeout
	command    []byte    // of an RDD function, which has no chain
	tables     []int32   // offsets of a table function's arguments that are tables
	includes   []string
	broadcasts []Broadcast
	cache      cache
}

// cache keeps what tasks of one runner have in common, so that a small task does not pay for it.
type cache struct {
	factory  atomic.Pointer[worker.Factory]
	prepared atomic.Pointer[prepared]
	section  atomic.Int64 // bytes of the largest init section so far
}
