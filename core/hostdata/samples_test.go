package hostdata_test

import (
	"math"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
)

// sample is a column of a host, and what its values are as Spark's type: of five values the one at 2 is null.
type sample struct {
	from, to *arrowio.Type
	column   arrowtest.Array
	want     []any
}

const nullAt2 = 0b11011

func typeOf(id arrowio.TypeID, children ...arrowio.Field) *arrowio.Type {
	return &arrowio.Type{ID: id, Children: children}
}

func field(name string, t *arrowio.Type) arrowio.Field {
	return arrowio.Field{Name: name, Type: t, Nullable: true}
}

func unitOf(id arrowio.TypeID, unit arrowio.Unit) *arrowio.Type {
	return &arrowio.Type{ID: id, Unit: unit}
}

func decimalOf(id arrowio.TypeID, precision int32) *arrowio.Type {
	return &arrowio.Type{ID: id, Precision: precision, Scale: 2}
}

// five is a column of five values with a null; buffers are those behind the validity.
func five(buffers ...any) arrowtest.Array {
	return arrowtest.Array{Length: 5, Nulls: 1, Buffers: append([]any{[]byte{nullAt2}}, buffers...)}
}

const long = "longer than twelve bytes"

var (
	textValues = []any{"", "short", nil, "exactly 12 b", long}
	textBytes  = []byte("shortexactly 12 b" + long)
)

func asBytes(texts []any) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		if text, ok := text.(string); ok {
			out[i] = []byte(text)
		}
	}
	return out
}

// textView is a view column of the texts, with garbage where it is null.
func textView() arrowtest.Array {
	a := viewsOf([]string{"", "short", "", "exactly 12 b", long})
	views, _ := a.Buffers[1].([]int32)
	copy(views[8:], []int32{-7, 1, 99, -3})
	a.Nulls, a.Buffers[0] = -1, []byte{nullAt2}
	return a
}

