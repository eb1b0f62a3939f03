package arrowio_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/flatbuf"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

func typeOf(id arrowio.TypeID, children ...arrowio.Field) *arrowio.Type {
	return &arrowio.Type{ID: id, Children: children}
}

func field(name string, t *arrowio.Type) arrowio.Field {
	return arrowio.Field{Name: name, Type: t, Nullable: true}
}

func columnOf(t *arrowio.Type) *arrowio.Schema {
	return &arrowio.Schema{Fields: []arrowio.Field{field("x", t)}}
}

var (
	int32Type   = typeOf(arrowio.Int32)
	itemsOfInts = field("item", int32Type)
	rowType     = typeOf(arrowio.Struct, field("a", int32Type))
	sparseType  = &arrowio.Type{
		ID: arrowio.SparseUnion, TypeIDs: []int8{3, 9},
		Children: []arrowio.Field{field("a", int32Type), field("b", int32Type)},
	}
	denseType = &arrowio.Type{ID: arrowio.DenseUnion, TypeIDs: sparseType.TypeIDs, Children: sparseType.Children}
	wordType  = &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: typeOf(arrowio.String)}
	runType   = typeOf(arrowio.RunEndEncoded, field("run_ends", typeOf(arrowio.Int16)), field("values", int32Type))
	pairType  = &arrowio.Type{ID: arrowio.FixedSizeList, Size: 2, Children: []arrowio.Field{itemsOfInts}}
)

func ints(values ...int32) column {
	return column{length: int64(len(values)), buffers: []any{nil, values}}
}

func words(indices ...int8) column {
	dictionary := column{length: 2, buffers: []any{nil, []int32{0, 1, 2}, []byte("ab")}}
	return column{length: int64(len(indices)), buffers: []any{nil, indices}, dictionary: &dictionary}
}

