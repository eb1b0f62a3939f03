package hostdata_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/hostdata"
	"udfrunner/core/status"
)

var (
	short    = typeOf(arrowio.Uint8)
	shortTo  = typeOf(arrowio.Int16)
	listTo   = typeOf(arrowio.List, field("element", shortTo))
	runsOf   = typeOf(arrowio.RunEndEncoded, field("run_ends", typeOf(arrowio.Int32)), field("values", short))
	codesOf  = &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: short}
	pairsOf  = &arrowio.Type{ID: arrowio.FixedSizeList, Size: 2, Children: []arrowio.Field{field("item", short)}}
	structOf = func(t *arrowio.Type) *arrowio.Type { return typeOf(arrowio.Struct, field("a", t)) }
)

func shorts(values ...byte) arrowtest.Array {
	return arrowtest.Array{Length: int64(len(values)), Buffers: []any{nil, values}}
}

func three(buffers ...any) arrowtest.Array {
	return arrowtest.Array{Length: 3, Buffers: append([]any{nil}, buffers...)}
}

func with(a arrowtest.Array, children ...arrowtest.Array) arrowtest.Array {
	a.Children = children
	return a
}

func codes(indices []int8, dictionary *arrowtest.Array) arrowtest.Array {
	return arrowtest.Array{Length: int64(len(indices)), Buffers: []any{nil, indices}, Dictionary: dictionary}
}

