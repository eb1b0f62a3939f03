package arrowio

import (
	"encoding/binary"

	flatbuffers "github.com/google/flatbuffers/go"

	"udfrunner/core/arrowio/flatbuf"
)

const (
	continuation = 0xFFFFFFFF
	prefixSize   = 8
)

// EndOfStream is what ends an IPC stream. It must not be changed.
var EndOfStream = []byte{0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0}

// encapsulate puts the prefix before finished metadata and pads both to a multiple of 8.
func encapsulate(metadata []byte) []byte {
	size := (len(metadata) + 7) &^ 7
	out := make([]byte, prefixSize+size)
	binary.LittleEndian.PutUint32(out, continuation)
	binary.LittleEndian.PutUint32(out[4:], uint32(size)) //nolint:gosec // of a schema that lies in memory
	copy(out[prefixSize:], metadata)
	return out
}

// schemaMessage is the encapsulated schema message.
func schemaMessage(s *Schema) []byte {
	b := flatbuffers.NewBuilder(1024)
	fields := make([]flatbuffers.UOffsetT, len(s.Fields))
	for i := range s.Fields {
		fields[i] = writeField(b, &s.Fields[i])
	}
	fieldVector := b.CreateVectorOfTables(fields)
	metadata := writeMetadata(b, s.Metadata)
	flatbuf.SchemaStart(b)
	flatbuf.SchemaAddEndianness(b, flatbuf.EndiannessLittle)
	flatbuf.SchemaAddFields(b, fieldVector)
	if metadata != 0 {
		flatbuf.SchemaAddCustomMetadata(b, metadata)
	}
	schema := flatbuf.SchemaEnd(b)
	flatbuf.MessageStart(b)
	flatbuf.MessageAddVersion(b, flatbuf.MetadataVersionV5)
	flatbuf.MessageAddHeaderType(b, flatbuf.MessageHeaderSchema)
	flatbuf.MessageAddHeader(b, schema)
	b.Finish(flatbuf.MessageEnd(b))
	return encapsulate(b.FinishedBytes())
}

func writeMetadata(b *flatbuffers.Builder, entries []KeyValue) flatbuffers.UOffsetT {
	if len(entries) == 0 {
		return 0
	}
	offsets := make([]flatbuffers.UOffsetT, len(entries))
	for i, entry := range entries {
		key, value := b.CreateString(entry.Key), b.CreateString(entry.Value)
		flatbuf.KeyValueStart(b)
		flatbuf.KeyValueAddKey(b, key)
		flatbuf.KeyValueAddValue(b, value)
		offsets[i] = flatbuf.KeyValueEnd(b)
	}
	return b.CreateVectorOfTables(offsets)
}

func writeField(b *flatbuffers.Builder, f *Field) flatbuffers.UOffsetT {
	t := f.Type
	var dictionary flatbuffers.UOffsetT
	if t.ID == Dictionary {
		_, index := writeType(b, t.Index)
		flatbuf.DictionaryEncodingStart(b)
		flatbuf.DictionaryEncodingAddId(b, t.DictionaryID)
		flatbuf.DictionaryEncodingAddIndexType(b, index)
		flatbuf.DictionaryEncodingAddIsOrdered(b, t.Ordered)
		dictionary = flatbuf.DictionaryEncodingEnd(b)
		t = t.Value
	}
	offsets := make([]flatbuffers.UOffsetT, len(t.Children))
	for i := range t.Children {
		offsets[i] = writeField(b, &t.Children[i])
	}
	children := b.CreateVectorOfTables(offsets)
	name := b.CreateString(f.Name)
	metadata := writeMetadata(b, f.Metadata)
	kind, parameters := writeType(b, t)
	flatbuf.FieldStart(b)
	flatbuf.FieldAddName(b, name)
	flatbuf.FieldAddNullable(b, f.Nullable)
	flatbuf.FieldAddTypeType(b, kind)
	flatbuf.FieldAddType(b, parameters)
	if dictionary != 0 {
		flatbuf.FieldAddDictionary(b, dictionary)
	}
	flatbuf.FieldAddChildren(b, children)
	if metadata != 0 {
		flatbuf.FieldAddCustomMetadata(b, metadata)
	}
	return flatbuf.FieldEnd(b)
}

var plainTypeNumbers = func() [numTypeIDs]flatbuf.Type {
	var numbers [numTypeIDs]flatbuf.Type
	for number, id := range plainTypes {
		numbers[id] = number
	}
	return numbers
}()

func bitWidth(id TypeID) int32 { return int32(fixedWidths[id] * 8) } //nolint:gosec // 256 at most

