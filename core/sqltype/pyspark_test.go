package sqltype

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/testenv"
)

// request and answer are those of testdata/pyspark_types.py.
type request struct {
	JSON   string `json:"json,omitempty"`
	Python string `json:"python,omitempty"`
	Arrow  string `json:"arrow,omitempty"`
}

type answer struct {
	JSON, Simple, Schema, Large, Error string
}

func ask(t *testing.T, minor string, requests []request) []answer {
	t.Helper()
	input, err := json.Marshal(requests)
	require.NoError(t, err)
	cmd := testenv.Command(t, minor, filepath.Join("testdata", "pyspark_types.py"))
	cmd.Stdin = strings.NewReader(string(input))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var answers []answer
	require.NoError(t, json.Unmarshal(output, &answers))
	require.Len(t, answers, len(requests))
	return answers
}

// arrowSchema reads an IPC schema message as pyarrow serializes it.
func arrowSchema(t *testing.T, encoded string) *arrowio.Schema {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	require.Greater(t, len(b), 8)
	schema, err := arrowio.ParseSchema(b[8:]) // after the continuation marker and the length
	require.NoError(t, err)
	return schema
}

// assertArrow compares a type's Arrow schema with PySpark's, "" meaning that there is none.
func assertArrow(t *testing.T, kind Type, large bool, want, about string) {
	t.Helper()
	columns := kind
	if kind.Kind != Struct {
		columns = StructOf(Field{Name: "c", Type: kind, Nullable: true})
	}
	got, err := ToArrowSchema(columns, "Europe/Rome", large)
	if want == "" {
		assert.Error(t, err, about)
		return
	}
	if assert.NoError(t, err, about) {
		assert.Equal(t, dump(arrowSchema(t, want).Fields, 0), dump(got.Fields, 0), about)
	}
}

// dump is every part of fields that matters, as text.
func dump(fields []arrowio.Field, depth int) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "%s%q %s %d %q %d %d %t null=%t %q\n", strings.Repeat("  ", depth), f.Name, f.Type.ID,
			f.Type.Unit,
			f.Type.TimeZone, f.Type.Precision, f.Type.Scale, f.Type.KeysSorted, f.Nullable, f.Metadata)
		b.WriteString(dump(f.Type.Children, depth+1))
	}
	return b.String()
}

