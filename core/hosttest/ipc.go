package hosttest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
)

// StreamOf makes a stream, as NewStream, of what an IPC stream holds.
func StreamOf(t testing.TB, ipc []byte) *Stream {
	t.Helper()
	return streamOf(t, ipc, false)
}

// UnwrappedStreamOf is StreamOf of an IPC stream with one struct column, as Spark sends and takes them for mapInPandas
// and mapInArrow: its fields are the stream's columns.
func UnwrappedStreamOf(t testing.TB, ipc []byte) *Stream {
	t.Helper()
	return streamOf(t, ipc, true)
}

func streamOf(t testing.TB, ipc []byte, unwrap bool) *Stream {
	t.Helper()
	content, err := arrowtest.Read(ipc, unwrap)
	require.NoError(t, err)
	return newStream(t, &contentBatches{content})
}

// contentBatches are batches of an IPC stream.
type contentBatches struct{ content *arrowtest.Content }

func (b *contentBatches) schema() *arrowio.Schema { return b.content.Schema }

func (b *contentBatches) count() int { return len(b.content.Batches) }

func (b *contentBatches) give(i int, out *cdata.Array) {
	*out = *b.content.Batches[i]
	b.content.Batches[i].Release = 0
}

func (b *contentBatches) drop(int) { b.content.Release() }

// EqualIPC compares what two IPC streams hold: columns with their names, types, nullability and metadata, and batches
// row by row, dictionaries by the values that they stand for. Where they differ the test fails and the answer is false.
func EqualIPC(t testing.TB, want, got []byte) bool {
	t.Helper()
	wanted, err := arrowtest.Read(want, false)
	require.NoError(t, err, "expected stream")
	defer wanted.Release()
	gotten, err := arrowtest.Read(got, false)
	if err != nil {
		return assert.Fail(t, "no IPC stream", err.Error())
	}
	defer gotten.Release()
	return EqualContent(t, wanted, gotten)
}

// EqualContent is EqualIPC of streams that were read.
func EqualContent(t testing.TB, wanted, gotten *arrowtest.Content) bool {
	t.Helper()
	if !assert.Equal(t, withoutIDs(wanted.Schema), withoutIDs(gotten.Schema), "schema") {
		return false
	}
	if !assert.Len(t, gotten.Batches, len(wanted.Batches), "batches") {
		return false
	}
	for i, batch := range gotten.Batches {
		rows, expected := arrowtest.Rows(gotten.Schema, batch), arrowtest.Rows(wanted.Schema, wanted.Batches[i])
		if !assert.Len(t, rows, len(expected), "rows of batch %d", i) {
			return false
		}
		for j := range rows {
			if !assert.Equal(t, expected[j], rows[j], "batch %d, row %d", i, j) {
				return false
			}
		}
	}
	return true
}

// withoutIDs is a copy of the schema without dictionary ids, which are any numbers.
func withoutIDs(s *arrowio.Schema) *arrowio.Schema {
	return &arrowio.Schema{Fields: fieldsWithoutIDs(s.Fields), Metadata: s.Metadata}
}

func fieldsWithoutIDs(fields []arrowio.Field) []arrowio.Field {
	copies := make([]arrowio.Field, len(fields))
	for i, f := range fields {
		copies[i] = f
		copies[i].Type = typeWithoutIDs(f.Type)
	}
	return copies
}

func typeWithoutIDs(t *arrowio.Type) *arrowio.Type {
	c := *t
	c.Children = fieldsWithoutIDs(t.Children)
	if t.ID == arrowio.Dictionary {
		c.Value, c.DictionaryID = typeWithoutIDs(t.Value), 0
	}
	return &c
}
