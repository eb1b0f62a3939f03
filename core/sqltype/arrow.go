package sqltype

import (
	"slices"
	"strconv"
	"strings"

	"udfrunner/core/arrowio"
	"udfrunner/core/status"
)

// metadataKey is the Arrow metadata entry that carries a field's metadata as JSON (metadata_key in
// pyspark.sql.pandas.types, ArrowUtils in Spark).
const metadataKey = "SPARK::metadata::json"

// plainArrow are the Arrow types of kinds without parameters.
var plainArrow = map[Kind]arrowio.Type{
	Null: {ID: arrowio.Null}, Boolean: {ID: arrowio.Bool}, Byte: {ID: arrowio.Int8}, Short: {ID: arrowio.Int16},
	Integer: {ID: arrowio.Int32}, Long: {ID: arrowio.Int64}, Float: {ID: arrowio.Float32},
	Double: {ID: arrowio.Float64},
	String: {ID: arrowio.String}, Binary: {ID: arrowio.Binary}, Date: {ID: arrowio.Date32},
	Time:            {ID: arrowio.Time64, Unit: arrowio.Nanosecond},
	TimestampNTZ:    {ID: arrowio.Timestamp, Unit: arrowio.Microsecond},
	DayTimeInterval: {ID: arrowio.Duration, Unit: arrowio.Microsecond},
}

// largeArrow are the types that useLargeVarTypes changes.
var largeArrow = map[Kind]arrowio.Type{String: {ID: arrowio.LargeString}, Binary: {ID: arrowio.LargeBinary}}

// ToArrowSchema is the Arrow schema of a struct's fields, as pyspark.sql.pandas.types.to_arrow_schema makes it, which
// is what a worker's results have. timeZone is that of TIMESTAMP columns, not empty; large asks for Arrow's
// large strings and binaries (spark.sql.execution.arrow.useLargeVarTypes).
//
// Errors are INVALID_ARGUMENT: a type that is not a struct, and types for which PySpark has no Arrow type: char,
// varchar, year-month and calendar intervals, and void where null is not allowed.
func ToArrowSchema(t Type, timeZone string, large bool) (*arrowio.Schema, error) {
	if t.Kind != Struct {
		return nil, status.New(status.InvalidArgument, "type %s: expected a struct, to make columns of it", t)
	}
	fields, err := toArrowFields(t.Fields, timeZone, large)
	if err != nil {
		return nil, err
	}
	return &arrowio.Schema{Fields: fields}, nil
}

// ToArrowField is the Arrow field of a field; parameters and errors are those of ToArrowSchema.
func ToArrowField(f Field, timeZone string, large bool) (arrowio.Field, error) {
	t, err := toArrow(f.Type, f.Name, timeZone, large)
	if err != nil {
		return arrowio.Field{}, err
	}
	if t.ID == arrowio.Null && !f.Nullable {
		return arrowio.Field{}, status.New(status.InvalidArgument, "column %q: PyArrow has no field of type void "+
			"that is not nullable", f.Name)
	}
	out := arrowio.Field{Name: f.Name, Type: t, Nullable: f.Nullable}
	if !f.Metadata.Empty() {
		out.Metadata = []arrowio.KeyValue{{Key: metadataKey, Value: f.Metadata.JSON()}}
	}
	return out, nil
}

