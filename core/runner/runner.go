// Package runner is Spark's BasePythonRunner: a Runner is a list of chained functions of one eval type
// with their argument offsets, Compute starts a task of it, and the task's Iterator moves input
// and output between the host and a worker, on the thread of whoever asks for the next results.
package runner

import (
	"os"
	"strconv"

	"udfrunner/core/arrowio"
	"udfrunner/core/command"
	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
	"udfrunner/core/sqltype"
	"udfrunner/core/status"
)

// Function is a Python function: Pickle or Reference.
type Function struct {
	// Pickle is what Spark's PythonFunction.command holds: the pickled (function, return type).
	Pickle []byte
	// Reference is "module:qualname", imported in the worker.
	Reference string
	// ReturnType is Spark DDL or JSON. It or ReturnField is needed of the last function of a chain. Results of any
	// Arrow type that stands for the Spark type are taken, and converted to the one that Spark makes of it.
	ReturnType string
	// ReturnField is the return type as Arrow's, which results must have exactly.
	ReturnField *arrowio.Field
}

// Argument is the input column at Offset, passed by keyword where Name is set.
type Argument struct {
	Offset int32
	Name   string
}

// Broadcast is a broadcast variable: its id and the file of its pickled value.
type Broadcast struct {
	ID   int64
	Path string
}

// Options are what a runner may be given beside its functions.
type Options struct {
	// Config overrides the env's; nil means the env's.
	Config     *config.Config
	Includes   []string
	Broadcasts []Broadcast
}

// Task is the identity of one task, Spark's TaskContext.
type Task struct {
	Partition, Attempt, Stage int32
	CPUs                      int32 // 0 = 1
	TaskAttemptID             int64
	DeadlineMS                int64 // from Compute on; 0 = none
	Properties                []config.Pair
	Resources                 []Resource
	Barrier                   bool
	BarrierPort               int32
	BarrierSecret             string
}

// Resource is Spark's ResourceInformation.
type Resource struct {
	Name      string
	Addresses []string
}

// Runner is not changed after it was made; many tasks may run at once.
type Runner struct {
	env        *env.Env
	conf       *config.Config
	evalType   *protocol.EvalType
	chains     []protocol.Chain
	schema     *arrowio.Schema // of the results; nil for pickled ones
	exact      bool            // the host declared Arrow types: results of others are refused even if Spark's are the same
	includes   []string
	broadcasts []Broadcast
	cache      cache
}

// New makes a runner from chained functions and their argument offsets, as many as there are chains
// (BasePythonRunner's constructor requires it, too). Errors are InvalidArgument or NotSupported and
// name the chain.
func New(e *env.Env, evalTypeID int32, chains [][]Function, offsets [][]Argument, options Options) (*Runner, error) {
	evalType, err := protocol.EvalTypeByID(evalTypeID)
	if err != nil {
		return nil, err
	}
	if len(chains) != len(offsets) {
		return nil, status.New(status.InvalidArgument, "%d chains of functions but %d lists of argument offsets, they must be equally many", len(chains), len(offsets))
	}
	if len(chains) == 0 {
		return nil, status.New(status.InvalidArgument, "runner has no functions, at least one chain is needed")
	}
	if evalType.SingleChain && len(chains) > 1 {
		return nil, status.New(status.InvalidArgument, "%d chains of functions, eval type %d (%s) takes one", len(chains), evalType.ID, evalType.Name)
	}
	r := &Runner{env: e, conf: options.Config, evalType: evalType, includes: options.Includes, broadcasts: options.Broadcasts}
	if r.conf == nil {
		r.conf = e.Config()
	}
	var columns []arrowio.Field
	for i := range chains {
		chain, returned, err := r.chain(i, chains[i], offsets[i])
		if err != nil {
			return nil, err
		}
		r.chains = append(r.chains, chain)
		columns = append(columns, returned...)
	}
	if evalType.Framing == protocol.Arrow {
		r.schema = &arrowio.Schema{Fields: columns}
	}
	return r, nil
}

// chain encodes one chain; the fields are the result columns it gives.
func (r *Runner) chain(index int, functions []Function, arguments []Argument) (protocol.Chain, []arrowio.Field, error) {
	chain := protocol.Chain{ResultID: int64(index)}
	fail := func(err error) (protocol.Chain, []arrowio.Field, error) {
		return chain, nil, status.New(status.CodeOf(err), "chain %d: %w", index, err)
	}
	if len(functions) == 0 {
		return fail(status.New(status.InvalidArgument, "no function, at least one is needed"))
	}
	if err := r.arguments(&chain, arguments); err != nil {
		return fail(err)
	}
	var fields []arrowio.Field
	for i := range functions {
		f := &functions[i]
		last := i == len(functions)-1
		returned, err := r.returnType(f, last)
		if err != nil {
			return fail(err)
		}
		pickle, err := r.pickle(f, returned)
		if err != nil {
			return fail(err)
		}
		chain.Commands = append(chain.Commands, pickle)
		if last && r.evalType.Framing == protocol.Arrow {
			if fields, err = r.columns(index, f, returned); err != nil {
				return fail(err)
			}
		}
	}
	return chain, fields, nil
}

