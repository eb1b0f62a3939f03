package arrowio_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

func TestLargeBuffersAreNotCopied(t *testing.T) {
	t.Parallel()
	values := make([]int64, 1000)
	root := build(column{length: 1000, buffers: []any{nil}, children: []column{
		{length: 1000, buffers: []any{nil, values}},
	}})
	e, err := arrowio.NewEncoder(columnOf(typeOf(arrowio.Int64)), arrowio.EncoderOptions{})
	require.NoError(t, err)
	messages, err := e.Array(root)
	require.NoError(t, err)
	require.Len(t, messages, 1)
	require.Len(t, messages[0].Body, 1)
	assert.Same(t, (*byte)(unsafe.Pointer(&values[0])), &messages[0].Body[0][0])
}

func TestDictionariesAreSentWhenTheyChange(t *testing.T) {
	t.Parallel()
	inner := &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: typeOf(arrowio.String),
		DictionaryID: 1}
	outer := &arrowio.Type{
		ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: typeOf(arrowio.Struct, field("w", inner)),
	}
	batch := func(text string, index int8) *cdata.Array {
		words := column{length: 2, buffers: []any{nil, []int32{0, 1, 2}, []byte(text)}}
		rows := column{length: 1, buffers: []any{nil}, children: []column{
			{length: 1, buffers: []any{nil, []int8{index}}, dictionary: &words},
		}}
		return build(column{length: 1, buffers: []any{nil}, children: []column{
			{length: 1, buffers: []any{nil, []int8{0}}, dictionary: &rows},
		}})
	}
	e, err := arrowio.NewEncoder(columnOf(outer), arrowio.EncoderOptions{})
	require.NoError(t, err)
	for i, step := range []struct {
		array    *cdata.Array
		messages int
		why      string
	}{
		{batch("ab", 0), 3, "both are new"},
		{batch("ab", 0), 1, "equal bytes elsewhere in memory"},
		{batch("ab", 1), 2, "the outer one changed"},
		{batch("cd", 1), 3, "the inner one changed, which the outer one uses"},
		{batch("cd", 1), 1, "unchanged"},
	} {
		messages, err := e.Array(step.array)
		require.NoError(t, err)
		assert.Len(t, messages, step.messages, "%d: %s", i, step.why)
	}
}

func TestSharedDictionaryIDs(t *testing.T) {
	t.Parallel()
	shared := &arrowio.Schema{Fields: []arrowio.Field{field("a", wordType), field("b", wordType)}}
	e, err := arrowio.NewEncoder(shared, arrowio.EncoderOptions{})
	require.NoError(t, err)
	_, err = e.Array(build(column{buffers: []any{nil}, children: []column{words(), words()}}))
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err), "two columns may bring different values")

	other := *wordType
	other.Value = typeOf(arrowio.Binary)
	shared.Fields[1].Type = &other
	_, err = arrowio.NewEncoder(shared, arrowio.EncoderOptions{})
	assert.ErrorContains(t, err, `column "b.dictionary": binary, declared string`)
}

// TestDictionaryThatShrinks replaces an inner dictionary by an empty one, so that what the outer one
// holds is out of range.
func TestDictionaryThatShrinks(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	stream := all["dictionary of struct of dictionary"]
	empty := raw{nodes: pairs{{0, 0}}, buffers: pairs{{0, 0}, {0, 0}, {0, 0}}}
	b := newBlocks()
	d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions})
	batches := 0
	err := feed(d, stream, func(step arrowio.Step, _ *arrowio.Batch) error {
		if step.Kind == arrowio.StepBatch {
			batches++
			if batches == 1 {
				inner := d.Schema().Fields[0].Type.Value.Children[0].Type.DictionaryID
				if _, err := d.Metadata(empty.dictionary(inner)); err != nil {
					return err
				}
				if _, err := d.Body(); err != nil {
					return err
				}
				_, err := d.Finish()
				return err
			}
		}
		return nil
	})
	assert.Equal(t, 1, batches)
	assert.Equal(t, status.Protocol, status.CodeOf(err))
	assert.ErrorContains(t, err, "did not come before the batch")
	d.Close()
	b.requireReleased(t)
}

