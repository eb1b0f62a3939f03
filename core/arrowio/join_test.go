package arrowio_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// passing brings a stream's batches to an encoder, and spoils their memory once each was used.
var passing = map[string]func(t *testing.T, stream []byte, opt arrowio.EncoderOptions, loaded func(e *arrowio.Encoder, rows int64)){
	"arrays": func(t *testing.T, stream []byte, opt arrowio.EncoderOptions, loaded func(*arrowio.Encoder, int64)) {
		b := newBlocks()
		d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions})
		found := arrays(t, d, stream)
		d.Close()
		e, err := arrowio.NewEncoder(throughC(t, d.Schema(), b), opt)
		require.NoError(t, err)
		for _, a := range found {
			require.NoError(t, e.Load(a))
			loaded(e, a.Length)
			release(a)
			for block, size := range b.made {
				if atomic.LoadInt64((*int64)(block)) == 1 {
					spoil(hostmem.Bytes(block, 0, size))
				}
			}
		}
		b.requireReleased(t)
		if len(found) == 0 {
			loaded(e, 0)
		}
	},
	"batches": func(t *testing.T, stream []byte, opt arrowio.EncoderOptions, loaded func(*arrowio.Encoder, int64)) {
		d := arrowio.NewDecoder(arrowio.DecoderOptions{})
		var e *arrowio.Encoder
		encoder := func() *arrowio.Encoder {
			if e == nil {
				var err error
				e, err = arrowio.NewEncoder(d.Schema(), opt)
				require.NoError(t, err)
			}
			return e
		}
		var body []byte
		err := run(d, stream, func(step arrowio.Step, batch *arrowio.Batch) error {
			require.NoError(t, encoder().LoadBatch(batch))
			if step.Kind == arrowio.StepBatch {
				loaded(e, batch.Length())
			} else {
				assert.Nil(t, e.Loaded(), "after a dictionary")
			}
			spoil(body)
			return nil
		}, func(from []byte) error {
			aligned := make([]uint64, (len(from)+7)/8)
			body = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(aligned))), len(from))
			copy(body, from)
			return d.Borrow(body)
		})
		require.NoError(t, err)
		if e == nil {
			loaded(encoder(), 0)
		}
	},
}

func spoil(memory []byte) {
	for i := range memory {
		memory[i] = 0xA5
	}
}

// TestJoined has pyarrow compare batches that are joined of slices with its own joining of these, for every type. Between
// them are slices that were not appended, and empty groups.
func TestJoined(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	files := map[string][]byte{}
	var groups int
	for name, stream := range all {
		for way, pass := range passing {
			for round := range 3 {
				random := rand.New(rand.NewPCG(uint64(round), 1))
				var q queue
				group, done := [][3]int64{}, [][][3]int64{}
				flush := func(e *arrowio.Encoder) {
					messages, err := e.Joined()
					require.NoError(t, err, "%s %s", name, way)
					q.add(messages...)
					done, group = append(done, group), [][3]int64{}
				}
				var last *arrowio.Encoder
				batch := int64(0)
				pass(t, stream, arrowio.EncoderOptions{}, func(e *arrowio.Encoder, rows int64) {
					if last = e; len(q.segments) == 0 {
						q.segments = append(q.segments, e.Start())
					}
					for from := int64(0); from < rows; {
						to := min(rows, from+1+random.Int64N(rows))
						switch random.IntN(4) {
						case 0: // It is left out.
						case 1:
							// What was appended goes on with it, as a group that begins in the batch before does.
							if len(group) == 0 {
								messages, err := e.Slice(from, to)
								require.NoError(t, err)
								var sent bytes.Buffer
								write(&sent, messages...)
								q.segments = append(q.segments, sent.Bytes())
								done = append(done, [][3]int64{{batch, from, to}})
								break
							}
							fallthrough
						default:
							before := e.Appended()
							require.NoError(t, e.Append(from, to))
							require.Equal(t, before+to-from, e.Appended())
							group = append(group, [3]int64{batch, from, to})
						}
						from = to
						if random.IntN(4) == 0 {
							flush(e)
						}
					}
					batch++
				})
				flush(last)
				flush(last)
				require.Zero(t, last.Appended())
				q.segments = append(q.segments, arrowio.EndOfStream)
				file := fmt.Sprintf("%s@%s %d", name, way, round)
				files[file+".arrows"] = q.bytes()
				list, err := json.Marshal(done)
				require.NoError(t, err)
				files[file+".json"] = list
				groups += len(done)
			}
		}
	}
	assert.Equal(t, groups, compareFiles(t, "joined", files))
}

