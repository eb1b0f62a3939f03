package arrowio_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// TestLargePartsAreCopiedOnce counts the bytes that joining takes.
func TestLargePartsAreCopiedOnce(t *testing.T) {
	t.Parallel()
	const rows = 10_000
	values, ends := make([]int64, rows), make([]int32, rows+1)
	for i := range ends {
		ends[i] = int32(i)
	}
	schema := &arrowio.Schema{Fields: []arrowio.Field{field("n", typeOf(arrowio.Int64)),
		field("s", typeOf(arrowio.String))}}
	e, err := arrowio.NewEncoder(schema, arrowio.EncoderOptions{})
	require.NoError(t, err)
	a := build(column{length: rows, buffers: []any{nil}, children: []column{
		{length: rows, buffers: []any{nil, values}}, {length: rows, buffers: []any{nil, ends, make([]byte, rows)}},
	}})
	seen := map[*byte]int{}
	for range 10 {
		require.NoError(t, e.Load(a))
		require.NoError(t, e.Append(0, rows))
	}
	messages, err := e.Joined()
	require.NoError(t, err)
	require.Len(t, messages, 1)
	for _, segment := range messages[0].Body {
		seen[unsafe.SliceData(segment)] = len(segment)
	}
	// Numbers and letters of each part lie where they were copied to; offsets are made.
	large := 0
	for _, size := range seen {
		if size == 8*rows || size == rows {
			large++
		}
	}
	assert.Equal(t, 20, large)
}

func TestWhatCannotBeJoined(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, typ *arrowio.Type, want string, a *cdata.Array, times int) {
		t.Helper()
		e, err := arrowio.NewEncoder(columnOf(typ), arrowio.EncoderOptions{})
		require.NoError(t, err)
		appended := func(times int) {
			for range times {
				require.NoError(t, e.Load(a))
				require.NoError(t, e.Append(0, a.Length))
			}
		}
		appended(times)
		_, err = e.Joined()
		assert.Equal(t, status.NotSupported, status.CodeOf(err))
		assert.EqualError(t, err, want+" in a group, which is one batch for PySpark 3.5 and 4.0")
		assert.Zero(t, e.Appended(), "the group is dropped")
		appended(times - 1)
		messages, err := e.Joined()
		require.NoError(t, err)
		assert.Len(t, messages, 1)
	}
	batch := func(c column) *cdata.Array {
		return build(column{length: c.length, buffers: []any{nil}, children: []column{c}})
	}
	t.Run("run ends", func(t *testing.T) {
		t.Parallel()
		refused(t, runType, `column "x": run_end_encoded with more than 32767 values`,
			batch(column{length: 20000, children: []column{{length: 1, buffers: []any{nil, []int16{20000}}}, ints(1)}}),
			2)
	})
	const half = 1<<30 + 1
	bits := &arrowio.Type{ID: arrowio.FixedSizeBinary}
	t.Run("list items", func(t *testing.T) {
		t.Parallel()
		refused(t, typeOf(arrowio.List, field("item", bits)), `column "x": list with more than 2147483647 items`,
			batch(column{length: 1, buffers: []any{nil, []int32{0, half}},
				children: []column{{length: half, buffers: []any{nil, nil}}}}), 2)
	})
	t.Run("list view items", func(t *testing.T) {
		t.Parallel()
		refused(t, typeOf(arrowio.ListView, field("item", bits)),
			`column "x": list_view with more than 2147483647 items`,
			batch(column{length: 1, buffers: []any{nil, []int32{0}, []int32{half}},
				children: []column{{length: half, buffers: []any{nil, nil}}}}), 2)
	})
	t.Run("values", func(t *testing.T) {
		t.Parallel()
		refused(t, &arrowio.Type{ID: arrowio.FixedSizeList, Size: 1 << 30,
			Children: []arrowio.Field{field("item", typeOf(arrowio.Null))}},
			`column "x.item": null with more than 8589934592 values`,
			batch(column{length: 8, buffers: []any{nil}, children: []column{{length: 8 << 30, nulls: 8 << 30}}}), 2)
	})
	t.Run("rows", func(t *testing.T) {
		t.Parallel()
		e, err := arrowio.NewEncoder(columnOf(typeOf(arrowio.Null)), arrowio.EncoderOptions{})
		require.NoError(t, err)
		require.NoError(t, e.Load(batch(column{length: 1 << 33, nulls: 1 << 33})))
		require.NoError(t, e.Append(0, 1<<33))
		err = e.Append(0, 1)
		assert.Equal(t, status.NotSupported, status.CodeOf(err))
		assert.ErrorContains(t, err, "more than 8589934592 rows")
		assert.EqualValues(t, 1<<33, e.Appended())
	})
	t.Run("dictionary indices", func(t *testing.T) {
		t.Parallel()
		e, err := arrowio.NewEncoder(columnOf(&arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Uint8),
			Value: int32Type}), arrowio.EncoderOptions{})
		require.NoError(t, err)
		appended := func(from int32) {
			numbers := make([]int32, 200)
			for i := range numbers {
				numbers[i] = from + int32(i)
			}
			values := ints(numbers...)
			const last = -57 // as a signed integer, of 199; the third is null
			valid, indices := []byte{0b011}, []int8{last, 55, -1}
			require.NoError(t,
				e.Load(batch(column{length: 3, nulls: 1, buffers: []any{valid, indices}, dictionary: &values})))
			require.NoError(t, e.Append(0, 3))
		}
		appended(0)
		appended(56)
		messages, err := e.Joined()
		require.NoError(t, err, "value 255 is the last that there is room for")
		require.Len(t, messages, 2)
		appended(0)
		appended(57)
		_, err = e.Joined()
		assert.EqualError(t, err,
			`column "x": dictionary with more than 256 values in a group, which is one batch for PySpark 3.5 and 4.0`)
	})
}

