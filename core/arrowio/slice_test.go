package arrowio_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// queue holds messages as a socket's queue does: their memory, but not the lists that say where it is.
type queue struct{ segments [][]byte }

func (q *queue) add(messages ...arrowio.Message) {
	for _, m := range messages {
		q.segments = append(q.segments, m.Header)
		q.segments = append(q.segments, m.Body...)
	}
}

func (q *queue) bytes() []byte { return bytes.Join(q.segments, nil) }

// loaders bring a stream's batches to an encoder, one by one: as arrays of C data, or as messages of IPC.
var loaders = map[string]func(t *testing.T, stream []byte,
	loaded func(e *arrowio.Encoder, rows int64)) (written func()){
	"arrays": func(t *testing.T, stream []byte, loaded func(*arrowio.Encoder, int64)) func() {
		content, err := arrowtest.Read(stream, false)
		require.NoError(t, err)
		e, err := arrowio.NewEncoder(throughC(t, content.Schema, newBlocks()), arrowio.EncoderOptions{})
		require.NoError(t, err)
		if len(content.Batches) == 0 {
			loaded(e, 0)
		}
		for _, a := range content.Batches {
			require.NoError(t, e.Load(a))
			loaded(e, a.Length)
		}
		return content.Release
	},
	"batches": func(t *testing.T, stream []byte, loaded func(*arrowio.Encoder, int64)) func() {
		d := arrowio.NewDecoder(arrowio.DecoderOptions{})
		var e *arrowio.Encoder
		encoder := func() *arrowio.Encoder {
			if e == nil {
				var err error
				e, err = arrowio.NewEncoder(d.Schema(), arrowio.EncoderOptions{})
				require.NoError(t, err)
			}
			return e
		}
		err := borrow(d, stream, func(b *arrowio.Batch) {
			require.NoError(t, encoder().LoadBatch(b))
			loaded(e, b.Length())
		}, func(b *arrowio.Batch) { require.NoError(t, encoder().LoadBatch(b)) })
		require.NoError(t, err)
		if e == nil {
			loaded(encoder(), 0)
		}
		return func() {}
	},
}

// TestSlices has pyarrow read one slice of each batch, for every type.
func TestSlices(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	out := map[string][]byte{}
	for name, stream := range all {
		for way, load := range loaders {
			for _, cut := range [][2]int64{{0, 1}, {1, 3}, {3, 9}, {8, 16}, {5, 64}, {2, 0}, {76, 1}} {
				var q queue
				written := load(t, stream, func(e *arrowio.Encoder, rows int64) {
					if len(q.segments) == 0 {
						q.segments = append(q.segments, e.Start())
					}
					if rows >= cut[0]+cut[1] && rows > 0 {
						messages, err := e.Slice(cut[0], cut[0]+cut[1])
						require.NoError(t, err)
						q.add(messages...)
					}
				})
				q.segments = append(q.segments, arrowio.EndOfStream)
				out[fmt.Sprintf("%s@%d+%d~%s", name, cut[0], cut[1], way)] = q.bytes()
				written()
			}
		}
	}
	compare(t, out)
}

// TestAStreamPerGroup cuts each batch into groups, and each of them is a stream of its own, with all it needs.
func TestAStreamPerGroup(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	for name, stream := range all {
		content, err := arrowtest.Read(stream, false)
		require.NoError(t, err)
		expected := content.Rows()
		content.Release()
		for way, load := range loaders {
			var groups []queue
			var want [][][]any
			batch := 0
			written := load(t, stream, func(e *arrowio.Encoder, rows int64) {
				for from := int64(0); from < rows; {
					to := min(rows, from+1+from%7)
					e.Restart()
					messages, err := e.Slice(from, to)
					require.NoError(t, err)
					q := queue{segments: [][]byte{e.Start()}}
					q.add(messages...)
					q.segments = append(q.segments, arrowio.EndOfStream)
					groups = append(groups, q)
					want = append(want, expected[batch][from:to])
					from = to
				}
				batch++
			})
			for i, q := range groups {
				group, err := arrowtest.Read(q.bytes(), false)
				require.NoError(t, err, "%s %s", name, way)
				require.Equal(t, [][][]any{want[i]}, group.Rows(), "%s %s, group %d", name, way, i)
				group.Release()
			}
			written()
		}
	}
}

