package arrowio_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
)

const benchColumns = 50

// longColumns is a stream of one batch with 50 int64 columns of n rows.
func longColumns(b *testing.B, n int64) (*arrowio.Schema, []byte) {
	schema := &arrowio.Schema{}
	for i := range benchColumns {
		schema.Fields = append(schema.Fields, arrowio.Field{
			Name: fmt.Sprintf("c%d", i), Type: &arrowio.Type{ID: arrowio.Int64}, Nullable: true,
		})
	}
	values := make([]int64, n)
	var columns []column
	for range benchColumns {
		columns = append(columns, column{length: n, buffers: []any{nil, values}})
	}
	root := build(column{length: n, buffers: []any{nil}, children: columns})
	return schema, encode(b, schema, arrowio.EncoderOptions{}, root)
}

func BenchmarkDecodeExport50Int64(b *testing.B) {
	for _, rows := range []int64{10, 10_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			_, stream := longColumns(b, rows)
			d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: hostmem.Default()})
			metadata := stream
			next := func() []byte {
				size, _, err := d.Prefix(metadata[:arrowio.PrefixSize])
				require.NoError(b, err)
				meta := metadata[arrowio.PrefixSize : arrowio.PrefixSize+size]
				metadata = metadata[arrowio.PrefixSize+size:]
				return meta
			}
			_, err := d.Metadata(next())
			require.NoError(b, err)
			meta := next()
			var a cdata.Array
			b.ReportAllocs()
			for b.Loop() {
				// The body stays unread: its copy is the socket's share.
				_, err1 := d.Metadata(meta)
				_, err2 := d.Body()
				_, err3 := d.Finish()
				err4 := d.Export(&a, nil)
				if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
					b.Fatal(err1, err2, err3, err4)
				}
				hostmem.Default().Retain(a.PrivateData, -benchColumns)
				hostmem.Default().Release(a.PrivateData)
			}
		})
	}
}

func BenchmarkEncode50Int64(b *testing.B) {
	for _, rows := range []int64{10, 10_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			schema, stream := longColumns(b, rows)
			d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: hostmem.Default()})
			a := arrays(b, d, stream)[0]
			e, err := arrowio.NewEncoder(schema, arrowio.EncoderOptions{WrapStruct: true})
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Array(a); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			release(a)
		})
	}
}

// BenchmarkCheck shows what the checks cost that look at every value.
func BenchmarkCheck(b *testing.B) {
	all, _ := streams(b)
	for _, name := range []string{"string", "string_view", "dictionary int32", "list<item: int32>", "dense union"} {
		b.Run(name, func(b *testing.B) {
			d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: hostmem.Default()})
			a := arrays(b, d, all[name])[0]
			e, err := arrowio.NewEncoder(d.Schema(), arrowio.EncoderOptions{})
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Array(a); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			release(a)
		})
	}
}

// BenchmarkConvert shows what converting a batch costs, with its body's copy and the checks.
func BenchmarkConvert(b *testing.B) {
	const n = 10_000
	word := []byte("a text of twenty b..")
	offsets, indices := make([]int64, n+1), make([]int32, n)
	for i := range indices {
		offsets[i+1], indices[i] = int64(i+1)*int64(len(word)), int32(i*7919%100)
	}
	large := column{length: n, buffers: []any{nil, offsets, bytes.Repeat(word, n)}}
	distinct := column{length: 100, buffers: []any{nil, offsets[:101], bytes.Repeat(word, 100)}}
	coded := column{length: n, buffers: []any{nil, indices}, dictionary: &distinct}
	largeType := typeOf(arrowio.LargeString)
	codedType := &arrowio.Type{ID: arrowio.Dictionary, Index: int32Type, Value: largeType}
	for name, test := range map[string]struct {
		c        column
		from, to *arrowio.Type
	}{
		"same large_string":      {large, largeType, largeType},
		"large_string to string": {large, largeType, typeOf(arrowio.String)},
		"dictionary to string":   {coded, codedType, typeOf(arrowio.String)},
	} {
		b.Run(name, func(b *testing.B) {
			root := build(column{length: n, buffers: []any{nil}, children: []column{test.c}})
			stream := encode(b, columnOf(test.from), arrowio.EncoderOptions{}, root)
			b.ReportAllocs()
			for b.Loop() {
				d := arrowio.NewDecoder(arrowio.DecoderOptions{
					Memory: hostmem.Default(), Declared: columnOf(test.to), Convert: true,
				})
				for _, a := range arrays(b, d, stream) {
					release(a)
				}
				d.Close()
			}
		})
	}
}
