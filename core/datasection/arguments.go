package datasection

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/config"
	"udfrunner/core/protocol"
	"udfrunner/core/sqltype"
	"udfrunner/core/status"
)

// keyArguments is the list for inputs of these numbers of columns, whose first columns are the key.
func keyArguments(keys int, columns ...int) []protocol.Argument {
	var list []protocol.Argument
	add := func(n int) { list = append(list, protocol.Argument{Offset: int32(n)}) } //nolint:gosec // column counts
	for _, n := range columns {
		add(1 + keys + n)
		add(keys)
		for i := range keys {
			add(i)
		}
		for i := range n {
			add(i)
		}
	}
	return list
}

// inputConf is what the eval conf says of the input's columns (ArrowEvalPythonExec and ArrowEvalPythonUDTFExec, from
// 4.1 on), unless the host has said it.
func (f *Functions) inputConf(schema *arrowio.Schema) ([]protocol.Entry, error) {
	if _, set := f.Conf.Lookup(config.EvalConf + protocol.EvalConfInputType); set || !f.EvalType.InputType {
		return nil, nil
	}
	t, err := sqltype.FromArrowSchema(schema)
	if err != nil {
		return nil, status.New(status.InvalidArgument, "input %w", err)
	}
	return []protocol.Entry{{Key: protocol.EvalConfInputType, Value: t.JSON()}}, nil
}

// checkOffsets refuses functions whose arguments the input has not.
func (f *Functions) checkOffsets(schema *arrowio.Schema) error {
	check := func(chain int, arguments []protocol.Argument) error {
		for _, a := range arguments {
			if int(a.Offset) >= len(schema.Fields) {
				return status.New(status.InvalidArgument,
					"chain %d: argument offset %d, the input has %d columns", chain, a.Offset, len(schema.Fields))
			}
		}
		return nil
	}
	if f.Table != nil {
		return check(0, f.Table.Arguments)
	}
	for i, chain := range f.Chains {
		if err := check(i, chain.Arguments); err != nil {
			return err
		}
	}
	return nil
}

// checkGrouped checks input with these schemas, one a side, whose first columns are the keys, against the functions,
// and makes the arguments of grouped functions where the host gave none.
func (f *Functions) checkGrouped(keys int, schemas ...*arrowio.Schema) (Additions, error) {
	columns := make([]int, len(schemas))
	for i, schema := range schemas {
		columns[i] = len(schema.Fields)
		if keys > columns[i] {
			return Additions{}, status.New(status.InvalidArgument,
				"input keys %d, the input has %d columns", keys, columns[i])
		}
	}
	layout := f.Layout
	switch {
	case layout.Arguments == WholeRows:
		return Additions{}, nil
	case layout.Arguments == ColumnOffsets:
		return Additions{}, f.checkOffsets(schemas[0])
	case layout.States && schemas[0].Fields[0].Type.ID == arrowio.Struct:
		return Additions{}, nil // data and initial states: the offsets are those of the structs' fields
	}
	arguments := f.Chains[0].Arguments
	if len(arguments) == 0 {
		return Additions{Arguments: keyArguments(keys, columns...)}, nil
	}
	for _, n := range columns {
		list := arguments[1 : 1+arguments[0].Offset]
		for _, a := range list[1:] {
			if int(a.Offset) >= n {
				return Additions{}, status.New(status.InvalidArgument,
					"chain 0: argument offset %d, the input has %d columns", a.Offset, n)
			}
		}
		arguments = arguments[1+arguments[0].Offset:]
	}
	return Additions{}, nil
}

// noGroups opens an input without groups: whatever the arguments are, no function is called.
func (f *Functions) noGroups(sides int) Additions {
	if f.Layout.Arguments == KeyLists && len(f.Chains[0].Arguments) == 0 {
		return Additions{Arguments: keyArguments(0, make([]int, sides)...)}
	}
	return Additions{}
}

// encoder is the encoder of columns that are Spark's.
func (f *Functions) encoder(schema *arrowio.Schema) (*arrowio.Encoder, error) {
	return arrowio.NewEncoder(schema, arrowio.EncoderOptions{WrapStruct: f.EvalType.StructInput})
}