func TestDecimalsAreAligned(t *testing.T) {
	t.Parallel()
	schema := &arrowio.Schema{Fields: []arrowio.Field{
		field("one", typeOf(arrowio.Int64)),
		field("money", &arrowio.Type{ID: arrowio.Decimal128, Precision: 38}),
		field("more", &arrowio.Type{ID: arrowio.Decimal256, Precision: 76}),
	}}
	root := build(column{length: 1, buffers: []any{nil}, children: []column{
		{length: 1, buffers: []any{nil, []int64{1}}},
		{length: 1, buffers: []any{nil, []int64{2, 3}}},
		{length: 1, buffers: []any{nil, []int64{4, 5, 6, 7}}},
	}})
	stream := encode(t, schema, arrowio.EncoderOptions{}, root)
	b := newBlocks()
	d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions})
	a := arrays(t, d, stream)[0]
	columns := unsafe.Slice(a.Children, 3)
	for i, want := range [][]int64{{1}, {2, 3}, {4, 5, 6, 7}} {
		p := unsafe.Slice(columns[i].Buffers, 2)[1]
		assert.Equal(t, want, unsafe.Slice((*int64)(p), len(want)))
		if i > 0 {
			assert.Zero(t, uintptr(p)%16)
		}
	}
	release(a)
	b.requireReleased(t)
}

// TestChildrenOutliveTheirParents moves a child and a dictionary out of a batch, as consumers do.
func TestChildrenOutliveTheirParents(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	for _, name := range []string{"dictionary int32", "dictionary of struct of dictionary"} {
		b := newBlocks()
		d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions})
		found := arrays(t, d, all[name])
		column := *found[0].Children
		dictionary := *column.Dictionary
		column.Dictionary.Release = 0
		for _, a := range found {
			release(a)
		}
		d.Close()
		e, err := arrowio.NewEncoder(&arrowio.Schema{
			Fields: []arrowio.Field{field("x", d.Schema().Fields[0].Type.Value)},
		}, arrowio.EncoderOptions{})
		require.NoError(t, err)
		root := build(column0(dictionary.Length))
		root.Children = unsafe.SliceData([]*cdata.Array{&dictionary})
		root.NChildren = 1
		_, err = e.Array(root)
		require.NoError(t, err)
		release(&dictionary)
		b.requireReleased(t)
	}
}

func column0(length int64) column { return column{length: length, buffers: []any{nil}} }

func TestBatchesOverTwoGiB(t *testing.T) {
	t.Parallel()
	const rows = 3 << 30
	memory, err := unix.Mmap(-1, 0, rows, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, unix.Munmap(memory)) })
	root := build(column{length: rows, buffers: []any{nil}, children: []column{
		{length: rows, buffers: []any{nil, memory}}, {length: rows, buffers: []any{nil, memory}},
	}})
	schema := &arrowio.Schema{Fields: []arrowio.Field{
		field("a", typeOf(arrowio.Int8)), field("b", typeOf(arrowio.Int8)),
	}}
	e, err := arrowio.NewEncoder(schema, arrowio.EncoderOptions{})
	require.NoError(t, err)
	messages, err := e.Array(root)
	require.NoError(t, err)
	assert.Equal(t, int64(2*rows), messages[0].BodyLength)
	require.Len(t, messages[0].Body, 2)
	assert.Len(t, messages[0].Body[1], rows)

	d := arrowio.NewDecoder(arrowio.DecoderOptions{})
	_, err = d.Metadata(e.Start()[arrowio.PrefixSize:])
	require.NoError(t, err)
	step, err := d.Metadata(messages[0].Header[arrowio.PrefixSize:])
	require.NoError(t, err)
	assert.Equal(t, int64(2*rows), step.BodyLength)
}