// TestSlicesInStructs puts slices into the struct column that map functions take.
func TestSlicesInStructs(t *testing.T) {
	t.Parallel()
	e, err := arrowio.NewEncoder(columnOf(int32Type), arrowio.EncoderOptions{WrapStruct: true})
	require.NoError(t, err)
	require.NoError(t, e.Load(build(column{length: 4, buffers: []any{nil}, children: []column{ints(1, 2, 3, 4)}})))
	messages, err := e.Slice(1, 3)
	require.NoError(t, err)
	q := queue{segments: [][]byte{e.Start()}}
	q.add(messages...)
	content, err := arrowtest.Read(q.bytes(), true)
	require.NoError(t, err)
	assert.Equal(t, [][][]any{{{int64(2)}, {int64(3)}}}, content.Rows())
	content.Release()
}

func TestDictionariesOfSlices(t *testing.T) {
	t.Parallel()
	batch := func(text string) *cdata.Array {
		words := column{length: 2, buffers: []any{nil, []int32{0, 1, 2}, []byte(text)}}
		return build(column{length: 4, buffers: []any{nil}, children: []column{
			{length: 4, buffers: []any{nil, []int8{0, 1, 0, 1}}, dictionary: &words},
		}})
	}
	e, err := arrowio.NewEncoder(columnOf(wordType), arrowio.EncoderOptions{})
	require.NoError(t, err)
	slice := func(messages int, why string) {
		t.Helper()
		got, err := e.Slice(1, 3)
		require.NoError(t, err)
		assert.Len(t, got, messages, why)
	}
	require.NoError(t, e.Load(batch("ab")))
	slice(2, "new")
	slice(1, "the stream has it")
	require.NoError(t, e.Load(batch("ab")))
	slice(1, "equal bytes elsewhere in memory")
	require.NoError(t, e.Load(batch("cd")))
	require.NoError(t, e.Load(batch("cd")))
	slice(2, "changed, and not sent since")
	e.Restart()
	slice(2, "the stream is new")
	slice(1, "the new stream has it")
	e.Restart()
	got, err := e.Array(batch("cd"))
	require.NoError(t, err)
	assert.Len(t, got, 2, "of whole arrays as well")
}

// TestSlicesHoldWhatTheyNeed bounds what single rows of large arrays bring along.
func TestSlicesHoldWhatTheyNeed(t *testing.T) {
	t.Parallel()
	const rows = 1000
	text, value := bytes.Repeat([]byte("x"), 100*rows), int32(100)
	var view []int32
	ids, offsets, values := make([]int8, rows), make([]int32, rows), make([]int32, rows)
	ends := make([]int16, rows)
	for i := range int32(rows) {
		view = append(view, value, 0, i%2, i/2*value)
		ids[i], offsets[i], ends[i] = 3+6*int8(i%2), i/2, int16(i+1)
	}
	half := len(text) / 2
	columns := map[*arrowio.Type]column{
		typeOf(arrowio.StringView): {length: rows, buffers: []any{nil, view, text[:half], text[half:],
			[]int64{int64(half), int64(half)}}},
		denseType: {length: rows, buffers: []any{ids, offsets},
			children: []column{ints(values...), ints(values...)}},
		runType: {length: rows, children: []column{{length: rows, buffers: []any{nil, ends}},
			ints(values...)}},
	}
	for typ, c := range columns {
		e, err := arrowio.NewEncoder(columnOf(typ), arrowio.EncoderOptions{})
		require.NoError(t, err)
		require.NoError(t, e.Load(build(column{length: rows, buffers: []any{nil}, children: []column{c}})))
		for _, from := range []int64{0, 1, 501, rows - 2} {
			messages, err := e.Slice(from, from+2)
			require.NoError(t, err)
			assert.Less(t, messages[0].BodyLength, int64(300), typ.String())
		}
	}
}

