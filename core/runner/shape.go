package runner

import (
	"slices"
	"strconv"

	"udfrunner/core/arrowio"
	"udfrunner/core/command"
	"udfrunner/core/protocol"
	"udfrunner/core/sqltype"
	"udfrunner/core/status"
)

// shape is what the functions of a family look like: their arguments, their results, and where they stand in the
// init section.
type shape interface {
	// arguments checks the arguments of a chain.
	arguments(e *protocol.EvalType, given []Argument) ([]protocol.Argument, error)
	// typed says whether the last function of a chain needs a return type.
	typed() bool
	// table says whether functions have a TableFunction.
	table() bool
	// reference is the command of a function by reference.
	reference(e *protocol.EvalType, ref string, returned *sqltype.Type) ([]byte, error)
	// columns are the result columns of the chain at index, whose return type is field.
	columns(index int, field arrowio.Field) ([]arrowio.Field, error)
	// encode keeps the chain with the runner; last is its last function, whose return type is returned.
	encode(b *base, chain protocol.Chain, last *Function, returned *sqltype.Type) error
}

// plain are functions as most are: chained, and given with their return types.
type plain struct{}

func (plain) typed() bool { return true }

func (plain) table() bool { return false }

func (plain) reference(e *protocol.EvalType, ref string, returned *sqltype.Type) ([]byte, error) {
	json := ""
	if returned != nil {
		json = returned.JSON()
	}
	return command.Reference(ref, e.ID, json)
}

func (plain) encode(b *base, chain protocol.Chain, _ *Function, _ *sqltype.Type) error {
	b.Chains = append(b.Chains, chain)
	return nil
}

// scalar functions have columns as arguments, and give a column each, named after the position of the chain.
type scalar struct{ plain }

func (scalar) arguments(_ *protocol.EvalType, given []Argument) ([]protocol.Argument, error) {
	var list []protocol.Argument
	seen := map[string]bool{}
	for _, a := range given {
		switch {
		case a.Offset < 0:
			return nil, status.New(status.InvalidArgument, "argument offset %d, allowed are 0 and up", a.Offset)
		case a.Name == "" && len(seen) > 0:
			return nil, status.New(status.InvalidArgument,
				"argument offset %d is positional after a keyword argument", a.Offset)
		case seen[a.Name]:
			return nil, status.New(status.InvalidArgument, "keyword argument %q is given twice", a.Name)
		}
		if a.Name != "" {
			seen[a.Name] = true
		}
		list = append(list, protocol.Argument{Offset: a.Offset, Name: a.Name})
	}
	return list, nil
}

func (scalar) columns(index int, field arrowio.Field) ([]arrowio.Field, error) {
	field.Name, field.Nullable = "_"+strconv.Itoa(index), true
	return []arrowio.Field{field}, nil
}

// rows are the results of functions that give whole rows: the columns of the struct that they return.
type rows struct{ plain }

func (rows) columns(_ int, field arrowio.Field) ([]arrowio.Field, error) {
	if field.Type.ID != arrowio.Struct {
		return nil, status.New(status.InvalidArgument,
			"return type %s, it must be a struct of the result's columns", field.Type)
	}
	return field.Type.Children, nil
}

// mapped functions get all columns, as the one struct column that Spark makes of them (MapInBatchExec).
type mapped struct{ rows }

func (mapped) arguments(e *protocol.EvalType, given []Argument) ([]protocol.Argument, error) {
	if len(given) > 1 || len(given) == 1 && given[0] != (Argument{}) {
		return nil, status.New(status.InvalidArgument,
			"arguments of a map function, eval type %d takes none: it gets all columns", e.ID)
	}
	return []protocol.Argument{{}}, nil
}

// grouped functions get the key and the values of a group, or of each side of a cogroup. Their arguments are Spark's
// list (PandasGroupUtils.resolveArgOffsets): for each side the count of what follows, the count of key columns,
// offsets of key columns, offsets of value columns. None means that the task's input says how many of its first
// columns are the key.
type grouped struct {
	rows
	sides int
	// raw types have columns beside key and values: the list is needed, and may be of one or two sides.
	raw bool
}

