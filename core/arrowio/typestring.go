package arrowio

import (
	"strconv"
	"strings"
)

var typeNames = [numTypeIDs]string{
	Null: "null", Bool: "bool", Int8: "int8", Int16: "int16", Int32: "int32", Int64: "int64",
	Uint8: "uint8", Uint16: "uint16", Uint32: "uint32", Uint64: "uint64",
	Float16: "halffloat", Float32: "float", Float64: "double",
	Decimal32: "decimal32", Decimal64: "decimal64", Decimal128: "decimal128", Decimal256: "decimal256",
	Date32: "date32[day]", Date64: "date64[ms]", Time32: "time32", Time64: "time64",
	Timestamp: "timestamp", Duration: "duration", IntervalMonths: "month_interval",
	IntervalDayTime: "day_time_interval", IntervalMonthDayNano: "month_day_nano_interval",
	Binary: "binary", String: "string", LargeBinary: "large_binary", LargeString: "large_string",
	BinaryView: "binary_view", StringView: "string_view", FixedSizeBinary: "fixed_size_binary",
	List: "list", LargeList: "large_list", ListView: "list_view", LargeListView: "large_list_view",
	FixedSizeList: "fixed_size_list", Struct: "struct", Map: "map", SparseUnion: "sparse_union",
	DenseUnion: "dense_union", Dictionary: "dictionary", RunEndEncoded: "run_end_encoded",
}

var unitNames = [...]string{Second: "s", Millisecond: "ms", Microsecond: "us", Nanosecond: "ns"}

// String is the unit's short name: s, ms, us, ns.
func (u Unit) String() string {
	if int(u) < len(unitNames) {
		return unitNames[u]
	}
	return "Unit(" + strconv.Itoa(int(u)) + ")"
}

// String is the type's name without parameters, as Arrow's C++ and Python libraries print it.
func (id TypeID) String() string {
	if id < numTypeIDs {
		return typeNames[id]
	}
	return "TypeID(" + strconv.Itoa(int(id)) + ")"
}

// String is the type in the notation of Arrow's C++ and Python libraries, e.g. int64,
// timestamp[us, tz=UTC], list<item: int32>.
func (t *Type) String() string {
	var b strings.Builder
	t.print(&b)
	return b.String()
}

func (t *Type) print(b *strings.Builder) {
	b.WriteString(t.ID.String())
	switch t.ID {
	case Time32, Time64, Duration:
		b.WriteString("[" + t.Unit.String() + "]")
	case Timestamp:
		b.WriteString("[" + t.Unit.String())
		if t.TimeZone != "" {
			b.WriteString(", tz=" + t.TimeZone)
		}
		b.WriteString("]")
	case Decimal32, Decimal64, Decimal128, Decimal256:
		b.WriteString("(" + strconv.Itoa(int(t.Precision)) + ", " + strconv.Itoa(int(t.Scale)) + ")")
	case FixedSizeBinary:
		b.WriteString("[" + strconv.Itoa(int(t.Size)) + "]")
	case List, LargeList, ListView, LargeListView, Struct:
		t.printChildren(b)
	case RunEndEncoded:
		b.WriteString("<run_ends: ")
		t.Children[0].Type.print(b)
		b.WriteString(", values: ")
		t.Children[1].Type.print(b)
		b.WriteString(">")
	case FixedSizeList:
		t.printChildren(b)
		b.WriteString("[" + strconv.Itoa(int(t.Size)) + "]")
	case Map:
		t.printMap(b)
	case SparseUnion, DenseUnion:
		t.printUnion(b)
	case Dictionary:
		b.WriteString("<values=")
		t.Value.print(b)
		b.WriteString(", indices=")
		t.Index.print(b)
		b.WriteString(", ordered=" + map[bool]string{false: "0", true: "1"}[t.Ordered] + ">")
	}
}

func (t *Type) printChildren(b *strings.Builder) {
	b.WriteString("<")
	for i := range t.Children {
		if i > 0 {
			b.WriteString(", ")
		}
		t.Children[i].print(b)
	}
	b.WriteString(">")
}

func (t *Type) printMap(b *strings.Builder) {
	entries := t.Children[0].Type.Children
	key, value := &entries[0], &entries[1]
	b.WriteString("<")
	key.Type.print(b)
	if key.Name != "key" {
		b.WriteString(" ('" + key.Name + "')")
	}
	b.WriteString(", ")
	value.Type.print(b)
	if value.Name != "value" {
		b.WriteString(" ('" + value.Name + "')")
	}
	if t.KeysSorted {
		b.WriteString(", keys_sorted")
	}
	if name := t.Children[0].Name; name != "entries" {
		b.WriteString(" ('" + name + "')")
	}
	b.WriteString(">")
}

func (t *Type) printUnion(b *strings.Builder) {
	b.WriteString("<")
	for i := range t.Children {
		if i > 0 {
			b.WriteString(", ")
		}
		t.Children[i].print(b)
		b.WriteString("=" + strconv.Itoa(int(t.TypeIDs[i])))
	}
	b.WriteString(">")
}

func (f *Field) print(b *strings.Builder) {
	b.WriteString(f.Name + ": ")
	f.Type.print(b)
	if !f.Nullable {
		b.WriteString(" not null")
	}
}
