// Package runner is Spark's BasePythonRunner: a Runner is a list of chained functions of one eval type
// with their argument offsets, Compute starts a task of it, and the task's Iterator moves input
// and output between the host and a worker, on the thread of whoever asks for the next results.
//
// There is a concrete runner for each family of eval types, in a file of its own. It says what arguments and result
// columns its functions have, and supplies the two methods that Spark's runners supply: the writer of
// a task's input and the reader of its results.
package runner

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/command"
	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
	"udfrunner/core/sqltype"
	"udfrunner/core/status"
)

// Computer is a Runner of any input and output.
type Computer interface {
	// Compute starts a task and returns at once. The input is moved only if it succeeds.
	Compute(input hostcall.Input, task Task) (*Iterator, error)
}

// Runner is Spark's BasePythonRunner[IN, OUT]. It is not changed after it was made; many tasks may run at once.
type Runner[In input, Out output] struct {
	*base
	concrete concrete[In, Out]
}

// concrete are the methods that a concrete runner supplies.
type concrete[In input, Out output] interface {
	// newWriter is the writer for a kind of input, or NotSupported where the functions do not take it (BasePythonRunner.newWriter).
	newWriter(b *base, in *hostcall.Input) (In, error)
	// newReaderIterator reads a task's results (BasePythonRunner.newReaderIterator).
	newReaderIterator(b *base, c *counters) Out
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
	in, err := r.concrete.newWriter(r.base, &input)
	if err != nil {
		return nil, err
	}
	out := func(c *counters) output { return r.concrete.newReaderIterator(r.base, c) }
	it, err := newIterator(r.base, factory, task, &input, in, out)
	if err != nil {
		return nil, err
	}
	it.lease.begin()
	return it, nil
}

// family is what the constructor must know of a concrete runner.
type family struct {
	// functions says what arguments and results its functions have.
	functions shape
	// make makes the runner once its functions are defined.
	make func(*base) Computer
}

// of is the family whose runner has these functions and this concrete part.
func of[In input, Out output](functions shape, c concrete[In, Out]) family {
	return family{functions, func(b *base) Computer { return &Runner[In, Out]{b, c} }}
}

// families by protocol's enumeration.
var families = map[protocol.Family]family{
	protocol.RDD:                 of[*recordInput, *recordOutput](opaque{}, pythonRDD{}),
	protocol.BatchEval:           of[*recordInput, *recordOutput](scalar{}, batchEvalPython{}),
	protocol.ArrowEval:           of[input, *arrowOutput](scalar{}, arrowEvalPython{}),
	protocol.MapInBatch:          of[input, *arrowOutput](mapped{}, mapInBatch{}),
	protocol.GroupedMap:          of[input, *arrowOutput](grouped{sides: 1}, flatMapGroups{}),
	protocol.CoGroupedMap:        of[input, *arrowOutput](grouped{sides: 2}, flatMapCoGroups{}),
	protocol.GroupedAggregate:    of[input, *arrowOutput](scalar{}, aggregateInPython{}),
	protocol.WindowAggregate:     of[input, *arrowOutput](scalar{}, windowInPython{}),
	protocol.TableFunctionEval:   of[input, output](tabular{}, tableFunction{}),
	protocol.GroupedMapWithState: of[input, *arrowOutput](stateful{}, flatMapGroupsWithState{}),
	protocol.TransformWithState:  of[input, *arrowOutput](grouped{sides: 1, raw: true}, transformWithState{}),
}

