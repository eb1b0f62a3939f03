package arrowio_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

// runs is pyarrow's streams of rows that repeat, by case.
func runs(t *testing.T) map[string][]byte {
	t.Helper()
	require.FileExists(t, "testdata/runs.py") // So that Go's test cache tracks it.
	directory := t.TempDir()
	out, err := testenv.Command(t, "4.2", "testdata/runs.py", directory).CombinedOutput()
	require.NoError(t, err, "%s", out)
	files, err := filepath.Glob(directory + "/*.arrows")
	require.NoError(t, err)
	require.Greater(t, len(files), 90)
	found := map[string][]byte{}
	for _, file := range files {
		stream, err := os.ReadFile(file)
		require.NoError(t, err)
		found[strings.TrimSuffix(filepath.Base(file), ".arrows")] = stream
	}
	return found
}

// grouping is what a cutter is to find, told value by value.
type grouping struct {
	started bool
	last    any
}

func (g *grouping) cut(s *arrowio.Schema, a *cdata.Array) (ends []int64, continues bool) {
	for i, row := range arrowtest.Rows(s, a) {
		switch {
		case i == 0:
			continues = g.started && assert.ObjectsAreEqual(g.last, row[0])
		case !assert.ObjectsAreEqual(g.last, row[0]):
			ends = append(ends, int64(i))
		}
		g.started, g.last = true, row[0]
	}
	if a.Length > 0 {
		ends = append(ends, a.Length)
	}
	return ends, continues
}

func TestGroupsOfEveryType(t *testing.T) {
	t.Parallel()
	for name, stream := range runs(t) {
		content, err := arrowtest.Read(stream, false)
		require.NoError(t, err)
		arrayCutter, err := arrowio.NewCutter(content.Schema, 1)
		require.NoError(t, err, name)
		batchCutter, err := arrowio.NewCutter(content.Schema, 1)
		require.NoError(t, err)
		inBatches, total, groups := &grouping{}, 0, 0
		decoder := arrowio.NewDecoder(arrowio.DecoderOptions{})
		err = borrow(decoder, stream, func(batch *arrowio.Batch) {
			a := content.Batches[total]
			ends, continues := inBatches.cut(content.Schema, a)
			got, goesOn, err := arrayCutter.Cut(a)
			require.NoError(t, err)
			assert.Equal(t, ends, append([]int64(nil), got...), name)
			assert.Equal(t, continues, goesOn, name)
			if !batchCutter.Dictionaries() {
				got, goesOn, err = batchCutter.CutBatch(batch)
				require.NoError(t, err)
				assert.Equal(t, ends, append([]int64(nil), got...), name)
				assert.Equal(t, continues, goesOn, name)
			}
			groups += len(ends)
			total++
		}, func(*arrowio.Batch) {})
		require.NoError(t, err)
		assert.Greater(t, total, 3, name)
		assert.Greater(t, groups, 1, name)
		for move, apply := range moves {
			c, err := arrowio.NewCutter(content.Schema, 1)
			require.NoError(t, err)
			expected := &grouping{}
			for _, a := range content.Batches {
				if a.Length < 11 {
					continue
				}
				saved := saveOffsets(a)
				apply(a, 2, 9)
				ends, continues := expected.cut(content.Schema, a)
				got, goesOn, err := c.Cut(a)
				require.NoError(t, err)
				assert.Equal(t, ends, got, "%s %s", name, move)
				assert.Equal(t, continues, goesOn, "%s %s", name, move)
				saved()
			}
		}
		content.Release()
	}
}

// saveOffsets returns what undoes a move.
func saveOffsets(a *cdata.Array) func() {
	root, children := *a, unsafe.Slice(a.Children, a.NChildren)
	var copies []cdata.Array
	for _, c := range children {
		copies = append(copies, *c)
	}
	return func() {
		a.Offset, a.Length = root.Offset, root.Length
		for i, c := range children {
			c.Offset, c.Length, c.NullCount = copies[i].Offset, copies[i].Length, copies[i].NullCount
		}
	}
}