func TestMalformedHostArrays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		typ  *arrowio.Type
		c    column
		want string
	}{
		"negative length": {int32Type, column{length: -1, buffers: []any{nil, nil}},
			`column "x": length -1, offset 0`},
		"negative offset": {int32Type, column{length: 3, offset: -4, buffers: []any{nil, nil}},
			`column "x": length 3, offset -4`},
		"huge length": {int32Type, column{length: math.MaxInt64, buffers: []any{nil, nil}},
			`length 9223372036854775807`},
		"short column": {int32Type, ints(1, 2), `column "x": length is 2, its parent needs 3`},
		"null_count": {int32Type, column{length: 3, nulls: 4, buffers: []any{nil, nil}},
			`column "x": null_count 4 of length 3`},
		"null_count below -1": {int32Type, column{length: 3, nulls: -2, buffers: []any{nil, nil}},
			`null_count -2 of length 3`},
		"nulls, no validity": {int32Type, column{length: 3, nulls: 1, buffers: []any{nil, []int32{1, 2, 3}}},
			`column "x": null_count is 1 and buffer 0 (validity) is NULL`},
		"too few buffers": {int32Type, column{length: 3, buffers: []any{nil}},
			`column "x": n_buffers is 1, must be 2`},
		"too many buffers": {int32Type, column{length: 3, buffers: []any{nil, nil, nil}},
			`n_buffers is 3, must be 2`},
		"no values": {int32Type, column{length: 3, buffers: []any{nil, nil}},
			`column "x": buffer 1 (values) is NULL, 12 bytes needed`},
		"no bits": {typeOf(arrowio.Bool), column{length: 3, buffers: []any{nil, nil}},
			`buffer 1 (values) is NULL, 1 bytes needed`},
		"extra child": {int32Type, column{length: 3, buffers: []any{nil, nil}, children: []column{ints()}},
			`n_children is 1, must be 0`},
		"no child": {rowType, column{length: 3, buffers: []any{nil}},
			`column "x": n_children is 0, must be 1`},
		"short struct child": {rowType, column{length: 3, buffers: []any{nil}, children: []column{ints(1, 2)}},
			`column "x.a": length is 2, its parent needs 3`},
		"no offsets": {typeOf(arrowio.String), column{length: 3, buffers: []any{nil, nil, nil}},
			`column "x": buffer 1 (offsets) is NULL, 16 bytes needed`},
		"negative first": {typeOf(arrowio.String),
			column{length: 3, buffers: []any{nil, []int32{-1, 0, 0, 0}, nil}}, `column "x": offset 0 is -1, negative`},
		"falling offsets": {typeOf(arrowio.String),
			column{length: 3, buffers: []any{nil, []int32{0, 4, 2, 5}, []byte("abcde")}},
			`column "x": offset 2 is 2, falling from 4`},
		"offsets that wrap": {typeOf(arrowio.String),
			column{length: 3, buffers: []any{nil, []int32{0, math.MaxInt32, math.MinInt32, 5}, nil}},
			`falling from 2147483647`},
		"no data": {typeOf(arrowio.String),
			column{length: 3, buffers: []any{nil, []int32{0, 1, 2, 5}, nil}},
			`buffer 2 (data) is NULL, 5 bytes needed`},
		"large falling": {typeOf(arrowio.LargeBinary),
			column{length: 3, buffers: []any{nil, []int64{0, 4, 2, 5}, []byte("abcde")}},
			`offset 2 is 2, falling from 4`},
		"view buffers": {typeOf(arrowio.StringView), column{length: 3, buffers: []any{nil, nil}},
			`n_buffers is 2, must be 3`},
		"view outside": {typeOf(arrowio.StringView),
			column{length: 3, buffers: []any{nil, views(20, 0, 0, 3), make([]byte, 22), []int64{22}}},
			`column "x": view 0 is 3+20 of data buffer 0 (1 buffers)`},
		"view index": {typeOf(arrowio.StringView),
			column{length: 3, buffers: []any{nil, views(20, 0, 1, 0), make([]byte, 22), []int64{22}}},
			`view 0 is 0+20 of data buffer 1 (1 buffers)`},
		"view size": {typeOf(arrowio.BinaryView),
			column{length: 3, buffers: []any{nil, views(-1, 0, 0, 0), nil}}, `view 0 is 0+-1`},
		"view without sizes": {typeOf(arrowio.BinaryView),
			column{length: 3, buffers: []any{nil, views(0, 0, 0, 0), make([]byte, 22), nil}},
			`buffer 3 (sizes) is NULL`},
		"list beyond items": {typeOf(arrowio.List, itemsOfInts),
			column{length: 3, buffers: []any{nil, []int32{0, 1, 2, 4}}, children: []column{ints(1, 2, 3)}},
			`column "x": last offset is 4, beyond 3`},
		"list view": {typeOf(arrowio.ListView, itemsOfInts),
			column{length: 3, buffers: []any{nil, []int32{0, 1, 2}, []int32{0, 2, 2}},
				children: []column{ints(1, 2, 3)}}, `column "x": entry 2 is items 2+2 of 3`},
		"fixed list too short": {pairType, column{length: 3, buffers: []any{nil},
			children: []column{ints(1, 2, 3, 4, 5)}}, `column "x.item": length is 5, its parent needs 6`},
		"fixed list overflow": {&arrowio.Type{ID: arrowio.FixedSizeList, Size: math.MaxInt32,
			Children: pairType.Children}, column{length: 1 << 50, buffers: []any{nil}, children: []column{ints()}},
			`lists of 2147483647 items`},
		"union type id": {sparseType, column{length: 3, buffers: []any{[]int8{3, 4, 9}},
			children: []column{ints(1, 2, 3), ints(1, 2, 3)}}, `column "x": type id 1 is 4, none of the union's`},
		"union with validity": {sparseType, column{length: 3, buffers: []any{nil, []int8{3, 3, 9}},
			children: []column{ints(1, 2, 3), ints(1, 2, 3)}}, `n_buffers is 2, must be 1`},
		"dense offset": {denseType, column{length: 3, buffers: []any{[]int8{3, 9, 9}, []int32{0, 0, 1}},
			children: []column{ints(1), ints(2)}}, `column "x": offset 2 is 1 in child 1 of 1 values`},
		"no dictionary": {wordType, column{length: 3, buffers: []any{nil, []int8{0, 0, 0}}},
			`column "x": dictionary is NULL`},
		"dictionary": {typeOf(arrowio.Int8), words(0, 0, 0),
			`column "x": array with a dictionary, must be int8`},
		"nulls of a union": {sparseType, column{length: 3, nulls: 1, buffers: []any{[]int8{3, 3, 9}},
			children: []column{ints(1, 2, 3), ints(1, 2, 3)}},
			`column "x": null_count is 1, a sparse_union has no nulls of its own`},
		"nulls of runs": {runType,
			column{length: 3, nulls: 3, children: []column{{length: 1, buffers: []any{nil, []int16{3}}}, ints(1)}},
			`column "x": null_count is 3, a run_end_encoded has no nulls of its own`},
		"index too high": {wordType, words(0, 1, 2),
			`column "x": dictionary index at 2 is outside a dictionary of 2 values`},
		"index negative": {wordType, words(0, -1, 1), `dictionary index at 1 is outside`},
		"run ends short": {runType,
			column{length: 3, children: []column{{length: 1, buffers: []any{nil, []int16{2}}}, ints(1)}},
			`column "x.run_ends": last run end is 2, values up to 3 are needed`},
		"run ends falling": {runType,
			column{length: 3, children: []column{{length: 2, buffers: []any{nil, []int16{3, 3}}}, ints(1, 2)}},
			`column "x.run_ends": run end 1 is 3, not above 3`},
		"run values short": {runType,
			column{length: 3, children: []column{{length: 2, buffers: []any{nil, []int16{2, 3}}}, ints(1)}},
			`column "x.values": length is 1, its parent needs 2`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := arrowio.NewEncoder(columnOf(test.typ), arrowio.EncoderOptions{})
			require.NoError(t, err)
			length := int64(3)
			if test.c.length > 1<<40 {
				length = test.c.length
			}
			root := build(column{length: min(length, 1<<50), buffers: []any{nil}, children: []column{test.c}})
			_, err = e.Array(root)
			require.Error(t, err)
			assert.Contains(t, err.Error(), test.want)
			assert.Equal(t, status.Host, status.CodeOf(err))
		})
	}
}