func samples() []sample {
	all := []sample{
		{typeOf(arrowio.Uint8), typeOf(arrowio.Int16), five([]byte{0, 255, 9, 127, 128}),
			[]any{int64(0), int64(255), nil, int64(127), int64(128)}},
		{typeOf(arrowio.Uint16), typeOf(arrowio.Int32), five([]uint16{0, 65535, 9, 1, 32768}),
			[]any{int64(0), int64(65535), nil, int64(1), int64(32768)}},
		{typeOf(arrowio.Uint32), typeOf(arrowio.Int64), five([]uint32{0, 1<<32 - 1, 9, 1, 1 << 31}),
			[]any{int64(0), int64(1<<32 - 1), nil, int64(1), int64(1 << 31)}},
		{
			typeOf(arrowio.Uint64), &arrowio.Type{ID: arrowio.Decimal128, Precision: 20},
			five([]uint64{0, math.MaxUint64, 9, 1, 1 << 63}),
			[]any{"0", "18446744073709551615", nil, "1", "9223372036854775808"},
		},
		{
			typeOf(arrowio.Float16), typeOf(arrowio.Float32), five([]uint16{0x3c00, 0x8000, 9, 0xfc00, 0x0001}),
			[]any{"1", "-0", nil, "-Inf", "5.9604645e-08"},
		},
		{decimalOf(arrowio.Decimal32, 9), decimalOf(arrowio.Decimal128, 9),
			five([]int32{0, -1, 9, 999999999, -999999999}), []any{"0", "-1", nil, "999999999", "-999999999"}},
		{decimalOf(arrowio.Decimal64, 18), decimalOf(arrowio.Decimal128, 18), five([]int64{0, -1, 9, 1e17, -1e17}),
			[]any{"0", "-1", nil, "100000000000000000", "-100000000000000000"}},
		{
			decimalOf(arrowio.Decimal256, 30), decimalOf(arrowio.Decimal128, 30),
			five([]int64{5, 0, 0, 0, -5, -1, -1, -1, 0, 0, 0, 9, 0, 1, 0, 0, 0, -1, -1, -1}),
			[]any{"5", "-5", nil, "18446744073709551616", "-18446744073709551616"},
		},
		{typeOf(arrowio.Date64), typeOf(arrowio.Date32),
			five([]int64{0, 86400000, 9, -86400000, math.MaxInt32 * 86400000}),
			[]any{int64(0), int64(1), nil, int64(-1), int64(math.MaxInt32)}},
		{unitOf(arrowio.Time32, arrowio.Second), unitOf(arrowio.Time64, arrowio.Nanosecond),
			five([]int32{0, 1, 9, 86399, 2}), []any{int64(0), int64(1e9), nil, int64(86399e9), int64(2e9)}},
		{unitOf(arrowio.Time32, arrowio.Millisecond), unitOf(arrowio.Time64, arrowio.Nanosecond),
			five([]int32{0, 1, 9, 86399999, 2}), []any{int64(0), int64(1e6), nil, int64(86399999e6), int64(2e6)}},
		{unitOf(arrowio.Time64, arrowio.Microsecond), unitOf(arrowio.Time64, arrowio.Nanosecond),
			five([]int64{0, 1, math.MaxInt64, 86399999999, 2}), []any{int64(0), int64(1e3), nil, int64(86399999999e3),
				int64(2e3)}},
		{unitOf(arrowio.Time64, arrowio.Nanosecond), unitOf(arrowio.Time64, arrowio.Nanosecond),
			five([]int64{0, 1, 9, 3, 2}), []any{int64(0), int64(1), nil, int64(3), int64(2)}},
		{typeOf(arrowio.Bool), typeOf(arrowio.Bool), five([]byte{0b10010}), []any{false, true, nil, false, true}},
		{typeOf(arrowio.Int64), typeOf(arrowio.Int64), five([]int64{5, 4, 3, 2, 1}),
			[]any{int64(5), int64(4), nil, int64(2), int64(1)}},
		{&arrowio.Type{ID: arrowio.FixedSizeBinary, Size: 2}, typeOf(arrowio.Binary), five([]byte("aabb..ccdd")),
			asBytes([]any{"aa", "bb", nil, "cc", "dd"})},
		{&arrowio.Type{ID: arrowio.FixedSizeBinary}, typeOf(arrowio.LargeBinary), five(nil),
			asBytes([]any{"", "", nil, "", ""})},
		{typeOf(arrowio.Null), typeOf(arrowio.Null), arrowtest.Array{Length: 5, Nulls: 5},
			[]any{nil, nil, nil, nil, nil}},
	}
	for _, unit := range []arrowio.Unit{arrowio.Second, arrowio.Millisecond, arrowio.Microsecond} {
		factor := map[arrowio.Unit]int64{arrowio.Second: 1e6, arrowio.Millisecond: 1e3, arrowio.Microsecond: 1}[unit]
		for _, id := range []arrowio.TypeID{arrowio.Timestamp, arrowio.Duration} {
			all = append(all, sample{
				unitOf(id, unit), unitOf(id, arrowio.Microsecond),
				five([]int64{0, -1, math.MaxInt64, 77, math.MaxInt64 / factor}),
				[]any{int64(0), -factor, nil, 77 * factor, math.MaxInt64 / factor * factor},
			})
		}
	}
	for _, id := range []arrowio.TypeID{arrowio.Timestamp, arrowio.Duration} {
		all = append(all, sample{
			unitOf(id, arrowio.Nanosecond), unitOf(id, arrowio.Microsecond),
			five([]int64{0, -1000, 9, 77000, math.MinInt64 / 1000 * 1000}),
			[]any{int64(0), int64(-1), nil, int64(77), int64(math.MinInt64 / 1000)},
		})
	}
	ends32, ends64 := []int32{0, 0, 5, 5, 17, 41}, []int64{0, 0, 5, 5, 17, 41}
	for _, to := range []arrowio.TypeID{arrowio.String, arrowio.LargeString} {
		all = append(all,
			sample{typeOf(arrowio.String), typeOf(to), five(ends32, textBytes), textValues},
			sample{typeOf(arrowio.LargeString), typeOf(to), five(ends64, textBytes), textValues},
			sample{typeOf(arrowio.StringView), typeOf(to), textView(), textValues})
	}
	for _, to := range []arrowio.TypeID{arrowio.Binary, arrowio.LargeBinary} {
		all = append(all,
			sample{typeOf(arrowio.Binary), typeOf(to), five(ends32, textBytes), asBytes(textValues)},
			sample{typeOf(arrowio.LargeBinary), typeOf(to), five(ends64, textBytes), asBytes(textValues)},
			sample{typeOf(arrowio.BinaryView), typeOf(to), textView(), asBytes(textValues)})
	}
	return all
}

