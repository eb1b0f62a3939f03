package hostdata_test

import (
	"encoding/binary"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/hostdata"
	"udfrunner/core/status"
)

// source is bytes that arrays are made of, zeros once they are used up.
type source struct{ bytes []byte }

func (s *source) next() (b byte) {
	if len(s.bytes) > 0 {
		b, s.bytes = s.bytes[0], s.bytes[1:]
	}
	return b
}

// number is mostly small.
func (s *source) number() int64 {
	switch b := s.next(); {
	case b < 0xF0:
		return int64(int8(b)) & 15 //nolint:gosec // the same bits
	default:
		return int64(int8(s.next())) //nolint:gosec // the same bits
	}
}

const maxCount = 64

func integers[T int8 | int16 | int32 | int64](s *source, n int64) []T {
	values := make([]T, n)
	for i := range values {
		values[i] = T(s.number())
	}
	return values
}

func (s *source) raw(n int64) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = s.next()
	}
	return out
}

// numbers, or offsets, of some width; of some arrays NULL.
func (s *source) numbers(width, n int64) any {
	if s.next() == 0xFF {
		return nil
	}
	if width == 4 {
		return integers[int32](s, n)
	}
	return integers[int64](s, n)
}

// pair is a type of a host with Spark's for it, and room for the data that is read of an array of so many values,
// whatever these are: numbers that say where data lies are small.
func (s *source) pair(depth int) (from, to *arrowio.Type, array func() arrowtest.Array) {
	kind := s.next() % 16
	if depth == 0 {
		kind %= 8
	}
	switch kind {
	case 0:
		return typeOf(arrowio.Uint8), typeOf(arrowio.Int16),
			func() arrowtest.Array { return s.array(func(n int64) []any { return []any{s.raw(n)} }) }
	case 1:
		to := &arrowio.Type{ID: arrowio.Decimal128, Precision: 20}
		return typeOf(arrowio.Uint64), to,
			func() arrowtest.Array { return s.array(func(n int64) []any { return []any{s.numbers(8, n)} }) }
	case 2:
		return typeOf(arrowio.Bool), typeOf(arrowio.Bool),
			func() arrowtest.Array { return s.array(func(n int64) []any { return []any{s.raw(n)} }) }
	case 3:
		return typeOf(arrowio.StringView), typeOf(arrowio.String), func() arrowtest.Array { return s.array(s.views) }
	case 4, 5:
		from := []arrowio.TypeID{arrowio.String, arrowio.LargeString}[kind-4]
		return typeOf(from), typeOf(arrowio.String), func() arrowtest.Array {
			return s.array(func(n int64) []any { return []any{s.numbers(int64(kind-3)*4, n+1), make([]byte, 256)} })
		}
	case 6:
		from := &arrowio.Type{ID: arrowio.FixedSizeBinary, Size: 3}
		return from, typeOf(arrowio.Binary),
			func() arrowtest.Array { return s.array(func(n int64) []any { return []any{s.raw(3 * n)} }) }
	case 7:
		return typeOf(arrowio.Null), typeOf(arrowio.Null),
			func() arrowtest.Array { return arrowtest.Array{Length: s.number(), Nulls: -1} }
	}
	return s.nested(kind, depth)
}

func (s *source) nested(kind byte, depth int) (from, to *arrowio.Type, array func() arrowtest.Array) {
	from, to, inner := s.pair(depth - 1)
	with := func(buffers func(n int64) []any) func() arrowtest.Array {
		return func() arrowtest.Array {
			a := s.array(buffers)
			a.Children = []arrowtest.Array{inner()}
			return a
		}
	}
	list := func(id arrowio.TypeID) *arrowio.Type { return typeOf(id, field("item", from)) }
	made := typeOf(arrowio.List, field("element", to))
	switch kind {
	case 8, 9:
		id, width := []arrowio.TypeID{arrowio.List, arrowio.LargeList}[kind-8], int64(kind-7)*4
		return list(id), made, with(func(n int64) []any { return []any{s.numbers(width, n+1)} })
	case 10, 11:
		id, width := []arrowio.TypeID{arrowio.ListView, arrowio.LargeListView}[kind-10], int64(kind-9)*4
		return list(id), made, with(func(n int64) []any { return []any{s.numbers(width, n), s.numbers(width, n)} })
	case 12:
		t := list(arrowio.FixedSizeList)
		t.Size = int32(s.next() % 4)
		return t, made, with(func(int64) []any { return nil })
	case 13:
		return structOf(from), structOf(to), with(func(int64) []any { return nil })
	case 14:
		if from.ID == arrowio.Dictionary {
			return from, to, inner
		}
		t := &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Int8), Value: from}
		return t, to, func() arrowtest.Array {
			a := s.array(func(n int64) []any { return []any{integers[int8](s, n)} })
			dictionary := inner()
			a.Dictionary = &dictionary
			return a
		}
	}
	t := typeOf(arrowio.RunEndEncoded, field("run_ends", typeOf(arrowio.Int16)), field("values", from))
	return t, to, func() arrowtest.Array {
		ends := s.array(func(n int64) []any {
			values := integers[int16](s, n)
			for i := range values { // Mostly rising.
				values[i] += int16(3 * i)
			}
			return []any{values}
		})
		return arrowtest.Array{Length: s.number(), Offset: s.number() & 3, Children: []arrowtest.Array{ends, inner()}}
	}
}

