package hostdata_test

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/hostdata"
	"udfrunner/core/status"
)

func column(t *arrowio.Type) []arrowio.Field { return []arrowio.Field{field("x", t)} }

// batchOf is a batch of one column, whose first rows and last are not of the batch.
func batchOf(c arrowtest.Array, from, count int64) *cdata.Array {
	root := arrowtest.Array{Length: count, Offset: from, Buffers: []any{nil}, Children: []arrowtest.Array{c}}
	return root.Build()
}

// requireRows has an encoder check what was made, and compares what it makes of it, read again, with the rows wanted.
func requireRows(t *testing.T, to *arrowio.Type, out *cdata.Array, want []any) {
	t.Helper()
	schema := &arrowio.Schema{Fields: column(to)}
	e, err := arrowio.NewEncoder(schema, arrowio.EncoderOptions{})
	require.NoError(t, err)
	messages, err := e.Array(out)
	require.NoError(t, err)
	stream := bytes.NewBuffer(bytes.Clone(e.Start()))
	for _, m := range messages {
		stream.Write(m.Header)
		stream.Write(bytes.Join(m.Body, nil))
	}
	content, err := arrowtest.Read(stream.Bytes(), false)
	require.NoError(t, err)
	defer content.Release()
	for _, rows := range [][][]any{arrowtest.Rows(schema, out), content.Rows()[0]} {
		got := make([]any, len(rows))
		for i := range rows {
			got[i] = rows[i][0]
		}
		if len(want) == 0 {
			require.Empty(t, got)
		} else {
			require.Equal(t, want, got)
		}
	}
}

// requireConverted converts a sample whole, in slices, and no row of it.
func requireConverted(t *testing.T, s sample) {
	t.Helper()
	c, err := hostdata.NewConverter(column(s.from), column(s.to))
	require.NoError(t, err)
	n := int64(len(s.want))
	for _, rows := range [][2]int64{{0, n}, {1, n}, {0, n - 1}, {2, 1}, {1, 0}, {n, 0}} {
		batch := batchOf(s.column, rows[0], rows[1])
		batch.Length = min(rows[1], n-rows[0])
		want := s.want[rows[0] : rows[0]+batch.Length]
		if c == nil {
			requireRows(t, s.to, batch, want)
			continue
		}
		out, release, err := c.Array(batch)
		require.NoError(t, err)
		requireRows(t, s.to, out, want)
		release()
	}
}

func name(s sample) string { return s.from.String() + " to " + s.to.String() }

func TestConvert(t *testing.T) {
	t.Parallel()
	for _, s := range samples() {
		t.Run(name(s), func(t *testing.T) {
			t.Parallel()
			requireConverted(t, s)
			for _, outer := range slices.Sorted(maps.Keys(wrappers)) {
				once := wrappers[outer](s)
				t.Run(outer, func(t *testing.T) { requireConverted(t, once) })
				for _, outermost := range slices.Sorted(maps.Keys(wrappers)) {
					if len(once.want) >= 4 {
						t.Run(outer+" "+outermost,
							func(t *testing.T) { requireConverted(t, wrappers[outermost](once)) })
					}
				}
			}
		})
	}
}

// TestIndices holds dictionary indices of all types, which differ in width and sign.
func TestIndices(t *testing.T) {
	t.Parallel()
	values := make([]byte, 256)
	for i := range values {
		values[i] = byte(i)
	}
	dictionary := shorts(values...)
	for id, indices := range map[arrowio.TypeID]any{
		arrowio.Int8: []int8{127, 0, 1}, arrowio.Uint8: []byte{255, 0, 1}, arrowio.Int16: []int16{255, 0, 1},
		arrowio.Uint16: []uint16{255, 0, 1}, arrowio.Int32: []int32{255, 0, 1}, arrowio.Uint32: []uint32{255, 0, 1},
		arrowio.Int64: []int64{255, 0, 1}, arrowio.Uint64: []uint64{255, 0, 1},
	} {
		host := three(indices)
		host.Dictionary = &dictionary
		highest := int64(255)
		if id == arrowio.Int8 {
			highest = 127
		}
		from := &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(id), Value: short}
		requireConverted(t, sample{from, shortTo, host, []any{highest, int64(0), int64(1)}})
	}
}