func (r *Runner) arguments(chain *protocol.Chain, arguments []Argument) error {
	if r.evalType.Map {
		// Spark gives a map function the one struct column of all columns (MapInBatchExec).
		if len(arguments) > 1 || len(arguments) == 1 && arguments[0] != (Argument{}) {
			return status.New(status.InvalidArgument, "arguments of a map function, eval type %d takes none: it gets all columns", r.evalType.ID)
		}
		chain.Arguments = []protocol.Argument{{}}
		return nil
	}
	seen := map[string]bool{}
	for _, a := range arguments {
		switch {
		case a.Offset < 0:
			return status.New(status.InvalidArgument, "argument offset %d, allowed are 0 and up", a.Offset)
		case a.Name == "" && len(seen) > 0:
			return status.New(status.InvalidArgument, "argument offset %d is positional after a keyword argument", a.Offset)
		case seen[a.Name]:
			return status.New(status.InvalidArgument, "keyword argument %q is given twice", a.Name)
		}
		if a.Name != "" {
			seen[a.Name] = true
		}
		chain.Arguments = append(chain.Arguments, protocol.Argument{Offset: a.Offset, Name: a.Name})
	}
	return nil
}

// returnType reads a function's return type, nil where it has none and needs none.
func (r *Runner) returnType(f *Function, needed bool) (*sqltype.Type, error) {
	switch {
	case f.ReturnType != "" && f.ReturnField != nil:
		return nil, status.New(status.InvalidArgument, "return type %q and an Arrow schema, one of them is needed", f.ReturnType)
	case f.ReturnType != "":
		t, err := sqltype.Parse(f.ReturnType)
		return &t, err
	case f.ReturnField != nil:
		field, err := sqltype.FromArrowField(*f.ReturnField)
		if err != nil && r.evalType.ID == mapArrow {
			return nil, nil // mapInArrow passes on what the function yields, Spark type or not
		}
		return &field.Type, err
	case needed:
		return nil, status.New(status.InvalidArgument, "no return type, the last function of a chain needs one (DDL, JSON or an Arrow schema)")
	}
	return nil, nil
}

const mapArrow = 207

func (r *Runner) pickle(f *Function, returned *sqltype.Type) ([]byte, error) {
	switch {
	case len(f.Pickle) > 0 && f.Reference != "":
		return nil, status.New(status.InvalidArgument, "function with a pickle and the reference %q, one of them is needed", f.Reference)
	case len(f.Pickle) > 0:
		return f.Pickle, command.CheckPickle(f.Pickle)
	case f.Reference != "":
		json := ""
		if returned != nil {
			json = returned.JSON()
		}
		return command.Reference(f.Reference, r.evalType.ID, json)
	}
	return nil, status.New(status.InvalidArgument, "function without a pickle or a reference, one of them is needed")
}

// columns are the result columns of a chain: one named after its position or, for a map function, the
// fields of its struct (MapInBatchExec's output attributes).
func (r *Runner) columns(index int, f *Function, returned *sqltype.Type) ([]arrowio.Field, error) {
	var field arrowio.Field
	if f.ReturnField != nil {
		field, r.exact = *f.ReturnField, true
	} else {
		var err error
		field, err = sqltype.ToArrowField(sqltype.Field{Type: *returned, Nullable: true}, resultTimeZone, r.conf.Bool(config.ArrowLargeVarTypes))
		if err != nil {
			return nil, err
		}
	}
	if r.evalType.Map {
		if field.Type.ID != arrowio.Struct {
			return nil, status.New(status.InvalidArgument, "return type %s of a map function, it must be a struct of the result's columns", field.Type)
		}
		return field.Type.Children, nil
	}
	field.Name, field.Nullable = "_"+strconv.Itoa(index), true
	return []arrowio.Field{field}, nil
}

// resultTimeZone is the zone that PySpark's worker gives to timestamps of results, whatever the session's is.
const resultTimeZone = "UTC"

// Compute starts a task and returns at once. The input is moved only if it succeeds.
func (r *Runner) Compute(input hostcall.Input, task Task) (*Iterator, error) {
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
	return newIterator(r, factory, input, task)
}

func (t *Task) check() error {
	switch {
	case t.Partition < 0:
		return status.New(status.InvalidArgument, "task partition %d, allowed are 0 and up", t.Partition)
	case t.CPUs < 0:
		return status.New(status.InvalidArgument, "task cpus %d, allowed are 0 (= 1) and up", t.CPUs)
	case t.DeadlineMS < 0:
		return status.New(status.InvalidArgument, "task deadline_ms %d, allowed are 0 (none) and up", t.DeadlineMS)
	}
	return nil
}

// context is the task as the worker hears of it.
func (t *Task) context() protocol.Context {
	c := protocol.Context{
		Stage: t.Stage, Partition: t.Partition, Attempt: t.Attempt, TaskAttemptID: t.TaskAttemptID,
		CPUs: max(1, t.CPUs), Barrier: t.Barrier, BarrierPort: t.BarrierPort, Secret: t.BarrierSecret,
	}
	for _, r := range t.Resources {
		c.Resources = append(c.Resources, protocol.Resource{Name: r.Name, Addresses: r.Addresses})
	}
	for _, p := range t.Properties {
		c.Properties = append(c.Properties, protocol.Entry{Key: p.Key, Value: p.Value})
	}
	return c
}

// identify adds the task's identity to an error.
func (t *Task) identify(err *status.Error) *status.Error {
	return err.With("task.partition", strconv.Itoa(int(t.Partition))).With("task.attempt", strconv.Itoa(int(t.Attempt))).
		With("task.stage", strconv.Itoa(int(t.Stage))).With("task.id", strconv.FormatInt(t.TaskAttemptID, 10))
}

// checkBroadcast says what is wrong with a broadcast's file.
func checkBroadcast(path string) error {
	if info, err := os.Stat(path); err != nil {
		return status.New(status.InvalidArgument, "broadcast file %q: %w", path, err)
	} else if !info.Mode().IsRegular() {
		return status.New(status.InvalidArgument, "broadcast file %q is no regular file", path)
	}
	return nil
}