// wrappers put a sample of at least four values into another type, as one of at least three.
var wrappers = map[string]func(sample) sample{
	"sliced": func(s sample) sample {
		s.column.Offset, s.column.Length = s.column.Offset+1, s.column.Length-1
		if s.column.Nulls > 0 {
			s.column.Nulls = -1
		}
		s.want = s.want[1:]
		return s
	},
	"in struct":                func(s sample) sample { return inStruct(s) },
	"in list":                  func(s sample) sample { return inList(s, arrowio.List, arrowio.List) },
	"in large list":            func(s sample) sample { return inList(s, arrowio.LargeList, arrowio.List) },
	"in large list that stays": func(s sample) sample { return inList(s, arrowio.LargeList, arrowio.LargeList) },
	"in list view":             func(s sample) sample { return inListView(s, arrowio.ListView) },
	"in large list view":       func(s sample) sample { return inListView(s, arrowio.LargeListView) },
	"in fixed list":            inFixedList,
	"in map":                   inMap,
	"in dictionary":            inDictionary,
	"in runs":                  inRuns,
}

// inStruct has rows 1 to the last of the struct, of which row 1 is null.
func inStruct(s sample) sample {
	n := len(s.want)
	want := make([]any, n-1)
	for i := 1; i < n-1; i++ {
		want[i] = []any{int64(i + 1), s.want[i+1]}
	}
	numbers := make([]int32, n)
	for i := range numbers {
		numbers[i] = int32(i)
	}
	stays := arrowtest.Array{Length: int64(n), Buffers: []any{nil, numbers}}
	return sample{
		typeOf(arrowio.Struct, field("n", typeOf(arrowio.Int32)), field("a", s.from)),
		typeOf(arrowio.Struct, field("n", typeOf(arrowio.Int32)), field("a", s.to)),
		arrowtest.Array{
			Length: int64(n - 1), Nulls: -1, Offset: 1, Buffers: []any{[]byte{0xFD, 0xFF}},
			Children: []arrowtest.Array{stays, s.column},
		}, want,
	}
}

func ends(id arrowio.TypeID, values ...int64) any {
	if id == arrowio.LargeList || id == arrowio.LargeListView {
		return values
	}
	narrow := make([]int32, len(values))
	for i, value := range values {
		narrow[i] = int32(value) //nolint:gosec // small
	}
	return narrow
}

// inList begins with item 1, and a null has items.
func inList(s sample, from, to arrowio.TypeID) sample {
	return sample{
		typeOf(from, field("item", s.from)), typeOf(to, field("element", s.to)),
		arrowtest.Array{
			Length: 4, Nulls: 1, Buffers: []any{[]byte{0b1011}, ends(from, 1, 2, 2, 3, 4)},
			Children: []arrowtest.Array{s.column},
		},
		[]any{[]any{s.want[1]}, []any{}, nil, []any{s.want[3]}},
	}
}

