package hostdata

import (
	"math"
	"unsafe"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// Converter makes record batches of a host's types into such of Spark's.
type Converter struct{ columns []*conversion }

// NewConverter makes arrays of the from columns into arrays of the to columns, as many, which hold the same values;
// it is nil, and there is no error, where no byte of data has to move: only labels differ (names, zones, nullability,
// metadata). A pair of types that has no conversion is INVALID_ARGUMENT and names the column and both.
func NewConverter(from, to []arrowio.Field) (*Converter, error) {
	if len(from) != len(to) {
		return nil, status.New(status.Internal, "%d columns to be made %d", len(from), len(to))
	}
	c, same := &Converter{}, true
	for i := range from {
		v, err := newConversion(from[i].Type, to[i].Type, from[i].Name, false)
		if err != nil {
			return nil, err
		}
		c.columns = append(c.columns, v)
		same = same && v.same
	}
	if same {
		return nil, nil
	}
	return c, nil
}

// unreleased marks the structs of a result as not released. Nothing calls it.
const unreleased = 1

// Array converts one record batch: a struct array of the C data interface, whose children are the columns. What does
// not change is borrowed from a, which must stay alive as long as the result is used; other buffers are Go's memory
// until release, which is called once, when the result is not used any more. The result is never released through
// its own Release. A malformed array is a HOST error, a value that Spark's type cannot hold INVALID_ARGUMENT; after
// both the converter takes further batches.
func (c *Converter) Array(a *cdata.Array) (out *cdata.Array, release func(), err error) {
	if err := arrowio.CheckBatch(a, len(c.columns)); err != nil {
		return nil, nil, status.New(status.Host, "input array: %w", err)
	}
	if a.Length > math.MaxInt32 {
		return nil, nil, status.New(status.InvalidArgument,
			"input array: %d rows, a batch of Spark's has at most %d: send smaller batches", a.Length, math.MaxInt32)
	}
	w := &work{}
	defer func() {
		free(w.scratch)
		if err != nil {
			free(w.results)
		}
	}()
	root := newArray(a.Length, 1)
	children := make([]*cdata.Array, len(c.columns))
	for i, column := range c.columns {
		if children[i], err = w.node(column, childOf(a, i), slice(a.Offset, a.Length, nil)); err != nil {
			return nil, nil, err
		}
	}
	root.setChildren(children)
	return &root.Array, func() { free(w.results) }, nil
}

func childOf(a *cdata.Array, i int) *cdata.Array {
	return unsafe.Slice(a.Children, a.NChildren)[i]
}

// array is an array with the room for its buffers.
type array struct {
	cdata.Array
	buffers [3]unsafe.Pointer
}

func newArray(length int64, buffers int) *array {
	out := &array{Array: cdata.Array{Length: length, NBuffers: int64(buffers), Release: unreleased}}
	if buffers > 0 {
		out.Buffers = &out.buffers[0]
	}
	return out
}

func (a *array) setChildren(children []*cdata.Array) {
	a.NChildren, a.Children = int64(len(children)), unsafe.SliceData(children)
}

// borrowed is values of a host's array, as they are.
func borrowed(a *cdata.Array, start, count int64) *cdata.Array {
	out := *a
	out.Offset += start
	out.Length = count
	if out.NullCount != 0 && (start != 0 || count != a.Length) {
		out.NullCount = -1
	}
	out.Release, out.PrivateData = unreleased, nil
	return &out
}

// work is the memory that one batch takes: of its result, and until that is made.
type work struct{ results, scratch []*buffer }

func free(buffers []*buffer) {
	for _, b := range buffers {
		b.free()
	}
}

// buffer is a buffer of the result, not zeroed.
func (w *work) buffer(size int64) (unsafe.Pointer, error) {
	b, err := newBuffer(size)
	if err != nil {
		return nil, err
	}
	w.results = append(w.results, b)
	return b.address(), nil
}

// selection makes an empty one with room for spans.
func (w *work) selection(v *conversion, spans int64, at *place) (*selection, error) {
	if spans > math.MaxInt32 {
		return nil, status.New(status.InvalidArgument, "column %q: %d values of %s, at most %d are allowed in a "+
			"batch: "+
			"send smaller batches", v.at, spans, v.from, math.MaxInt32)
	}
	b, err := newBuffer(spans * int64(unsafe.Sizeof(span{})))
	if err != nil {
		return nil, err
	}
	w.scratch = append(w.scratch, b)
	return &selection{spans: unsafe.Slice((*span)(b.address()), spans)[:0], place: at}, nil
}

// node converts the selected values of an array.
func (w *work) node(v *conversion, a *cdata.Array, s *selection) (*cdata.Array, error) {
	if err := v.reader.Check(a, s.needs()); err != nil {
		return nil, v.malformed(err)
	}
	if start, ok := s.contiguous(); ok && v.same {
		return borrowed(a, start, s.count), nil
	}
	switch v.kind {
	case indices:
		return w.indices(v, a, s)
	case runs:
		return w.runs(v, a, s)
	case nothing:
		out := newArray(s.count, 0)
		out.NullCount = s.count
		return &out.Array, nil
	}
	out := newArray(s.count, v.buffers())
	if err := w.validity(v, a, s, out); err != nil {
		return nil, err
	}
	var err error
	switch v.kind {
	case bools:
		err = w.bools(v, a, s, out)
	case numbers:
		err = w.numbers(v, a, s, out)
	case texts:
		err = w.texts(v, a, s, out)
	case lists:
		err = w.lists(v, a, s, out)
	case structs:
		err = w.structs(v, a, s, out)
	}
	return &out.Array, err
}

func (w *work) structs(v *conversion, a *cdata.Array, s *selection, out *array) error {
	children := make([]*cdata.Array, len(v.children))
	inner := s.shifted(a.Offset, &place{validity: out.buffers[0], parent: s.place})
	for i, field := range v.children {
		var err error
		if children[i], err = w.node(field, childOf(a, i), inner); err != nil {
			return err
		}
	}
	out.setChildren(children)
	return nil
}
