package arrowtest

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"unsafe"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
)

// Rows is a batch's rows: of each the values of its columns.
func Rows(s *arrowio.Schema, batch *cdata.Array) [][]any {
	rows := make([][]any, batch.Length)
	for i := range rows {
		rows[i] = fields(s.Fields, batch, batch.Offset+int64(i))
	}
	return rows
}

func fields(of []arrowio.Field, a *cdata.Array, at int64) []any {
	values := make([]any, len(of))
	for i := range of {
		values[i] = Value(of[i].Type, children(a)[i], at)
	}
	return values
}

func children(a *cdata.Array) []*cdata.Array { return unsafe.Slice(a.Children, a.NChildren) }

func bit(p unsafe.Pointer, i int64) bool { return *(*byte)(unsafe.Add(p, i/8))>>(i%8)&1 == 1 }

// Value is value i of an array of the type: nil for null, int64 and uint64 for numbers, dates and times, bool, string,
// []byte, []any for lists, structs and the entries of maps; floats are text, so that NaN equals NaN and -0 differs from
// 0; values of dictionaries and run-end encoded arrays are the ones that they stand for; of unions [type id, value].
// The array must be sound.
func Value(t *arrowio.Type, a *cdata.Array, i int64) any {
	at := a.Offset + i
	buffers := unsafe.Slice(a.Buffers, a.NBuffers)
	switch t.ID {
	case arrowio.Null:
		return nil
	case arrowio.SparseUnion, arrowio.DenseUnion:
		return union(t, a, at)
	case arrowio.RunEndEncoded:
		return run(t, a, at)
	}
	if a.NullCount != 0 && buffers[0] != nil && !bit(buffers[0], at) {
		return nil
	}
	switch t.ID {
	case arrowio.Bool:
		return bit(buffers[1], at)
	case arrowio.Struct:
		return fields(t.Children, a, at)
	case arrowio.Dictionary:
		return Value(t.Value, a.Dictionary, index(t.Index, buffers[1], at))
	case arrowio.BinaryView, arrowio.StringView:
		return text(t, viewed(buffers, at))
	case arrowio.FixedSizeList:
		return items(t, a, at*int64(t.Size), int64(t.Size))
	case arrowio.FixedSizeBinary:
		return slices.Clone(bytes(buffers[1], at*int64(t.Size), int64(t.Size)))
	case arrowio.ListView, arrowio.LargeListView:
		width := offsetWidth(t.ID)
		return items(t, a, integer(buffers[1], width, at), integer(buffers[2], width, at))
	case arrowio.List, arrowio.LargeList, arrowio.Map:
		from, size := entry(t.ID, buffers[1], at)
		return items(t, a, from, size)
	case arrowio.Binary, arrowio.String, arrowio.LargeBinary, arrowio.LargeString:
		from, size := entry(t.ID, buffers[1], at)
		return text(t, bytes(buffers[2], from, size))
	}
	return fixed(t, buffers[1], at)
}

var widths = map[arrowio.TypeID]int64{
	arrowio.Int8: 1, arrowio.Int16: 2, arrowio.Int32: 4, arrowio.Int64: 8,
	arrowio.Uint8: 1, arrowio.Uint16: 2, arrowio.Uint32: 4, arrowio.Uint64: 8,
	arrowio.Float16: 2, arrowio.Float32: 4, arrowio.Float64: 8,
	arrowio.Decimal32: 4, arrowio.Decimal64: 8, arrowio.Decimal128: 16, arrowio.Decimal256: 32,
	arrowio.Date32: 4, arrowio.Date64: 8, arrowio.Time32: 4, arrowio.Time64: 8, arrowio.Timestamp: 8,
	arrowio.Duration:       8,
	arrowio.IntervalMonths: 4, arrowio.IntervalDayTime: 8, arrowio.IntervalMonthDayNano: 16,
}

