package protocol

import "udfrunner/core/pyspark"

// functions are what the task runs (PythonRunner, PythonUDFRunner and PythonUDTFRunner, writeCommand).
type functions struct {
	release pyspark.Minor
	// resultID says whether each chain has one.
	resultID func(*Init) bool
	// table says that a table function has partition children, the analyze result and a name.
	table bool
}

func (f functions) field() field { return field{append: f.append, parse: f.parse} }

func (f functions) append(b []byte, in *Init) []byte {
	e := row(in.EvalType)
	switch flagged := e.flagged(f.release); e.Family {
	case RDD:
		return appendBytes(b, in.Command)
	case TableFunctionEval:
		return f.appendTable(b, in.TableFunction, flagged)
	default:
		return appendChains(b, in.Chains, flagged, f.resultID(in))
	}
}

func (f functions) parse(r *sectionReader, in *Init) {
	e := row(in.EvalType)
	switch flagged := e.flagged(f.release); e.Family {
	case RDD:
		in.Command = r.bytes()
	case TableFunctionEval:
		in.TableFunction = f.parseTable(r, flagged)
	default:
		in.Chains = r.chains(flagged, f.resultID(in))
	}
}

func appendChains(b []byte, chains []Chain, flagged, resultID bool) []byte {
	b = appendInt(b, len(chains))
	for i := range chains {
		c := &chains[i]
		b = appendArguments(b, c.Arguments, flagged)
		b = appendInt(b, len(c.Commands))
		for _, command := range c.Commands {
			b = appendBytes(b, command)
		}
		if resultID {
			b = appendLong(b, c.ResultID)
		}
	}
	return b
}

func (r *sectionReader) chains(flagged, resultID bool) []Chain {
	chains := make([]Chain, r.count(8))
	for i := range chains {
		c := &chains[i]
		c.Arguments = r.arguments(flagged)
		c.Commands = make([][]byte, r.count(4))
		for j := range c.Commands {
			c.Commands[j] = r.bytes()
		}
		if resultID {
			c.ResultID = r.long()
		}
	}
	return chains
}

func appendArguments(b []byte, arguments []Argument, flagged bool) []byte {
	b = appendInt(b, len(arguments))
	for _, a := range arguments {
		b = appendInt(b, int(a.Offset))
		if !flagged {
			continue
		}
		b = appendBool(b, a.Name != "")
		if a.Name != "" {
			b = appendUTF(b, a.Name)
		}
	}
	return b
}

func (r *sectionReader) arguments(flagged bool) []Argument {
	list := make([]Argument, r.count(4))
	for i := range list {
		list[i].Offset = r.int()
		if flagged && r.bool() {
			if list[i].Name = r.text(); list[i].Name == "" {
				r.fail("a keyword without a name")
			}
		}
	}
	return list
}

func (f functions) appendTable(b []byte, t *TableFunction, flagged bool) []byte {
	if t == nil {
		t = &TableFunction{}
	}
	b = appendArguments(b, t.Arguments, flagged)
	if f.table {
		b = appendBool(appendInts(b, t.PartitionChildren), t.Analyzed != nil)
		if t.Analyzed != nil {
			b = appendBytes(b, t.Analyzed)
		}
	}
	b = appendUTF(appendBytes(b, t.Handler), t.ReturnType)
	if f.table {
		b = appendUTF(b, t.Name)
	}
	return b
}

func (f functions) parseTable(r *sectionReader, flagged bool) *TableFunction {
	t := &TableFunction{Arguments: r.arguments(flagged)}
	if f.table {
		t.PartitionChildren = r.ints()
		if r.bool() {
			t.Analyzed = append([]byte{}, r.bytes()...) // empty is not nil
		}
	}
	t.Handler, t.ReturnType = r.bytes(), r.text()
	if f.table {
		t.Name = r.text()
	}
	return t
}
