package runner

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/command"
	"udfrunner/core/config"
	"udfrunner/core/protocol"
	"udfrunner/core/sqltype"
	"udfrunner/core/status"
)

// chain is a chain of functions that was read and checked, as far as no setting of the runner changes it.
type chain struct {
	arguments []protocol.Argument
	commands  [][]byte
	last      *Function
	returned  *sqltype.Type // of last, nil where it has none and needs none
}

// readChain reads the chain at index.
func readChain(e *protocol.EvalType, s shape, index int, functions []Function, arguments []Argument) (*chain, error) {
	c, err := read(e, s, functions, arguments)
	if err != nil {
		return nil, inChain(index, err)
	}
	return c, nil
}

// inChain makes an error one of the chain at index.
func inChain(index int, err error) error {
	return status.New(status.CodeOf(err), "chain %d: %w", index, err)
}

func read(e *protocol.EvalType, s shape, functions []Function, arguments []Argument) (c *chain, err error) {
	if len(functions) == 0 {
		return nil, status.New(status.InvalidArgument, "no function, at least one is needed")
	}
	c = &chain{last: &functions[len(functions)-1]}
	if c.arguments, err = s.arguments(e, arguments); err != nil {
		return nil, err
	}
	for i := range functions {
		f := &functions[i]
		if c.returned, err = f.returnType(e, s, f == c.last); err != nil {
			return nil, err
		}
		command, err := f.pickle(e, s, c.returned)
		if err != nil {
			return nil, err
		}
		c.commands = append(c.commands, command)
	}
	return c, nil
}

// add adds the chain at index to the runner, and the result columns that it gives.
func (b *base) add(s shape, index int, c *chain) error {
	columns, err := b.columns(s, index, c.last, c.returned)
	if err == nil {
		encoded := protocol.Chain{ResultID: int64(index), Arguments: c.arguments, Commands: c.commands}
		err = s.encode(b, encoded, c.last, c.returned)
	}
	if err != nil {
		return inChain(index, err)
	}
	if b.Schema != nil {
		b.Schema.Fields = append(b.Schema.Fields, columns...)
	}
	return nil
}

// returnType reads a function's return type, nil where it has none and needs none.
func (f *Function) returnType(e *protocol.EvalType, s shape, last bool) (*sqltype.Type, error) {
	switch {
	case f.ReturnType != "" && f.ReturnField != nil:
		return nil, status.New(status.InvalidArgument,
			"return type %q and an Arrow schema, one of them is needed", f.ReturnType)
	case f.ReturnType != "":
		t, err := sqltype.Parse(f.ReturnType)
		return &t, err
	case f.ReturnField != nil:
		field, err := sqltype.FromArrowField(*f.ReturnField)
		if err != nil && e.AnyResult {
			return nil, nil // the worker passes on what the function yields, Spark type or not
		}
		return &field.Type, err
	case last && s.typed():
		return nil, status.New(status.InvalidArgument,
			"no return type, the last function of a chain needs one (DDL, JSON or an Arrow schema)")
	}
	return nil, nil
}

// pickle is the function's command.
func (f *Function) pickle(e *protocol.EvalType, s shape, returned *sqltype.Type) ([]byte, error) {
	switch {
	case f.Table != nil && !s.table():
		return nil, status.New(status.InvalidArgument, "table function with eval type %d (%s), allowed are %s",
			e.ID, e.Name, protocol.TableFunctionEval.Numbers())
	case len(f.Pickle) > 0 && f.Reference != "":
		return nil, status.New(status.InvalidArgument,
			"function with a pickle and the reference %q, one of them is needed", f.Reference)
	case len(f.Pickle) > 0:
		return f.Pickle, command.CheckPickle(f.Pickle)
	case f.Reference != "":
		return s.reference(e, f.Reference, returned)
	}
	return nil, status.New(status.InvalidArgument, "function without a pickle or a reference, one of them is needed")
}

// columns are the result columns that a chain gives.
func (b *base) columns(s shape, index int, f *Function, returned *sqltype.Type) ([]arrowio.Field, error) {
	if b.EvalType.Framing != protocol.Arrow {
		return nil, nil
	}
	var field arrowio.Field
	if f.ReturnField != nil {
		field, b.Exact = *f.ReturnField, true
	} else {
		var err error
		spark := sqltype.Field{Type: *returned, Nullable: true}
		field, err = sqltype.ToArrowField(spark, resultTimeZone, b.Conf.Bool(config.ArrowLargeVarTypes))
		if err != nil {
			return nil, err
		}
	}
	return s.columns(index, field)
}

// resultTimeZone is the zone that PySpark's worker gives to timestamps of results, whatever the session's is.
const resultTimeZone = "UTC"
