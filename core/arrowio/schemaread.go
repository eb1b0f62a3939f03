package arrowio

import (
	"fmt"
	"runtime"
	"slices"

	flatbuffers "github.com/google/flatbuffers/go"

	"udfrunner/core/arrowio/flatbuf"
	"udfrunner/core/status"
)

// maxSchemaText bounds the text of one schema: metadata may point to one long text many times.
const maxSchemaText = 64 << 20

// ParseSchema reads the metadata (without the prefix of 8 bytes) of an IPC schema message.
// Malformed bytes are a PROTOCOL error, big-endian data and old format versions NOT_SUPPORTED.
func ParseSchema(metadata []byte) (*Schema, error) { return parseSchema(metadata, status.Protocol) }

func parseSchema(metadata []byte, fault status.Code) (schema *Schema, err error) {
	err = guard(fault, metadata, func(message *flatbuf.Message) error {
		if err := checkVersion(message); err != nil {
			return err
		}
		var header flatbuffers.Table
		if message.HeaderType() != flatbuf.MessageHeaderSchema || !message.Header(&header) {
			return status.New(fault, "IPC message is a %s, must be a Schema", message.HeaderType())
		}
		schema, err = readSchema(&header, len(metadata), fault)
		return err
	})
	if err != nil {
		return nil, err
	}
	return schema, nil
}

// guard runs f on the message that metadata holds: where it is malformed that panics.
func guard(fault status.Code, metadata []byte, f func(*flatbuf.Message) error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case runtime.Error:
			err = status.New(fault, "IPC metadata is malformed: %w", p)
		default:
			panic(p)
		}
	}()
	// Reading flatbuffers slices bytes up to the capacity, not the length.
	return f(flatbuf.GetRootAsMessage(slices.Clip(metadata), 0))
}

func checkVersion(message *flatbuf.Message) error {
	if v := message.Version(); v != flatbuf.MetadataVersionV4 && v != flatbuf.MetadataVersionV5 {
		return status.New(status.NotSupported, "IPC metadata version %s, must be V4 or V5", v)
	}
	return nil
}

func readSchema(header *flatbuffers.Table, size int, fault status.Code) (*Schema, error) {
	var table flatbuf.Schema
	table.Init(header.Bytes, header.Pos)
	if table.Endianness() != flatbuf.EndiannessLittle {
		return nil, status.New(status.NotSupported, "IPC stream is big-endian")
	}
	// A field takes 8 bytes at least; metadata that yields more has one field stand in many places.
	in := &schemaReader{fields: size / 8, text: maxSchemaText}
	schema := &Schema{}
	for i := range table.FieldsLength() {
		var f flatbuf.Field
		table.Fields(&f, i)
		field, err := in.field(&f, maxNesting)
		if err != nil {
			return nil, status.New(fault, "IPC schema: %w", err)
		}
		schema.Fields = append(schema.Fields, *field)
	}
	metadata, err := in.metadata(table.CustomMetadataLength(), table.CustomMetadata)
	if err == nil {
		schema.Metadata = metadata
		err = schema.validate()
	}
	if err != nil {
		return nil, status.New(fault, "IPC schema: %w", err)
	}
	return schema, nil
}

// schemaReader holds what a schema may still have: fields, bytes of text.
type schemaReader struct{ fields, text int }

func (in *schemaReader) string(b []byte) (string, error) {
	if in.text -= len(b); in.text < 0 {
		return "", fmt.Errorf("more than %d bytes of text", maxSchemaText)
	}
	return string(b), nil
}

func (in *schemaReader) metadata(n int, at func(*flatbuf.KeyValue, int) bool) ([]KeyValue, error) {
	var entries []KeyValue
	for i := range n {
		var kv flatbuf.KeyValue
		at(&kv, i)
		key, err := in.string(kv.Key())
		if err != nil {
			return nil, err
		}
		value, err := in.string(kv.Value())
		if err != nil {
			return nil, err
		}
		entries = append(entries, KeyValue{key, value})
		in.text -= 8 // Empty entries are not free either.
	}
	return entries, nil
}