// malformed are columns of three rows that no host should make.
var malformed = map[string]struct {
	from, to *arrowio.Type
	column   arrowtest.Array
	want     string
}{
	"negative length": {short, shortTo, arrowtest.Array{Length: -1, Buffers: []any{nil, nil}},
		`column "x": length -1, offset 0`},
	"huge offset": {short, shortTo, arrowtest.Array{Length: 3, Offset: math.MaxInt64, Buffers: []any{nil, nil}},
		`offset 9223372036854775807`},
	"short column": {short, shortTo, shorts(1, 2), `column "x": length is 2, its parent needs 3`},
	"null_count": {short, shortTo, arrowtest.Array{Length: 3, Nulls: 4, Buffers: []any{nil, nil}},
		`null_count 4 of length 3`},
	"nulls, no validity": {short, shortTo, arrowtest.Array{Length: 3, Nulls: 1, Buffers: []any{nil, []byte{1, 2, 3}}},
		`null_count is 1 and buffer 0 (validity) is NULL`},
	"too few buffers": {short, shortTo, arrowtest.Array{Length: 3, Buffers: []any{nil}},
		`n_buffers is 1, must be 2`},
	"no values": {short, shortTo, three(nil), `column "x": buffer 1 (values) is NULL, 3 bytes needed`},
	"no child":  {structOf(short), structOf(shortTo), three(), `n_children is 0, must be 1`},
	"short child": {structOf(short), structOf(shortTo), with(three(), shorts(1, 2)),
		`column "x.a": length is 2, its parent needs 3`},
	"view buffers": {typeOf(arrowio.StringView), typeOf(arrowio.String), three(make([]int32, 12)),
		`n_buffers is 2, must be 3`},
	"view beyond": {typeOf(arrowio.StringView), typeOf(arrowio.String),
		three([]int32{20, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 22), []int64{22}),
		`view 0 is 3+20 of data buffer 0 (1 buffers)`},
	"view buffer": {typeOf(arrowio.StringView), typeOf(arrowio.String),
		three([]int32{20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 22), []int64{22}),
		`of data buffer 1 (1 buffers)`},
	"view size": {typeOf(arrowio.BinaryView), typeOf(arrowio.Binary),
		three([]int32{-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, nil), `view 0 is 0+-1`},
	"view sizes": {typeOf(arrowio.BinaryView), typeOf(arrowio.Binary),
		three(make([]int32, 12), make([]byte, 3), nil), `buffer 3 (sizes) is NULL`},
	"no views": {typeOf(arrowio.BinaryView), typeOf(arrowio.Binary), three(nil, nil),
		`buffer 1 (views) is NULL`},
	"no view data": {typeOf(arrowio.BinaryView), typeOf(arrowio.Binary),
		three(make([]int32, 12), nil, []int64{5}), `buffer 2 (data) is NULL, 5 bytes needed`},
	"falling offsets": {typeOf(arrowio.LargeString), typeOf(arrowio.String),
		three([]int64{0, 4, 2, 5}, []byte("abcde")), `column "x": offset 2 is 2, falling from 4`},
	"negative offset": {typeOf(arrowio.LargeBinary), typeOf(arrowio.Binary),
		three([]int64{-1, 0, 0, 0}, []byte("abcde")), `offset 0 is -1, negative`},
	"no offsets": {typeOf(arrowio.String), typeOf(arrowio.LargeString), three(nil, nil),
		`buffer 1 (offsets) is NULL`},
	"no data": {typeOf(arrowio.String), typeOf(arrowio.LargeString), three([]int32{0, 0, 0, 1}, nil),
		`buffer 2 (data) is NULL, 1 bytes needed`},
	"no fixed bytes": {&arrowio.Type{ID: arrowio.FixedSizeBinary, Size: 4}, typeOf(arrowio.Binary), three(nil),
		`buffer 1 (values) is NULL, 12 bytes needed`},
	"list beyond items": {typeOf(arrowio.LargeList, field("i", short)), listTo,
		with(three([]int64{0, 1, 2, 4}), shorts(1, 2, 3)), `column "x": last offset is 4, beyond 3`},
	"list of released": {typeOf(arrowio.LargeList, field("i", short)), listTo,
		with(three([]int64{0, 1, 2, 3}), arrowtest.Array{Length: -3, Buffers: []any{nil, nil}}),
		`column "x.element": length -3`},
	"list view": {typeOf(arrowio.ListView, field("i", short)), listTo,
		with(three([]int32{0, 1, 2}, []int32{0, 2, 2}), shorts(1, 2, 3)), `column "x": entry 2 is items 2+2 of 3`},
	"list view negative": {typeOf(arrowio.ListView, field("i", short)), listTo,
		with(three([]int32{0, -1, 2}, []int32{0, 2, 1}), shorts(1, 2, 3)), `entry 1 is items -1+2 of 3`},
	"list view overflow": {typeOf(arrowio.LargeListView, field("i", short)), listTo,
		with(three([]int64{0, 1, math.MaxInt64}, []int64{0, 2, math.MaxInt64}), shorts(1, 2, 3)), `entry 2 is items`},
	"list view, no sizes": {typeOf(arrowio.ListView, field("i", short)), listTo,
		with(three([]int32{0, 1, 2}, nil), shorts(1, 2, 3)), `buffer 2 (sizes) is NULL`},
	"short fixed list": {pairsOf, listTo, with(three(), shorts(1, 2, 3, 4, 5)),
		`column "x.element": length is 5, its parent needs 6`},
	"no dictionary": {codesOf, shortTo, codes([]int8{0, 0, 0}, nil), `column "x": dictionary is NULL`},
	"bad dictionary": {codesOf, shortTo,
		codes([]int8{0, 0, 0}, &arrowtest.Array{Length: -1, Buffers: []any{nil, nil}}),
		`column "x": dictionary: length -1`},
	"index too high": {codesOf, shortTo,
		codes([]int8{0, 1, 2}, &arrowtest.Array{Length: 2, Buffers: []any{nil, []byte{1, 2}}}),
		`dictionary index at 2 is outside a dictionary of 2 values`},
	"index negative": {codesOf, shortTo,
		codes([]int8{0, -1, 1}, &arrowtest.Array{Length: 2, Buffers: []any{nil, []byte{1, 2}}}),
		`dictionary index at 1 is outside`},
	"no dictionary data": {codesOf, shortTo,
		codes([]int8{0, 1, 1}, &arrowtest.Array{Length: 2, Buffers: []any{nil, nil}}),
		`buffer 1 (values) is NULL, 2 bytes needed`},
	"run ends short": {runsOf, shortTo,
		arrowtest.Array{Length: 3, Children: []arrowtest.Array{three([]int32{1, 2, 2})}}, `n_children is 1, must be 2`},
	"run ends falling": {runsOf, shortTo,
		arrowtest.Array{Length: 3, Children: []arrowtest.Array{three([]int32{1, 3, 3}), shorts(1, 2, 3)}},
		`column "x": run ends: run end 2 is 3, not above 3`},
	"run ends missing": {runsOf, shortTo, arrowtest.Array{Length: 3, Offset: 1,
		Children: []arrowtest.Array{three([]int32{1, 2, 3}), shorts(1, 2, 3)}},
		`run ends: last run end is 3, values up to 4 are needed`},
	"run ends null": {runsOf, shortTo,
		arrowtest.Array{Length: 3, Children: []arrowtest.Array{{Length: 1, Nulls: 1, Buffers: []any{nil, []int32{3}}},
			shorts(1)}}, `run ends: null_count is 1 and buffer 0`},
	"run ends null, -1": {runsOf, shortTo,
		arrowtest.Array{Length: 3,
			Children: []arrowtest.Array{
				{Length: 2, Nulls: -1, Buffers: []any{[]byte{0b10}, []int32{1, 3}}}, shorts(1, 2),
			}},
		`run ends: null_count is -1, run ends are not null`},
	"run ends NULL": {runsOf, shortTo,
		arrowtest.Array{Length: 3, Children: []arrowtest.Array{three(nil), shorts(1, 2, 3)}},
		`run ends: buffer 1 (values) is NULL`},
	"run values short": {runsOf, shortTo,
		arrowtest.Array{Length: 3, Children: []arrowtest.Array{three([]int32{1, 2, 3}), shorts(1, 2)}},
		`column "x": length is 2, its parent needs 3`},
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	for name, test := range malformed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireFault(t, test.from, test.to, test.column, 3, status.Host, "input array: ", test.want)
			// The same among others' items, and in scattered rows.
			nested := with(arrowtest.Array{Length: 1, Buffers: []any{nil, []int64{0, 3}}}, test.column)
			requireFault(t, typeOf(arrowio.LargeList, field("i", test.from)), typeOf(arrowio.List, field("i", test.to)),
				nested, 1, status.Host, "input array: ")
			if test.from.ID == arrowio.Dictionary {
				return
			}
			scattered := codes([]int8{1, 0, 2}, &test.column)
			requireFault(t, &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: test.from},
				test.to, scattered, 3, status.Host, "input array: ")
		})
	}
}

