package hostdata_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/hostdata"
	"udfrunner/core/status"
)

// refused are columns with one value that Spark's type cannot hold, which a null may have.
var refused = map[string]struct {
	from, to *arrowio.Type
	values   any
	bad      int
	want     string
}{
	"date64, part of a day": {typeOf(arrowio.Date64), typeOf(arrowio.Date32), []int64{0, 86400000, 86400001}, 2,
		`date64 86400001 ms is not a whole day, which Spark's dates are: make the column a timestamp or date32`},
	"date64, far": {typeOf(arrowio.Date64), typeOf(arrowio.Date32),
		[]int64{0, (math.MaxInt32 + 1) * 86400000, 0}, 1, `date64 185542587187200000 ms is beyond date32`},
	"timestamp[ns], digits": {unitOf(arrowio.Timestamp, arrowio.Nanosecond),
		unitOf(arrowio.Timestamp, arrowio.Microsecond), []int64{-1, 1000, 0}, 0,
		`timestamp -1 ns is not a whole number of microseconds, and Spark has none between: round the column to ` +
			`timestamp[us]`},
	"duration[ns], digits": {unitOf(arrowio.Duration, arrowio.Nanosecond),
		unitOf(arrowio.Duration, arrowio.Microsecond), []int64{1000, 1999, 0}, 1,
		`duration 1999 ns is not a whole number`},
	"timestamp[s], far": {unitOf(arrowio.Timestamp, arrowio.Second),
		unitOf(arrowio.Timestamp, arrowio.Microsecond), []int64{0, math.MaxInt64/1000000 + 1, 0}, 1,
		`timestamp 9223372036855 s is beyond timestamp[us]: make it null or a value that timestamp[us] has`},
	"timestamp[ms], far": {unitOf(arrowio.Timestamp, arrowio.Millisecond),
		unitOf(arrowio.Timestamp, arrowio.Microsecond), []int64{0, 0, math.MinInt64/1000 - 1}, 2,
		`timestamp -9223372036854776 ms is beyond`},
	"duration[s], far": {unitOf(arrowio.Duration, arrowio.Second), unitOf(arrowio.Duration, arrowio.Microsecond),
		[]int64{math.MinInt64, 0, 0}, 0, `duration -9223372036854775808 s is beyond duration[us]`},
	"time64[us], far": {unitOf(arrowio.Time64, arrowio.Microsecond), unitOf(arrowio.Time64, arrowio.Nanosecond),
		[]int64{math.MaxInt64, 0, 0}, 0, `time64 9223372036854775807 us is beyond time64[ns]`},
	"decimal256, 39 digits": {decimalOf(arrowio.Decimal256, 76), decimalOf(arrowio.Decimal128, 38),
		[]uint64{1, 0, 0, 0, 0x98a224000000000, 0x4b3b4ca85a86c47a, 0, 0, 2, 0, 0, 0}, 1,
		`decimal256 1000000000000000000000000000000000000.00 has more than the 38 digits of decimal128(38, 2): round ` +
			`the column`},
	"decimal256, -39 digits": {decimalOf(arrowio.Decimal256, 76), decimalOf(arrowio.Decimal128, 38),
		[]uint64{0xf675ddc000000000, 0xb4c4b357a5793b85, math.MaxUint64, math.MaxUint64, 0, 0, 0, 0, 2, 0, 0, 0}, 0,
		`decimal256 -1000000000000000000000000000000000000.00 has`},
	"decimal256, 3 digits": {decimalOf(arrowio.Decimal256, 2), decimalOf(arrowio.Decimal128, 2),
		[]uint64{99, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0}, 2,
		`decimal256 1.00 has more than the 2 digits of decimal128(2, 2)`},
	"decimal256, 2^128": {decimalOf(arrowio.Decimal256, 76), decimalOf(arrowio.Decimal128, 38),
		[]uint64{1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0}, 1, `decimal256 3402823669209384634633746074317682114.56 has`},
	"decimal256, -2^128": {decimalOf(arrowio.Decimal256, 76), decimalOf(arrowio.Decimal128, 38),
		[]uint64{1, 0, 0, 0, 0, 0, math.MaxUint64, math.MaxUint64, 2, 0, 0, 0}, 1,
		`decimal256 -3402823669209384634633746074317682114.56 has`},
	"decimal256, 2^255": {decimalOf(arrowio.Decimal256, 76), decimalOf(arrowio.Decimal128, 38),
		[]uint64{1, 0, 0, 0, 0, 0, 0, 1 << 63, 2, 0, 0, 0}, 1,
		`decimal256 -57896044618658097711785492504343953926634992332820282019728792003956564819`},
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, test := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := three(test.values)
			//nolint:gosec // a digit
			requireFault(t, test.from, test.to, host, 3, status.InvalidArgument,
				`column "x", row `+string(rune('0'+test.bad))+": "+test.want)

			null := host
			null.Nulls, null.Buffers = 1, []any{[]byte{0b111 &^ (1 << test.bad)}, test.values}
			requireTaken(t, test.from, test.to, null, 3)
		})
	}
}