func TestSlicesOfLargeBuffersAreNotCopied(t *testing.T) {
	t.Parallel()
	values := make([]int64, 1000)
	e, err := arrowio.NewEncoder(columnOf(typeOf(arrowio.Int64)), arrowio.EncoderOptions{})
	require.NoError(t, err)
	require.NoError(t,
		e.Load(build(column{length: 1000, buffers: []any{nil},
			children: []column{{length: 1000, buffers: []any{nil, values}}}})))
	messages, err := e.Slice(100, 900)
	require.NoError(t, err)
	require.Len(t, messages, 1)
	require.Len(t, messages[0].Body, 1)
	assert.Same(t, (*byte)(unsafe.Pointer(&values[100])), &messages[0].Body[0][0])
}

func TestSlicesThatCannotBe(t *testing.T) {
	t.Parallel()
	e, err := arrowio.NewEncoder(columnOf(typeOf(arrowio.String)), arrowio.EncoderOptions{})
	require.NoError(t, err)
	_, err = e.Slice(0, 0)
	assert.Equal(t, status.Internal, status.CodeOf(err), "nothing is loaded")
	falling := column{length: 4, buffers: []any{nil, []int32{0, 1, 2, 1, 5}, []byte("abcde")}}
	require.NoError(t, e.Load(build(column{length: 4, buffers: []any{nil}, children: []column{falling}})))
	for _, bad := range [][2]int64{{-1, 2}, {2, 1}, {0, 5}} {
		_, err = e.Slice(bad[0], bad[1])
		assert.Equal(t, status.Internal, status.CodeOf(err))
	}
	_, err = e.Slice(1, 3)
	assert.Equal(t, status.Host, status.CodeOf(err))
	assert.ErrorContains(t, err, `input array: column "x": offset 2 is 1, falling from 2`)
	_, err = e.Slice(0, 2)
	require.NoError(t, err, "other rows are sound")

	assert.Equal(t, status.Host, status.CodeOf(e.Load(&cdata.Array{})))
	_, err = e.Slice(0, 0)
	assert.Equal(t, status.Internal, status.CodeOf(err), "nor is anything after a failure")
	coded, err := arrowio.NewEncoder(columnOf(wordType), arrowio.EncoderOptions{})
	require.NoError(t, err)
	err = coded.Load(build(column{length: 1, buffers: []any{nil},
		children: []column{{length: 1, buffers: []any{nil, []int8{0}}}}}))
	assert.ErrorContains(t, err, `input array: column "x": dictionary is NULL`)
	require.NoError(t, coded.Load(build(column{length: 3, buffers: []any{nil}, children: []column{words(0, 1, 2)}})))
	_, err = coded.Slice(0, 2)
	require.NoError(t, err)
	_, err = coded.Slice(2, 3)
	assert.ErrorContains(t, err, `dictionary index at 0 is outside a dictionary of 2 values`)

	runs, err := arrowio.NewEncoder(columnOf(runType), arrowio.EncoderOptions{})
	require.NoError(t, err)
	bad := column{length: 6, children: []column{{length: 4, buffers: []any{nil, []int16{2, 4, 4, 5}}},
		ints(1, 2, 3, 4)}}
	require.NoError(t, runs.Load(build(column{length: 6, buffers: []any{nil}, children: []column{bad}})))
	_, err = runs.Slice(0, 3)
	require.NoError(t, err)
	_, err = runs.Slice(4, 6)
	assert.ErrorContains(t, err, "last run end is 5, values up to 6 are needed")
	_, err = runs.Slice(2, 5)
	assert.ErrorContains(t, err, "run end 1 is 4, not above 4")
}

// TestSharedDictionaryIDsOfSlices has IPC bring two columns of one dictionary, which arrays cannot.
func TestSharedDictionaryIDsOfSlices(t *testing.T) {
	t.Parallel()
	shared := &arrowio.Schema{Fields: []arrowio.Field{field("a", wordType), field("b", wordType)}}
	e, err := arrowio.NewEncoder(shared, arrowio.EncoderOptions{})
	require.NoError(t, err)
	err = e.Load(build(column{buffers: []any{nil}, children: []column{words(), words()}}))
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	assert.True(t, slices.Equal(e.Start(), e.Start()))
}