func bitsOf64(values ...float64) []int64 {
	bits := make([]int64, len(values))
	for i, v := range values {
		bits[i] = int64(math.Float64bits(v)) //nolint:gosec // the same bits
	}
	return bits
}

func bitsOf32(values ...float32) []int32 {
	bits := make([]int32, len(values))
	for i, v := range values {
		bits[i] = int32(math.Float32bits(v)) //nolint:gosec // the same bits
	}
	return bits
}

// TestSparksEquality holds what Spark's grouping takes for equal.
func TestSparksEquality(t *testing.T) {
	t.Parallel()
	negativeZero, otherNaN := math.Copysign(0, -1), math.Float64frombits(0xfff8000000000001)
	for name, test := range map[string]struct {
		typ  *arrowio.Type
		c    column
		ends []int64
		// wraps says that the first value equals the last.
		wraps bool
	}{
		"float64": {typeOf(arrowio.Float64),
			column{length: 7, buffers: []any{nil, bitsOf64(0, negativeZero, math.NaN(), otherNaN, 1, 1, negativeZero)}},
			[]int64{2, 4, 6, 7}, true},
		"float32": {typeOf(arrowio.Float32),
			column{length: 6, buffers: []any{nil, bitsOf32(float32(negativeZero), 0, float32(otherNaN),
				float32(math.NaN()), 2, 3)}}, []int64{2, 4, 5, 6}, false},
		"float16": {typeOf(arrowio.Float16),
			column{length: 6, buffers: []any{nil, []int16{0, math.MinInt16, 0x7e00, -1, 0x7c00, 0x3c00}}},
			[]int64{2, 4, 5, 6}, false},
		"nulls over any values": {int32Type,
			column{length: 5, nulls: 3, buffers: []any{[]byte{0b10001}, []int32{1, 2, 3, 1, 1}}}, []int64{1, 4, 5},
			true},
		"null is not zero": {int32Type,
			column{length: 3, nulls: 1, buffers: []any{[]byte{0b101}, []int32{0, 0, 0}}}, []int64{1, 2, 3}, true},
		"null is not empty": {typeOf(arrowio.String),
			column{length: 3, nulls: 1, buffers: []any{[]byte{0b110}, []int32{0, 0, 0, 0}, nil}}, []int64{1, 3}, false},
		"null views over any values": {typeOf(arrowio.StringView),
			column{length: 3, nulls: 2, buffers: []any{[]byte{1}, []int32{1, 'a', 0, 0, 99, 0, 7, 7, -5, 0, 3, 3},
				nil}}, []int64{1, 3}, false},
		"null type": {typeOf(arrowio.Null), column{length: 4, nulls: 4}, []int64{4}, true},
		"bool": {typeOf(arrowio.Bool), column{length: 6, buffers: []any{nil, []byte{0b001110}}},
			[]int64{1, 4, 6}, true},
		"bytes of size 0": {&arrowio.Type{ID: arrowio.FixedSizeBinary},
			column{length: 3, buffers: []any{nil, nil}}, []int64{3}, true},
		"prefix": {typeOf(arrowio.Binary),
			column{length: 3, buffers: []any{nil, []int32{0, 1, 3, 5}, []byte("aabab")}}, []int64{1, 3}, false},
	} {
		c, err := arrowio.NewCutter(columnOf(test.typ), 1)
		require.NoError(t, err)
		a := build(column{length: test.c.length, buffers: []any{nil}, children: []column{test.c}})
		for pass := range 2 {
			ends, continues, err := c.Cut(a)
			require.NoError(t, err, name)
			assert.Equal(t, test.ends, ends, name)
			assert.Equal(t, pass == 1 && test.wraps, continues, "%s, pass %d", name, pass)
		}
	}
}