func TestAppendAfterErrors(t *testing.T) {
	t.Parallel()
	e, err := arrowio.NewEncoder(columnOf(typeOf(arrowio.String)), arrowio.EncoderOptions{})
	require.NoError(t, err)
	assert.Nil(t, e.Loaded())
	assert.Equal(t, status.Internal, status.CodeOf(e.Append(0, 0)), "nothing is loaded")
	falling := column{length: 4, buffers: []any{nil, []int32{0, 1, 2, 1, 5}, []byte("abcde")}}
	a := build(column{length: 4, buffers: []any{nil}, children: []column{falling}})
	require.NoError(t, e.Load(a))
	assert.Same(t, a, e.Loaded())
	for _, bad := range [][2]int64{{-1, 2}, {2, 1}, {0, 5}} {
		assert.Equal(t, status.Internal, status.CodeOf(e.Append(bad[0], bad[1])))
	}
	require.NoError(t, e.Append(0, 2))
	err = e.Append(1, 3)
	assert.Equal(t, status.Host, status.CodeOf(err))
	assert.ErrorContains(t, err, `input array: column "x": offset 2 is 1, falling from 2`)
	assert.EqualValues(t, 2, e.Appended(), "the rows before stay")
	require.NoError(t, e.Append(3, 4))
	messages, err := e.Joined()
	require.NoError(t, err)
	q := queue{segments: [][]byte{e.Start()}}
	q.add(messages...)
	content, err := arrowtest.Read(q.bytes(), false)
	require.NoError(t, err)
	defer content.Release()
	assert.Equal(t, [][][]any{{{"a"}, {"b"}, {"bcde"}}}, content.Rows())

	assert.Equal(t, status.Host, status.CodeOf(e.Load(&cdata.Array{})))
	assert.Nil(t, e.Loaded())
	assert.Equal(t, status.Internal, status.CodeOf(e.Append(0, 0)))
}