func BenchmarkSlice(b *testing.B) {
	const rows, group = 100_000, 10
	for _, columns := range []int{5, 50} {
		b.Run(fmt.Sprintf("%d columns", columns), func(b *testing.B) {
			_, stream := longColumns(b, rows)
			content, err := arrowtest.Read(stream, false)
			require.NoError(b, err)
			schema := &arrowio.Schema{Fields: content.Schema.Fields[:columns]}
			a := *content.Batches[0]
			a.NChildren = int64(columns)
			e, err := arrowio.NewEncoder(schema, arrowio.EncoderOptions{})
			require.NoError(b, err)
			require.NoError(b, e.Load(&a))
			b.ReportAllocs()
			var from int64
			for b.Loop() {
				e.Restart()
				if _, err := e.Slice(from, from+group); err != nil {
					b.Fatal(err)
				}
				from = (from + group) % rows
			}
			content.Release()
		})
	}
}

func BenchmarkCut(b *testing.B) {
	const rows = 100_000
	values, offsets := make([]int64, rows), make([]int32, rows+1)
	for i := range values {
		values[i], offsets[i+1] = int64(i/10), int32(i+1)*12
	}
	text := bytes.Repeat([]byte("twelve bytes"), rows)
	for name, c := range map[string]struct {
		typ *arrowio.Type
		column
	}{
		"int64":  {typeOf(arrowio.Int64), column{length: rows, buffers: []any{nil, values}}},
		"string": {typeOf(arrowio.String), column{length: rows, buffers: []any{nil, offsets, text}}},
	} {
		b.Run(name, func(b *testing.B) {
			cutter, err := arrowio.NewCutter(columnOf(c.typ), 1)
			require.NoError(b, err)
			a := build(column{length: rows, buffers: []any{nil}, children: []column{c.column}})
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := cutter.Cut(a); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}

// TestFilledChecksWhatItReads asks for the size of arrays that hold what they must not.
func TestFilledChecksWhatItReads(t *testing.T) {
	t.Parallel()
	short := column{length: 3, buffers: []any{nil, nil, nil}}
	falling := column{length: 3, buffers: []any{nil, []int32{0, 4, 2, 1}, []byte("abcd")}}
	beyond := column{length: 3, buffers: []any{nil, []int32{0, 1, 2, 9}}, children: []column{ints(1, 2, 3)}}
	tests := map[string]struct {
		typ  *arrowio.Type
		c    column
		want string
	}{
		"no offsets":      {typeOf(arrowio.String), short, `input array: column "x": buffer 1 (offsets) is NULL`},
		"falling offsets": {typeOf(arrowio.String), falling, `input array: column "x": offsets fall from 4 to`},
		"list beyond items": {typeOf(arrowio.List, itemsOfInts), beyond,
			`column "x.item": length is 3, its parent needs 9`},
		"short column": {int32Type, ints(1, 2), `input array: column "x": length is 2, its parent needs 3`},
		"no view":      {typeOf(arrowio.StringView), short, `input array: column "x": buffer 1 (views) is NULL`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := arrowio.NewEncoder(columnOf(test.typ), arrowio.EncoderOptions{})
			require.NoError(t, err)
			a := build(column{length: 3, buffers: []any{nil}, children: []column{test.c}})
			require.NoError(t, e.Load(a))
			from := int64(0)
			if name == "falling offsets" {
				from = 1
			}
			_, err = e.Filled(from, 3, 1<<40)
			assert.Equal(t, status.Host, status.CodeOf(err))
			assert.ErrorContains(t, err, test.want)
		})
	}
}

// TestFilledIsMonotonous cuts pyarrow's streams of every type by size: rows come once each, and a larger limit gives no
// smaller batch.
func TestFilledIsMonotonous(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	for name, stream := range all {
		for kind, load := range loaders {
			release := load(t, stream, func(e *arrowio.Encoder, rows int64) {
				for from := int64(0); from < rows; from++ {
					last := from
					for _, limit := range []int64{0, 1, 64, 300, 1 << 40} {
						end, err := e.Filled(from, rows, limit)
						require.NoError(t, err, "%s, %s", name, kind)
						require.True(t, end > from && end >= last && end <= rows, "%s, %s: %d, %d", name, kind, end,
							last)
						last = end
					}
					require.Equal(t, rows, last, "%s, %s", name, kind)
				}
			})
			release()
		}
	}
}