func TestSeveralKeys(t *testing.T) {
	t.Parallel()
	schema := &arrowio.Schema{Fields: []arrowio.Field{
		field("none", typeOf(arrowio.Null)), field("a", int32Type), field("b", typeOf(arrowio.Int8)),
		field("v", rowType),
	}}
	rows := column{length: 6, buffers: []any{nil}, children: []column{ints(1, 2, 3, 4, 5, 6)}}
	batch := func(a []int32, b []int8) *cdata.Array {
		return build(column{length: 6, buffers: []any{nil}, children: []column{
			{length: 6, nulls: 6}, ints(a...), {length: 6, buffers: []any{nil, b}}, rows,
		}})
	}
	first := batch([]int32{1, 1, 1, 2, 2, 2}, []int8{1, 1, 2, 2, 2, 3})
	second := batch([]int32{2, 3, 3, 3, 3, 4}, []int8{3, 3, 3, 3, 3, 3})
	empty := batch([]int32{9, 9, 9, 9, 9, 9}, []int8{9, 9, 9, 9, 9, 9})
	empty.Length = 0
	for k, want := range map[int][][]int64{0: {{6}, {6}}, 1: {{6}, {6}}, 2: {{3, 6}, {1, 5, 6}},
		3: {{2, 3, 5, 6}, {1, 5, 6}}} {
		c, err := arrowio.NewCutter(schema, k)
		require.NoError(t, err)
		ends, continues, err := c.Cut(first)
		require.NoError(t, err)
		assert.Equal(t, want[0], ends, k)
		assert.False(t, continues, "the first group continues none")
		ends, continues, err = c.Cut(empty)
		require.NoError(t, err)
		assert.Empty(t, ends)
		assert.False(t, continues)
		ends, continues, err = c.Cut(second)
		require.NoError(t, err)
		assert.Equal(t, want[1], ends, k)
		assert.True(t, continues, k)
	}
}

// TestRunsLongerThanABlock crosses the cutter's blocks of rows.
func TestRunsLongerThanABlock(t *testing.T) {
	t.Parallel()
	const n = 3 * 4096
	values := make([]int64, n)
	var want []int64
	for _, at := range []int64{1, 4095, 4096, 4097, 8192, 8193, n - 1} {
		want = append(want, at)
		for i := at; i < n; i++ {
			values[i]++
		}
	}
	c, err := arrowio.NewCutter(columnOf(typeOf(arrowio.Int64)), 1)
	require.NoError(t, err)
	ends, _, err := c.Cut(build(column{length: n, buffers: []any{nil},
		children: []column{{length: n, buffers: []any{nil, values}}}}))
	require.NoError(t, err)
	assert.Equal(t, append(want, n), ends)
}

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, k := range []int{-1, 2} {
		_, err := arrowio.NewCutter(columnOf(int32Type), k)
		assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
		assert.ErrorContains(t, err, "key columns, must be 0 to 1")
	}
	for _, typ := range []*arrowio.Type{
		sparseType, denseType, typeOf(arrowio.List, field("item", denseType)),
		typeOf(arrowio.Struct, field("a", sparseType)),
	} {
		_, err := arrowio.NewCutter(columnOf(typ), 1)
		assert.Equal(t, status.NotSupported, status.CodeOf(err))
		assert.ErrorContains(t, err, "cannot be a key of groups; all types but unions can")
		_, err = arrowio.NewCutter(columnOf(typ), 0)
		assert.NoError(t, err)
	}
}