// ddl pairs texts with the types that Spark's parser gives for them, as PySpark's expressions.
var ddl = []struct{ text, python string }{
	{"boolean", "BooleanType()"}, {"tinyint", "ByteType()"}, {"byte", "ByteType()"}, {"smallint", "ShortType()"},
	{"short", "ShortType()"}, {"int", "IntegerType()"}, {"integer", "IntegerType()"}, {"bigint", "LongType()"},
	{"long", "LongType()"}, {"float", "FloatType()"}, {"real", "FloatType()"}, {"double", "DoubleType()"},
	{"decimal", "DecimalType(10, 0)"}, {"dec", "DecimalType(10, 0)"}, {"numeric(7)", "DecimalType(7, 0)"},
	{"decimal( 10 , 2 )", "DecimalType(10, 2)"}, {"DECIMAL(38,38)", "DecimalType(38, 38)"},
	{"string", "StringType()"}, {"string collate UTF8_BINARY", "StringType()"},
	{"STRING COLLATE unicode_ci", "StringType('UNICODE_CI')"},
	{"string collate utf8_lcase", "StringType('UTF8_LCASE')"},
	{"string collate system.builtin.de_CI", "StringType('de_CI')"},
	{"char(5)", "CharType(5)"}, {"character (7)", "CharType(7)"}, {"varchar(2147483647)", "VarcharType(2147483647)"},
	{"binary", "BinaryType()"}, {"date", "DateType()"}, {"time", "TimeType(6)"}, {"time(0)", "TimeType(0)"},
	{"timestamp", "TimestampType()"}, {"timestamp_ltz", "TimestampType()"}, {"timestamp_ntz", "TimestampNTZType()"},
	{"void", "NullType()"}, {"variant", "VariantType()"}, {"interval", "CalendarIntervalType()"},
	{"interval year", "YearMonthIntervalType(0)"}, {"interval month", "YearMonthIntervalType(1)"},
	{"interval year to month", "YearMonthIntervalType(0, 1)"}, {"INTERVAL DAY", "DayTimeIntervalType(0)"},
	{"interval day to second", "DayTimeIntervalType(0, 3)"}, {"interval hour to minute", "DayTimeIntervalType(1, 2)"},
	{"interval second", "DayTimeIntervalType(3)"}, {"  \n INT\t", "IntegerType()"},
	{"array<int>", "ArrayType(IntegerType())"}, {"ARRAY < array<string>>", "ArrayType(ArrayType(StringType()))"},
	{"map<string , bigint>", "MapType(StringType(), LongType())"},
	{"array<map<string,array<int>>>", "ArrayType(MapType(StringType(), ArrayType(IntegerType())))"},
	{"struct<>", "StructType()"}, {"struct<a:int,b string>", "StructType().add('a', 'integer').add('b', 'string')"},
	{"struct<a:int not null comment 'n', `b c`: array<struct<d:date>>>",
		"StructType().add('a', 'integer', False, {'comment': 'n'})" +
			".add('b c', ArrayType(StructType().add('d', 'date')))"},
	{"a int", "StructType().add('a', 'integer')"}, {"a: int", "StructType().add('a', 'integer')"},
	{"a: byte, b: decimal(  16 , 8   ) ", "StructType().add('a', 'byte').add('b', 'decimal(16,8)')"},
	{"a INT, b STRING NOT NULL COMMENT 'x', `odd ``name` array<int>",
		"StructType().add('a', 'integer').add('b', 'string', False, {'comment': 'x'})" +
			".add('odd `name', ArrayType(IntegerType()))"},
	{"a timestamp, a interval day to hour", "StructType().add('a', 'timestamp').add('a', DayTimeIntervalType(0, 1))"},
	{"geometry(4326)", "GeometryType(4326)"},
	{"a geometry(any) not null", "StructType().add('a', GeometryType('ANY'), False)"},
	{"array<geography(4326)>", "ArrayType(GeographyType(4326))"}, {"geography(any)", "GeographyType('ANY')"},
	{"time(9)", "TimeType(9)"}, {"time", "TimeType(6)"},
	{"decimal int", "StructType().add('decimal', 'integer')"},
	{"interval interval", "StructType().add('interval', 'interval')"},
	{"map map<int, int>, struct struct<>",
		"StructType().add('map', MapType(IntegerType(), IntegerType())).add('struct', StructType())"},
	{"_1 int, 2b int", "StructType().add('_1', 'integer').add('2b', 'integer')"},
	{"`größe` double COMMENT \"it''s 'ü'\"", "StructType().add('größe', 'double', True, {'comment': \"it''s 'ü'\"})"},
	{`a int COMMENT 'it''s \'b\' \u00e9 \n 😀'`,
		`StructType().add('a', 'integer', True, {'comment': "it's 'b' \u00e9 \n \U0001F600"})`},
	{"s string collate unicode, t array<string collate de>, u map<string collate fr, array<string collate utf8_lcase>>",
		"StructType().add('s', StringType('UNICODE')).add('t', ArrayType(StringType('de')))" +
			".add('u', MapType(StringType('fr'), ArrayType(StringType('UTF8_LCASE'))))"},
}

func TestDDLGivesPySparkTypes(t *testing.T) {
	var requests []request
	for _, d := range ddl {
		requests = append(requests, request{Python: d.python})
	}
	for _, minor := range []string{"4.2", "4.3"} {
		t.Run(minor, func(t *testing.T) {
			for i, want := range ask(t, minor, requests) {
				text := ddl[i].text
				require.Empty(t, want.Error, text)
				got, err := Parse(text)
				require.NoError(t, err, text)
				assert.Equal(t, want.JSON, got.JSON(), text)
				assert.Equal(t, want.Simple, got.String(), text)
				assertArrow(t, got, false, want.Schema, text)
				assertArrow(t, got, true, want.Large, text)
			}
		})
	}
}

// maker makes types at random; it gives the same ones for the same seed.
type maker struct{ *rand.Rand }

func (m maker) pick(list ...string) string { return list[m.IntN(len(list))] }

