package arrowio_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
)

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

// TestDictionariesOfJoined has rows of changing dictionaries joined, and sliced in between: each message must be read
// with the values that the stream has by then.
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
	require.NoError(t, e.Load(wordsOf("zw", 0)))
	sliced(0, 1, 2, "a slice amid rows that were appended", "z")
	require.NoError(t, e.Append(0, 1))
	joined(2, "of both", "yz")
	sliced(0, 1, 2, "the stream's is another", "z")
	appended(wordsOf("xy", 1))
	e.Restart()
	joined(2, "the stream is new", "y")
	q.segments = append(q.segments, arrowio.EndOfStream)
	content, err := arrowtest.Read(q.bytes(), false)
	require.NoError(t, err)
	defer content.Release()
	assert.Equal(t, want, content.Rows())
}

// nestedWords sends an encoder IPC messages of a column of indices into structs of indices into numbers.
type nestedWords struct {
	t *testing.T
	e *arrowio.Encoder
	d *arrowio.Decoder
}

func newNestedWords(t *testing.T) *nestedWords {
	inner := &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: int32Type, DictionaryID: 1}
	outer := &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8),
		Value: typeOf(arrowio.Struct, field("i", inner))}
	e, err := arrowio.NewEncoder(columnOf(outer), arrowio.EncoderOptions{})
	require.NoError(t, err)
	d := arrowio.NewDecoder(arrowio.DecoderOptions{})
	_, err = d.Metadata(e.Start()[arrowio.PrefixSize:])
	require.NoError(t, err)
	return &nestedWords{t, e, d}
}

func (n *nestedWords) load(metadata, body []byte) {
	n.t.Helper()
	_, err := n.d.Metadata(metadata)
	require.NoError(n.t, err)
	require.NoError(n.t, n.d.Borrow(body))
	b, err := n.d.Finish()
	require.NoError(n.t, err)
	require.NoError(n.t, n.e.LoadBatch(b))
}

// numbers replaces the inner dictionary.
func (n *nestedWords) numbers(values ...int32) {
	n.t.Helper()
	count := int64(len(values))
	r := raw{length: count, nodes: pairs{{count, 0}}, buffers: pairs{{0, 0}, {0, 4 * count}}, body: bytesOf(values...)}
	n.load(r.dictionary(1), r.body)
}

// structs replaces the outer dictionary by two structs or adds to it, in a message with one value more for their field,
// as IPC allows.
func (n *nestedWords) structs(delta bool, first, second byte) {
	n.t.Helper()
	r := raw{
		length: 2, nodes: pairs{{2, 0}, {3, 0}}, buffers: pairs{{0, 0}, {0, 0}, {0, 3}},
		body: []byte{first, second, 0, 0, 0, 0, 0, 0}, delta: delta,
	}
	n.load(r.dictionary(0), r.body)
}

// rows appends two rows, of structs 0 and 1.
func (n *nestedWords) rows() {
	n.t.Helper()
	r := raw{length: 2, nodes: pairs{{2, 0}}, buffers: pairs{{0, 0}, {0, 2}}, body: bytesOf(1 << 8)}
	n.load(r.metadata(), r.body)
	require.NoError(n.t, n.e.Append(0, 2))
}

// requireJoined joins the rows and requires these numbers of them.
func (n *nestedWords) requireJoined(values ...int64) (messages int) {
	n.t.Helper()
	joined, err := n.e.Joined()
	require.NoError(n.t, err)
	n.requireMessages(joined, values...)
	return len(joined)
}

func (n *nestedWords) requireMessages(messages []arrowio.Message, values ...int64) {
	n.t.Helper()
	q := queue{segments: [][]byte{n.e.Start()}}
	q.add(messages...)
	content, err := arrowtest.Read(q.bytes(), false)
	require.NoError(n.t, err)
	defer content.Release()
	want := [][]any{}
	for _, v := range values {
		want = append(want, []any{[]any{v}})
	}
	require.Equal(n.t, [][][]any{want}, content.Rows())
}

// TestInnerDictionaryReplaced replaces the values that an outer dictionary's are made of, but not the outer one.
func TestInnerDictionaryReplaced(t *testing.T) {
	t.Parallel()
	n := newNestedWords(t)
	n.numbers(10, 20)
	n.structs(false, 1, 0)
	n.rows()
	n.numbers(30, 20)
	n.rows()
	n.requireJoined(20, 10, 20, 30)
	// The stream has other values than those that rows of the last batch are of.
	messages, err := n.e.Slice(0, 2)
	require.NoError(t, err)
	n.requireMessages(messages, 20, 30)
}

// TestAdditionToWhatDoesNotHold makes a dictionary's values void, as one that they are made of shrinks, and adds to it.
func TestAdditionToWhatDoesNotHold(t *testing.T) {
	t.Parallel()
	n := newNestedWords(t)
	n.numbers(10, 20)
	n.structs(false, 1, 0)
	n.numbers(30)
	n.structs(true, 0, 0)
	n.rows()
	assert.Equal(t, 3, n.requireJoined(30, 30))
}
