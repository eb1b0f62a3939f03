package runner

import (
	"udfrunner/core/arrowio"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/protocol"
	"udfrunner/core/sqltype"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// newInput is the writer for an eval type and a kind of input, or NotSupported where the type does not take it.
func newInput(r *Runner, kind int32) (input, error) {
	base := inputBase{runner: r, mem: r.env.Memory()}
	switch {
	case r.evalType.Framing == protocol.Arrow && kind == hostcall.Streams:
		return &streamInput{inputBase: base}, nil
	case r.evalType.Framing == protocol.Arrow && kind == hostcall.Records:
		return &messageInput{inputBase: base}, nil
	case r.evalType.Framing == protocol.Pickled && kind == hostcall.Records:
		return &recordInput{inputBase: base}, nil
	}
	allowed := "RECORDS (2)"
	if r.evalType.Framing == protocol.Arrow {
		allowed = "STREAM (1) and RECORDS (2)"
	}
	return nil, status.New(status.NotSupported, "input kind %d for eval type %d (%s), it takes %s", kind, r.evalType.ID, r.evalType.Name, allowed)
}

type inputBase struct {
	runner *Runner
	mem    *hostmem.Functions
}

// inputConf is what the eval conf says of the input's columns (ArrowEvalPythonExec, from 4.1 on).
func (b *inputBase) inputConf(schema *arrowio.Schema) ([]protocol.Entry, error) {
	if !b.runner.evalType.InputType {
		return nil, nil
	}
	t, err := sqltype.FromArrowSchema(schema)
	if err != nil {
		return nil, status.New(status.InvalidArgument, "input %w", err)
	}
	return []protocol.Entry{{Key: "input_type", Value: t.JSON()}}, nil
}

// checkOffsets refuses functions whose arguments the input has not.
func (b *inputBase) checkOffsets(schema *arrowio.Schema) error {
	if b.runner.evalType.Map {
		return nil
	}
	for i, chain := range b.runner.chains {
		for _, a := range chain.Arguments {
			if int(a.Offset) >= len(schema.Fields) {
				return status.New(status.InvalidArgument, "chain %d: argument offset %d, the input has %d columns", i, a.Offset, len(schema.Fields))
			}
		}
	}
	return nil
}

// encoder is the encoder of an input with this schema, checked against the functions.
func (b *inputBase) encoder(schema *arrowio.Schema) (*arrowio.Encoder, []protocol.Entry, error) {
	if err := b.checkOffsets(schema); err != nil {
		return nil, nil, err
	}
	conf, err := b.inputConf(schema)
	if err != nil {
		return nil, nil, err
	}
	encoder, err := arrowio.NewEncoder(schema, arrowio.EncoderOptions{WrapStruct: b.runner.evalType.Map})
	return encoder, conf, err
}

func queueMessage(w *transport.Writer, m *arrowio.Message) {
	w.Queue(m.Header)
	w.Queue(m.Body...)
}

// streamInput writes a host's Arrow C stream.
type streamInput struct {
	inputBase
	stream *hostcall.Stream
	sent   *arrowio.Encoder
}

func (s *streamInput) move(in *hostcall.Input) (err error) {
	s.stream, err = hostcall.MoveStream(s.mem, in)
	return err
}

func (s *streamInput) open() ([]protocol.Entry, error) {
	c, err := s.stream.Schema()
	if err != nil {
		return nil, err
	}
	schema, err := arrowio.ImportSchema(c.C)
	c.Release()
	if err != nil {
		return nil, status.New(status.Host, "input stream %w", err)
	}
	encoder, conf, err := s.encoder(schema)
	s.sent = encoder
	return conf, err
}

func (s *streamInput) start(w *transport.Writer) { w.Queue(s.sent.Start()) }

func (s *streamInput) pull(w *transport.Writer) error {
	array, err := s.stream.Next()
	if err != nil {
		return err
	}
	messages, err := s.sent.Array(array.C)
	if err != nil {
		array.Release()
		return err
	}
	for i := range messages {
		queueMessage(w, &messages[i])
	}
	w.OnSent(array.Release)
	return nil
}

func (s *streamInput) finish(w *transport.Writer) { w.Queue(arrowio.EndOfStream) }

func (s *streamInput) release() { s.stream.Release() }

// recordInput writes a host's pickled records.
type recordInput struct {
	inputBase
	source *hostcall.Source
}

func (r *recordInput) move(in *hostcall.Input) (err error) {
	r.source, err = hostcall.MoveRecords(r.mem, in)
	return err
}

func (r *recordInput) open() ([]protocol.Entry, error) { return nil, nil }

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