// writeType writes the type's own table; its children are the field's.
func writeType(b *flatbuffers.Builder, t *Type) (flatbuf.Type, flatbuffers.UOffsetT) {
	switch t.ID {
	case Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64:
		flatbuf.IntStart(b)
		flatbuf.IntAddBitWidth(b, bitWidth(t.ID))
		flatbuf.IntAddIsSigned(b, t.ID <= Int64)
		return flatbuf.TypeInt, flatbuf.IntEnd(b)
	case Float16, Float32, Float64:
		flatbuf.FloatingPointStart(b)
		flatbuf.FloatingPointAddPrecision(b, flatbuf.Precision(t.ID-Float16))
		return flatbuf.TypeFloatingPoint, flatbuf.FloatingPointEnd(b)
	case Decimal32, Decimal64, Decimal128, Decimal256:
		flatbuf.DecimalStart(b)
		flatbuf.DecimalAddPrecision(b, t.Precision)
		flatbuf.DecimalAddScale(b, t.Scale)
		flatbuf.DecimalAddBitWidth(b, bitWidth(t.ID))
		return flatbuf.TypeDecimal, flatbuf.DecimalEnd(b)
	case Date32, Date64:
		flatbuf.DateStart(b)
		flatbuf.DateAddUnit(b, flatbuf.DateUnit(t.ID-Date32))
		return flatbuf.TypeDate, flatbuf.DateEnd(b)
	case Time32, Time64:
		flatbuf.TimeStart(b)
		flatbuf.TimeAddUnit(b, flatbuf.TimeUnit(t.Unit))
		flatbuf.TimeAddBitWidth(b, bitWidth(t.ID))
		return flatbuf.TypeTime, flatbuf.TimeEnd(b)
	case Timestamp:
		return writeTimestamp(b, t)
	case Duration:
		flatbuf.DurationStart(b)
		flatbuf.DurationAddUnit(b, flatbuf.TimeUnit(t.Unit))
		return flatbuf.TypeDuration, flatbuf.DurationEnd(b)
	case IntervalMonths, IntervalDayTime, IntervalMonthDayNano:
		flatbuf.IntervalStart(b)
		flatbuf.IntervalAddUnit(b, flatbuf.IntervalUnit(t.ID-IntervalMonths))
		return flatbuf.TypeInterval, flatbuf.IntervalEnd(b)
	case FixedSizeBinary:
		flatbuf.FixedSizeBinaryStart(b)
		flatbuf.FixedSizeBinaryAddByteWidth(b, t.Size)
		return flatbuf.TypeFixedSizeBinary, flatbuf.FixedSizeBinaryEnd(b)
	case FixedSizeList:
		flatbuf.FixedSizeListStart(b)
		flatbuf.FixedSizeListAddListSize(b, t.Size)
		return flatbuf.TypeFixedSizeList, flatbuf.FixedSizeListEnd(b)
	case Map:
		flatbuf.MapStart(b)
		flatbuf.MapAddKeysSorted(b, t.KeysSorted)
		return flatbuf.TypeMap, flatbuf.MapEnd(b)
	case SparseUnion, DenseUnion:
		return writeUnion(b, t)
	}
	b.StartObject(0)
	return plainTypeNumbers[t.ID], b.EndObject()
}

func writeTimestamp(b *flatbuffers.Builder, t *Type) (flatbuf.Type, flatbuffers.UOffsetT) {
	var zone flatbuffers.UOffsetT
	if t.TimeZone != "" {
		zone = b.CreateString(t.TimeZone)
	}
	flatbuf.TimestampStart(b)
	flatbuf.TimestampAddUnit(b, flatbuf.TimeUnit(t.Unit))
	if zone != 0 {
		flatbuf.TimestampAddTimezone(b, zone)
	}
	return flatbuf.TypeTimestamp, flatbuf.TimestampEnd(b)
}

func writeUnion(b *flatbuffers.Builder, t *Type) (flatbuf.Type, flatbuffers.UOffsetT) {
	flatbuf.UnionStartTypeIdsVector(b, len(t.TypeIDs))
	for i := len(t.TypeIDs) - 1; i >= 0; i-- {
		b.PrependInt32(int32(t.TypeIDs[i]))
	}
	ids := b.EndVector(len(t.TypeIDs))
	flatbuf.UnionStart(b)
	flatbuf.UnionAddMode(b, flatbuf.UnionMode(t.ID-SparseUnion))
	flatbuf.UnionAddTypeIds(b, ids)
	return flatbuf.TypeUnion, flatbuf.UnionEnd(b)
}