func fixed(t *arrowio.Type, p unsafe.Pointer, at int64) any {
	width := widths[t.ID]
	value := unsafe.Add(p, at*width)
	switch t.ID {
	case arrowio.Float32:
		return strconv.FormatFloat(float64(*(*float32)(value)), 'g', -1, 32)
	case arrowio.Float64:
		return strconv.FormatFloat(*(*float64)(value), 'g', -1, 64)
	case arrowio.Float16:
		return fmt.Sprintf("0x%04x", *(*uint16)(value))
	case arrowio.Uint8, arrowio.Uint16, arrowio.Uint32, arrowio.Uint64:
		return uint64(integer(p, width, at)) & (^uint64(0) >> (64 - 8*width)) //nolint:gosec // the same bits
	case arrowio.IntervalMonthDayNano:
		return []any{integer(value, 4, 0), integer(value, 4, 1), integer(value, 8, 1)}
	case arrowio.IntervalDayTime:
		return []any{integer(value, 4, 0), integer(value, 4, 1)}
	case arrowio.Decimal128, arrowio.Decimal256:
		return decimal(bytes(p, at*width, width)).String()
	}
	return integer(p, width, at)
}

// index is a dictionary index, which is not negative.
func index(t *arrowio.Type, p unsafe.Pointer, at int64) int64 {
	if n, ok := fixed(t, p, at).(uint64); ok {
		return int64(n) //nolint:gosec // the same bits
	}
	return integer(p, widths[t.ID], at)
}

// decimal is a little-endian number in two's complement.
func decimal(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	n := new(big.Int).SetBytes(b)
	if b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return n
}

func integer(p unsafe.Pointer, width, at int64) int64 {
	p = unsafe.Add(p, at*width)
	switch width {
	case 1:
		return int64(*(*int8)(p))
	case 2:
		return int64(*(*int16)(p))
	case 4:
		return int64(*(*int32)(p))
	}
	return *(*int64)(p)
}

func bytes(p unsafe.Pointer, from, size int64) []byte {
	if size == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(unsafe.Add(p, from)), size)
}

func offsetWidth(id arrowio.TypeID) int64 {
	switch id {
	case arrowio.LargeBinary, arrowio.LargeString, arrowio.LargeList, arrowio.LargeListView:
		return 8
	}
	return 4
}

func entry(id arrowio.TypeID, offsets unsafe.Pointer, at int64) (from, size int64) {
	width := offsetWidth(id)
	from = integer(offsets, width, at)
	return from, integer(offsets, width, at+1) - from
}

func text(t *arrowio.Type, b []byte) any {
	switch t.ID {
	case arrowio.String, arrowio.LargeString, arrowio.StringView:
		return string(b)
	}
	return slices.Clone(b)
}

func viewed(buffers []unsafe.Pointer, at int64) []byte {
	const inline, size = 12, 16
	p := unsafe.Add(buffers[1], at*size)
	length := integer(p, 4, 0)
	if length <= inline {
		return bytes(p, 4, length)
	}
	return bytes(buffers[2+integer(p, 4, 2)], integer(p, 4, 3), length)
}

func items(t *arrowio.Type, a *cdata.Array, from, size int64) any {
	list := make([]any, size)
	for i := range list {
		list[i] = Value(t.Children[0].Type, children(a)[0], from+int64(i))
	}
	return list
}

func union(t *arrowio.Type, a *cdata.Array, at int64) any {
	buffers := unsafe.Slice(a.Buffers, a.NBuffers)
	id := int8(integer(buffers[0], 1, at)) //nolint:gosec // a type id
	child := slices.Index(t.TypeIDs, id)
	if t.ID == arrowio.DenseUnion {
		at = integer(buffers[1], 4, at)
	}
	return []any{int64(id), Value(t.Children[child].Type, children(a)[child], at)}
}

func run(t *arrowio.Type, a *cdata.Array, at int64) any {
	ends, values := children(a)[0], children(a)[1]
	var i int64
	for end := int64(-1); end <= at; i++ {
		end, _ = Value(t.Children[0].Type, ends, i).(int64)
	}
	i--
	return Value(t.Children[1].Type, values, i)
}
