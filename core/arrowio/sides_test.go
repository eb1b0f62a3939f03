package arrowio_test

import (
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/flatbuf"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

var (
	sideType  = typeOf(arrowio.Struct, field("k", int32Type), field("v", typeOf(arrowio.String)))
	twoSides  = &arrowio.Schema{Fields: []arrowio.Field{field("rows", sideType), field("states", sideType)}}
	oneKey    = [2]int{1, 1}
	wholeRows = func(length int, rows, states column) *cdata.Array {
		return build(column{length: int64(length), buffers: []any{nil}, children: []column{rows, states}})
	}
)

// side is a column of sideType with these keys, null where valid has a 0 bit.
func side(valid byte, keys ...int32) column {
	nulls := int64(0)
	for i := range keys {
		nulls += int64(1 - valid>>i&1)
	}
	n := int64(len(keys))
	return column{length: n, nulls: nulls, buffers: []any{[]byte{valid}}, children: []column{
		{length: n, buffers: []any{nil, keys}}, {length: n, buffers: []any{nil, make([]int32, n+1), []byte{}}},
	}}
}

func TestSides(t *testing.T) {
	t.Parallel()
	s, err := arrowio.NewSides(twoSides, oneKey)
	require.NoError(t, err)
	for range 2 { // nothing is kept
		pieces, err := s.Cut(wholeRows(6, side(0b111001, 1, 1, 2, 2, 2, 3), side(0b000110, 5, 1, 2, 9, 9, 9)))
		require.NoError(t, err)
		assert.Equal(t, []arrowio.Piece{{To: 1, Side: 0}, {To: 2, Side: 1}, {To: 3, Side: 1}, {To: 5, Side: 0},
			{To: 6, Side: 0}}, pieces)
	}
	pieces, err := s.Cut(wholeRows(0, side(0), side(0)))
	require.NoError(t, err)
	assert.Empty(t, pieces)

	// A slice of a batch: rows 2 to 4.
	a := wholeRows(6, side(0b111001, 1, 1, 2, 2, 2, 3), side(0b000110, 5, 1, 2, 9, 9, 9))
	a.Offset, a.Length = 2, 3
	pieces, err = s.Cut(a)
	require.NoError(t, err)
	assert.Equal(t, []arrowio.Piece{{To: 1, Side: 1}, {To: 3, Side: 0}}, pieces)
}

func TestSidesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, schema := range []*arrowio.Schema{
		{}, columnOf(sideType), {Fields: []arrowio.Field{field("rows", sideType), field("states", int32Type)}},
	} {
		_, err := arrowio.NewSides(schema, oneKey)
		assert.Equal(t, status.InvalidArgument, status.CodeOf(err), "%v", err)
	}
	_, err := arrowio.NewSides(twoSides, [2]int{1, 3})
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	assert.ErrorContains(t, err, `column "states": 3 key columns, must be 0 to 2`)

	s, err := arrowio.NewSides(twoSides, oneKey)
	require.NoError(t, err)
	noBitmap, short := side(0b01, 1, 2), side(0b01, 1)
	noBitmap.buffers = []any{nil}
	for want, a := range map[string]*cdata.Array{
		`row 1 has both of "rows" and "states"`: wholeRows(2, side(0b11, 1, 1),
			side(0b10, 1, 1)),
		`row 1 has neither of "rows" and "states"`: wholeRows(2, side(0b01, 1, 1),
			side(0b00, 1, 1)),
		`column "rows": null_count is 1 and buffer 0 (validity) is NULL`: wholeRows(2, noBitmap, side(0b10, 1, 1)),
		`column "states": length is 1, its parent needs 2`:               wholeRows(2, side(0b10, 1, 1), short),
		`input array: NULL or released`:                                  {},
		`column "states": n_children is 0, must be 2`: wholeRows(2, side(0b11, 1, 1),
			column{length: 2, buffers: []any{nil}}),
		`column "rows": column "k": length is 1, its parent needs 2`: wholeRows(2,
			column{length: 2, buffers: []any{nil}, children: side(0b1, 1).children}, side(0, 1, 1)),
	} {
		_, err := s.Cut(a)
		assert.Equal(t, status.Host, status.CodeOf(err), want)
		assert.ErrorContains(t, err, want)
	}
}

func TestSliceOfASide(t *testing.T) {
	t.Parallel()
	e, err := arrowio.NewEncoder(twoSides, arrowio.EncoderOptions{})
	require.NoError(t, err)
	require.NoError(t, e.Load(wholeRows(3, side(0b011, 1, 1, 0), side(0b100, 0, 0, 7))))
	for _, test := range []struct {
		from, to int64
		side     int
		lengths  []int64 // of rows, rows.k, rows.v, states, states.k, states.v
	}{{0, 2, 0, []int64{2, 2, 2, 2, 0, 0}}, {2, 3, 1, []int64{1, 0, 0, 1, 1, 1}}} {
		messages, err := e.SliceSide(test.from, test.to, test.side)
		require.NoError(t, err)
		require.Len(t, messages, 1)
		var table flatbuffers.Table
		require.True(t, flatbuf.GetRootAsMessage(messages[0].Header[arrowio.PrefixSize:], 0).Header(&table))
		var batch flatbuf.RecordBatch
		batch.Init(table.Bytes, table.Pos)
		assert.Equal(t, test.to-test.from, batch.Length())
		var lengths []int64
		for i := range batch.NodesLength() {
			var node flatbuf.FieldNode
			require.True(t, batch.Nodes(&node, i))
			assert.Zero(t, node.NullCount())
			lengths = append(lengths, node.Length())
		}
		assert.Equal(t, test.lengths, lengths)
	}
	_, err = e.SliceSide(2, 4, 0)
	assert.Equal(t, status.Internal, status.CodeOf(err))
}
