package runner

import (
	"errors"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// batches are a host's record batches, as structs or as messages.
type batches interface {
	move(in *hostcall.Input) error
	// schema calls the host until it is known.
	schema() (*arrowio.Schema, error)
	// load calls the host and loads the next batch into the encoder. release ends it.
	load(e *arrowio.Encoder) (array *cdata.Array, release func(), err error)
	release()
}

// sortedInput writes a host's stream whose rows of equal keys are neighbours: it is cut where the key changes, without
// copying.
type sortedInput struct {
	inputBase
	keys   int
	source batches
	cutter *arrowio.Cutter
	frame  groupFrame
	begun  bool // a group is open: the next batch may go on with it
}

func newSortedInput(b *base, in *hostcall.Input) (input, error) {
	s := &sortedInput{inputBase: inputBase{b, b.env.Memory()}, keys: int(in.Keys)}
	switch in.Kind {
	case hostcall.Streams:
		s.source = &streamBatches{mem: s.mem}
	case hostcall.Records:
		s.source = newMessageBatches(s.mem)
	default:
		return nil, b.wrongKind(in, "STREAM (1) and RECORDS (2)")
	}
	return s, nil
}

func (s *sortedInput) move(in *hostcall.Input) error { return s.source.move(in) }

func (s *sortedInput) open(d *protocol.Dialect) (opening, error) {
	schema, err := s.source.schema()
	if err != nil {
		return opening{}, err
	}
	added, err := s.checkGrouped(s.keys, schema)
	if err != nil {
		return opening{}, err
	}
	grouping := d.Grouping(s.runner.evalType)
	keys, err := s.cutKeys(d, grouping)
	if err != nil {
		return opening{}, err
	}
	if s.cutter, err = arrowio.NewCutter(schema, keys); err != nil {
		return opening{}, err
	}
	encoder, err := arrowio.NewEncoder(schema, arrowio.EncoderOptions{WrapStruct: s.runner.evalType.StructInput})
	s.frame = groupFrame{grouping: grouping, encoders: []*arrowio.Encoder{encoder}}
	return added, err
}

// cutKeys is the count of first columns that tell groups apart. Where workers find the groups themselves nothing is cut, and
// where they want batches of one key the arguments say which columns it has.
func (s *sortedInput) cutKeys(d *protocol.Dialect, grouping protocol.Grouping) (int, error) {
	switch grouping {
	case protocol.NoGroups:
		return 0, nil
	case protocol.KeyPerBatch:
		arguments := s.runner.chains[0].Arguments
		if int(arguments[0].Offset)+1 < len(arguments) {
			return 0, status.New(status.NotSupported,
				"eval type %d (%s) with PySpark %s, which takes initial states in a form that is no valid Arrow; PySpark 4.2 is needed",
				s.runner.evalType.ID, s.runner.evalType.Name, d.Minor)
		}
		keys := arguments[2 : 2+arguments[1].Offset]
		for i, a := range keys {
			if int(a.Offset) != i {
				return 0, status.New(status.NotSupported, "key column %d at offset %d, eval type %d (%s) of PySpark %s needs the key columns first",
					i, a.Offset, s.runner.evalType.ID, s.runner.evalType.Name, d.Minor)
			}
		}
		return len(keys), nil
	}
	return s.keys, nil
}

func (s *sortedInput) start(w *transport.Writer) { s.frame.start(w) }

func (s *sortedInput) pull(w *transport.Writer) error {
	encoder := s.frame.encoders[0]
	array, release, err := s.source.load(encoder)
	if errors.Is(err, hostcall.ErrDone) && s.begun {
		s.begun = false
		return s.close(w) // and the next pull says so again
	}
	if err != nil {
		return err
	}
	// What is queued of the batch when an error comes is never sent, but dropped later than this call.
	defer w.OnSent(release)
	return s.cut(encoder, array, w)
}

// cut queues the groups of a batch. The last one stays open.
func (s *sortedInput) cut(encoder *arrowio.Encoder, array *cdata.Array, w *transport.Writer) error {
	ends, continues, err := s.cutter.Cut(array)
	if err != nil {
		return err
	}
	from := int64(0)
	for i, to := range ends {
		if !continues || i > 0 {
			if s.begun {
				if err := s.close(w); err != nil {
					return err
				}
			}
			s.begun = true
			s.frame.begin(w)
		}
		complete := i < len(ends)-1 && (!continues || i > 0)
		if s.frame.grouping == protocol.BatchPerGroup && !complete {
			// The group is to be one batch, and has or may have rows in other ones.
			err = encoder.Append(from, to)
		} else {
			err = s.slice(encoder, from, to, w)
		}
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (s *sortedInput) slice(encoder *arrowio.Encoder, from, to int64, w *transport.Writer) error {
	messages, err := encoder.Slice(from, to)
	if err == nil {
		queueMessages(w, messages)
	}
	return err
}

// close ends the open group.
func (s *sortedInput) close(w *transport.Writer) error {
	if s.frame.grouping == protocol.BatchPerGroup && s.frame.encoders[0].Appended() > 0 {
		if err := s.frame.queueJoined(w); err != nil {
			return err
		}
	}
	s.frame.end(w)
	return nil
}

func (s *sortedInput) finish(w *transport.Writer) { s.frame.finish(w) }

func (s *sortedInput) release() { s.source.release() }

// streamBatches are those of an Arrow C stream.
type streamBatches struct {
	mem    *hostmem.Functions
	stream *hostcall.Stream
}

func (b *streamBatches) move(in *hostcall.Input) (err error) {
	b.stream, err = hostcall.MoveStream(b.mem, in)
	return err
}

func (b *streamBatches) schema() (*arrowio.Schema, error) { return importSchema(b.stream) }

func (b *streamBatches) load(e *arrowio.Encoder) (*cdata.Array, func(), error) {
	array, err := b.stream.Next()
	if err != nil {
		return nil, nil, err
	}
	if err := e.Load(array.C); err != nil {
		array.Release()
		return nil, nil, err
	}
	return array.C, array.Release, nil
}

func (b *streamBatches) release() { b.stream.Release() }