// base is what every runner has of its construction.
type base struct {
	env        *env.Env
	conf       *config.Config
	evalType   *protocol.EvalType
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

// New makes a runner from chained functions and their argument offsets, as many as there are chains
// (BasePythonRunner's constructor requires it, too). Errors are InvalidArgument or NotSupported and
// name the chain.
func New(e *env.Env, evalTypeID int32, chains [][]Function, offsets [][]Argument, options Options) (Computer, error) {
	b, err := newBase(e, evalTypeID, options)
	if err != nil {
		return nil, err
	}
	if len(chains) != len(offsets) {
		return nil, status.New(status.InvalidArgument, "%d chains of functions but %d lists of argument offsets, they must be equally many", len(chains), len(offsets))
	}
	if err := b.checkCount(len(chains)); err != nil {
		return nil, err
	}
	for i := range chains {
		if err := b.add(i, chains[i], offsets[i]); err != nil {
			return nil, err
		}
	}
	if err := b.checkSettings(); err != nil {
		return nil, err
	}
	return families[b.evalType.Family].make(b), nil
}

// newBase is a base to which chains are to be added.
func newBase(e *env.Env, evalTypeID int32, options Options) (*base, error) {
	evalType, err := protocol.EvalTypeByID(evalTypeID)
	if err != nil {
		return nil, err
	}
	b := &base{env: e, conf: options.Config, evalType: evalType, includes: options.Includes, broadcasts: options.Broadcasts}
	if b.conf == nil {
		b.conf = e.Config()
	}
	if evalType.Framing == protocol.Arrow {
		b.schema = &arrowio.Schema{}
	}
	return b, nil
}

// checkCount checks how many chains there are.
func (b *base) checkCount(n int) error {
	if n == 0 {
		return status.New(status.InvalidArgument, "runner has no functions, at least one chain is needed")
	}
	if b.evalType.SingleChain && n > 1 {
		return status.New(status.InvalidArgument, "%d chains of functions, eval type %d (%s) takes one", n, b.evalType.ID, b.evalType.Name)
	}
	return nil
}

// add checks and encodes a chain; index is the number of those before it.
func (b *base) add(index int, functions []Function, arguments []Argument) error {
	columns, err := b.define(families[b.evalType.Family].functions, index, functions, arguments)
	if err != nil {
		return status.New(status.CodeOf(err), "chain %d: %w", index, err)
	}
	if b.schema != nil {
		b.schema.Fields = append(b.schema.Fields, columns...)
	}
	return nil
}

// define checks and encodes one chain; the fields are the result columns it gives.
func (b *base) define(s shape, index int, functions []Function, arguments []Argument) (columns []arrowio.Field, err error) {
	if len(functions) == 0 {
		return nil, status.New(status.InvalidArgument, "no function, at least one is needed")
	}
	chain := protocol.Chain{ResultID: int64(index)}
	if chain.Arguments, err = s.arguments(b, arguments); err != nil {
		return nil, err
	}
	for i := range functions {
		f := &functions[i]
		last := i == len(functions)-1
		returned, err := b.returnType(s, f, last)
		if err != nil {
			return nil, err
		}
		pickle, err := b.pickle(f, returned)
		if err != nil {
			return nil, err
		}
		chain.Commands = append(chain.Commands, pickle)
		if last {
			if columns, err = b.columns(s, index, f, returned); err != nil {
				return nil, err
			}
			if err := s.encode(b, chain, f, returned); err != nil {
				return nil, err
			}
		}
	}
	return columns, nil
}

// returnType reads a function's return type, nil where it has none and needs none.
func (b *base) returnType(s shape, f *Function, last bool) (*sqltype.Type, error) {
	switch {
	case f.ReturnType != "" && f.ReturnField != nil:
		return nil, status.New(status.InvalidArgument, "return type %q and an Arrow schema, one of them is needed", f.ReturnType)
	case f.ReturnType != "":
		t, err := sqltype.Parse(f.ReturnType)
		return &t, err
	case f.ReturnField != nil:
		field, err := sqltype.FromArrowField(*f.ReturnField)
		if err != nil && b.evalType.ID == protocol.SQLMapArrowIterUDF {
			return nil, nil // mapInArrow passes on what the function yields, Spark type or not
		}
		return &field.Type, err
	case last && s.typed():
		return nil, status.New(status.InvalidArgument, "no return type, the last function of a chain needs one (DDL, JSON or an Arrow schema)")
	}
	return nil, nil
}

func (b *base) pickle(f *Function, returned *sqltype.Type) ([]byte, error) {
	family := b.evalType.Family
	switch {
	case f.Table != nil && family != protocol.TableFunctionEval:
		return nil, status.New(status.InvalidArgument, "table function with eval type %d (%s), allowed are 300 to 302", b.evalType.ID, b.evalType.Name)
	case len(f.Pickle) > 0 && f.Reference != "":
		return nil, status.New(status.InvalidArgument, "function with a pickle and the reference %q, one of them is needed", f.Reference)
	case len(f.Pickle) > 0:
		return f.Pickle, command.CheckPickle(f.Pickle)
	case f.Reference != "" && family == protocol.RDD:
		return nil, status.New(status.InvalidArgument,
			"function reference %q: an RDD function is a pickle of (function, profiler, deserializer, serializer)", f.Reference)
	case f.Reference != "" && family == protocol.TableFunctionEval:
		return command.TableFunctionReference(f.Reference, b.evalType.ID)
	case f.Reference != "":
		json := ""
		if returned != nil {
			json = returned.JSON()
		}
		return command.Reference(f.Reference, b.evalType.ID, json)
	}
	return nil, status.New(status.InvalidArgument, "function without a pickle or a reference, one of them is needed")
}

// columns are the result columns that a chain gives.
func (b *base) columns(s shape, index int, f *Function, returned *sqltype.Type) ([]arrowio.Field, error) {
	if b.evalType.Framing != protocol.Arrow {
		return nil, nil
	}
	var field arrowio.Field
	if f.ReturnField != nil {
		field, b.exact = *f.ReturnField, true
	} else {
		var err error
		field, err = sqltype.ToArrowField(sqltype.Field{Type: *returned, Nullable: true}, resultTimeZone, b.conf.Bool(config.ArrowLargeVarTypes))
		if err != nil {
			return nil, err
		}
	}
	return s.columns(index, field)
}

// resultTimeZone is the zone that PySpark's worker gives to timestamps of results, whatever the session's is.
const resultTimeZone = "UTC"
