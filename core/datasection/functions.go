package datasection

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/config"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// Functions are what a runner's data depends on. They are not changed.
type Functions struct {
	Memory   *hostmem.Functions
	Conf     *config.Config
	EvalType *protocol.EvalType
	Layout   Layout
	Chains   []protocol.Chain
	Table    *protocol.TableFunction // a table function, which has no chain
	Schema   *arrowio.Schema         // of the results; nil for pickled ones
	// Exact says that the host declared Arrow types: results of others are refused even if Spark's are the same.
	Exact bool
	// PyArrow answers the version that the workers have, "" where that is not known.
	PyArrow func() string
}

// Layout is what the input of a family looks like.
type Layout struct {
	Arguments ArgumentKind
	// States says that the key lists may be of two sides, rows and initial states, whose columns are the fields of a
	// struct each.
	States bool
	// Uncut says that batches are the host's, and say themselves where their groups lie.
	Uncut bool
}

// ArgumentKind is what the arguments of a chain mean.
type ArgumentKind uint8

// Kinds of arguments.
const (
	ColumnOffsets ArgumentKind = iota // columns of the input
	KeyLists                          // lists of key and value columns, see keyArguments
	WholeRows                         // nothing: the function gets all columns
)

// wrongKind refuses a kind of input.
func (f *Functions) wrongKind(in *hostcall.Input, allowed string) error {
	return status.New(status.NotSupported,
		"input kind %d for eval type %d (%s), it takes %s", in.Kind, f.EvalType.ID, f.EvalType.Name, allowed)
}

// withoutGroups checks an input of functions that get no groups.
func (f *Functions) withoutGroups(in *hostcall.Input) error {
	if in.Keys > 0 {
		return status.New(status.InvalidArgument,
			"input keys %d for eval type %d (%s), which has no groups; allowed is 0",
			in.Keys, f.EvalType.ID, f.EvalType.Name)
	}
	return nil
}