func requireTaken(t *testing.T, from, to *arrowio.Type, c arrowtest.Array, rows int64) {
	t.Helper()
	converter, err := hostdata.NewConverter(column(from), column(to))
	require.NoError(t, err)
	_, release, err := converter.Array(batchOf(c, 0, rows))
	require.NoError(t, err)
	release()
}

// TestRefusedInside names the row of the batch, and the path, for values in other types; what lies within a null is
// none.
func TestRefusedInside(t *testing.T) {
	t.Parallel()
	from, to := typeOf(arrowio.Date64), typeOf(arrowio.Date32)
	days := func(n int64, bad int) arrowtest.Array {
		values := make([]int64, n)
		values[bad] = 5
		return arrowtest.Array{Length: n, Buffers: []any{nil, values}}
	}
	pair := func(t *arrowio.Type) *arrowio.Type {
		return &arrowio.Type{ID: arrowio.FixedSizeList, Size: 2, Children: []arrowio.Field{field("item", t)}}
	}
	mapOf := func(t *arrowio.Type) *arrowio.Type {
		return typeOf(arrowio.Map, field("entries", typeOf(arrowio.Struct, field("k", t), field("v", t))))
	}
	dictionary := days(4, 3)
	for name, test := range map[string]struct {
		from, to *arrowio.Type
		column   arrowtest.Array
		want     string
	}{
		"struct": {structOf(from), structOf(to), with(three(), days(3, 1)), `column "x.a", row 1: date64 5 ms`},
		"list": {
			typeOf(arrowio.List, field("item", from)), typeOf(arrowio.List, field("item", to)),
			with(three([]int32{1, 1, 3, 6}), days(6, 3)), `column "x.element", row 2: `,
		},
		"list view": {
			typeOf(arrowio.ListView, field("item", from)), typeOf(arrowio.List, field("item", to)),
			with(three([]int32{4, 2, 0}, []int32{1, 2, 2}), days(6, 3)), `column "x.element", row 1: `,
		},
		"fixed list": {pair(from), typeOf(arrowio.List, field("item", to)), with(three(), days(6, 3)),
			`column "x.element", row 1: `},
		"map": {
			mapOf(from), mapOf(to),
			with(three([]int32{0, 1, 1, 2}), with(arrowtest.Array{Length: 2, Buffers: []any{nil}}, days(2, 1),
				days(2, 1))),
			`column "x.key", row 2: `,
		},
		"dictionary": {
			&arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: from}, to,
			codes([]int8{0, 3, 1}, &dictionary), `column "x", row 1: `,
		},
		"runs": {
			typeOf(arrowio.RunEndEncoded, field("run_ends", typeOf(arrowio.Int32)), field("values", from)), to,
			with(arrowtest.Array{Length: 3}, arrowtest.Array{Length: 2, Buffers: []any{nil, []int32{2, 3}}},
				days(2, 1)), `column "x", row 2: `,
		},
		"list of structs of lists": {
			typeOf(arrowio.List, field("item", structOf(typeOf(arrowio.LargeList, field("item", from))))),
			typeOf(arrowio.List, field("item", structOf(typeOf(arrowio.List, field("item", to))))),
			with(three([]int32{0, 0, 1, 3}), with(three(), with(three([]int64{0, 1, 2, 4}), days(4, 3)))),
			`column "x.element.a.element", row 2: `,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireFault(t, test.from, test.to, test.column, 3, status.InvalidArgument, test.want)
			if len(test.column.Buffers) == 0 || test.column.Dictionary != nil {
				return
			}
			null := test.column
			null.Nulls, null.Buffers = 3, append([]any{[]byte{0}}, null.Buffers[1:]...)
			requireTaken(t, test.from, test.to, null, 3)
		})
	}
	unused := codes([]int8{0, 1, 2}, &dictionary)
	requireTaken(t, &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: from}, to, unused, 3)
}

