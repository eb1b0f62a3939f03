package arrowio_test

import (
	"math"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// cColumn is a C schema of one column with this format, and children of format "i".
func cColumn(format string, children int) *cdata.Schema {
	column := &cdata.Schema{Format: cText(format), Name: cText("x"), Release: 1, NChildren: int64(children)}
	pointers := make([]*cdata.Schema, children)
	for i := range pointers {
		pointers[i] = &cdata.Schema{Format: cText("i"), Name: cText("c"), Release: 1}
	}
	column.Children = unsafe.SliceData(pointers)
	root := &cdata.Schema{Format: cText("+s"), Release: 1, NChildren: 1}
	root.Children = unsafe.SliceData([]*cdata.Schema{column})
	return root
}

func cText(text string) *byte { return unsafe.SliceData(append([]byte(text), 0)) }

// nulled says of a struct of two columns that it has as many as there can be, and takes the second away.
func nulled(s *cdata.Schema) {
	unsafe.Slice(s.Children, 2)[1] = nil
	s.NChildren = math.MaxInt32
}

func first(s *cdata.Schema) *cdata.Schema { return *s.Children }

func TestImportSchemaRefuses(t *testing.T) {
	t.Parallel()
	change := func(s *cdata.Schema, f func(*cdata.Schema)) *cdata.Schema {
		f(s)
		return s
	}
	tests := map[string]struct {
		s    *cdata.Schema
		want string
	}{
		"NULL":     {nil, "NULL or released"},
		"released": {change(cColumn("i", 0), func(s *cdata.Schema) { s.Release = 0 }), "NULL or released"},
		"no struct": {change(cColumn("i", 0), func(s *cdata.Schema) {
			s.Format, s.NChildren = cText("i"),
				0
		}), "schema is int32, must be a struct"},
		"unknown format": {cColumn("q", 0), `column "x": format "q"`},
		"empty format":   {cColumn("", 0), `format ""`},
		"NULL format": {change(cColumn("i", 0), func(s *cdata.Schema) { first(s).Format = nil }),
			`column "x": format is NULL`},
		"extra child":   {cColumn("i", 1), `column "x": n_children is 1 for format "i"`},
		"missing child": {cColumn("+l", 0), `n_children is 0 for format "+l"`},
		"negative n_children": {change(cColumn("+s", 0), func(s *cdata.Schema) { first(s).NChildren = -1 }),
			`n_children is -1`},
		"NULL children": {change(cColumn("+s", 1), func(s *cdata.Schema) { first(s).Children = nil }),
			`column "x": children is NULL`},
		"NULL child": {change(cColumn("+s", 1), func(s *cdata.Schema) { *first(s).Children = nil }),
			`column "x": child 0 is NULL`},
		"more than there are": {change(cColumn("+s", 2), func(s *cdata.Schema) { nulled(first(s)) }),
			`column "x": child 1 is NULL`},
		"width":          {cColumn("w:-1", 0), `format "w:-1"`},
		"precision":      {cColumn("d:39,2", 0), `format "d:39,2"`},
		"decimal bits":   {cColumn("d:9,2,40", 0), `format "d:9,2,40"`},
		"union ids":      {cColumn("+us:1,1", 2), `sparse_union with type id 1 negative or repeated`},
		"union id range": {cColumn("+ud:128", 1), `format "+ud:128"`},
		"union children": {cColumn("+us:1,2", 1), `sparse_union with 1 children and 2 type ids`},
		"map of int":     {cColumn("+m", 1), `map whose child is not a struct`},
		"dictionary of text": {change(cColumn("u", 0),
			func(s *cdata.Schema) { first(s).Dictionary = first(cColumn("i", 0)) }),
			`dictionary without an integer index type`},
		"name": {change(cColumn("i", 0), func(s *cdata.Schema) { first(s).Name = cText("\xff") }),
			`name is not UTF-8`},
		"metadata": {change(cColumn("i", 0),
			func(s *cdata.Schema) { first(s).Metadata = cText("\xff\xff\xff\xff") }), `metadata with -1 entries`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := arrowio.ImportSchema(test.s)
			require.Error(t, err)
			assert.Contains(t, err.Error(), test.want)
			assert.Equal(t, status.Host, status.CodeOf(err))
		})
	}
}

func TestSchemasNestedTooDeepAreRefused(t *testing.T) {
	t.Parallel()
	deep := int32Type
	for range 70 {
		deep = typeOf(arrowio.List, field("item", deep))
	}
	_, err := arrowio.NewEncoder(columnOf(deep), arrowio.EncoderOptions{})
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))

	loop := &cdata.Schema{Format: cText("+l"), Name: cText("x"), Release: 1, NChildren: 1}
	loop.Children = unsafe.SliceData([]*cdata.Schema{loop})
	root := cColumn("i", 0)
	*root.Children = loop
	_, err = arrowio.ImportSchema(root)
	assert.Equal(t, status.Host, status.CodeOf(err))
}

