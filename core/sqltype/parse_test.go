package sqltype

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

func TestParseErrorsNameTextPlaceAndExpectation(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"blabla", `type "blabla": at character 1: unknown type "blabla": expected boolean, tinyint,`},
		{"double precision", `at character 8: unknown type "precision": expected boolean`},
		{"null", `at character 1: unknown type "null"`},
		{"array<int", `at character 10: expected ">" after the element type of array, found the end`},
		{"array", `expected "<" after array, found the end`},
		{"array<>", `at character 7: expected a type, found ">"`},
		{"map<int, boolean>>", `at character 18: expected the end after the type map<int,boolean>, found ">"`},
		{"map<int>", `at character 8: expected "," after the key type of map, found ">"`},
		{"a: int,", `at character 8: expected a column name, found the end`},
		{"a int b int", `at character 7: expected "," or the end after column "a", found "b"`},
		{"a int not", `expected NULL after NOT of column "a", found the end`},
		{"a int comment x", `expected a string after COMMENT of column "a", found "x"`},
		{"a, b int", `at character 2: expected a type for column "a", found ","`},
		{"struct<a>", `expected a type, found ">"`},
		{"struct<a int", `expected "," or ">" after column "a", found the end`},
		{"struct<a int> not null", `at character 15: expected the end after the type struct<a:int>, found "not"`},
		{"a int, 12 int", `at character 8: expected a column name, found the number 12`},
		{"größe int", `at character 1: the name größe needs backquotes`},
		{"a-b int", "at character 1: a name with - needs backquotes, as in `a-b`"},
		{"a.b int", `at character 2: expected a type, found "."`},
		{"identifier('a.b') int", `at character 1: expected a single name in identifier(...), found "a.b"`},
		{"identifier('a b') int", `at character 12: expected a name in identifier(...), found "a b"`},
		{strings.Repeat("identifier('", 3) + "a", `at character 36: expected a closing quote`},
		{"a int, b: int -- c", `expected a line break after the comment at its end, or columns without colons`},
		{"a int /* c", `at character 7: expected a closing */ of the comment that begins here`},
		{"timestamp(3)", `at character 1: timestamp(3): expected no precision but 6`},
		{"timestamp with time zone", `at character 16: expected LOCAL, found "time"`},
		{"time without zone", `at character 14: expected TIME, found "zone"`},
		{"`a int", "at character 1: expected a closing ` of the name"},
		{"a int comment 'x", `at character 15: expected a closing quote of the string`},
		{"decimal(39,2)", `decimal(39,2): expected a precision up to 38 and a scale from 0 to the precision`},
		{"decimal(3,4)", `expected a precision up to 38`},
		{"decimal(x)", `at character 9: expected a number in decimal(...), found "x"`},
		{"decimal(1,2,3)", `expected ")" after the numbers of decimal, found ","`},
		{"decimal(99999999999999999999)", `expected a precision up to 38`},
		{"char", `char needs a length, as in char(10)`},
		{"varchar(2147483648)", `expected a length up to 2147483647`},
		{"time(10)", `time(10): expected a precision from 0 to 9`},
		{"interval month to year", `expected year to month`},
		{"interval year to day", `expected year to month`},
		{"interval day to day", `expected a field smaller than "day" after TO, found "day"`},
		{"interval day to foo", `expected a field smaller than "day" after TO, found "foo"`},
		{"string collate ϡ", `at character 16: the name ϡ needs backquotes`},
		{"string collate de_DE", `at character 16: unknown collation "de_DE": expected UTF8_BINARY`},
		{"string collate", `expected a collation after COLLATE, found the end`},
		{"geometry", `at character 9: expected "(" after geometry, as in geometry(4326), found the end`},
		{"geometry(1)", `at character 10: expected 0, 3857, 4326 or any in geometry(...), found "1"`},
		{"a geography(3857)", `at character 13: expected 4326 or any in geography(...), found "3857"`},
		{"\xff", `not valid UTF-8`},
		{"{", `at character 2: the JSON ends too early`},
		{`{"type":"struct"}`, `at $: expected an entry "fields" that is an array`},
		{`{"type":"foo"}`, `expected a "type" that is "array", "map", "struct" or "udt", found "foo"`},
		{`{"type":"array","elementType":"long"}`, `at $: expected an entry "containsNull" that is true or false`},
		{`{"type":"struct","fields":[{"name":"a","type":{"type":"array","elementType":"bigint","containsNull":true}}]}`,
			`at $.fields[0].type.elementType: unknown type "bigint"`},
		{`{"type":"struct","fields":[{"type":"long"}]}`, `at $.fields[0]: expected an object with an entry "name"`},
		{`{"type":"struct","fields":[{"name":"a","type":"long","metadata":[]}]}`,
			`expected an entry "metadata" that is an object, found an array`},
		{`{"type":"struct","fields":[{"name":"a","type":"long","metadata":{"__COLLATIONS":{"a":"icu.de"}}}]}`,
			`collation "icu.de"`},
		{`{"type":"udt","pyClass":"m.C"}`, `expected an entry "sqlType"`},
		{`"long" "int"`, `at character 7: expected the end after the JSON value`},
		{`"geometry(EPSG:1)"`, `at $: geometry(EPSG:1): expected a coordinate reference system that PySpark knows`},
		{`"string collate de_DE"`, `at $: unknown collation "de_DE"`},
		{`"long`, `the JSON ends too early`},
		{`{"type":"struct","fields":[{"name":"a","type":"long","metadata":{"x":1e999}}]}`,
			`the number 1e999 is out of range`},
		{strings.Repeat("array<", 300) + "int" + strings.Repeat(">", 300), "nested deeper than 200"},
		{strings.Repeat(`{"type":"array","containsNull":true,"elementType":`, 300) + `"long"` + strings.Repeat("}",
			300), "nested deeper than 200"},
		{`{"a":` + strings.Repeat("[", 5000), "nested deeper than 800"},
	} {
		t.Run(tt.text[:min(40, len(tt.text))], func(t *testing.T) {
			_, err := Parse(tt.text)
			require.Error(t, err)
			assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
			assert.Contains(t, err.Error(), tt.want)
			assert.NotContains(t, err.Error(), "\n")
			assert.Less(t, len(err.Error()), 1000)
		})
	}
}