// TestTooLarge holds results to the 32 bits of their offsets, without the memory for them.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	const half = 1<<30 + 1
	large := typeOf(arrowio.LargeString)
	sizes := three([]int64{0, half, 2 * half, 2*half + 1}, []byte("no more is read"))
	nothing := arrowtest.Array{Length: 1 << 31}
	runs := typeOf(arrowio.RunEndEncoded, field("run_ends", typeOf(arrowio.Int64)),
		field("values", typeOf(arrowio.Null)))
	const advice = ": send smaller batches or set spark.sql.execution.arrow.useLargeVarTypes"
	for name, test := range map[string]struct {
		from, to *arrowio.Type
		column   arrowtest.Array
		want     string
	}{
		"offsets": {large, typeOf(arrowio.String), sizes,
			`column "x": more than 2147483647 bytes of large_string in a batch, the most that string holds` + advice},
		"scattered": {&arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: large},
			typeOf(arrowio.String), codes([]int8{1, 0, 2}, &sizes), advice},
		"lists": {
			typeOf(arrowio.LargeList, field("item", typeOf(arrowio.Null))),
			typeOf(arrowio.List, field("item", typeOf(arrowio.Null))),
			with(three([]int64{0, 0, 0, 1 << 31}), nothing),
			`column "x": more than 2147483647 items of large_list<item: null> in a batch, the most that ` +
				`list<item: null> holds: send smaller batches`,
		},
		"list views": {
			typeOf(arrowio.LargeListView, field("item", typeOf(arrowio.Null))),
			typeOf(arrowio.List, field("item", typeOf(arrowio.Null))),
			with(three([]int64{0, 0, 0}, []int64{1 << 30, 1 << 30, 1}), nothing),
			`more than 2147483647 items of large_list_view`,
		},
		"fixed lists": {
			&arrowio.Type{ID: arrowio.FixedSizeList, Size: 1 << 30,
				Children: []arrowio.Field{field("item", typeOf(arrowio.Null))}},
			typeOf(arrowio.List, field("item", typeOf(arrowio.Null))),
			with(three(), nothing), `more than 2147483647 items of fixed_size_list`,
		},
		"fixed bytes": {&arrowio.Type{ID: arrowio.FixedSizeBinary, Size: 1 << 30}, typeOf(arrowio.Binary),
			three([]byte{0}), `more than 2147483647 bytes of fixed_size_binary[1073741824]`},
		"views": {
			typeOf(arrowio.BinaryView), typeOf(arrowio.Binary),
			three([]int32{1 << 30, 0, 0, 0, 1 << 30, 0, 0, 0, 0, 0, 0, 0}, []byte{0}, []int64{1 << 30}),
			`more than 2147483647 bytes of binary_view`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireFault(t, test.from, test.to, test.column, 3, status.InvalidArgument, test.want)
		})
	}
	endless := with(arrowtest.Array{Length: 1 << 40}, arrowtest.Array{Length: 1, Buffers: []any{nil, []int64{1 << 40}}},
		arrowtest.Array{Length: 1})
	inLarge := func(t *arrowio.Type) *arrowio.Type { return typeOf(arrowio.LargeList, field("item", t)) }
	one := with(arrowtest.Array{Length: 1, Buffers: []any{nil, []int64{0, 1 << 40}}}, endless)
	requireFault(t, inLarge(runs), inLarge(typeOf(arrowio.Null)), one, 1, status.InvalidArgument,
		`column "x.element": 1099511627776 values of run_end_encoded`, "at most 2147483647")
	requireFault(t, runs, typeOf(arrowio.Null), endless, 1<<40, status.InvalidArgument, `1099511627776 rows`)
}