func (m maker) makeType(depth int) Type {
	if depth > 0 && m.IntN(2) == 0 {
		switch m.IntN(3) {
		case 0:
			t := ArrayOf(m.makeType(depth - 1))
			t.HasNull = m.IntN(2) == 0
			return t
		case 1:
			t := MapOf(m.makeType(depth-1), m.makeType(depth-1))
			t.HasNull = m.IntN(2) == 0
			return t
		}
		return m.makeStruct(depth)
	}
	precision := m.IntN(MaxPrecision) + 1
	leaves := []Type{
		{Kind: Null}, {Kind: Boolean}, {Kind: Byte}, {Kind: Short}, {Kind: Integer}, {Kind: Long}, {Kind: Float},
		{Kind: Double}, {Kind: String}, {Kind: Binary}, {Kind: Date}, {Kind: Timestamp}, {Kind: TimestampNTZ},
		{Kind: Variant},
		{Kind: Decimal, Precision: precision, Scale: m.IntN(precision + 1)},
		{Kind: Time, Precision: m.IntN(maxTimePrecision + 1)},
		//nolint:gosec // few
		{Kind: DayTimeInterval, Start: Day + IntervalField(m.IntN(2)), End: Minute + IntervalField(m.IntN(2))},
		{Kind: String, Collation: m.pick("UNICODE", "UTF8_LCASE", "de_CI")},
		{Kind: Char, Length: m.IntN(99)}, {Kind: Varchar, Length: m.IntN(99)}, {Kind: CalendarInterval},
		{Kind: YearMonthInterval, Start: Year, End: Year + IntervalField(m.IntN(2))}, //nolint:gosec // few
	}
	if m.IntN(10) > 0 {
		leaves = leaves[:len(leaves)-4] // fewer of those without an Arrow type
	}
	return leaves[m.IntN(len(leaves))]
}

func (m maker) makeStruct(depth int) Type {
	t := StructOf()
	for i := range m.IntN(5) {
		f := Field{Name: m.pick("a", "B", "größe", "x.y", "😀", "", "\x7f\n\"\\") + fmt.Sprint(i),
			Type: m.makeType(depth - 1), Nullable: m.IntN(2) == 0}
		if m.IntN(3) == 0 {
			f.Metadata, _ = ParseMetadata(m.pick(`{}`, `{"comment":"ü 😀 \" \\ \u0007 /"}`,
				`{"z":1,"a":[1.0,2.50,1e3,1e16,1.5e-7,-0,-0.0,true,null,{"b":"","a":"x"}],"z":12345678901234567890123}`))
		}
		t.Fields = append(t.Fields, f)
	}
	return t
}

func TestRandomTypesAreThoseOfPySpark(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(1, 2))}
	var kinds []Type
	var requests []request
	for i := range 600 {
		kind := m.makeType(4)
		if i%2 == 0 {
			kind = m.makeStruct(3)
		}
		kinds = append(kinds, kind)
		requests = append(requests, request{JSON: kind.JSON()})
	}
	for _, minor := range []string{"4.2", "4.3"} {
		t.Run(minor, func(t *testing.T) {
			for i, want := range ask(t, minor, requests) {
				about := requests[i].JSON
				require.Empty(t, want.Error, about)
				assert.Equal(t, want.JSON, about)
				assert.Equal(t, want.Simple, kinds[i].String())
				// As PySpark read it: its JSON has the metadata's keys sorted.
				again, err := Parse(want.JSON)
				if assert.NoError(t, err, about) {
					assert.Equal(t, want.JSON, again.JSON())
					assertArrow(t, again, false, want.Schema, about)
					assertArrow(t, again, true, want.Large, about)
				}
			}
		})
	}
}

