// Package sqltype holds Spark SQL's data types: it parses them from DDL and from Spark's JSON, prints
// them as PySpark does, and maps them to Arrow types and back.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package sqltype

import (
	"strconv"
	"strings"
)

// Kind is the class of a type, named after Spark's DataType subclasses.
type Kind uint8

// The kinds. UserDefined is PySpark's UserDefinedType, known only by its JSON.
const (
	Null Kind = iota
	Boolean
	Byte
	Short
	Integer
	Long
	Float
	Double
	Decimal
	String
	Char
	Varchar
	Binary
	Date
	Time
	Timestamp
	TimestampNTZ
	DayTimeInterval
	YearMonthInterval
	CalendarInterval
	Variant
	Geometry
	Geography
	Array
	Map
	Struct
	UserDefined
)

// names are Spark's type names in JSON, for the kinds that have no parameters.
var names = map[Kind]string{
	Null: "void", Boolean: "boolean", Byte: "byte", Short: "short", Integer: "integer", Long: "long",
	Float: "float", Double: "double", String: "string", Binary: "binary", Date: "date",
	Timestamp: "timestamp", TimestampNTZ: "timestamp_ntz", CalendarInterval: "interval", Variant: "variant",
}

// simpleNames are the simple strings that differ from the JSON names.
var simpleNames = map[Kind]string{Byte: "tinyint", Short: "smallint", Integer: "int", Long: "bigint"}

// Limits of Spark's types, and how deep types may nest here.
const (
	MaxPrecision         = 38 // DecimalType.MAX_PRECISION
	maxTimePrecision     = 9  // TimeType.MAX_PRECISION
	defaultTimePrecision = 6  // TimeType.DEFAULT_PRECISION
	maxDepth             = 200
)

// IntervalField is a field of an interval type, the largest first within its type.
type IntervalField uint8

// The fields: Year and Month of YearMonthInterval, the others of DayTimeInterval.
const (
	Year IntervalField = iota
	Month
	Day
	Hour
	Minute
	Second
)

var intervalNames = [...]string{"year", "month", "day", "hour", "minute", "second"}

// String is the field's name in lower case.
func (f IntervalField) String() string { return intervalNames[f] }

// Type is a Spark SQL data type. The zero value is void. Which fields count depends on Kind. Types
// are values that are not changed once made; copies share their children.
type Type struct {
	Kind      Kind
	Precision int           // Decimal, Time
	Scale     int           // Decimal
	Length    int           // Char, Varchar
	Collation string        // String; "" is DefaultCollation
	SRID      int           // Geometry, Geography; AnySRID for mixed ones
	Start     IntervalField // the interval kinds
	End       IntervalField
	Element   *Type   // Array; UserDefined: the SQL type it is stored as
	Key       *Type   // Map
	Value     *Type   // Map
	HasNull   bool    // Array: containsNull; Map: valueContainsNull
	Fields    []Field // Struct

	udt *value // UserDefined: its JSON, whole
}

// Field is a field of a struct, Spark's StructField.
type Field struct {
	Name     string
	Type     Type
	Nullable bool
	Metadata Metadata
}

// StructOf is the struct type of the fields.
func StructOf(fields ...Field) Type { return Type{Kind: Struct, Fields: fields} }

// ArrayOf is the array type of nullable elements.
func ArrayOf(element Type) Type { return Type{Kind: Array, Element: &element, HasNull: true} }

// MapOf is the map type with nullable values.
func MapOf(key, value Type) Type {
	return Type{Kind: Map, Key: &key, Value: &value, HasNull: true}
}

// String is DataType.simpleString of PySpark, for example "struct<a:int,b:string>". Names are not quoted
// and nullability is not shown, so it need not parse back; JSON always does.
func (t Type) String() string {
	var b strings.Builder
	t.simple(&b)
	return b.String()
}

func (t Type) simple(b *strings.Builder) {
	switch t.Kind {
	case Array:
		b.WriteString("array<")
		t.Element.simple(b)
		b.WriteByte('>')
	case Map:
		b.WriteString("map<")
		t.Key.simple(b)
		b.WriteByte(',')
		t.Value.simple(b)
		b.WriteByte('>')
	case Struct:
		b.WriteString("struct<")
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(f.Name)
			b.WriteByte(':')
			f.Type.simple(b)
		}
		b.WriteByte('>')
	case UserDefined:
		b.WriteString("udt")
	case Geometry, Geography:
		name, _, _ := strings.Cut(t.jsonName(), "(")
		srid := strconv.Itoa(t.SRID)
		if t.SRID == AnySRID {
			srid = "any"
		}
		b.WriteString(name + "(" + srid + ")")
	default:
		if name, ok := simpleNames[t.Kind]; ok {
			b.WriteString(name)
			return
		}
		b.WriteString(t.jsonName())
	}
}

// jsonName is the JSON form of a type that JSON shows as a string.
func (t Type) jsonName() string {
	switch t.Kind {
	case Decimal:
		return "decimal(" + strconv.Itoa(t.Precision) + "," + strconv.Itoa(t.Scale) + ")"
	case Time:
		return "time(" + strconv.Itoa(t.Precision) + ")"
	case Char:
		return "char(" + strconv.Itoa(t.Length) + ")"
	case Varchar:
		return "varchar(" + strconv.Itoa(t.Length) + ")"
	case Geometry:
		return "geometry(" + t.system() + ")"
	case Geography:
		return "geography(" + t.system() + ", " + algorithm + ")"
	case DayTimeInterval, YearMonthInterval:
		if t.Start == t.End {
			return "interval " + t.Start.String()
		}
		return "interval " + t.Start.String() + " to " + t.End.String()
	case String:
		if t.collated() {
			return "string collate " + t.Collation
		}
	}
	return names[t.Kind]
}

func (t Type) collated() bool {
	return t.Kind == String && t.Collation != "" && t.Collation != DefaultCollation
}
