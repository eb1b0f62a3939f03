package hostdata_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/hostdata"
)

// viewsOf is a column of string views. With a buffer of their own for each 32 KiB, as Polars and Arrow's builders make
// them.
func viewsOf(texts []string) arrowtest.Array {
	const block = 32 << 10
	var views []int32
	var blocks [][]byte
	for _, text := range texts {
		inline := make([]byte, 12)
		if copy(inline, text); len(text) <= len(inline) {
			//nolint:gosec // short
			views = append(views, int32(len(text)), word(inline), word(inline[4:]), word(inline[8:]))
			continue
		}
		if len(blocks) == 0 || len(blocks[len(blocks)-1])+len(text) > block {
			blocks = append(blocks, nil)
		}
		last := len(blocks) - 1
		//nolint:gosec // short
		views = append(views, int32(len(text)), word(inline), int32(last), int32(len(blocks[last])))
		blocks[last] = append(blocks[last], text...)
	}
	buffers, sizes := []any{nil, views}, []int64{}
	for _, b := range blocks {
		buffers, sizes = append(buffers, b), append(sizes, int64(len(b)))
	}
	return arrowtest.Array{Length: int64(len(texts)), Buffers: append(buffers, sizes)}
}

func word(b []byte) int32 {
	return int32(b[0]) | int32(b[1])<<8 | int32(b[2])<<16 | int32(b[3])<<24
}

// BenchmarkStringViews shows the speed at which views become texts, by their bytes.
func BenchmarkStringViews(b *testing.B) {
	const rows = 100_000
	for _, size := range []int{8, 12, 20, 40, 200, 2000} {
		for _, mixed := range []bool{false, true} {
			texts := make([]string, rows)
			total := 0
			for i := range texts {
				n := size
				if mixed && i%2 == 0 {
					n = 5
				}
				texts[i] = strings.Repeat("x", n)
				total += n
			}
			b.Run(fmt.Sprintf("%d bytes, mixed %t", size, mixed), func(b *testing.B) {
				benchmark(b, arrowio.StringView, arrowio.String, viewsOf(texts), int64(total))
			})
		}
	}
}

// BenchmarkCopy shows how fast as much memory is copied, for comparison.
func BenchmarkCopy(b *testing.B) {
	for _, size := range []int{800_000, 4_000_000, 20_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			from, to := bytes.Repeat([]byte{1}, size), bytes.Repeat([]byte{2}, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				copy(to, from)
			}
		})
	}
}

func BenchmarkUint32(b *testing.B) {
	values := make([]uint32, 100_000)
	column := arrowtest.Array{Length: int64(len(values)), Buffers: []any{nil, values}}
	benchmark(b, arrowio.Uint32, arrowio.Int64, column, int64(4*len(values)))
}

func benchmark(b *testing.B, from, to arrowio.TypeID, column arrowtest.Array, size int64) {
	c, err := hostdata.NewConverter(
		[]arrowio.Field{{Name: "x", Type: &arrowio.Type{ID: from}}},
		[]arrowio.Field{{Name: "x", Type: &arrowio.Type{ID: to}}})
	require.NoError(b, err)
	root := arrowtest.Array{Length: column.Length, Buffers: []any{nil}, Children: []arrowtest.Array{column}}
	batch := root.Build()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		_, release, err := c.Array(batch)
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
}