func TestMalformedHostBatches(t *testing.T) {
	t.Parallel()
	batch := func(change func(*cdata.Array)) *cdata.Array {
		root := build(column{length: 3, buffers: []any{[]byte{0b101}}, children: []column{ints(1, 2, 3)}})
		change(root)
		return root
	}
	tests := map[string]struct {
		a    *cdata.Array
		want string
	}{
		"NULL":            {nil, "NULL or released"},
		"released":        {batch(func(a *cdata.Array) { a.Release = 0 }), "NULL or released"},
		"null rows":       {batch(func(a *cdata.Array) { a.NullCount = 1 }), "null_count is 1"},
		"maybe null rows": {batch(func(a *cdata.Array) { a.NullCount = -1 }), "null_count is -1"},
		"no column":       {batch(func(a *cdata.Array) { a.NChildren = 0 }), "n_children is 0, must be 1"},
		"NULL children":   {batch(func(a *cdata.Array) { a.Children = nil }), "children is NULL"},
		"NULL child":      {batch(func(a *cdata.Array) { *a.Children = nil }), `column "x": array is NULL`},
		"NULL buffers":    {batch(func(a *cdata.Array) { a.Buffers = nil }), "buffers is NULL"},
		"offset": {batch(func(a *cdata.Array) { a.NullCount, a.Offset = 0, 1 }),
			`column "x": length is 3, its parent needs 4`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := arrowio.NewEncoder(columnOf(int32Type), arrowio.EncoderOptions{})
			require.NoError(t, err)
			_, err = e.Array(test.a)
			require.Error(t, err)
			assert.Contains(t, err.Error(), test.want)
			assert.Equal(t, status.Host, status.CodeOf(err))
			_, err = e.Array(batch(func(a *cdata.Array) { a.NullCount = 0 }))
			assert.NoError(t, err, "the stream goes on after an error")
		})
	}
}

// views is three views; the first holds these numbers.
func views(first ...int32) []int32 { return append(slices.Clone(first), 0, 0, 0, 0, 0, 0, 0, 0) }