func (g grouped) arguments(e *protocol.EvalType, given []Argument) ([]protocol.Argument, error) {
	if len(given) == 0 && !g.raw {
		return nil, nil
	}
	offsets := make([]int32, len(given))
	list := make([]protocol.Argument, len(given))
	for i, a := range given {
		if a.Name != "" {
			return nil, status.New(status.InvalidArgument,
				"keyword argument %q, eval type %d (%s) takes none", a.Name, e.ID, e.Name)
		}
		offsets[i], list[i] = a.Offset, protocol.Argument{Offset: a.Offset}
	}
	sides := 0
	for rest := offsets; len(rest) > 0; sides++ {
		n := int(rest[0])
		if n < 1 || n >= len(rest) || rest[1] < 0 || int(rest[1]) > n-1 || slices.Min(rest[1:n+1]) < 0 {
			return nil, status.New(status.InvalidArgument,
				"arguments %v of eval type %d (%s): expected for each side the count of what follows, "+
					"the count of key columns, offsets of key columns, offsets of value columns",
				offsets, e.ID, e.Name)
		}
		rest = rest[n+1:]
	}
	if sides != g.sides && (!g.raw || sides != 2) {
		return nil, status.New(status.InvalidArgument,
			"arguments %v of eval type %d (%s) are of %d inputs, expected %d",
			offsets, e.ID, e.Name, sides, g.sides)
	}
	return list, nil
}

// stateful functions are grouped ones whose results carry the state of each group
// (ApplyInPandasWithStatePythonRunner.schemaWithState and its output schema).
type stateful struct{ grouped }

func (s stateful) arguments(e *protocol.EvalType, given []Argument) ([]protocol.Argument, error) {
	return grouped{sides: 1, raw: true}.arguments(e, given)
}

func (s stateful) columns(index int, field arrowio.Field) ([]arrowio.Field, error) {
	if _, err := s.rows.columns(index, field); err != nil {
		return nil, err
	}
	field.Name, field.Nullable = "_1", true
	column := func(name string, id arrowio.TypeID, children ...arrowio.Field) arrowio.Field {
		return arrowio.Field{Name: name, Type: &arrowio.Type{ID: id, Children: children}, Nullable: true}
	}
	return []arrowio.Field{
		column("_0", arrowio.Struct, column("dataCount", arrowio.Int32), column("stateCount", arrowio.Int32)),
		field,
		column("_2", arrowio.Struct, column("properties", arrowio.String), column("keyRowAsUnsafe", arrowio.Binary),
			column("object", arrowio.Binary), column("oldTimeoutTimestamp", arrowio.Int64)),
	}, nil
}

// opaque functions read and write records of their own (RDD functions).
type opaque struct{}

func (opaque) typed() bool { return false }

func (opaque) table() bool { return false }

func (opaque) reference(_ *protocol.EvalType, ref string, _ *sqltype.Type) ([]byte, error) {
	return nil, status.New(status.InvalidArgument,
		"function reference %q: an RDD function is a pickle of (function, profiler, deserializer, serializer)", ref)
}

func (opaque) arguments(e *protocol.EvalType, given []Argument) ([]protocol.Argument, error) {
	if len(given) > 0 {
		return nil, status.New(status.InvalidArgument,
			"%d arguments, eval type %d (%s) takes none", len(given), e.ID, e.Name)
	}
	return nil, nil
}

func (opaque) columns(int, arrowio.Field) ([]arrowio.Field, error) { return nil, nil }

func (opaque) encode(b *base, chain protocol.Chain, _ *Function, _ *sqltype.Type) error {
	if len(chain.Commands) != 1 {
		return status.New(status.InvalidArgument,
			"%d chained functions, eval type %d (%s) takes one", len(chain.Commands), b.EvalType.ID, b.EvalType.Name)
	}
	b.command = chain.Commands[0]
	return nil
}

// tabular functions are UDTFs: a class with columns as arguments, which gives whole rows.
type tabular struct{ rows }

func (tabular) table() bool { return true }

func (tabular) reference(e *protocol.EvalType, ref string, _ *sqltype.Type) ([]byte, error) {
	return command.TableFunctionReference(ref, e.ID)
}

func (tabular) arguments(e *protocol.EvalType, given []Argument) ([]protocol.Argument, error) {
	return scalar{}.arguments(e, given)
}

func (tabular) encode(b *base, chain protocol.Chain, f *Function, returned *sqltype.Type) error {
	if err := (opaque{}).encode(b, chain, f, returned); err != nil {
		return err
	}
	if returned.Kind != sqltype.Struct {
		return status.New(status.InvalidArgument,
			"return type %s of a table function, it must be a struct of the result's columns", returned)
	}
	table := f.Table
	if table == nil {
		table = &TableFunction{}
	}
	b.tables = table.TableArguments
	b.Table = &protocol.TableFunction{
		Arguments: chain.Arguments, PartitionChildren: table.PartitionChildren, Analyzed: table.AnalyzeResult,
		Handler: b.command, ReturnType: returned.JSON(), Name: table.Name,
	}
	b.command = nil
	return nil
}