// TestHalfFloats compares all values with the arithmetic of their bits.
func TestHalfFloats(t *testing.T) {
	t.Parallel()
	halves := make([]uint16, 1<<16)
	for i := range halves {
		halves[i] = uint16(i)
	}
	c, err := hostdata.NewConverter(column(typeOf(arrowio.Float16)), column(typeOf(arrowio.Float32)))
	require.NoError(t, err)
	batch := arrowtest.Array{Length: 1 << 16, Buffers: []any{nil, halves}}
	out, release, err := c.Array(batchOf(batch, 0, 1<<16))
	require.NoError(t, err)
	defer release()
	for i, row := range arrowtest.Rows(&arrowio.Schema{Fields: column(typeOf(arrowio.Int32))}, out) {
		bits := uint32(row[0].(int64)) //nolint:gosec,forcetypeassert // 32 bits
		exponent, digits := i>>10&0x1F, i&0x3FF
		require.Equal(t, uint32(i)>>15, bits>>31, "sign of %#x", i)
		switch exponent {
		case 0x1F:
			require.Equal(t, 0xFF<<23|uint32(digits)<<13, bits&^(1<<31), "%#x", i)
		case 0:
			require.InDelta(t, math.Ldexp(float64(digits), -24), math.Abs(float64(math.Float32frombits(bits))), 0,
				"%#x", i)
		default:
			want := math.Ldexp(float64(digits|0x400), exponent-25)
			require.InDelta(t, want, math.Abs(float64(math.Float32frombits(bits))), 0, "%#x", i)
		}
	}
}

// TestLabels holds that columns which differ in labels alone need no converter.
func TestLabels(t *testing.T) {
	t.Parallel()
	paris := &arrowio.Type{ID: arrowio.Timestamp, Unit: arrowio.Microsecond, TimeZone: "Europe/Paris"}
	utc := &arrowio.Type{ID: arrowio.Timestamp, Unit: arrowio.Microsecond, TimeZone: "UTC"}
	views := typeOf(arrowio.StringView)
	from := []arrowio.Field{field("a", paris), field("b", typeOf(arrowio.List, field("item", paris))),
		field("c", views)}
	to := []arrowio.Field{{Name: "x", Type: utc}, field("b", typeOf(arrowio.List, field("element", utc))),
		field("c", views)}
	c, err := hostdata.NewConverter(from, to)
	require.NoError(t, err)
	require.Nil(t, c)
}

// TestBorrowed holds that columns which stay are the host's own memory, and that several results live side by side.
func TestBorrowed(t *testing.T) {
	t.Parallel()
	texts := arrowtest.Array{Length: 3, Buffers: []any{nil, []int64{1, 2, 3, 4}, []byte("abcd")}}
	numbers := arrowtest.Array{Length: 3, Buffers: []any{nil, []uint32{1, 2, 3}}}
	stays := arrowtest.Array{Length: 3, Buffers: []any{nil, []int64{7, 8, 9}}}
	host := arrowtest.Array{Length: 3, Buffers: []any{nil}, Children: []arrowtest.Array{texts, numbers, stays}}
	long := typeOf(arrowio.Int64)
	to := []arrowio.Field{field("t", typeOf(arrowio.String)), field("n", long), field("s", long)}
	c, err := hostdata.NewConverter([]arrowio.Field{field("t", typeOf(arrowio.LargeString)),
		field("n", typeOf(arrowio.Uint32)), field("s", long)}, to)
	require.NoError(t, err)
	batch := host.Build()
	first, releaseFirst, err := c.Array(batch)
	require.NoError(t, err)
	second, releaseSecond, err := c.Array(batch)
	require.NoError(t, err)
	buffer := func(a *cdata.Array, column, i int) uintptr { return addresses(a, column)[i] }
	assert.Equal(t, buffer(batch, 0, 2)+1, buffer(first, 0, 2), "text")
	assert.Equal(t, buffer(batch, 2, 1), buffer(first, 2, 1), "what stays")
	assert.NotEqual(t, buffer(first, 1, 1), buffer(second, 1, 1), "what was made")
	want := [][]any{{"b", int64(1), int64(7)}, {"c", int64(2), int64(8)}, {"d", int64(3), int64(9)}}
	assert.Equal(t, want, arrowtest.Rows(&arrowio.Schema{Fields: to}, first))
	releaseFirst()
	assert.Equal(t, want, arrowtest.Rows(&arrowio.Schema{Fields: to}, second))
	releaseSecond()
}