func TestJSONIsReadAsPySparkReadsIt(t *testing.T) {
	texts := []string{
		`"decimal"`, `"decimal( 5 ,  2 )"`, `"char( 3 )"`, `"time( 2 )"`, `"string collate UNICODE"`, ` "long" `,
		`{"type":"struct","fields":[{"name":"a","type":"long"}]}`,
		`{"fields":[{"name":"a","type":"string","nullable":false,"metadata":null}],"type":"struct"}`,
		`{"type":"array","elementType":{"type":"map","keyType":"string","valueType":"integer","valueContainsNull":false},"containsNull":false}`,
		`{"type":"struct","fields":[{"name":"v","nullable":true,"metadata":{},"type":` +
			`{"type":"udt","class":"org.apache.spark.ml.linalg.VectorUDT",` +
			`"pyClass":"pyspark.testing.objects.ExamplePointUDT",` +
			`"sqlType":{"type":"array","elementType":"double","containsNull":false}}}]}`,
	}
	var requests []request
	for _, text := range texts {
		requests = append(requests, request{JSON: text})
	}
	for i, want := range ask(t, "4.3", requests) {
		got, err := Parse(texts[i])
		require.NoError(t, err, texts[i])
		if strings.Contains(texts[i], "udt") {
			// PySpark prints the class's own JSON, we the text's; the Arrow type is the stored one's.
			assert.JSONEq(t, texts[i], got.JSON())
		} else {
			assert.Equal(t, want.JSON, got.JSON())
		}
		require.Empty(t, want.Error, texts[i])
		assertArrow(t, got, false, want.Schema, texts[i])
	}
}

var arrowTypes = []string{
	"pa.null()", "pa.bool_()", "pa.int8()", "pa.int16()", "pa.int32()", "pa.int64()", "pa.uint8()", "pa.uint64()",
	"pa.float16()", "pa.float32()", "pa.float64()", "pa.decimal32(7, 2)", "pa.decimal64(12, 3)",
	"pa.decimal128(38, 10)",
	"pa.decimal256(20, 2)", "pa.string()", "pa.large_string()", "pa.string_view()", "pa.binary()", "pa.large_binary()",
	"pa.binary(16)", "pa.binary_view()", "pa.date32()", "pa.date64()", "pa.time32('ms')", "pa.time64('us')",
	"pa.time64('ns')",
	"pa.timestamp('us')", "pa.timestamp('ns', tz='UTC')", "pa.timestamp('s', tz='+01:00')", "pa.duration('us')",
	"pa.duration('s')",
	"pa.list_(pa.int32())", "pa.list_(pa.field('item', pa.int64(), nullable=False))", "pa.list_(pa.string(), 3)",
	"pa.large_list(pa.date32())", "pa.list_view(pa.int32())", "pa.map_(pa.string(), pa.list_(pa.int16()))",
	"pa.map_(pa.string(), pa.field('value', pa.int32(), nullable=False))", "pa.struct([])",
	"pa.struct([pa.field('a', pa.int8(), nullable=False, metadata={'SPARK::metadata::json': '{\"b\": 1, \"a\": 2}', " +
		"'x': 'y'})])",
	"pa.struct([('value', pa.binary()), pa.field('metadata', pa.binary(), metadata={'variant': 'true'})])",
	"pa.struct([('value', pa.binary()), pa.field('metadata', pa.binary(), metadata={'variant': 'false'})])",
	"pa.struct([('srid', pa.int32()), pa.field('wkb', pa.binary(), metadata={'geometry': 'true', 'srid': '3857'})])",
	"pa.struct([('srid', pa.int32()), pa.field('wkb', pa.binary(), metadata={'geography': 'true', 'srid': '-1'})])",
	"pa.dictionary(pa.int8(), pa.large_string())", "pa.run_end_encoded(pa.int32(), pa.int64())",
	"pa.dense_union([pa.field('a', pa.int32())])", "pa.list_(pa.struct([('a', pa.uint16())]))",
}

func TestFromArrowGivesPySparkTypes(t *testing.T) {
	var requests []request
	for _, text := range arrowTypes {
		requests = append(requests, request{Arrow: text})
	}
	for i, want := range ask(t, "4.3", requests) {
		schema := arrowSchema(t, want.Schema)
		got, err := FromArrowSchema(schema)
		if want.JSON == "" {
			assert.ErrorContains(t, err, `column "c`, arrowTypes[i])
			assert.ErrorContains(t, err, "Spark has no type for Arrow's", arrowTypes[i])
			continue
		}
		if assert.NoError(t, err, arrowTypes[i]) {
			assert.Equal(t, want.JSON, got.JSON(), arrowTypes[i])
		}
	}
}