// array has numbers that may be wrong, and buffers as long as they say.
func (s *source) array(buffers func(n int64) []any) arrowtest.Array {
	a := arrowtest.Array{Length: s.number() & 0x7F, Offset: s.number() & 7}
	room := a.Length + a.Offset
	var validity any
	if s.next()&1 == 1 {
		validity, a.Nulls = s.raw(room/8+1), -1
	}
	switch s.next() { // A number that may be right is.
	case 0xFD:
		a.Nulls = -2
	case 0xFE:
		a.Nulls = a.Length + 1
	case 0xFF:
		validity, a.Nulls = nil, a.Length
	}
	a.Buffers = append([]any{validity}, buffers(room)...)
	return a
}

func (s *source) views(n int64) []any {
	views, sizes := make([]int32, 4*n), integers[int64](s, int64(s.next()%3))
	for i := range n {
		views[4*i] = int32(s.number() * 2) //nolint:gosec // any number will do
		copy(views[4*i+1:], integers[int32](s, 3))
	}
	all := []any{views}
	for _, size := range sizes {
		all = append(all, make([]byte, max(size, 0)))
	}
	return append(all, sizes)
}

// encode has an encoder look at a batch.
func encode(t *testing.T, typ *arrowio.Type, batch *cdata.Array) error {
	e, err := arrowio.NewEncoder(&arrowio.Schema{Fields: column(typ)}, arrowio.EncoderOptions{})
	require.NoError(t, err)
	_, err = e.Array(batch)
	return err
}

// FuzzConverter makes arrays of any bytes, sound or not. What is converted must be sound enough for an encoder, which
// checks what was borrowed as well, and have the values that the host's array has; all else is a HOST error.
func FuzzConverter(f *testing.F) {
	for kind := range byte(16) {
		for inner := range byte(8) {
			seed := []byte{kind, inner, 1, 0, 1, 0, 0, 8}
			for i := range byte(80) {
				seed = append(seed, i/4)
			}
			f.Add(seed)
		}
	}
	f.Add(binary.BigEndian.AppendUint64([]byte{14, 15, 3}, 0x0501000000000001))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		s := &source{bytes}
		from, to, array := s.pair(3)
		c, err := hostdata.NewConverter(column(from), column(to))
		require.NoError(t, err, "%s to %s", from, to)
		if c == nil {
			return
		}
		host := array()
		start := s.number() & 3
		batch := batchOf(host, start, min(max(host.Length-start, 0), maxCount)+s.number()&1)
		out, release, err := c.Array(batch)
		if err != nil {
			require.Equal(t, status.Host, status.CodeOf(err), "%v", err)
			return
		}
		defer release()
		if err := encode(t, to, out); err != nil { // What is borrowed is checked last.
			require.Equal(t, status.Host, status.CodeOf(err), "%v", err)
			require.Error(t, encode(t, from, batch), "made malformed: %v", err)
			return
		}
		var want []any
		for _, row := range arrowtest.Rows(&arrowio.Schema{Fields: column(from)}, batch) {
			want = append(want, asMade(to, row[0]))
		}
		requireRows(t, to, out, want)
	})
}

// asMade is a value of the host as the type made shows it.
func asMade(to *arrowio.Type, value any) any {
	switch v := value.(type) {
	case uint64:
		if to.ID == arrowio.Decimal128 {
			return strconv.FormatUint(v, 10)
		}
		return int64(v) //nolint:gosec // the same bits
	case []any:
		for i := range v {
			child := 0
			if to.ID == arrowio.Struct {
				child = i
			}
			v[i] = asMade(to.Children[child].Type, v[i])
		}
	}
	return value
}