// raw is an IPC record batch with any numbers.
type raw struct {
	length     int64
	nodes      [][2]int64
	buffers    [][2]int64
	variadic   []int64
	body       []byte
	size       int64 // of the body, where it is more than is given of it
	compressed bool
	delta      bool // of a dictionary
}

func (r raw) metadata() []byte {
	return r.message(func(_ *flatbuffers.Builder, data flatbuffers.UOffsetT) (flatbuffers.UOffsetT,
		flatbuf.MessageHeader) {
		return data, flatbuf.MessageHeaderRecordBatch
	})
}

// dictionary is the same numbers as the values of a dictionary.
func (r raw) dictionary(id int64) []byte {
	return r.message(func(b *flatbuffers.Builder, data flatbuffers.UOffsetT) (flatbuffers.UOffsetT,
		flatbuf.MessageHeader) {
		flatbuf.DictionaryBatchStart(b)
		flatbuf.DictionaryBatchAddId(b, id)
		flatbuf.DictionaryBatchAddData(b, data)
		flatbuf.DictionaryBatchAddIsDelta(b, r.delta)
		return flatbuf.DictionaryBatchEnd(b), flatbuf.MessageHeaderDictionaryBatch
	})
}

type headerMaker func(*flatbuffers.Builder, flatbuffers.UOffsetT) (flatbuffers.UOffsetT, flatbuf.MessageHeader)

func (r raw) message(wrap headerMaker) []byte {
	b := flatbuffers.NewBuilder(0)
	flatbuf.RecordBatchStartVariadicBufferCountsVector(b, len(r.variadic))
	for _, n := range slices.Backward(r.variadic) {
		b.PrependInt64(n)
	}
	variadic := b.EndVector(len(r.variadic))
	flatbuf.RecordBatchStartBuffersVector(b, len(r.buffers))
	for _, s := range slices.Backward(r.buffers) {
		flatbuf.CreateBuffer(b, s[0], s[1])
	}
	buffers := b.EndVector(len(r.buffers))
	flatbuf.RecordBatchStartNodesVector(b, len(r.nodes))
	for _, n := range slices.Backward(r.nodes) {
		flatbuf.CreateFieldNode(b, n[0], n[1])
	}
	nodes := b.EndVector(len(r.nodes))
	flatbuf.BodyCompressionStart(b)
	compression := flatbuf.BodyCompressionEnd(b)
	flatbuf.RecordBatchStart(b)
	flatbuf.RecordBatchAddLength(b, r.length)
	flatbuf.RecordBatchAddNodes(b, nodes)
	flatbuf.RecordBatchAddBuffers(b, buffers)
	flatbuf.RecordBatchAddVariadicBufferCounts(b, variadic)
	if r.compressed {
		flatbuf.RecordBatchAddCompression(b, compression)
	}
	header, kind := wrap(b, flatbuf.RecordBatchEnd(b))
	flatbuf.MessageStart(b)
	flatbuf.MessageAddVersion(b, flatbuf.MetadataVersionV5)
	flatbuf.MessageAddHeaderType(b, kind)
	flatbuf.MessageAddHeader(b, header)
	flatbuf.MessageAddBodyLength(b, max(r.size, int64(len(r.body))))
	b.Finish(flatbuf.MessageEnd(b))
	return b.FinishedBytes()
}

// decode gives the batch to a decoder of the columns.
func (r raw) decode(t *testing.T, s *arrowio.Schema, fault status.Code) error {
	t.Helper()
	e, err := arrowio.NewEncoder(s, arrowio.EncoderOptions{})
	require.NoError(t, err)
	d := arrowio.NewDecoder(arrowio.DecoderOptions{Fault: fault})
	_, err = d.Metadata(e.Start()[arrowio.PrefixSize:])
	require.NoError(t, err)
	if _, err := d.Metadata(r.metadata()); err != nil {
		return err
	}
	require.NoError(t, d.Borrow(r.body))
	_, err = d.Finish()
	return err
}

// bytesOf is numbers as a body, each a uint32.
func bytesOf(values ...int32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, uint32(v)) //nolint:gosec // the same bits
	}
	return append(out, make([]byte, -len(out)&7)...)
}

type pairs = [][2]int64

