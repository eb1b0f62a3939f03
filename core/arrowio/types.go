package arrowio

// TypeID names an Arrow type without its parameters.
type TypeID uint8

// The Arrow types. Times and decimals of different widths are types of their own, as in Arrow's
// other implementations.
const (
	Null TypeID = iota
	Bool
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float16
	Float32
	Float64
	Decimal32
	Decimal64
	Decimal128
	Decimal256
	Date32
	Date64
	Time32
	Time64
	Timestamp
	Duration
	IntervalMonths
	IntervalDayTime
	IntervalMonthDayNano
	Binary
	String
	LargeBinary
	LargeString
	BinaryView
	StringView
	FixedSizeBinary
	List
	LargeList
	ListView
	LargeListView
	FixedSizeList
	Struct
	Map
	SparseUnion
	DenseUnion
	Dictionary
	RunEndEncoded
	numTypeIDs
)

// Unit is the resolution of times, timestamps and durations.
type Unit uint8

// The units, numbered as in Arrow's metadata.
const (
	Second Unit = iota
	Millisecond
	Microsecond
	Nanosecond
)

// Type is an Arrow type with its parameters; fields that its ID has no use for are zero.
type Type struct {
	ID TypeID
	// Unit of Time32, Time64, Timestamp, Duration.
	Unit Unit
	// TimeZone of Timestamp; empty means none.
	TimeZone string
	// Precision and Scale of decimals, in digits.
	Precision, Scale int32
	// Size is the bytes of a FixedSizeBinary or the items of a FixedSizeList.
	Size int32
	// KeysSorted of Map.
	KeysSorted bool
	// TypeIDs of unions, one for each child.
	TypeIDs []int8
	// Children of nested types: one item field of lists, the entries struct of Map, run ends and values
	// of RunEndEncoded, the fields of Struct and unions.
	Children []Field
	// Index and Value types of Dictionary, whether its values have an order, and the number under
	// which IPC messages carry its values.
	Index, Value *Type
	Ordered      bool
	DictionaryID int64
}

// KeyValue is one entry of custom metadata. Extension types are entries of a field's metadata.
type KeyValue struct{ Key, Value string }

// Field is a column, or a child of a nested type.
type Field struct {
	Name     string
	Type     *Type
	Nullable bool
	Metadata []KeyValue
}

// Schema is the columns of a record batch.
type Schema struct {
	Fields   []Field
	Metadata []KeyValue
}

// maxNesting bounds how deep types nest, so that a hostile schema cannot exhaust a stack.
const maxNesting = 64

// fixedWidths is the bytes a value takes, for types where that depends on the ID alone.
var fixedWidths = [numTypeIDs]int64{
	Int8: 1, Int16: 2, Int32: 4, Int64: 8, Uint8: 1, Uint16: 2, Uint32: 4, Uint64: 8,
	Float16: 2, Float32: 4, Float64: 8, Decimal32: 4, Decimal64: 8, Decimal128: 16, Decimal256: 32,
	Date32: 4, Date64: 8, Time32: 4, Time64: 8, Timestamp: 8, Duration: 8,
	IntervalMonths: 4, IntervalDayTime: 8, IntervalMonthDayNano: 16,
}

// isInteger says whether the type can index a dictionary.
func (id TypeID) isInteger() bool { return id >= Int8 && id <= Uint64 }

// isRunEnd says whether the type can hold run ends.
func (id TypeID) isRunEnd() bool { return id == Int16 || id == Int32 || id == Int64 }

// maxPrecision is the digits that a decimal type can hold, 0 for other types.
func (id TypeID) maxPrecision() int32 {
	switch id {
	case Decimal32:
		return 9
	case Decimal64:
		return 18
	case Decimal128:
		return 38
	case Decimal256:
		return 76
	}
	return 0
}
