package runner

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/config"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/protocol"
	"udfrunner/core/sqltype"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// input is the writer of a concrete runner (Spark's PythonRunner.Writer): it brings the host's data into the form that the
// worker reads.
type input interface {
	// move takes over the host's input; the host keeps it on an error.
	move(in *hostcall.Input) error
	// open does what must precede the init section, and says what the input adds to it.
	open(d *protocol.Dialect) (additions, error)
	// start queues what precedes the first data.
	start(w *transport.Writer)
	// pull calls the host once, or a few times for little data, and queues what it brought: hostcall.ErrAgain, hostcall.ErrDone or
	// an error of the host.
	pull(w *transport.Writer) error
	// finish queues what ends the data section.
	finish(w *transport.Writer)
	// release ends the host's input; once, after everything that was queued was sent or dropped.
	release()
}

// additions are what an input adds to the init section.
type additions struct {
	evalConf  []protocol.Entry
	arguments []protocol.Argument // of the only chain, where the host gave none
}

// wrongKind refuses a kind of input.
func (b *base) wrongKind(in *hostcall.Input, allowed string) error {
	return status.New(status.NotSupported, "input kind %d for eval type %d (%s), it takes %s", in.Kind, b.evalType.ID, b.evalType.Name, allowed)
}

// newRecordInput writes pickled records.
func newRecordInput(b *base, in *hostcall.Input) (*recordInput, error) {
	if in.Kind != hostcall.Records {
		return nil, b.wrongKind(in, "RECORDS (2)")
	}
	return &recordInput{inputBase: inputBase{b, b.env.Memory()}}, nil
}

// newBatchInput writes one Arrow stream.
func newBatchInput(b *base, in *hostcall.Input) (input, error) {
	base := inputBase{b, b.env.Memory()}
	source, err := newBatches(&base, in)
	return &batchInput{inputBase: base, source: source}, err
}

// layout is what the input of a family looks like.
type layout struct {
	arguments argumentKind
	// states says that the key lists may be of two sides, rows and initial states, whose columns are the fields of a struct each.
	states bool
	// uncut says that batches are the host's, and say themselves where their groups lie.
	uncut bool
}

// argumentKind is what the arguments of a chain mean.
type argumentKind uint8

const (
	columnOffsets argumentKind = iota // columns of the input
	keyLists                          // lists of key and value columns, see keyArguments
	wholeRows                         // nothing: the function gets all columns
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

type inputBase struct {
	runner *base
	mem    *hostmem.Functions
}

// inputConf is what the eval conf says of the input's columns (ArrowEvalPythonExec and ArrowEvalPythonUDTFExec, from 4.1 on),
// unless the host has said it.
func (b *inputBase) inputConf(schema *arrowio.Schema) ([]protocol.Entry, error) {
	if _, set := b.runner.conf.Lookup(config.EvalConf + protocol.EvalConfInputType); set || !b.runner.evalType.InputType {
		return nil, nil
	}
	t, err := sqltype.FromArrowSchema(schema)
	if err != nil {
		return nil, status.New(status.InvalidArgument, "input %w", err)
	}
	return []protocol.Entry{{Key: protocol.EvalConfInputType, Value: t.JSON()}}, nil
}

// checkOffsets refuses functions whose arguments the input has not.
func (b *inputBase) checkOffsets(schema *arrowio.Schema) error {
	check := func(chain int, arguments []protocol.Argument) error {
		for _, a := range arguments {
			if int(a.Offset) >= len(schema.Fields) {
				return status.New(status.InvalidArgument, "chain %d: argument offset %d, the input has %d columns", chain, a.Offset, len(schema.Fields))
			}
		}
		return nil
	}
	if b.runner.table != nil {
		return check(0, b.runner.table.Arguments)
	}
	for i, chain := range b.runner.chains {
		if err := check(i, chain.Arguments); err != nil {
			return err
		}
	}
	return nil
}

// checkGrouped checks input with these schemas, one a side, whose first columns are the keys, against the functions,
// and makes the arguments of grouped functions where the host gave none.
func (b *inputBase) checkGrouped(keys int, schemas ...*arrowio.Schema) (additions, error) {
	columns := make([]int, len(schemas))
	for i, schema := range schemas {
		columns[i] = len(schema.Fields)
		if keys > columns[i] {
			return additions{}, status.New(status.InvalidArgument, "input keys %d, the input has %d columns", keys, columns[i])
		}
	}
	layout := b.runner.family.layout
	switch {
	case layout.arguments == wholeRows:
		return additions{}, nil
	case layout.arguments == columnOffsets:
		return additions{}, b.checkOffsets(schemas[0])
	case layout.states && schemas[0].Fields[0].Type.ID == arrowio.Struct:
		return additions{}, nil // data and initial states: the offsets are those of the structs' fields
	}
	arguments := b.runner.chains[0].Arguments
	if len(arguments) == 0 {
		return additions{arguments: keyArguments(keys, columns...)}, nil
	}
	for _, n := range columns {
		list := arguments[1 : 1+arguments[0].Offset]
		for _, a := range list[1:] {
			if int(a.Offset) >= n {
				return additions{}, status.New(status.InvalidArgument, "chain 0: argument offset %d, the input has %d columns", a.Offset, n)
			}
		}
		arguments = arguments[1+arguments[0].Offset:]
	}
	return additions{}, nil
}

// noGroups opens an input without groups: whatever the arguments are, no function is called.
func (b *base) noGroups(sides int) additions {
	if b.family.layout.arguments == keyLists && len(b.chains[0].Arguments) == 0 {
		return additions{arguments: keyArguments(0, make([]int, sides)...)}
	}
	return additions{}
}

// encoder is the encoder of columns that are Spark's.
func (b *inputBase) encoder(schema *arrowio.Schema) (*arrowio.Encoder, error) {
	return arrowio.NewEncoder(schema, arrowio.EncoderOptions{WrapStruct: b.runner.evalType.StructInput})
}

func queueMessage(w *transport.Writer, m *arrowio.Message) {
	w.Queue(m.Header)
	w.Queue(m.Body...)
}

// recordInput writes a host's pickled records.
type recordInput struct {
	inputBase
	source *hostcall.Source
}

func (r *recordInput) move(in *hostcall.Input) (err error) {
	r.source, err = hostcall.MoveRecords(r.mem, in)
	return err
}

func (r *recordInput) open(*protocol.Dialect) (additions, error) { return additions{}, nil }

func (r *recordInput) start(*transport.Writer) {}

func (r *recordInput) pull(w *transport.Writer) error {
	records, err := r.source.Next()
	if err != nil {
		return err
	}
	for _, record := range records {
		if len(record) > maxRecord {
			return status.New(status.Host, "input record of %d bytes, allowed are %d", len(record), maxRecord)
		}
		w.Queue(protocol.RecordHeader(len(record)), record)
	}
	return nil
}

// maxRecord is the most that the length in front of a record can say.
const maxRecord = 1<<31 - 1

func (r *recordInput) finish(w *transport.Writer) { w.Queue(protocol.EndOfRecords) }

func (r *recordInput) release() { r.source.Release() }
