package hosttest

import (
	"bytes"
	"math"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
)

// Values is a column of int64, float64 or string, with nil for null; of nulls only, it is of Arrow's null type.
type Values struct {
	Name   string
	Values []any
}

// IPCOf writes batches of the same columns, one at least, as an IPC stream: for StreamOf, or as IPC input. A column's
// type is that of its first value in any batch.
func IPCOf(t testing.TB, batches ...[]Values) []byte {
	t.Helper()
	schema := &arrowio.Schema{}
	for i, column := range batches[0] {
		typ := &arrowio.Type{}
		for _, batch := range batches {
			if typ.ID == arrowio.Null {
				typ.ID = typeOfValues(t, batch[i].Values)
			}
		}
		schema.Fields = append(schema.Fields, arrowio.Field{Name: column.Name, Type: typ, Nullable: true})
	}
	e, err := arrowio.NewEncoder(schema, arrowio.EncoderOptions{})
	require.NoError(t, err)
	out := bytes.NewBuffer(bytes.Clone(e.Start()))
	for _, batch := range batches {
		root := goArray(len(batch[0].Values), 0, nil)
		children := make([]*cdata.Array, len(batch))
		for i, column := range batch {
			children[i] = arrayOfValues(t, schema.Fields[i].Type.ID, column.Values)
		}
		root.NChildren, root.Children = int64(len(children)), unsafe.SliceData(children)
		messages, err := e.Array(root)
		require.NoError(t, err)
		for _, m := range messages {
			out.Write(m.Header)
			out.Write(bytes.Join(m.Body, nil))
		}
	}
	out.Write(arrowio.EndOfStream)
	return out.Bytes()
}

func typeOfValues(t testing.TB, values []any) arrowio.TypeID {
	t.Helper()
	for _, value := range values {
		switch value.(type) {
		case nil:
		case int64:
			return arrowio.Int64
		case float64:
			return arrowio.Float64
		case string:
			return arrowio.String
		default:
			require.Fail(t, "value of a column", "%T, must be int64, float64, string or nil", value)
		}
	}
	return arrowio.Null
}

// goArray is an array in Go's memory, which nobody releases.
func goArray(length, nulls int, buffers ...unsafe.Pointer) *cdata.Array {
	const unreleased = 1
	return &cdata.Array{
		Length: int64(length), NullCount: int64(nulls), NBuffers: int64(len(buffers)),
		Buffers: unsafe.SliceData(buffers), Release: unreleased,
	}
}

func arrayOfValues(t testing.TB, id arrowio.TypeID, values []any) *cdata.Array {
	t.Helper()
	n, nulls := len(values), 0
	validity, longs, offsets, text := make([]byte, n/8+1), make([]int64, n+1), make([]int32, n+1), []byte{}
	for i, value := range values {
		switch v := value.(type) {
		case nil:
			nulls++
		case int64:
			longs[i] = v
		case float64:
			longs[i] = int64(math.Float64bits(v)) //nolint:gosec // the same bits
		case string:
			text = append(text, v...)
		}
		if value != nil {
			require.Equal(t, id, typeOfValues(t, values[i:i+1]), "type of value %d", i)
			validity[i/8] |= 1 << (i % 8)
		}
		offsets[i+1] = int32(len(text)) //nolint:gosec // short
	}
	bits := unsafe.Pointer(unsafe.SliceData(validity))
	switch id {
	case arrowio.Null:
		return goArray(n, n)
	case arrowio.String:
		return goArray(n, nulls, bits, unsafe.Pointer(unsafe.SliceData(offsets)),
			unsafe.Pointer(unsafe.SliceData(text)))
	}
	return goArray(n, nulls, bits, unsafe.Pointer(unsafe.SliceData(longs)))
}