// inListView has entries that overlap and lie in any order, and a null that lies nowhere.
func inListView(s sample, id arrowio.TypeID) sample {
	return sample{
		typeOf(id, field("item", s.from)), typeOf(arrowio.List, field("element", s.to)),
		arrowtest.Array{
			Length: 4, Nulls: -1, Offset: 1, Buffers: []any{[]byte{0b10111}, ends(id, 9, 2, 0, -5, 4),
				ends(id, 9, 2, 3, 1<<30, 0)},
			Children: []arrowtest.Array{s.column},
		},
		[]any{[]any{s.want[2], s.want[3]}, []any{s.want[0], s.want[1], s.want[2]}, nil, []any{}},
	}
}

// inFixedList has pairs of a column that is put together of itself.
func inFixedList(s sample) sample {
	twice := inDictionaryOf(s, []byte{0, 0, 1, 2, 3, 0, 1, 1, 2, 3}, nil)
	pair := func(i int) []any { return []any{twice.want[2*i], twice.want[2*i+1]} }
	return sample{
		&arrowio.Type{ID: arrowio.FixedSizeList, Size: 2, Children: []arrowio.Field{field("item", twice.from)}},
		typeOf(arrowio.List, field("element", twice.to)),
		arrowtest.Array{Length: 4, Nulls: 1, Offset: 1, Buffers: []any{[]byte{0b10111}},
			Children: []arrowtest.Array{twice.column}},
		[]any{pair(1), pair(2), nil, pair(4)},
	}
}

func inMap(s sample) sample {
	entries := func(t *arrowio.Type) *arrowio.Type {
		return typeOf(arrowio.Map, field("entries", typeOf(arrowio.Struct, field("key", t), field("value", t))))
	}
	entry := func(i int) any { return []any{s.want[i], s.want[i]} }
	both := arrowtest.Array{Length: 4, Buffers: []any{nil}, Children: []arrowtest.Array{s.column, s.column}}
	return sample{
		entries(s.from), entries(s.to),
		arrowtest.Array{Length: 4, Nulls: 1, Offset: 1, Buffers: []any{[]byte{0b10111}, []int32{0, 1, 1, 3, 3, 4}},
			Children: []arrowtest.Array{both}},
		[]any{[]any{}, []any{entry(1), entry(2)}, nil, []any{entry(3)}},
	}
}

// inDictionary has indices in any order, one of which is null.
func inDictionary(s sample) sample {
	return inDictionaryOf(s, []byte{9, 3, 2, 0, 200, 1, 1}, []byte{0b1101111})
}

// inDictionaryOf has the values at indices, but for the first one where validity has a null at 4.
func inDictionaryOf(s sample, indices, validity []byte) sample {
	if s.from.ID == arrowio.Dictionary { // A dictionary has none of its own.
		s = inStruct(s)
		for i := range indices {
			if indices[i] < 9 {
				indices[i] = min(indices[i], byte(len(s.want)-1)) //nolint:gosec // few
			}
		}
	}
	column := arrowtest.Array{Length: int64(len(indices)), Dictionary: &s.column}
	from := &arrowio.Type{ID: arrowio.Dictionary, Index: typeOf(arrowio.Uint8), Value: s.from}
	if validity == nil {
		column.Buffers = []any{nil, indices}
	} else {
		column.Buffers, column.Nulls = []any{validity, indices}, -1
		column.Offset, column.Length = 1, column.Length-1
		indices = indices[1:]
	}
	var want []any
	for i, index := range indices {
		if validity != nil && i+1 == 4 {
			want = append(want, nil)
		} else {
			want = append(want, s.want[index])
		}
	}
	return sample{from, s.to, column, want}
}

// inRuns begins within the first of four runs.
func inRuns(s sample) sample {
	values := s.column
	return sample{
		typeOf(arrowio.RunEndEncoded, field("run_ends", typeOf(arrowio.Int16)), field("values", s.from)), s.to,
		arrowtest.Array{Length: 6, Offset: 1, Children: []arrowtest.Array{
			{Length: 4, Offset: 1, Buffers: []any{nil, []int16{9, 3, 4, 5, 8}}}, values,
		}},
		[]any{s.want[0], s.want[0], s.want[1], s.want[2], s.want[3], s.want[3]},
	}
}