func (in *schemaReader) field(f *flatbuf.Field, depth int) (*Field, error) {
	name, err := in.string(f.Name())
	if err != nil {
		return nil, err
	}
	if depth == 0 {
		return nil, fmt.Errorf("column %q: nested deeper than %d levels", &place{name: name}, maxNesting)
	}
	if in.fields--; in.fields < 0 {
		return nil, fmt.Errorf("column %q: one field stands in several places", &place{name: name})
	}
	t, err := in.readType(f)
	if err != nil {
		return nil, fmt.Errorf("column %q: %w", &place{name: name}, err)
	}
	field := &Field{Name: name, Type: t, Nullable: f.Nullable()}
	if field.Metadata, err = in.metadata(f.CustomMetadataLength(), f.CustomMetadata); err != nil {
		return nil, err
	}
	for i := range f.ChildrenLength() {
		var c flatbuf.Field
		f.Children(&c, i)
		child, err := in.field(&c, depth-1)
		if err != nil {
			return nil, err
		}
		t.Children = append(t.Children, *child)
	}
	if (t.ID == SparseUnion || t.ID == DenseUnion) && t.TypeIDs == nil {
		for i := range min(len(t.Children), 128) {
			t.TypeIDs = append(t.TypeIDs, int8(i))
		}
	}
	if d := f.Dictionary(nil); d != nil {
		index := &Type{ID: Int32}
		if it := d.IndexType(nil); it != nil {
			if index, err = intType(it.BitWidth(), it.IsSigned()); err != nil {
				return nil, fmt.Errorf("column %q: %w", &place{name: name}, err)
			}
		}
		field.Type = &Type{ID: Dictionary, Index: index, Value: t, Ordered: d.IsOrdered(), DictionaryID: d.Id()}
	}
	return field, nil
}

func intType(bits int32, signed bool) (*Type, error) {
	for id := Int8; id <= Uint64; id++ {
		if fixedWidths[id]*8 == int64(bits) && signed == (id <= Int64) {
			return &Type{ID: id}, nil
		}
	}
	return nil, fmt.Errorf("integers of %d bits", bits)
}

// plainTypes are the IPC types without parameters.
var plainTypes = map[flatbuf.Type]TypeID{
	flatbuf.TypeNull: Null, flatbuf.TypeBool: Bool, flatbuf.TypeBinary: Binary, flatbuf.TypeUtf8: String,
	flatbuf.TypeLargeBinary: LargeBinary, flatbuf.TypeLargeUtf8: LargeString,
	flatbuf.TypeBinaryView: BinaryView, flatbuf.TypeUtf8View: StringView, flatbuf.TypeList: List,
	flatbuf.TypeLargeList: LargeList, flatbuf.TypeListView: ListView,
	flatbuf.TypeLargeListView: LargeListView, flatbuf.TypeStruct_: Struct,
	flatbuf.TypeRunEndEncoded: RunEndEncoded,
}