// TestEqualityWithinNestedKeys holds what Spark's grouping takes for equal within structs, arrays and maps.
func TestEqualityWithinNestedKeys(t *testing.T) {
	t.Parallel()
	negativeZero, otherNaN := math.Copysign(0, -1), math.Float64frombits(0xfff8000000000001)
	doubles := column{length: 7, nulls: 1,
		buffers: []any{[]byte{0b0111111}, bitsOf64(0, negativeZero, math.NaN(), otherNaN, 1, 1, 5)}}
	double := field("x", typeOf(arrowio.Float64))
	text := typeOf(arrowio.String)
	pairOfTexts := typeOf(arrowio.Struct, field("a", text), field("b", text))
	for name, test := range map[string]struct {
		typ  *arrowio.Type
		c    column
		ends []int64
		wrap bool
	}{
		"struct": {typeOf(arrowio.Struct, double), column{length: 7, buffers: []any{nil}, children: []column{doubles}},
			[]int64{2, 4, 6, 7}, false},
		"null is not a struct of null": {typeOf(arrowio.Struct, double),
			column{length: 2, offset: 5, nulls: 1, buffers: []any{[]byte{0b1011111}}, children: []column{doubles}},
			[]int64{1, 2}, false},
		"null structs over any values": {typeOf(arrowio.Struct, double),
			column{length: 7, nulls: 7, buffers: []any{[]byte{0}}, children: []column{doubles}}, []int64{7}, true},
		"lists": {typeOf(arrowio.List, double),
			column{length: 7, buffers: []any{nil, []int32{0, 1, 2, 3, 4, 4, 5, 7}}, children: []column{doubles}},
			[]int64{2, 4, 5, 6, 7}, false},
		"list is not its prefix": {typeOf(arrowio.List, double),
			column{length: 3, buffers: []any{nil, []int32{4, 5, 6, 6}}, children: []column{doubles}}, []int64{2, 3},
			false},
		"list views": {typeOf(arrowio.ListView, double),
			column{length: 3, buffers: []any{nil, []int32{4, 0, 5}, []int32{2, 1, 1}}, children: []column{doubles}},
			[]int64{1, 2, 3}, false},
		"fixed lists": {&arrowio.Type{ID: arrowio.FixedSizeList, Size: 2, Children: []arrowio.Field{double}},
			column{length: 2, offset: 1, buffers: []any{nil}, children: []column{doubles}}, []int64{1, 2}, false},
		"texts keep their borders": {pairOfTexts, column{length: 2, buffers: []any{nil}, children: []column{
			{length: 2, buffers: []any{nil, []int32{0, 1, 3}, []byte("aab")}},
			{length: 2, buffers: []any{nil, []int32{0, 2, 3}, []byte("bcc")}},
		}}, []int64{1, 2}, false},
		"dictionary": {wordType, column{length: 5, buffers: []any{nil, []int8{0, 2, 1, 3, 3}}, dictionary: &column{
			length: 4, nulls: 1, buffers: []any{[]byte{0b0111}, []int32{0, 1, 2, 3, 3}, []byte("aba")},
		}}, []int64{2, 3, 5}, false},
		"null index equals null value": {wordType,
			column{length: 2, nulls: 1, buffers: []any{[]byte{0b10}, []int8{0, 0}}, dictionary: &column{
				length: 1, nulls: 1, buffers: []any{[]byte{0}, []int32{0, 0}, nil},
			}}, []int64{2}, true},
		"runs": {runType, column{length: 5, offset: 1, children: []column{
			{length: 3, buffers: []any{nil, []int16{2, 4, 6}}}, ints(1, 1, 2),
		}}, []int64{3, 5}, false},
		"lists of nothing": {typeOf(arrowio.List, field("x", text)),
			column{length: 2, buffers: []any{nil, []int32{0, 0, 0}}, children: []column{
				{length: 0, buffers: []any{nil, nil, nil}},
			}}, []int64{2}, true},
	} {
		c, err := arrowio.NewCutter(columnOf(test.typ), 1)
		require.NoError(t, err)
		a := build(column{length: test.c.length, buffers: []any{nil}, children: []column{test.c}})
		for pass := range 2 {
			ends, continues, err := c.Cut(a)
			require.NoError(t, err, name)
			assert.Equal(t, test.ends, ends, name)
			assert.Equal(t, pass == 1 && test.wrap, continues, "%s, pass %d", name, pass)
		}
	}
}

