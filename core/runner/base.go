package runner

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/protocol"
)

// family is what a family of eval types has of its own.
type family struct {
	// functions says what arguments and results its functions have.
	functions shape
	// layout is what its input looks like.
	layout layout
	// windows says that the runner conf has the windows' bounds.
	windows bool
	// idle are the keys of its idle timeout, nil for those of SQL functions.
	idle *idleKeys
	// runner makes the runner once its functions are defined.
	runner func(*base) Computer
}

// base is what every runner has of its construction.
type base struct {
	env        *env.Env
	conf       *config.Config
	evalType   *protocol.EvalType
	family     *family
	chains     []protocol.Chain
	command    []byte                  // of an RDD function, which has no chain
	table      *protocol.TableFunction // of a table function, which has no chain either
	tables     []int32                 // offsets of a table function's arguments that are tables
	schema     *arrowio.Schema         // of the results; nil for pickled ones
	exact      bool                    // the host declared Arrow types: results of others are refused even if Spark's are the same
	includes   []string
	broadcasts []Broadcast
	cache      cache
}