func TestMetadata(t *testing.T) {
	m, err := ParseMetadata(`{"b":1,"a":[true,null,"ü"]}`)
	require.NoError(t, err)
	assert.False(t, m.Empty())
	//nolint:testifylint // the text itself
	assert.Equal(t, `{"b": 1, "a": [true, null, "\u00fc"]}`, m.JSON(), "as json.dumps")
	assert.True(t, Metadata{}.Empty())
	assert.Equal(t, "{}", Metadata{}.JSON())
	for _, text := range []string{"", "[]", "{", "1", `{"a":}`} {
		_, err := ParseMetadata(text)
		assert.Equal(t, status.InvalidArgument, status.CodeOf(err), text)
	}
}

func TestArrowErrors(t *testing.T) {
	_, err := ToArrowSchema(Type{Kind: Long}, "UTC", false)
	assert.ErrorContains(t, err, "type bigint: expected a struct")
	_, err = ToArrowSchema(StructOf(Field{Name: "t", Type: Type{Kind: Timestamp}}), "", false)
	assert.ErrorContains(t, err, `column "t": a timestamp needs a time zone`)
	_, err = ToArrowField(Field{Name: "c", Type: ArrayOf(Type{Kind: Char, Length: 3})}, "UTC", false)
	assert.ErrorContains(t, err, "PySpark has no Arrow type for char(3)")
	_, err = ToArrowField(Field{Name: "v", Type: Type{Kind: Null}}, "UTC", false)
	assert.ErrorContains(t, err, `column "v": PyArrow has no field of type void that is not nullable`)
	wide := &arrowio.Type{ID: arrowio.Decimal256, Precision: 50}
	_, err = FromArrowField(arrowio.Field{Name: "d", Type: wide})
	assert.ErrorContains(t, err, `column "d": Spark has no type for Arrow's decimal256(50, 0)`)
	nested := &arrowio.Type{ID: arrowio.Struct, Children: []arrowio.Field{{Name: "w", Type: wide}}}
	_, err = FromArrowField(arrowio.Field{Name: "s", Type: nested})
	assert.ErrorContains(t, err, `column "s.w"`)
	bad := arrowio.Field{Name: "m", Type: &arrowio.Type{ID: arrowio.Int8},
		Metadata: []arrowio.KeyValue{{Key: metadataKey, Value: "["}}}
	_, err = FromArrowField(bad)
	assert.ErrorContains(t, err, `column "m": metadata SPARK::metadata::json`)
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	spatial := &arrowio.Type{ID: arrowio.Struct, Children: []arrowio.Field{
		{Name: "srid", Type: &arrowio.Type{ID: arrowio.Int32}},
		{Name: "wkb", Type: &arrowio.Type{ID: arrowio.Binary}, Metadata: []arrowio.KeyValue{
			{Key: "geography", Value: "true"}, {Key: "srid", Value: "3857"},
		}},
	}}
	_, err = FromArrowField(arrowio.Field{Name: "g", Type: spatial})
	assert.ErrorContains(t, err, `column "g": SRID "3857" in the metadata of wkb: expected one that PySpark knows`)
}