// TestJoinedInStructs joins rows into the struct column that map functions take.
func TestJoinedInStructs(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	for _, name := range []string{"struct of struct", "dictionaries replaced", "all columns"} {
		content, err := arrowtest.Read(all[name], false)
		require.NoError(t, err)
		var want [][]any
		for _, rows := range content.Rows() {
			want = append(want, rows...)
		}
		content.Release()
		for way, pass := range passing {
			var q queue
			var last *arrowio.Encoder
			pass(t, all[name], arrowio.EncoderOptions{WrapStruct: true}, func(e *arrowio.Encoder, rows int64) {
				require.NoError(t, e.Append(0, rows/2))
				require.NoError(t, e.Append(rows/2, rows))
				last = e
			})
			messages, err := last.Joined()
			require.NoError(t, err)
			q.segments = append(q.segments, last.Start())
			q.add(messages...)
			got, err := arrowtest.Read(q.bytes(), true)
			require.NoError(t, err)
			assert.Equal(t, [][][]any{want}, got.Rows(), "%s %s", name, way)
			got.Release()
		}
	}
}

// wordsOf is a batch of one column, indices into these words of one letter.
func wordsOf(text string, indices ...int8) *cdata.Array {
	ends := make([]int32, len(text)+1)
	for i := range ends {
		ends[i] = int32(i)
	}
	letters := column{length: int64(len(text)), buffers: []any{nil, ends, []byte(text)}}
	rows := int64(len(indices))
	return build(column{length: rows, buffers: []any{nil}, children: []column{
		{length: rows, buffers: []any{nil, indices}, dictionary: &letters},
	}})
}

// TestDictionariesOfJoined has rows of changing dictionaries joined, and sliced in between: each message must be read with
// the values that the stream has by then.
func TestDictionariesOfJoined(t *testing.T) {
	t.Parallel()
	e, err := arrowio.NewEncoder(columnOf(wordType), arrowio.EncoderOptions{})
	require.NoError(t, err)
	q := queue{segments: [][]byte{e.Start()}}
	var want [][][]any
	expect := func(messages []arrowio.Message, err error, count int, why, rows string) {
		t.Helper()
		require.NoError(t, err)
		assert.Len(t, messages, count, why)
		q.add(messages...)
		batch := [][]any{}
		for _, letter := range rows {
			batch = append(batch, []any{string(letter)})
		}
		want = append(want, batch)
	}
	appended := func(a *cdata.Array) {
		t.Helper()
		require.NoError(t, e.Load(a))
		require.NoError(t, e.Append(0, a.Length))
	}
	joined := func(count int, why, rows string) {
		t.Helper()
		messages, err := e.Joined()
		expect(messages, err, count, why, rows)
	}
	sliced := func(from, to int64, count int, why, rows string) {
		t.Helper()
		messages, err := e.Slice(from, to)
		expect(messages, err, count, why, rows)
	}
	joined(2, "a reader wants the dictionary before the first batch", "")
	appended(wordsOf("ab", 0, 1))
	appended(wordsOf("ab", 1, 1))
	joined(2, "new", "abbb")
	appended(wordsOf("ab", 0))
	joined(1, "the stream has it", "a")
	sliced(0, 1, 1, "for slices as well", "a")
	joined(1, "nothing is needed", "")
	appended(wordsOf("ab", 1))
	appended(wordsOf("cb", 0, 1))
	appended(wordsOf("ab", 0))
	joined(2, "of both", "bcba")
	sliced(0, 1, 2, "the stream's is another", "a")
	appended(wordsOf("ab", 1))
	require.NoError(t, e.Load(wordsOf("xy", 0, 1)))
	joined(2, "of the batch before", "b")
	sliced(0, 2, 2, "of this batch", "xy")
	appended(wordsOf("xy", 1))
	e.Restart()
	joined(2, "the stream is new", "y")
	q.segments = append(q.segments, arrowio.EndOfStream)
	content, err := arrowtest.Read(q.bytes(), false)
	require.NoError(t, err)
	defer content.Release()
	assert.Equal(t, want, content.Rows())
}

