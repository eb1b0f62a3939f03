package arrowio_test

import (
	"bytes"
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
)

// encode writes arrays as one stream.
func encode(t testing.TB, s *arrowio.Schema, opt arrowio.EncoderOptions, arrays ...*cdata.Array) []byte {
	t.Helper()
	e, err := arrowio.NewEncoder(s, opt)
	require.NoError(t, err)
	var out bytes.Buffer
	out.Write(e.Start())
	for _, a := range arrays {
		messages, err := e.Array(a)
		require.NoError(t, err)
		write(&out, messages...)
	}
	out.Write(arrowio.EndOfStream)
	return out.Bytes()
}

// throughC takes the schema through its C struct.
func throughC(t testing.TB, s *arrowio.Schema, b *blocks) *arrowio.Schema {
	t.Helper()
	var c cdata.Schema
	require.NoError(t, s.Export(b.Functions, &c))
	imported, err := arrowio.ImportSchema(&c)
	require.NoError(t, err)
	releaseSchema(&c)
	return imported
}

func TestRoundTripThroughCData(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	out := map[string][]byte{}
	for name, stream := range all {
		b := newBlocks()
		d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions})
		decoded := arrays(t, d, stream)
		out[name] = encode(t, throughC(t, d.Schema(), b), arrowio.EncoderOptions{}, decoded...)
		d.Close()
		for _, a := range decoded {
			release(a)
		}
		b.requireReleased(t)
	}
	compare(t, out)
}

// moves are ways to cut rows `from` to from+count out of a batch by changing offsets in its structs.
var moves = map[string]func(a *cdata.Array, from, count int64){
	"top": func(a *cdata.Array, from, count int64) { a.Offset, a.Length = from, count },
	"columns": func(a *cdata.Array, from, count int64) {
		a.Length = count
		for _, c := range unsafe.Slice(a.Children, a.NChildren) {
			c.Offset, c.Length, c.NullCount = c.Offset+from, count, unknown(c)
		}
	},
	"both": func(a *cdata.Array, from, count int64) {
		a.Offset, a.Length = 1, count
		for _, c := range unsafe.Slice(a.Children, a.NChildren) {
			c.Offset, c.Length, c.NullCount = c.Offset+from-1, count+1, unknown(c)
		}
	},
}

func unknown(a *cdata.Array) int64 {
	if a.NullCount > 0 {
		return -1
	}
	return a.NullCount
}

func TestSlicesByOffset(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	out := map[string][]byte{}
	for name, stream := range all {
		for _, cut := range [][2]int64{{1, 3}, {3, 9}, {8, 16}, {5, 64}, {2, 0}, {76, 1}} {
			for move, apply := range moves {
				b := newBlocks()
				d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions})
				var sliced []*cdata.Array
				decoded := arrays(t, d, stream)
				for _, a := range decoded {
					if a.Length >= cut[0]+cut[1] {
						apply(a, cut[0], cut[1])
						sliced = append(sliced, a)
					}
				}
				file := fmt.Sprintf("%s@%d+%d~%s", name, cut[0], cut[1], move)
				out[file] = encode(t, throughC(t, d.Schema(), b), arrowio.EncoderOptions{}, sliced...)
				d.Close()
				for _, a := range decoded {
					release(a)
				}
				b.requireReleased(t)
			}
		}
	}
	compare(t, out)
}

func TestRoundTripOfMessages(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	out := map[string][]byte{}
	for name, stream := range all {
		b := newBlocks()
		d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions, Messages: true})
		var written bytes.Buffer
		err := feed(d, stream, func(arrowio.Step, *arrowio.Batch) error {
			if written.Len() == 0 {
				written.Write(d.Start())
			}
			block, data, err := d.Take()
			written.Write(data)
			b.Release(block)
			return err
		})
		require.NoError(t, err)
		if written.Len() == 0 {
			written.Write(d.Start())
		}
		written.Write(arrowio.EndOfStream)
		out[name] = written.Bytes()
		d.Close()
		b.requireReleased(t)
	}
	compare(t, out)
}

// wrapped re-encodes a stream with its columns in one struct, body in place.
func wrapped(t testing.TB, stream []byte) []byte {
	t.Helper()
	d := arrowio.NewDecoder(arrowio.DecoderOptions{})
	in := &arrowtest.Bytes{Left: stream}
	step, _, err := d.Next(in.Take)
	require.NoError(t, err)
	require.Equal(t, arrowio.StepSchema, step.Kind)
	e, err := arrowio.NewEncoder(d.Schema(), arrowio.EncoderOptions{WrapStruct: true})
	require.NoError(t, err)
	out := bytes.NewBuffer(bytes.Clone(e.Start()))
	require.NoError(t, run(d, in.Take, func(_ arrowio.Step, batch *arrowio.Batch) error {
		message, err := e.Batch(batch)
		write(out, message)
		return err
	}))
	out.Write(arrowio.EndOfStream)
	return out.Bytes()
}

func TestWrapAndUnwrapStruct(t *testing.T) {
	t.Parallel()
	all, _ := streams(t)
	out := map[string][]byte{}
	for name, stream := range all {
		b := newBlocks()
		plain := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions})
		source := arrays(t, plain, stream)
		inStruct := map[string][]byte{"batches": wrapped(t, stream)}
		if len(source) > 0 {
			inStruct["arrays"] = encode(t, throughC(t, plain.Schema(), b), arrowio.EncoderOptions{WrapStruct: true},
				source...)
		}
		for way, stream := range inStruct {
			d := arrowio.NewDecoder(arrowio.DecoderOptions{
				Memory: b.Functions, UnwrapStruct: true, Declared: plain.Schema(),
			})
			decoded := arrays(t, d, stream)
			out[name+"@"+way] = encode(t, throughC(t, d.Schema(), b), arrowio.EncoderOptions{}, decoded...)
			d.Close()
			for _, a := range decoded {
				release(a)
			}
		}
		plain.Close()
		for _, a := range source {
			release(a)
		}
		b.requireReleased(t)
	}
	compare(t, out)
}

func TestTypeNamesArePyArrows(t *testing.T) {
	t.Parallel()
	all, types := streams(t)
	for name, stream := range all {
		size, _, err := arrowio.NewDecoder(arrowio.DecoderOptions{}).Prefix(stream[:arrowio.PrefixSize])
		require.NoError(t, err)
		schema, err := arrowio.ParseSchema(stream[arrowio.PrefixSize : arrowio.PrefixSize+size])
		require.NoError(t, err)
		require.Len(t, schema.Fields, len(types[name]))
		for i, want := range types[name] {
			assert.Equal(t, want, schema.Fields[i].Type.String(), name)
		}
	}
}