func TestEqualTypes(t *testing.T) {
	t.Parallel()
	stamp := func(zone string) *arrowio.Type {
		return &arrowio.Type{ID: arrowio.Timestamp, Unit: arrowio.Microsecond, TimeZone: zone}
	}
	list := func(item string, t *arrowio.Type) *arrowio.Type { return typeOf(arrowio.List, field(item, t)) }
	ordered := *wordType
	ordered.Ordered = true
	tests := map[string]struct {
		got, declared *arrowio.Type
		want          string
	}{
		"same":               {int32Type, typeOf(arrowio.Int32), ""},
		"item names":         {list("item", int32Type), list("element", int32Type), ""},
		"ordered, not asked": {&ordered, wordType, ""},
		"ordered, asked": {wordType, &ordered,
			`column "x": dictionary<values=string, indices=int8, ordered=0>, declared dictionary<values=string, ` +
				`indices=int8, ordered=1>`},
		"width":           {int32Type, typeOf(arrowio.Int64), `column "x": int32, declared int64`},
		"zone":            {stamp(""), stamp("UTC"), `column "x": timestamp[us], declared timestamp[us, tz=UTC]`},
		"another zone":    {stamp("Asia/Tokyo"), stamp("UTC"), ""},
		"zone, not asked": {stamp("UTC"), stamp(""), `column "x": timestamp[us, tz=UTC], declared timestamp[us]`},
		"item": {list("item", int32Type), list("element", typeOf(arrowio.Int64)),
			`column "x.element": int32, declared int64`},
		"struct names": {rowType, typeOf(arrowio.Struct, field("b", int32Type)),
			`column "x": struct<a: int32>, declared struct<b: int32>`},
		"struct fields": {rowType, typeOf(arrowio.Struct), `column "x": struct<a: int32>, declared struct<>`},
		"dictionary values": {wordType, &arrowio.Type{ID: arrowio.Dictionary, Index: wordType.Index,
			Value: typeOf(arrowio.Binary)}, `column "x.dictionary": string, declared binary`},
		"dictionary or not": {wordType, typeOf(arrowio.String),
			`column "x": dictionary<values=string, indices=int8, ordered=0>, declared string`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := columnOf(test.got)
			got.Fields[0].Name = "anything"
			err := got.EqualTypes(columnOf(test.declared))
			if test.want == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, test.want)
			}
		})
	}
	two := &arrowio.Schema{Fields: []arrowio.Field{field("a", int32Type), field("b", int32Type)}}
	assert.EqualError(t, two.EqualTypes(columnOf(int32Type)), "2 columns, declared 1")
}

func TestDeclaredSchemaIsHandedOut(t *testing.T) {
	t.Parallel()
	source := columnOf(typeOf(arrowio.List, field("item", wordType)))
	declared := &arrowio.Schema{
		Fields: []arrowio.Field{{
			Name: "named", Metadata: []arrowio.KeyValue{{Key: "k", Value: "v"}},
			Type: typeOf(arrowio.List, field("element", &arrowio.Type{
				ID: arrowio.Dictionary, Index: wordType.Index, Value: wordType.Value, DictionaryID: 77,
			})),
		}},
	}
	e, err := arrowio.NewEncoder(source, arrowio.EncoderOptions{})
	require.NoError(t, err)
	b := newBlocks()
	d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions, Declared: declared})
	_, err = d.Metadata(e.Start()[arrowio.PrefixSize:])
	require.NoError(t, err)
	handed := throughC(t, d.Schema(), b)
	b.requireReleased(t)
	assert.Equal(t, "named", handed.Fields[0].Name)
	assert.Equal(t, declared.Fields[0].Metadata, handed.Fields[0].Metadata)
	assert.False(t, handed.Fields[0].Nullable)
	assert.Equal(t, "element", handed.Fields[0].Type.Children[0].Name)
	written, err := arrowio.ParseSchema(d.Start()[arrowio.PrefixSize:])
	require.NoError(t, err)
	assert.Equal(t, int64(0), written.Fields[0].Type.Children[0].Type.DictionaryID, "the stream's id stays")

	for fault, want := range map[status.Code]status.Code{
		status.OK: status.PythonException, status.Host: status.Host,
	} {
		d := arrowio.NewDecoder(arrowio.DecoderOptions{Declared: columnOf(int32Type), Fault: fault})
		_, err = d.Metadata(e.Start()[arrowio.PrefixSize:])
		assert.Equal(t, want, status.CodeOf(err))
		assert.ErrorContains(t, err, "declared int32")
	}
}