func TestMalformedIPCBatches(t *testing.T) {
	t.Parallel()
	text := typeOf(arrowio.String)
	tests := map[string]struct {
		typ  *arrowio.Type
		r    raw
		want string
	}{
		"negative length": {int32Type, raw{length: -1}, `length is -1`},
		"other length": {int32Type, raw{length: 3, nodes: pairs{{2, 0}}, buffers: pairs{{0, 0}, {0, 8}},
			body: bytesOf(1, 2)}, `column "x": length is 2, the batch's 3`},
		"negative node": {int32Type, raw{nodes: pairs{{-3, 0}}, buffers: pairs{{0, 0}, {0, 0}}},
			`column "x": length -3 with 0 nulls`},
		"too many nulls": {int32Type, raw{nodes: pairs{{0, 1}}, buffers: pairs{{0, 0}, {0, 0}}},
			`column "x": length 0 with 1 nulls`},
		"no node": {int32Type, raw{buffers: pairs{{0, 0}, {0, 0}}},
			`0 field nodes and 0 variadic counts, the schema needs 1 and 0`},
		"no buffer": {int32Type, raw{nodes: pairs{{0, 0}}, buffers: pairs{{0, 0}}},
			`1 buffers, the schema needs 2`},
		"buffer outside": {int32Type, raw{length: 2, nodes: pairs{{2, 0}}, buffers: pairs{{0, 0}, {8, 8}},
			body: bytesOf(1, 2)}, `buffer 1 is bytes 8+8 of a body of 8`},
		"buffer overflows": {int32Type, raw{length: 2, nodes: pairs{{2, 0}},
			buffers: pairs{{0, 0}, {8, math.MaxInt64}}, body: bytesOf(1, 2)},
			`buffer 1 is bytes 8+9223372036854775807`},
		"buffer negative": {int32Type, raw{length: 2, nodes: pairs{{2, 0}}, buffers: pairs{{0, 0}, {-8, 8}},
			body: bytesOf(1, 2)}, `buffer 1 is bytes -8+8`},
		"buffer unaligned": {int32Type, raw{length: 1, nodes: pairs{{1, 0}}, buffers: pairs{{0, 0}, {4, 4}},
			body: bytesOf(1, 2)}, `buffer 1 begins at byte 4, not a multiple of 8`},
		"values short": {int32Type, raw{length: 3, nodes: pairs{{3, 0}}, buffers: pairs{{0, 0}, {0, 8}},
			body: bytesOf(1, 2)}, `column "x": buffer of values has 8 bytes, needs 12`},
		"length overflows": {int32Type, raw{length: 1 << 56, nodes: pairs{{1 << 56, 0}},
			buffers: pairs{{0, 0}, {0, 8}}, body: bytesOf(1, 2)}, `72057594037927936 values of 4 bytes`},
		"validity short": {int32Type, raw{length: 9, nodes: pairs{{9, 1}}, buffers: pairs{{0, 1}, {0, 40}},
			body: make([]byte, 40)}, `column "x": buffer of validity has 1 bytes, needs 2`},
		"validity differs": {int32Type, raw{length: 2, nodes: pairs{{2, 1}}, buffers: pairs{{0, 8}, {0, 8}},
			body: bytesOf(0, 0)}, `column "x": 1 nulls, its validity says 2`},
		"bits short": {typeOf(arrowio.Bool), raw{length: 9, nodes: pairs{{9, 0}}, buffers: pairs{{0, 0}, {0, 1}},
			body: make([]byte, 8)}, `buffer of values has 1 bytes, needs 2`},
		"offsets short": {text, raw{length: 2, nodes: pairs{{2, 0}}, buffers: pairs{{0, 0}, {0, 8}, {0, 0}},
			body: bytesOf(0, 0)}, `column "x": buffer of offsets has 8 bytes, needs 12`},
		"offset negative": {text, raw{length: 1, nodes: pairs{{1, 0}}, buffers: pairs{{0, 0}, {0, 8}, {0, 8}},
			body: bytesOf(-1, 4)}, `column "x": offset 0 is -1, negative`},
		"offset falls": {text, raw{length: 1, nodes: pairs{{1, 0}}, buffers: pairs{{0, 0}, {0, 8}, {0, 8}},
			body: bytesOf(4, 1)}, `offset 1 is 1, falling from 4`},
		"offset beyond": {text, raw{length: 1, nodes: pairs{{1, 0}}, buffers: pairs{{0, 0}, {0, 8}, {0, 8}},
			body: bytesOf(4, 9)}, `last offset is 9, beyond 8`},
		"offset, no rows": {text, raw{nodes: pairs{{0, 0}}, buffers: pairs{{0, 0}, {0, 4}, {0, 0}}, body: bytesOf(7)},
			`last offset is 7, beyond 0`},
		"variadic count": {typeOf(arrowio.StringView), raw{nodes: pairs{{0, 0}}, buffers: pairs{{0, 0}, {0, 0}},
			variadic: []int64{-1}}, `view column with -1 data buffers`},
		"variadic missing": {typeOf(arrowio.StringView), raw{nodes: pairs{{0, 0}}, buffers: pairs{{0, 0}, {0, 0}}},
			`1 field nodes and 0 variadic counts, the schema needs 1 and 1`},
		"view outside": {typeOf(arrowio.StringView), raw{length: 1, nodes: pairs{{1, 0}},
			buffers: pairs{{0, 0}, {0, 16}, {0, 15}}, variadic: []int64{1}, body: bytesOf(15, 0, 0, 1)},
			`column "x": view 0 is 1+15 of data buffer 0 (1 buffers)`},
		"list beyond": {typeOf(arrowio.List, itemsOfInts), raw{length: 1, nodes: pairs{{1, 0}, {1, 0}},
			buffers: pairs{{0, 0}, {0, 8}, {0, 0}, {0, 8}}, body: bytesOf(0, 2)},
			`column "x": last offset is 2, beyond 1`},
		"list view beyond": {typeOf(arrowio.ListView, itemsOfInts), raw{length: 1, nodes: pairs{{1, 0}, {1, 0}},
			buffers: pairs{{0, 0}, {0, 4}, {8, 4}, {0, 0}, {0, 8}}, body: bytesOf(1, 0, 1, 0)},
			`column "x": entry 0 is items 1+1 of 1`},
		"fixed list short": {pairType, raw{length: 2, nodes: pairs{{2, 0}, {3, 0}},
			buffers: pairs{{0, 0}, {0, 0}, {0, 16}}, body: bytesOf(1, 2, 3, 4)},
			`column "x.item": length is 3, too short for its parent's 2`},
		"struct short": {rowType, raw{length: 2, nodes: pairs{{2, 0}, {1, 0}},
			buffers: pairs{{0, 0}, {0, 0}, {0, 8}}, body: bytesOf(1, 2)},
			`column "x.a": length is 1, too short for its parent's 2`},
		"union nulls": {sparseType, raw{length: 1, nodes: pairs{{1, 1}, {1, 0}, {1, 0}},
			buffers: pairs{{0, 1}, {0, 0}, {0, 4}, {0, 0}, {0, 4}}, body: bytesOf(3, 0)},
			`column "x": 1 nulls in a sparse_union, which has none of its own`},
		"union type id": {sparseType, raw{length: 1, nodes: pairs{{1, 0}, {1, 0}, {1, 0}},
			buffers: pairs{{0, 1}, {0, 0}, {0, 4}, {0, 0}, {0, 4}}, body: bytesOf(4, 0)},
			`column "x": type id 0 is 4, none of the union's`},
		"union negative id": {sparseType, raw{length: 1, nodes: pairs{{1, 0}, {1, 0}, {1, 0}},
			buffers: pairs{{0, 1}, {0, 0}, {0, 4}, {0, 0}, {0, 4}}, body: bytesOf(-1, 0)},
			`type id 0 is -1, none of the union's`},
		"union offset": {denseType, raw{length: 1, nodes: pairs{{1, 0}, {1, 0}, {2, 0}},
			buffers: pairs{{0, 1}, {8, 4}, {0, 0}, {0, 4}, {0, 0}, {0, 8}}, body: bytesOf(3, 0, 1, 0)},
			`column "x": offset 0 is 1 in child 0 of 1 values`},
		"run ends fall": {runType, raw{length: 2, nodes: pairs{{2, 0}, {2, 0}, {2, 0}},
			buffers: pairs{{0, 0}, {0, 4}, {0, 0}, {0, 8}}, body: bytesOf(1<<16|2, 0)},
			`column "x": run end 1 is 1, not above 2`},
		"run ends short": {runType, raw{length: 3, nodes: pairs{{3, 0}, {1, 0}, {1, 0}},
			buffers: pairs{{0, 0}, {0, 2}, {0, 0}, {0, 8}}, body: bytesOf(2, 0)},
			`column "x": last run end is 2, length is 3`},
		"no dictionary": {wordType, raw{length: 1, nodes: pairs{{1, 0}}, buffers: pairs{{0, 0}, {0, 1}},
			body: bytesOf(0, 0)}, `column "x": dictionary 0 did not come before the batch`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, fault := range []status.Code{status.Protocol, status.Host} {
				err := test.r.decode(t, columnOf(test.typ), fault)
				require.Error(t, err)
				assert.Contains(t, err.Error(), test.want)
				assert.Equal(t, fault, status.CodeOf(err))
			}
		})
	}
	err := raw{nodes: pairs{{0, 0}}, buffers: pairs{{0, 0}, {0, 0}}, compressed: true}.decode(t, columnOf(int32Type), 0)
	assert.Equal(t, status.NotSupported, status.CodeOf(err), "compressed: %v", err)
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	d := arrowio.NewDecoder(arrowio.DecoderOptions{})
	size, eos, err := d.Prefix([]byte{255, 255, 255, 255, 16, 1, 0, 0})
	require.NoError(t, err)
	assert.Equal(t, 272, size)
	assert.False(t, eos)
	_, eos, err = d.Prefix(arrowio.EndOfStream)
	require.NoError(t, err)
	assert.True(t, eos)
	for name, prefix := range map[string][]byte{
		"before 0.15": {16, 1, 0, 0, 16, 0, 0, 0}, "negative": {255, 255, 255, 255, 0, 0, 0, 128},
		"too large": {255, 255, 255, 255, 1, 0, 0, 16},
	} {
		_, _, err := d.Prefix(prefix)
		assert.Equal(t, status.Protocol, status.CodeOf(err), name)
	}
}