// FuzzParse: no text panics, and what parses comes back unchanged from its JSON.
func FuzzParse(f *testing.F) {
	for _, d := range ddl {
		f.Add(d.text)
	}
	for _, text := range []string{
		`"decimal(5,-2)"`,
		`{"type":"struct","fields":[{"name":"a","type":"string","nullable":true,"metadata":{"__COLLATIONS":{"a":"icu.de"},"x":[1.5]}}]}`,
		`{"type":"map","keyType":"long","valueType":{"type":"udt","sqlType":"long"},"valueContainsNull":true}`,
		"a int comment 'it''s \\u0041 \\101 \\% \\", "`", "struct<", "interval day to", "a:", "decimal(",
		"string collate a.b.",
	} {
		f.Add(text)
	}
	for _, c := range ddlCases(f) {
		f.Add(c.Text)
	}
	for _, text := range recordedTypes(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := Parse(text)
		if err != nil {
			require.Equal(t, status.InvalidArgument, status.CodeOf(err))
			return
		}
		_ = first.String()
		again, err := Parse(first.JSON())
		require.NoError(t, err, first.JSON())
		require.Equal(t, first.JSON(), again.JSON())
		if schema, err := ToArrowSchema(StructOf(Field{Name: "c", Type: first}), "UTC", false); err == nil {
			_, err := FromArrowSchema(schema)
			require.NoError(t, err)
		}
	})
}

// recordedTypes are those that real Spark named to its workers.
func recordedTypes(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("../protocol/recording/testdata/*/*.in")
	require.NoError(t, err)
	found := map[string]bool{}
	for _, file := range files {
		dialect, err := protocol.ForVersion(filepath.Base(filepath.Dir(file)) + ".0")
		require.NoError(t, err)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		in, _, err := dialect.ParseInit(data)
		require.NoError(t, err)
		if in.TableFunction != nil {
			found[in.TableFunction.ReturnType] = true
		}
		for _, entry := range in.EvalConf {
			if strings.HasPrefix(entry.Value, "{") {
				found[entry.Value] = true
			}
		}
	}
	require.Greater(t, len(found), 5, "types in the recordings")
	return slices.Collect(maps.Keys(found))
}

// TestUserDefinedTypesOfParquetFiles reads schemas with the metadata that Spark writes to Parquet files.
func TestUserDefinedTypesOfParquetFiles(t *testing.T) {
	const udt = `{"type":"udt","pyClass":"m.PointUDT",` +
		`"sqlType":{"type":"array","elementType":"double","containsNull":false}}`
	double := arrowio.Field{Name: "element", Type: &arrowio.Type{ID: arrowio.Float64}, Nullable: true}
	point := &arrowio.Type{ID: arrowio.List, Children: []arrowio.Field{double}}
	points := &arrowio.Type{ID: arrowio.List, Children: []arrowio.Field{{Name: "element", Type: point}}}
	schema := func(said string, t *arrowio.Type) *arrowio.Schema {
		return &arrowio.Schema{
			Fields:   []arrowio.Field{{Name: "p", Type: t}},
			Metadata: []arrowio.KeyValue{{Key: "org.apache.spark.sql.parquet.row.metadata", Value: said}},
		}
	}
	said := func(kind string) string {
		return `{"type":"struct","fields":[{"name":"p","type":` + kind + `,"nullable":true,"metadata":{}}]}`
	}
	got, err := FromArrowSchema(schema(said(udt), point))
	require.NoError(t, err)
	assert.Equal(t, UserDefined, got.Fields[0].Type.Kind)
	assert.Contains(t, got.JSON(), `"pyClass":"m.PointUDT"`)

	got, err = FromArrowSchema(schema(said(`{"type":"array","elementType":`+udt+`,"containsNull":true}`), points))
	require.NoError(t, err)
	assert.Equal(t, UserDefined, got.Fields[0].Type.Element.Kind)

	got, err = FromArrowSchema(schema(said(udt), points))
	require.NoError(t, err)
	assert.Equal(t, "array<array<double>>", got.Fields[0].Type.String(), "the column is not what is said to be stored")

	_, err = FromArrowSchema(schema(`{"type":"udt"`, point))
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	assert.ErrorContains(t, err, "metadata org.apache.spark.sql.parquet.row.metadata")
	_, err = FromArrowSchema(schema(`{"of something else":1}`, point))
	require.NoError(t, err)
}
