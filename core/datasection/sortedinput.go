package datasection

import (
	"errors"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// sortedInput writes a host's stream whose rows of equal keys are neighbours: it is cut where the key changes, without
// copying.
type sortedInput struct {
	*Functions
	keys   int
	source batches
	cutter *arrowio.Cutter
	frame  groupFrame
	begun  bool // a group is open: the next batch may go on with it
	// sides finds rows and initial states, where each has a column: workers want batches of one of them, those before
	// 4.2 of one key, and uneven (Encoder.SliceSide).
	sides  *arrowio.Sides
	uneven bool
}

// NewSortedInput is the input of functions of groups, from rows that are sorted by the key.
func NewSortedInput(f *Functions, in *hostcall.Input) (Input, error) {
	source, err := f.newBatches(in)
	return &sortedInput{Functions: f, keys: int(in.Keys), source: source}, err
}

func (s *sortedInput) Move(in *hostcall.Input) error { return s.source.move(in) }

func (s *sortedInput) Open(d *protocol.Dialect) (Additions, error) {
	source, schema, err := s.spark(d, s.source)
	if err != nil {
		return Additions{}, err
	}
	s.source = source
	added, err := s.checkGrouped(s.keys, schema)
	if err != nil {
		return Additions{}, err
	}
	grouping := d.Grouping(s.EvalType)
	encoder, err := s.encoder(schema)
	if err != nil {
		return Additions{}, err
	}
	s.frame = groupFrame{grouping: grouping, encoders: []*arrowio.Encoder{encoder}, limits: s.groupLimits(d)}
	keys := s.keys
	if s.Layout.States {
		counts := s.sideKeys()
		if s.uneven = grouping == protocol.KeyPerBatch; s.uneven {
			err = s.checkLeading(d)
		} else {
			clear(counts) // workers find the groups themselves
		}
		if err == nil && len(counts) == 2 {
			s.sides, err = arrowio.NewSides(schema, [2]int(counts))
			return added, err
		}
		keys = counts[0]
	} else if grouping == protocol.NoGroups {
		keys = 0
	}
	if err != nil {
		return Additions{}, err
	}
	s.cutter, err = arrowio.NewCutter(schema, keys)
	if _, messages := s.source.(*messageBatches); err == nil && messages && s.cutter.Dictionaries() {
		// Their values come in messages of their own, which go on to the worker.
		err = status.New(status.NotSupported,
			"a dictionary encoded key of groups in RECORDS (2), allowed is the type of its values")
	}
	return added, err
}

// sideKeys are the counts of key columns that the arguments of transformWithState name: of rows and, where there are
// any, of initial states.
func (s *sortedInput) sideKeys() (counts []int) {
	for rest := s.Chains[0].Arguments; len(rest) > 0; rest = rest[1+rest[0].Offset:] {
		counts = append(counts, int(rest[1].Offset))
	}
	return counts
}

// checkLeading refuses keys that are not the first columns, for workers that want batches of one key.
func (s *sortedInput) checkLeading(d *protocol.Dialect) error {
	for rest := s.Chains[0].Arguments; len(rest) > 0; rest = rest[1+rest[0].Offset:] {
		for i, a := range rest[2 : 2+rest[1].Offset] {
			if int(a.Offset) != i {
				return status.New(status.NotSupported,
					"key column %d at offset %d, eval type %d (%s) of PySpark %s needs the key columns first",
					i, a.Offset, s.EvalType.ID, s.EvalType.Name, d.Minor)
			}
		}
	}
	return nil
}

func (s *sortedInput) Start(w *transport.Writer) { s.frame.start(w) }

func (s *sortedInput) Pull(w *transport.Writer) error {
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
	if s.sides != nil {
		return s.cutSides(encoder, array, w)
	}
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
			err = s.frame.slice(from, to, w)
		}
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

// cutSides queues the rows and the initial states of a batch.
func (s *sortedInput) cutSides(encoder *arrowio.Encoder, array *cdata.Array, w *transport.Writer) error {
	pieces, err := s.sides.Cut(array)
	if err != nil {
		return err
	}
	from := int64(0)
	for _, piece := range pieces {
		if s.uneven {
			var messages []arrowio.Message
			if messages, err = encoder.SliceSide(from, piece.To, piece.Side); err == nil {
				queueMessages(w, messages)
			}
		} else {
			err = s.frame.slice(from, piece.To, w)
		}
		if err != nil {
			return err
		}
		from = piece.To
	}
	return nil
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

func (s *sortedInput) Finish(w *transport.Writer) { s.frame.finish(w) }

func (s *sortedInput) Release() { s.source.release() }