// TestInnerDictionaryReplaced has IPC replace the values that an outer dictionary's are made of, but not the outer one.
func TestInnerDictionaryReplaced(t *testing.T) {
	t.Parallel()
	inner := &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: int32Type, DictionaryID: 1}
	outer := &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: typeOf(arrowio.Struct, field("i", inner))}
	e, err := arrowio.NewEncoder(columnOf(outer), arrowio.EncoderOptions{})
	require.NoError(t, err)
	d := arrowio.NewDecoder(arrowio.DecoderOptions{})
	_, err = d.Metadata(e.Start()[arrowio.PrefixSize:])
	require.NoError(t, err)
	load := func(metadata, body []byte) {
		t.Helper()
		_, err := d.Metadata(metadata)
		require.NoError(t, err)
		require.NoError(t, d.Borrow(body))
		b, err := d.Finish()
		require.NoError(t, err)
		require.NoError(t, e.LoadBatch(b))
	}
	numbers := func(values ...int32) {
		r := raw{length: 2, nodes: pairs{{2, 0}}, buffers: pairs{{0, 0}, {0, 8}}, body: bytesOf(values...)}
		load(r.dictionary(1), r.body)
	}
	rows := func() {
		r := raw{length: 2, nodes: pairs{{2, 0}}, buffers: pairs{{0, 0}, {0, 2}}, body: bytesOf(1<<8, 0)}
		load(r.metadata(), r.body)
		require.NoError(t, e.Append(0, 2))
	}
	numbers(10, 20)
	// Its child is longer than the struct, which IPC allows.
	r := raw{length: 2, nodes: pairs{{2, 0}, {3, 0}}, buffers: pairs{{0, 0}, {0, 0}, {0, 3}}, body: bytesOf(1, 0)}
	load(r.dictionary(0), r.body)
	rows()
	numbers(30, 20)
	rows()
	q := queue{segments: [][]byte{e.Start()}}
	messages, err := e.Joined()
	require.NoError(t, err)
	q.add(messages...)
	content, err := arrowtest.Read(q.bytes(), false)
	require.NoError(t, err)
	defer content.Release()
	row := func(v int64) []any { return []any{[]any{v}} }
	assert.Equal(t, [][][]any{{row(20), row(10), row(20), row(30)}}, content.Rows())
}

// TestLargePartsAreCopiedOnce counts the bytes that joining takes.
func TestLargePartsAreCopiedOnce(t *testing.T) {
	t.Parallel()
	const rows = 10_000
	values, ends := make([]int64, rows), make([]int32, rows+1)
	for i := range ends {
		ends[i] = int32(i)
	}
	schema := &arrowio.Schema{Fields: []arrowio.Field{field("n", typeOf(arrowio.Int64)), field("s", typeOf(arrowio.String))}}
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
			batch(column{length: 20000, children: []column{{length: 1, buffers: []any{nil, []int16{20000}}}, ints(1)}}), 2)
	})
	const half = 1<<30 + 1
	bits := &arrowio.Type{ID: arrowio.FixedSizeBinary}
	t.Run("list items", func(t *testing.T) {
		t.Parallel()
		refused(t, typeOf(arrowio.List, field("item", bits)), `column "x": list with more than 2147483647 items`,
			batch(column{length: 1, buffers: []any{nil, []int32{0, half}}, children: []column{{length: half, buffers: []any{nil, nil}}}}), 2)
	})
	t.Run("list view items", func(t *testing.T) {
		t.Parallel()
		refused(t, typeOf(arrowio.ListView, field("item", bits)), `column "x": list_view with more than 2147483647 items`,
			batch(column{length: 1, buffers: []any{nil, []int32{0}, []int32{half}}, children: []column{{length: half, buffers: []any{nil, nil}}}}), 2)
	})
	t.Run("values", func(t *testing.T) {
		t.Parallel()
		refused(t, &arrowio.Type{ID: arrowio.FixedSizeList, Size: 1 << 30, Children: []arrowio.Field{field("item", typeOf(arrowio.Null))}},
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
		e, err := arrowio.NewEncoder(columnOf(&arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Uint8), Value: int32Type}), arrowio.EncoderOptions{})
		require.NoError(t, err)
		appended := func(from int32) {
			numbers := make([]int32, 200)
			for i := range numbers {
				numbers[i] = from + int32(i)
			}
			values := ints(numbers...)
			last := int8(-57)                                                     // 199
			valid, indices := []byte{0b011}, []int8{last, 55, math.MinInt8 + 127} // the third is null
			require.NoError(t, e.Load(batch(column{length: 3, nulls: 1, buffers: []any{valid, indices}, dictionary: &values})))
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
		assert.EqualError(t, err, `column "x": dictionary with more than 256 values in a group, which is one batch for PySpark 3.5 and 4.0`)
	})
	t.Run("text", func(t *testing.T) {
		t.Parallel()
		// Large columns are copied as they are appended, so this takes 2 GiB, though the same page over and over of the text.
		memory, err := unix.Mmap(-1, 0, half, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, unix.Munmap(memory)) })
		refused(t, typeOf(arrowio.String), `column "x": string with more than 2147483647 bytes`,
			batch(column{length: 1, buffers: []any{nil, []int32{0, half}, memory}}), 2)
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