// readType reads a field's type without children; validate judges the parameters that fit their fields.
func (in *schemaReader) readType(f *flatbuf.Field) (*Type, error) {
	if id, ok := plainTypes[f.TypeType()]; ok {
		return &Type{ID: id}, nil
	}
	var u flatbuffers.Table
	if !f.Type(&u) {
		return nil, fmt.Errorf("no type")
	}
	switch f.TypeType() {
	case flatbuf.TypeInt:
		var t flatbuf.Int
		t.Init(u.Bytes, u.Pos)
		return intType(t.BitWidth(), t.IsSigned())
	case flatbuf.TypeFloatingPoint:
		var t flatbuf.FloatingPoint
		t.Init(u.Bytes, u.Pos)
		return choose("float precision", int(t.Precision()), Float16, Float32, Float64)
	case flatbuf.TypeDecimal:
		var t flatbuf.Decimal
		t.Init(u.Bytes, u.Pos)
		id, ok := decimalBits[fmt.Sprint(t.BitWidth())]
		if !ok {
			return nil, fmt.Errorf("decimals of %d bits", t.BitWidth())
		}
		return &Type{ID: id, Precision: t.Precision(), Scale: t.Scale()}, nil
	case flatbuf.TypeDate:
		var t flatbuf.Date
		t.Init(u.Bytes, u.Pos)
		return choose("date unit", int(t.Unit()), Date32, Date64)
	case flatbuf.TypeInterval:
		var t flatbuf.Interval
		t.Init(u.Bytes, u.Pos)
		return choose("interval unit", int(t.Unit()), IntervalMonths, IntervalDayTime, IntervalMonthDayNano)
	case flatbuf.TypeTime, flatbuf.TypeTimestamp, flatbuf.TypeDuration:
		return in.readTemporal(f.TypeType(), &u)
	case flatbuf.TypeFixedSizeBinary:
		var t flatbuf.FixedSizeBinary
		t.Init(u.Bytes, u.Pos)
		return &Type{ID: FixedSizeBinary, Size: t.ByteWidth()}, nil
	case flatbuf.TypeFixedSizeList:
		var t flatbuf.FixedSizeList
		t.Init(u.Bytes, u.Pos)
		return &Type{ID: FixedSizeList, Size: t.ListSize()}, nil
	case flatbuf.TypeMap:
		var t flatbuf.Map
		t.Init(u.Bytes, u.Pos)
		return &Type{ID: Map, KeysSorted: t.KeysSorted()}, nil
	case flatbuf.TypeUnion:
		return readUnion(&u)
	}
	return nil, fmt.Errorf("unknown type %d", f.TypeType())
}

func choose(what string, i int, ids ...TypeID) (*Type, error) {
	if i < 0 || i >= len(ids) {
		return nil, fmt.Errorf("unknown %s %d", what, i)
	}
	return &Type{ID: ids[i]}, nil
}

func (in *schemaReader) readTemporal(kind flatbuf.Type, u *flatbuffers.Table) (*Type, error) {
	result := &Type{ID: Duration}
	var unit flatbuf.TimeUnit
	switch kind {
	case flatbuf.TypeTime:
		var t flatbuf.Time
		t.Init(u.Bytes, u.Pos)
		unit = t.Unit()
		result.ID = Time32
		if t.BitWidth() == 64 {
			result.ID = Time64
		} else if t.BitWidth() != 32 {
			return nil, fmt.Errorf("times of %d bits", t.BitWidth())
		}
	case flatbuf.TypeTimestamp:
		var t flatbuf.Timestamp
		t.Init(u.Bytes, u.Pos)
		unit = t.Unit()
		zone, err := in.string(t.Timezone())
		if err != nil {
			return nil, err
		}
		result.ID, result.TimeZone = Timestamp, zone
	default:
		var t flatbuf.Duration
		t.Init(u.Bytes, u.Pos)
		unit = t.Unit()
	}
	if unit < flatbuf.TimeUnitSECOND || unit > flatbuf.TimeUnitNANOSECOND {
		return nil, fmt.Errorf("unknown time unit %d", unit)
	}
	result.Unit = Unit(unit)
	return result, nil
}

func readUnion(u *flatbuffers.Table) (*Type, error) {
	var t flatbuf.Union
	t.Init(u.Bytes, u.Pos)
	result, err := choose("union mode", int(t.Mode()), SparseUnion, DenseUnion)
	if err != nil {
		return nil, err
	}
	for i := range t.TypeIdsLength() {
		id := t.TypeIds(i)
		if id < 0 || id > 127 {
			return nil, fmt.Errorf("union type id %d, must be 0 to 127", id)
		}
		result.TypeIDs = append(result.TypeIDs, int8(id))
		if len(result.TypeIDs) > 128 {
			return nil, fmt.Errorf("more than 128 union type ids")
		}
	}
	return result, nil
}
