package datasection

import (
	"errors"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostdata"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// NewGroupedInput writes groups of so many sides: those that the host's callback brings, or, of one side, those that
// the rows of a sorted stream form.
func NewGroupedInput(sides int) func(*Functions, *hostcall.Input) (Input, error) {
	return func(f *Functions, in *hostcall.Input) (Input, error) {
		switch {
		case in.Kind == hostcall.Groups:
			return &groupInput{Functions: f, keys: int(in.Keys), sides: sides}, nil
		case sides > 1:
			return nil, f.wrongKind(in, "GROUPS (3)")
		}
		if sorted, err := NewSortedInput(f, in); err == nil {
			return sorted, nil
		}
		return nil, f.wrongKind(in, "STREAM (1), RECORDS (2) and GROUPS (3)")
	}
}

// groupInput writes the groups that a host's callback brings, a stream for each side.
type groupInput struct {
	*Functions
	keys, sides int
	groups      *hostcall.GroupSource
	schemas     []*arrowio.Schema     // the host's of the first group, nil before it came
	converters  []*hostdata.Converter // one a side, nil where no byte has to move
	streams     []*hostcall.Stream    // of the current group, those before frame.side released
	begun       bool                  // the group's header is queued
	held        *heldBatch            // the first batch of a side whose next one is not known yet
	some        bool                  // the side has a batch
	ended       bool
	frame       groupFrame
	count       int // groups, for errors
}

func (g *groupInput) Move(in *hostcall.Input) (err error) {
	g.groups, err = hostcall.MoveGroups(g.Memory, in)
	return err
}

func (g *groupInput) Open(d *protocol.Dialect) (Additions, error) {
	if err := g.next(); errors.Is(err, hostcall.ErrDone) {
		g.ended = true
		g.schemas = make([]*arrowio.Schema, g.sides)
		for i := range g.schemas {
			g.schemas[i] = &arrowio.Schema{}
		}
	} else if err != nil {
		return Additions{}, err
	}
	g.frame.grouping, g.frame.limits = d.Grouping(g.EvalType), g.groupLimits(d)
	for _, host := range g.schemas {
		schema, converter, err := g.converter(d, host)
		if err != nil {
			return Additions{}, err
		}
		encoder, err := g.encoder(schema)
		if err != nil {
			return Additions{}, err
		}
		g.frame.encoders, g.converters = append(g.frame.encoders, encoder), append(g.converters, converter)
	}
	if g.ended {
		return g.noGroups(g.sides), nil
	}
	return g.checkGrouped(g.keys, g.schemas...)
}

// next gets the streams of the next group.
func (g *groupInput) next() error {
	streams, err := g.groups.Next(g.sides)
	if err != nil {
		return err
	}
	g.streams, g.begun, g.some = streams, false, false
	first := g.schemas == nil
	for i, stream := range streams {
		schema, err := importSchema(stream)
		if err != nil {
			return err
		}
		if first {
			g.schemas = append(g.schemas, schema)
		} else if err := sameColumns(schema, g.schemas[i]); err != nil {
			return status.New(status.Host, "input group %d, stream %d: %w", g.count, i, err)
		}
	}
	g.count++
	return nil
}

// sameColumns compares the columns of a group with those of the first one, which are found by their positions.
func sameColumns(s, first *arrowio.Schema) error {
	if err := s.EqualTypes(first); err != nil {
		return err
	}
	for i, f := range s.Fields {
		if f.Name != first.Fields[i].Name {
			return status.New(status.Host, "column %d is %q, in the first group %q", i, f.Name, first.Fields[i].Name)
		}
	}
	return nil
}

func (g *groupInput) Start(w *transport.Writer) { g.frame.start(w) }

func (g *groupInput) Pull(w *transport.Writer) error {
	for before := w.Pending(); w.Pending()-before < pullTarget; {
		err := g.step(w)
		switch {
		case errors.Is(err, hostcall.ErrAgain), errors.Is(err, hostcall.ErrDone):
			if w.Pending() > before {
				return nil // the next pull says so again
			}
			return err
		case err != nil:
			return err
		}
	}
	return nil
}

// step calls the host once.
func (g *groupInput) step(w *transport.Writer) error {
	if g.ended {
		return hostcall.ErrDone
	}
	if g.streams == nil {
		err := g.next()
		g.ended = errors.Is(err, hostcall.ErrDone)
		return err
	}
	if !g.begun {
		g.frame.begin(w)
		g.begun = true
	}
	array, release, err := g.array()
	if errors.Is(err, hostcall.ErrDone) {
		return g.endSide(w)
	}
	if err != nil {
		return err
	}
	if g.frame.grouping == protocol.BatchPerGroup {
		return g.hold(&heldBatch{array, release})
	}
	g.some = true
	return g.whole(&heldBatch{array, release}, w)
}

// array calls the host for the next batch of the side.
func (g *groupInput) array() (*cdata.Array, func(), error) {
	next := arraysOf(g.streams[g.frame.side])
	if c := g.converters[g.frame.side]; c != nil {
		next = converted(next, c)
	}
	return next()
}

// heldBatch is a batch that release ends.
type heldBatch struct {
	array   *cdata.Array
	release func()
}

// whole queues a batch.
func (g *groupInput) whole(b *heldBatch, w *transport.Writer) error {
	defer w.OnSent(b.release)
	if err := g.frame.encoders[g.frame.side].Load(b.array); err != nil {
		return err
	}
	return g.frame.slice(0, b.array.Length, w)
}

// hold keeps the batch of a group that has to be one: a second one is joined to it.
func (g *groupInput) hold(b *heldBatch) error {
	if g.held == nil && !g.some {
		g.held = b
		return nil
	}
	if g.held != nil {
		held := g.held
		g.held = nil
		if err := g.join(held); err != nil {
			b.release()
			return err
		}
	}
	return g.join(b)
}

func (g *groupInput) join(b *heldBatch) error {
	defer b.release()
	g.some = true
	encoder := g.frame.encoders[0]
	if err := encoder.Load(b.array); err != nil {
		return err
	}
	return encoder.Append(0, b.array.Length)
}

// endSide ends a side of the group.
func (g *groupInput) endSide(w *transport.Writer) (err error) {
	switch {
	case g.held != nil:
		held := g.held
		g.held = nil
		err = g.whole(held, w)
	case !g.some, g.frame.grouping == protocol.BatchPerGroup:
		err = g.frame.queueJoined(w)
	}
	if err != nil {
		return err
	}
	g.streams[g.frame.side].Release()
	last := g.frame.side == g.sides-1
	g.some = false
	g.frame.end(w)
	if last {
		g.streams = nil
	}
	return nil
}

func (g *groupInput) Finish(w *transport.Writer) { g.frame.finish(w) }

func (g *groupInput) Release() {
	if g.held != nil {
		g.held.release()
	}
	for _, stream := range g.streams {
		stream.Release() // a second time it does nothing
	}
	if g.groups != nil {
		g.groups.Release()
	}
}