func TestMalformedKeys(t *testing.T) {
	t.Parallel()
	text := typeOf(arrowio.String)
	for want, test := range map[string]struct {
		typ *arrowio.Type
		c   column
	}{
		`column "x": length is 2, its parent needs 3`: {int32Type, ints(1, 2)},
		`column "x": length -1`: {int32Type,
			column{length: -1, buffers: []any{nil, nil}}},
		`column "x": buffer 1 (values) is NULL`: {int32Type,
			column{length: 3, buffers: []any{nil, nil}}},
		`column "x": buffer 1 (offsets) is NULL`: {text,
			column{length: 3, buffers: []any{nil, nil, nil}}},
		`column "x": offset 2 is 2, falling from 4`: {text,
			column{length: 3, buffers: []any{nil, []int32{0, 4, 2, 5}, []byte("abcde")}}},
		`column "x": buffer 2 (data) is NULL`: {text,
			column{length: 3, buffers: []any{nil, []int32{0, 4, 4, 5}, nil}}},
		`column "x": null_count is 1 and buffer 0 (validity) is NULL`: {int32Type,
			column{length: 3, nulls: 1, buffers: []any{nil, []int32{1, 2, 3}}}},
		`column "x": view 0 is 3+20 of data buffer 0 (1 buffers)`: {typeOf(arrowio.StringView),
			column{length: 3, buffers: []any{nil, views(20, 0, 0, 3), make([]byte, 22), []int64{22}}}},
		`column "x": n_buffers is 3, must be 2`: {typeOf(arrowio.Bool),
			column{length: 3, buffers: []any{nil, nil, nil}}},
		`column "x": dictionary is NULL`: {wordType,
			column{length: 3, buffers: []any{nil, []int8{0, 0, 0}}}},
		`column "x": dictionary index at 1 is outside`: {wordType,
			column{length: 3, buffers: []any{nil, []int8{0, 5, 0}},
				dictionary: &column{length: 1, buffers: []any{nil, []int32{0, 0}, nil}}}},
		`column "x.a": length is 2, its parent needs 3`: {rowType, column{length: 3, buffers: []any{nil},
			children: []column{ints(1, 2)}}},
		`column "x.item": length is 2, its parent needs 3`: {typeOf(arrowio.List, itemsOfInts),
			column{length: 3, buffers: []any{nil, []int32{0, 1, 2, 3}}, children: []column{ints(1, 2)}}},
		`column "x": offset 2 is 0, falling from 1`: {typeOf(arrowio.List, itemsOfInts),
			column{length: 3, buffers: []any{nil, []int32{0, 1, 0, 3}}, children: []column{ints(1, 2, 3)}}},
		`column "x": entry 1 is items 1+9 of 2`: {typeOf(arrowio.ListView, itemsOfInts),
			column{length: 3, buffers: []any{nil, []int32{0, 1, 0}, []int32{0, 9, 1}}, children: []column{ints(1, 2)}}},
		`column "x.run_ends": last run end is 2, values up to 3`: {runType,
			column{length: 3, children: []column{{length: 1, buffers: []any{nil, []int16{2}}}, ints(7)}}},
		`column "x.item": length is 5, its parent needs 6`: {pairType, column{length: 3, buffers: []any{nil},
			children: []column{ints(1, 2, 3, 4, 5)}}},
		`column "x": 1099511627779 values of 2147483647 bytes`: {&arrowio.Type{ID: arrowio.FixedSizeBinary,
			Size: math.MaxInt32}, column{length: 3, offset: 1 << 40, buffers: []any{nil, nil}}},
	} {
		c, err := arrowio.NewCutter(columnOf(test.typ), 1)
		require.NoError(t, err)
		_, _, err = c.Cut(build(column{length: 3, buffers: []any{nil}, children: []column{test.c}}))
		assert.Equal(t, status.Host, status.CodeOf(err))
		assert.ErrorContains(t, err, "input array: "+want)
		good := build(column{length: 3, buffers: []any{nil}, children: []column{test.c}})
		good.Length = 0
		ends, _, err := c.Cut(good)
		require.NoError(t, err)
		assert.Empty(t, ends)
	}
	c, err := arrowio.NewCutter(columnOf(int32Type), 1)
	require.NoError(t, err)
	_, _, err = c.Cut(&cdata.Array{})
	assert.ErrorContains(t, err, "NULL or released")
}
