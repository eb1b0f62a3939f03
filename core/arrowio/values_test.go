package arrowio_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
)

// TestValuesForTests holds what other tests compare Arrow data by.
func TestValuesForTests(t *testing.T) {
	t.Parallel()
	codes := &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Uint8), Value: typeOf(arrowio.Int32)}
	many := make([]int32, 256)
	many[255] = 7
	numbers := ints(many...)
	for _, test := range []struct {
		typ  *arrowio.Type
		c    column
		want []any
	}{
		{int32Type, column{length: 2, nulls: -1, offset: 1, buffers: []any{[]byte{0b011}, []int32{1, -2, 3}}},
			[]any{int64(-2), nil}},
		{typeOf(arrowio.Uint8), column{length: 1, buffers: []any{nil, []int8{-1}}}, []any{uint64(255)}},
		{typeOf(arrowio.Uint64), column{length: 1, buffers: []any{nil, []int64{-1}}}, []any{^uint64(0)}},
		{typeOf(arrowio.Bool), column{length: 2, offset: 8, buffers: []any{nil, []byte{0, 0b10}}}, []any{false, true}},
		{typeOf(arrowio.Float64), column{length: 2, buffers: []any{nil, bitsOf64(-1.5, 1e300)}},
			[]any{"-1.5", "1e+300"}},
		{typeOf(arrowio.Float16), column{length: 1, buffers: []any{nil, []int16{0x3c00}}}, []any{"0x3c00"}},
		{&arrowio.Type{ID: arrowio.Decimal128, Precision: 9},
			column{length: 2, buffers: []any{nil, []int64{-2, -1, 0, 1}}}, []any{"-2", "18446744073709551616"}},
		{typeOf(arrowio.IntervalMonthDayNano), column{length: 1, buffers: []any{nil, []int32{1, -2, 3, 0}}},
			[]any{[]any{int64(1), int64(-2), int64(3)}}},
		{typeOf(arrowio.IntervalDayTime), column{length: 1, buffers: []any{nil, []int32{1, -2}}},
			[]any{[]any{int64(1), int64(-2)}}},
		{typeOf(arrowio.LargeString), column{length: 2, buffers: []any{nil, []int64{1, 1, 3}, []byte("xyz")}},
			[]any{"", "yz"}},
		{typeOf(arrowio.BinaryView), column{length: 2, buffers: []any{nil, []int32{2, 'a' | 'b'<<8, 0, 0, 13, 0, 0, 1},
			[]byte(".thirteen long"), []int64{14}}}, []any{[]byte("ab"), []byte("thirteen long")}},
		{&arrowio.Type{ID: arrowio.FixedSizeBinary, Size: 2},
			column{length: 1, offset: 1, buffers: []any{nil, []byte("abcd")}}, []any{[]byte("cd")}},
		{typeOf(arrowio.List, itemsOfInts), column{length: 2, buffers: []any{nil, []int32{0, 2, 2}},
			children: []column{ints(5, 6)}}, []any{[]any{int64(5), int64(6)}, []any{}}},
		{typeOf(arrowio.LargeListView, itemsOfInts),
			column{length: 2, buffers: []any{nil, []int64{1, 0}, []int64{1, 2}}, children: []column{ints(5, 6)}},
			[]any{[]any{int64(6)}, []any{int64(5), int64(6)}}},
		{pairType, column{length: 1, offset: 1, buffers: []any{nil}, children: []column{ints(1, 2, 3, 4)}},
			[]any{[]any{int64(3), int64(4)}}},
		{rowType, column{length: 2, nulls: 1, buffers: []any{[]byte{0b10}}, children: []column{ints(1, 2)}},
			[]any{nil, []any{int64(2)}}},
		{sparseType, column{length: 2, buffers: []any{[]int8{9, 3}}, children: []column{ints(1, 2), ints(3, 4)}},
			[]any{[]any{int64(9), int64(3)}, []any{int64(3), int64(2)}}},
		{denseType, column{length: 2, buffers: []any{[]int8{9, 3}, []int32{1, 0}},
			children: []column{ints(1), ints(3, 4)}}, []any{[]any{int64(9), int64(4)}, []any{int64(3), int64(1)}}},
		{runType, column{length: 2, offset: 1, children: []column{{length: 2, buffers: []any{nil, []int16{2, 3}}},
			ints(8, 9)}}, []any{int64(8), int64(9)}},
		{codes, column{length: 1, buffers: []any{nil, []int8{-1}}, dictionary: &numbers}, []any{int64(7)}},
		{typeOf(arrowio.Null), column{length: 1, nulls: 1}, []any{nil}},
	} {
		a := build(test.c)
		got := make([]any, a.Length)
		for i := range got {
			got[i] = arrowtest.Value(test.typ, a, int64(i))
		}
		assert.Equal(t, test.want, got, test.typ.String())
	}
}