// TestTruncatedMetadata cuts and garbles metadata at every byte.
func TestTruncatedMetadata(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	for _, name := range []string{"all columns", "dictionaries replaced", "string_view"} {
		d := arrowio.NewDecoder(arrowio.DecoderOptions{})
		size, _, err := d.Prefix(all[name][:arrowio.PrefixSize])
		require.NoError(t, err)
		schema := all[name][arrowio.PrefixSize : arrowio.PrefixSize+size]
		for cut := 0; cut < len(schema); cut += 1 + len(schema)/500 {
			_, err := arrowio.ParseSchema(schema[:cut])
			if err != nil {
				code := status.CodeOf(err)
				assert.True(t, code == status.Protocol || code == status.NotSupported, "%s cut at %d: %v", name, cut,
					err)
			}
			garbled := slices.Clone(schema)
			garbled[cut] ^= 0xFF
			_, err = arrowio.ParseSchema(garbled)
			assert.NotEqual(t, status.Unknown, status.CodeOf(err), fmt.Sprint(err))
		}
	}
}

// TestMetadataEndsWhereItsSliceDoes stretches a text beyond the metadata, into bytes that follow it in memory.
func TestMetadataEndsWhereItsSliceDoes(t *testing.T) {
	t.Parallel()
	s := columnOf(int32Type)
	s.Fields[0].Name = "the column's name"
	e, err := arrowio.NewEncoder(s, arrowio.EncoderOptions{})
	require.NoError(t, err)
	memory := append(slices.Clone(e.Start()[arrowio.PrefixSize:]), make([]byte, 1000)...)
	metadata := memory[:len(memory)-1000]
	at := bytes.Index(metadata, []byte(s.Fields[0].Name))
	require.Positive(t, at)
	binary.LittleEndian.PutUint32(metadata[at-4:], 500)
	_, err = arrowio.ParseSchema(metadata)
	assert.Equal(t, status.Protocol, status.CodeOf(err), fmt.Sprint(err))
}