func toArrowFields(fields []Field, timeZone string, large bool) ([]arrowio.Field, error) {
	out := make([]arrowio.Field, len(fields))
	for i, f := range fields {
		var err error
		if out[i], err = ToArrowField(f, timeZone, large); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func toArrow(t Type, column, timeZone string, large bool) (*arrowio.Type, error) {
	if plain, ok := largeArrow[t.Kind]; ok && large {
		return &plain, nil
	}
	if plain, ok := plainArrow[t.Kind]; ok {
		return &plain, nil
	}
	switch t.Kind {
	case Decimal:
		//nolint:gosec // 38 at most
		return &arrowio.Type{ID: arrowio.Decimal128, Precision: int32(t.Precision), Scale: int32(t.Scale)}, nil
	case Timestamp:
		if timeZone == "" {
			return nil, status.New(status.InvalidArgument, "column %q: a timestamp needs a time zone that is not empty",
				column)
		}
		return &arrowio.Type{ID: arrowio.Timestamp, Unit: arrowio.Microsecond, TimeZone: timeZone}, nil
	case Array:
		element, err := ToArrowField(Field{Name: "element", Type: *t.Element, Nullable: t.HasNull}, timeZone, large)
		return &arrowio.Type{ID: arrowio.List, Children: []arrowio.Field{element}}, err
	case Map:
		entries, err := toArrowFields([]Field{{Name: "key", Type: *t.Key},
			{Name: "value", Type: *t.Value, Nullable: t.HasNull}},
			timeZone, large)
		return &arrowio.Type{ID: arrowio.Map, Children: []arrowio.Field{
			{Name: "entries", Type: &arrowio.Type{ID: arrowio.Struct, Children: entries}},
		}}, err
	case Struct:
		children, err := toArrowFields(t.Fields, timeZone, large)
		return &arrowio.Type{ID: arrowio.Struct, Children: children}, err
	case Variant:
		// Never large, and told apart from a struct by the tag.
		binary := &arrowio.Type{ID: arrowio.Binary}
		return &arrowio.Type{ID: arrowio.Struct, Children: []arrowio.Field{
			{Name: "value", Type: binary},
			{Name: "metadata", Type: binary, Metadata: []arrowio.KeyValue{{Key: "variant", Value: "true"}}},
		}}, nil
	case Geometry, Geography:
		name, _, _ := strings.Cut(t.jsonName(), "(")
		return &arrowio.Type{ID: arrowio.Struct, Children: []arrowio.Field{
			{Name: "srid", Type: &arrowio.Type{ID: arrowio.Int32}},
			{Name: "wkb", Type: &arrowio.Type{ID: arrowio.Binary}, Metadata: []arrowio.KeyValue{
				{Key: name, Value: "true"}, {Key: "srid", Value: strconv.Itoa(t.SRID)},
			}},
		}}, nil
	case UserDefined:
		return toArrow(*t.Element, column, timeZone, large)
	}
	return nil, status.New(status.InvalidArgument, "column %q: PySpark has no Arrow type for %s", column, t)
}

// FromArrowSchema is the struct of an Arrow schema's fields, as Spark's ArrowUtils.fromArrowSchema and PySpark's
// from_arrow_schema read it: units of times do not matter, dictionaries are their values, a timestamp without time zone
// is TIMESTAMP_NTZ. Arrow has no place for user-defined types: they are known from the Spark schema in the metadata of
// a schema that was read from a Parquet file which Spark wrote.
//
// Errors are INVALID_ARGUMENT and name the column and its Arrow type where Spark has no type for it.
func FromArrowSchema(s *arrowio.Schema) (Type, error) {
	t := Type{Kind: Struct, Fields: make([]Field, len(s.Fields))}
	for i, f := range s.Fields {
		var err error
		if t.Fields[i], err = FromArrowField(f); err != nil {
			return Type{}, err
		}
	}
	for _, kv := range s.Metadata {
		if kv.Key != parquetKey || !strings.Contains(kv.Value, `"udt"`) {
			continue
		}
		said, err := parseJSON(kv.Value)
		if err != nil {
			return Type{}, status.New(status.InvalidArgument, "metadata %s: %w", parquetKey, err)
		}
		t = t.userDefined(&said)
	}
	return t, nil
}

// parquetKey is the metadata entry of a schema under which Spark writes its own schema to Parquet files, as JSON
// (ParquetReadSupport.SPARK_METADATA_KEY).
const parquetKey = "org.apache.spark.sql.parquet.row.metadata"

// userDefined is the type with the user-defined types that Spark says of it, where they are stored as it is.
func (t Type) userDefined(said *Type) Type {
	if said.Kind == UserDefined && said.Element.String() == t.String() {
		return *said
	}
	if said.Kind != t.Kind {
		return t
	}
	switch t.Kind {
	case Array:
		element := t.Element.userDefined(said.Element)
		t.Element = &element
	case Map:
		key, val := t.Key.userDefined(said.Key), t.Value.userDefined(said.Value)
		t.Key, t.Value = &key, &val
	case Struct:
		t.Fields = slices.Clone(t.Fields)
		for i, f := range t.Fields {
			if j := slices.IndexFunc(said.Fields, func(s Field) bool { return s.Name == f.Name }); j >= 0 {
				t.Fields[i].Type = f.Type.userDefined(&said.Fields[j].Type)
			}
		}
	}
	return t
}

// FromArrowField is the field of an Arrow field; errors are those of FromArrowSchema.
func FromArrowField(f arrowio.Field) (Field, error) { return fromArrowField(f, f.Name) }

func fromArrowField(f arrowio.Field, column string) (Field, error) {
	out := Field{Name: f.Name, Nullable: f.Nullable}
	var err error
	if out.Type, err = fromArrow(f.Type, column); err != nil {
		return Field{}, err
	}
	for _, kv := range f.Metadata {
		if kv.Key != metadataKey {
			continue
		}
		if out.Metadata, err = ParseMetadata(kv.Value); err != nil {
			return Field{}, status.New(status.InvalidArgument, "column %q: metadata %s: %w", column, metadataKey, err)
		}
	}
	return out, nil
}

// plainSpark are the Spark types of Arrow types without parameters that matter.
var plainSpark = map[arrowio.TypeID]Type{
	arrowio.Null: {Kind: Null}, arrowio.Bool: {Kind: Boolean}, arrowio.Int8: {Kind: Byte}, arrowio.Int16: {Kind: Short},
	arrowio.Int32: {Kind: Integer}, arrowio.Int64: {Kind: Long}, arrowio.Float32: {Kind: Float},
	arrowio.Float64: {Kind: Double},
	arrowio.String:  {Kind: String}, arrowio.LargeString: {Kind: String}, arrowio.Binary: {Kind: Binary},
	arrowio.LargeBinary: {Kind: Binary}, arrowio.FixedSizeBinary: {Kind: Binary}, arrowio.Date32: {Kind: Date},
	arrowio.Time64:               {Kind: Time, Precision: defaultTimePrecision},
	arrowio.Duration:             {Kind: DayTimeInterval, Start: Day, End: Second},
	arrowio.IntervalMonths:       {Kind: YearMonthInterval, Start: Year, End: Month},
	arrowio.IntervalMonthDayNano: {Kind: CalendarInterval},
}

func fromArrow(t *arrowio.Type, column string) (Type, error) {
	if plain, ok := plainSpark[t.ID]; ok {
		return plain, nil
	}
	switch t.ID {
	case arrowio.Decimal32, arrowio.Decimal64, arrowio.Decimal128, arrowio.Decimal256:
		if t.Precision <= MaxPrecision {
			return Type{Kind: Decimal, Precision: int(t.Precision), Scale: int(t.Scale)}, nil
		}
	case arrowio.Timestamp:
		if t.TimeZone == "" {
			return Type{Kind: TimestampNTZ}, nil
		}
		return Type{Kind: Timestamp}, nil
	case arrowio.List, arrowio.LargeList, arrowio.FixedSizeList:
		if len(t.Children) == 1 {
			element, err := fromArrowField(t.Children[0], column+".element")
			return Type{Kind: Array, Element: &element.Type, HasNull: element.Nullable}, err
		}
	case arrowio.Map:
		if len(t.Children) == 1 && len(t.Children[0].Type.Children) == 2 {
			return fromArrowMap(t.Children[0].Type.Children, column)
		}
	case arrowio.Struct:
		return fromArrowStruct(t.Children, column)
	case arrowio.Dictionary:
		return fromArrow(t.Value, column)
	}
	return Type{}, status.New(status.InvalidArgument, "column %q: Spark has no type for Arrow's %s", column, t)
}

func fromArrowMap(entries []arrowio.Field, column string) (Type, error) {
	key, err := fromArrowField(entries[0], column+".key")
	if err != nil {
		return Type{}, err
	}
	val, err := fromArrowField(entries[1], column+".value")
	return Type{Kind: Map, Key: &key.Type, Value: &val.Type, HasNull: val.Nullable}, err
}

func fromArrowStruct(children []arrowio.Field, column string) (Type, error) {
	if tagged(children, "metadata", "variant", "value") {
		return Type{Kind: Variant}, nil
	}
	for kind, name := range map[Kind]string{Geometry: "geometry", Geography: "geography"} {
		if tagged(children, "wkb", name, "srid") {
			return fromArrowSpatial(kind, children, column)
		}
	}
	t := Type{Kind: Struct, Fields: make([]Field, len(children))}
	for i, child := range children {
		var err error
		if t.Fields[i], err = fromArrowField(child, column+"."+child.Name); err != nil {
			return Type{}, err
		}
	}
	return t, nil
}

// fromArrowSpatial is the type whose SRID the tagged child names.
func fromArrowSpatial(kind Kind, children []arrowio.Field, column string) (Type, error) {
	var srid string
	for _, child := range children {
		for _, kv := range child.Metadata {
			if child.Name == "wkb" && kv.Key == "srid" {
				srid = kv.Value
			}
		}
	}
	system := anySystem
	if n, err := strconv.Atoi(srid); err != nil || n != AnySRID {
		system = systems[n]
		if err != nil {
			system = ""
		}
	}
	t, ok := spatialType(kind, system)
	if !ok {
		return Type{}, status.New(status.InvalidArgument,
			"column %q: SRID %q in the metadata of wkb: expected one that PySpark knows", column, srid)
	}
	return t, nil
}

// tagged says whether a struct is Spark's form of another type: one child carries a tag, and there is another one.
func tagged(children []arrowio.Field, carrier, tag, other string) bool {
	var carried, found bool
	for _, child := range children {
		found = found || child.Name == other
		if child.Name == carrier {
			for _, kv := range child.Metadata {
				carried = carried || kv.Key == tag && kv.Value == "true"
			}
		}
	}
	return carried && found
}