// requireFault converts rows of a column, and requires an error.
func requireFault(t *testing.T, from, to *arrowio.Type, c arrowtest.Array, rows int64, code status.Code,
	texts ...string) {
	t.Helper()
	converter, err := hostdata.NewConverter(column(from), column(to))
	require.NoError(t, err)
	_, _, err = converter.Array(batchOf(c, 0, rows))
	require.Error(t, err)
	assert.Equal(t, code, status.CodeOf(err), "%v", err)
	for _, text := range texts {
		assert.ErrorContains(t, err, text)
	}
}

func TestMalformedBatches(t *testing.T) {
	t.Parallel()
	c, err := hostdata.NewConverter(column(short), column(shortTo))
	require.NoError(t, err)
	good := shorts(1, 2, 3)
	null := batchOf(good, 0, 3)
	*null.Children = nil
	released := batchOf(good, 0, 3)
	(*released.Children).Release = 0
	two := arrowtest.Array{Length: 3, Buffers: []any{nil}, Children: []arrowtest.Array{good, good}}
	for want, batch := range map[string]*cdata.Array{
		"NULL or released": {}, `column "x": array is NULL`: null, `column "x": array is released`: released,
		"n_children is 2, must be 1": two.Build(),
	} {
		_, _, err := c.Array(batch)
		require.ErrorContains(t, err, want)
		assert.Equal(t, status.Host, status.CodeOf(err))
	}
	_, release, err := c.Array(batchOf(good, 0, 3))
	require.NoError(t, err, "after errors")
	release()
}