// TestItemsOfNulls holds that null lists have no items, and others only those of their own: pandas makes one array of
// all.
func TestItemsOfNulls(t *testing.T) {
	t.Parallel()
	const valid = 0b101
	for from, host := range map[*arrowio.Type]arrowtest.Array{
		pairsOf:                                 {Buffers: []any{[]byte{valid}}},
		typeOf(arrowio.List, field("i", short)): {Buffers: []any{[]byte{valid}, []int32{0, 2, 4, 6}}},
		typeOf(arrowio.LargeList, field("i", short)): {Buffers: []any{[]byte{valid}, []int64{0, 2, 4, 6}}},
		typeOf(arrowio.ListView, field("i", short)): {Buffers: []any{[]byte{valid}, []int32{0, 2, 4},
			[]int32{2, 2, 2}}},
		typeOf(arrowio.LargeListView, field("i", short)): {Buffers: []any{[]byte{valid}, []int64{0, 2, 4},
			[]int64{2, 2, 2}}},
	} {
		t.Run(from.String(), func(t *testing.T) {
			host.Length, host.Nulls, host.Children = 3, -1, []arrowtest.Array{shorts(1, 2, 3, 4, 5, 6)}
			want := []any{[]any{int64(1), int64(2)}, nil, []any{int64(5), int64(6)}}
			requireConverted(t, sample{from, listTo, host, want})
			c, err := hostdata.NewConverter(column(from), column(listTo))
			require.NoError(t, err)
			out, release, err := c.Array(batchOf(host, 0, 3))
			require.NoError(t, err)
			defer release()
			assert.EqualValues(t, 4, (*(*out.Children).Children).Length)
		})
	}
}

func TestNoConversion(t *testing.T) {
	t.Parallel()
	union := &arrowio.Type{ID: arrowio.SparseUnion, TypeIDs: []int8{0}, Children: column(typeOf(arrowio.Int32))}
	other := &arrowio.Type{ID: arrowio.DenseUnion, TypeIDs: []int8{0}, Children: column(typeOf(arrowio.Int32))}
	dictionary := func(t *arrowio.Type) *arrowio.Type {
		return &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: t}
	}
	for _, test := range []struct {
		from, to *arrowio.Type
		want     string
	}{
		{typeOf(arrowio.Int64), typeOf(arrowio.Int32), `column "x": int64 has no conversion to int32`},
		{typeOf(arrowio.Binary), typeOf(arrowio.String), `column "x": binary has no conversion to string`},
		{typeOf(arrowio.Uint64), decimalOf(arrowio.Decimal128, 20),
			`column "x": uint64 has no conversion to decimal128(20, 2)`},
		{decimalOf(arrowio.Decimal128, 20), decimalOf(arrowio.Decimal128, 19),
			`column "x": decimal128(20, 2) has no conversion`},
		{unitOf(arrowio.Timestamp, arrowio.Second), unitOf(arrowio.Duration, arrowio.Microsecond),
			`timestamp[s] has no conversion to duration[us]`},
		{union, other, `has no conversion`},
		{dictionary(union), union,
			`column "x": sparse_union<x: int32=0> has no conversion to sparse_union<x: int32=0>`},
		{typeOf(arrowio.List, field("item", typeOf(arrowio.Int8))),
			typeOf(arrowio.List, field("item", typeOf(arrowio.Bool))),
			`column "x.element": int8 has no conversion to bool`},
		{typeOf(arrowio.Struct, field("a", union)), typeOf(arrowio.Struct, field("a", other)), `column "x.a": `},
	} {
		_, err := hostdata.NewConverter(column(test.from), column(test.to))
		require.ErrorContains(t, err, test.want)
		assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	}
}

// addresses are the buffers of a column.
func addresses(a *cdata.Array, column int) (found []uintptr) {
	child := unsafe.Slice(a.Children, a.NChildren)[column]
	for _, p := range unsafe.Slice(child.Buffers, child.NBuffers) {
		found = append(found, uintptr(p))
	}
	return found
}
