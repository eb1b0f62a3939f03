package hostdata

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/status"
)

func plain(id arrowio.TypeID) *arrowio.Type { return &arrowio.Type{ID: id} }

func in(id arrowio.TypeID, unit arrowio.Unit, zone string) *arrowio.Type {
	return &arrowio.Type{ID: id, Unit: unit, TimeZone: zone}
}

func decimal(id arrowio.TypeID, precision, scale int32) *arrowio.Type {
	return &arrowio.Type{ID: id, Precision: precision, Scale: scale}
}

func field(name string, t *arrowio.Type) arrowio.Field {
	return arrowio.Field{Name: name, Type: t, Nullable: true}
}

func of(id arrowio.TypeID, children ...arrowio.Field) *arrowio.Type {
	return &arrowio.Type{ID: id, Children: children}
}

func mapOf(key, value *arrowio.Type) *arrowio.Type {
	return of(arrowio.Map, field("entries", of(arrowio.Struct, field("key", key), field("value", value))))
}

func dictionaryOf(value *arrowio.Type) *arrowio.Type {
	return &arrowio.Type{ID: arrowio.Dictionary, Index: plain(arrowio.Int8), Value: value}
}

// types are of every Arrow type one, and of those with units or precisions the ones that differ.
func types() []*arrowio.Type {
	var list []*arrowio.Type
	for id := arrowio.Null; id <= arrowio.Float64; id++ {
		list = append(list, plain(id))
	}
	list = append(list,
		decimal(arrowio.Decimal32, 9, 2), decimal(arrowio.Decimal64, 18, 2), decimal(arrowio.Decimal128, 38, 10),
		decimal(arrowio.Decimal256, 38, 10), decimal(arrowio.Decimal256, 39, 10), plain(arrowio.Date32),
		plain(arrowio.Date64))
	for unit := arrowio.Second; unit <= arrowio.Nanosecond; unit++ {
		id := arrowio.Time64
		if unit < arrowio.Microsecond {
			id = arrowio.Time32
		}
		list = append(list, in(id, unit, ""), in(arrowio.Timestamp, unit, ""),
			in(arrowio.Timestamp, unit, "Europe/Paris"),
			in(arrowio.Duration, unit, ""))
	}
	for id := arrowio.IntervalMonths; id <= arrowio.StringView; id++ {
		list = append(list, plain(id))
	}
	list = append(list, &arrowio.Type{ID: arrowio.FixedSizeBinary, Size: 16})
	item := field("item", plain(arrowio.Uint8))
	for _, id := range []arrowio.TypeID{arrowio.List, arrowio.LargeList, arrowio.ListView, arrowio.LargeListView} {
		list = append(list, of(id, item))
	}
	return append(list,
		&arrowio.Type{ID: arrowio.FixedSizeList, Size: 3, Children: []arrowio.Field{item}},
		of(arrowio.Struct, field("a", plain(arrowio.StringView)),
			field("b", in(arrowio.Timestamp, arrowio.Microsecond, "Asia/Tokyo"))),
		mapOf(plain(arrowio.String), in(arrowio.Timestamp, arrowio.Nanosecond, "Asia/Tokyo")),
		&arrowio.Type{ID: arrowio.SparseUnion, TypeIDs: []int8{0}, Children: []arrowio.Field{item}},
		&arrowio.Type{ID: arrowio.DenseUnion, TypeIDs: []int8{0}, Children: []arrowio.Field{item}},
		dictionaryOf(plain(arrowio.StringView)), dictionaryOf(in(arrowio.Timestamp, arrowio.Second, "Asia/Tokyo")),
		of(arrowio.RunEndEncoded, field("run_ends", plain(arrowio.Int32)),
			field("values", dictionaryOf(plain(arrowio.Float16)))))
}

func rules(minor string, seesArrow bool) *Rules {
	return &Rules{Function: "eval type 7 (F)", SeesArrow: seesArrow, Minor: minor, TimeZone: "UTC"}
}

// become is what becomes of a column c of the type, in words.
func become(r *Rules, t *arrowio.Type) string {
	host := &arrowio.Schema{Fields: []arrowio.Field{field("c", t)}}
	got, err := r.Schema(host)
	switch {
	case err != nil:
		return "refused: " + err.Error()
	case got == host:
		return "as it is"
	}
	return got.Fields[0].Type.String()
}

// TestTable holds the whole table: testdata/types.txt, which UPDATE=1 rewrites.
func TestTable(t *testing.T) {
	var b strings.Builder
	for _, typ := range types() {
		fmt.Fprintf(&b, "%s\n  Arrow functions: %s\n", typ, become(rules("4.2", true), typ))
		last := ""
		for _, minor := range []string{"3.5", "4.0", "4.1", "4.2", "4.3"} {
			if text := become(rules(minor, false), typ); text != last {
				fmt.Fprintf(&b, "  others, PySpark %s on: %s\n", minor, text)
				last = text
			}
		}
	}
	const file = "testdata/types.txt"
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}

func TestEveryTypeHasAForm(t *testing.T) {
	for id := arrowio.Null; !strings.HasPrefix(id.String(), "TypeID("); id++ {
		form, known := forms[id]
		require.True(t, known, "%s", id)
		assert.True(t, form.to != nil || form.instead != "", "%s: what can a host do?", id)
	}
}

func TestZonesAreLabels(t *testing.T) {
	stamp := func(zone string) *arrowio.Type { return in(arrowio.Timestamp, arrowio.Microsecond, zone) }
	nested := func(zone string) *arrowio.Schema {
		deep := of(arrowio.Struct, field("t", stamp(zone)), field("n", stamp("")))
		return &arrowio.Schema{Metadata: []arrowio.KeyValue{{Key: "k", Value: "v"}}, Fields: []arrowio.Field{
			field("i", plain(arrowio.Int64)), field("t", stamp(zone)),
			field("l", of(arrowio.List, field("element", deep))),
			field("m", mapOf(stamp(zone), stamp(zone))),
		}}
	}
	for _, seesArrow := range []bool{true, false} {
		r := rules("4.2", seesArrow)
		r.TimeZone = "America/New_York"
		got, err := r.Schema(nested("Europe/Paris"))
		require.NoError(t, err)
		assert.Equal(t, nested("America/New_York"), got)
		same := nested("America/New_York")
		got, err = r.Schema(same)
		require.NoError(t, err)
		assert.Same(t, same, got, "nothing new is made of what is Spark's")
	}
	union := &arrowio.Type{ID: arrowio.DenseUnion, TypeIDs: []int8{5},
		Children: []arrowio.Field{field("t", stamp("Asia/Tokyo"))}}
	assert.Equal(t, "dense_union<t: timestamp[us, tz=UTC]=5>", become(rules("4.2", true), union))
}

func TestExtensionTypesAreTheirStorage(t *testing.T) {
	extension := []arrowio.KeyValue{
		{Key: "ARROW:extension:name", Value: "arrow.json"}, {Key: "mine", Value: "1"},
		{Key: "ARROW:extension:metadata", Value: ""},
	}
	inner := arrowio.Field{Name: "j", Type: plain(arrowio.String), Metadata: extension}
	host := &arrowio.Schema{Fields: []arrowio.Field{inner, field("s", of(arrowio.Struct, inner))}}
	got, err := rules("4.2", false).Schema(host)
	require.NoError(t, err)
	mine := []arrowio.KeyValue{{Key: "mine", Value: "1"}}
	assert.Equal(t, mine, got.Fields[0].Metadata)
	assert.Equal(t, mine, got.Fields[1].Type.Children[0].Metadata)
	assert.Len(t, host.Fields[0].Metadata, 3, "the host's schema is not changed")
	got, err = rules("4.2", true).Schema(host)
	require.NoError(t, err)
	assert.Same(t, host, got)
}

func TestNullsOfRunEndsAreTheValues(t *testing.T) {
	runs := of(arrowio.RunEndEncoded, arrowio.Field{Name: "run_ends", Type: plain(arrowio.Int32)},
		field("values", plain(arrowio.Int8)))
	got, err := rules("4.2", false).Schema(&arrowio.Schema{Fields: []arrowio.Field{{Name: "c", Type: runs}}})
	require.NoError(t, err)
	assert.Equal(t, []arrowio.Field{field("c", plain(arrowio.Int8))}, got.Fields)
}

func TestRefusalsNameTheColumn(t *testing.T) {
	entry := of(arrowio.Struct, field("x", plain(arrowio.IntervalDayTime)))
	host := &arrowio.Schema{Fields: []arrowio.Field{field("a", plain(arrowio.Int8)),
		field("m", mapOf(plain(arrowio.String), entry))}}
	_, err := rules("4.3", false).Schema(host)
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	assert.EqualError(t, err,
		`column "m.entries.value.x": PySpark 4.3 has no type for day_time_interval, which eval type 7 (F) needs; `+
			`cast to duration[us]`)
	_, err = rules("4.0",
		false).Schema(&arrowio.Schema{Fields: []arrowio.Field{field("t", in(arrowio.Time32, arrowio.Second, ""))}})
	assert.EqualError(t, err,
		`column "t": PySpark 4.0 has no type for time32[s], which eval type 7 (F) needs; cast to string or to int64, `+
			`or use PySpark 4.1 or later`)
}

// TestOlderPyArrow holds that functions that see Arrow data get no type that their worker cannot read, below which all
// is as Spark sends it.
func TestOlderPyArrow(t *testing.T) {
	decimals := decimal(arrowio.Decimal64, 10, 2)
	runs := of(arrowio.RunEndEncoded, field("run_ends", plain(arrowio.Int32)), field("values", decimals))
	for host, want := range map[*arrowio.Type]string{
		decimal(arrowio.Decimal32, 9, 2):                "decimal128(9, 2)",
		decimals:                                        "decimal128(10, 2)",
		decimal(arrowio.Decimal256, 60, 2):              "as it is",
		of(arrowio.LargeListView, field("e", decimals)): "list<e: decimal128(10, 2)>",
		dictionaryOf(decimals):                          "decimal128(10, 2)",
		runs:                                            "decimal128(10, 2)",
		of(arrowio.Struct, field("d", decimals),
			field("u", plain(arrowio.Uint8))): "struct<d: decimal128(10, 2), u: uint8>",
		of(arrowio.Struct, field("u", plain(arrowio.Uint8))): "as it is",
		plain(arrowio.StringView):                            "as it is",
	} {
		r := rules("3.5", true)
		for _, version := range []string{"19.0.0", "26.0.1", "", "unknown"} {
			r.PyArrow = version
			assert.Equal(t, "as it is", become(r, host), "PyArrow %q", version)
		}
		for _, version := range []string{"18.1.0", "16.0.0"} {
			r.PyArrow = version
			assert.Equal(t, want, become(r, host), "PyArrow %q", version)
			schema := &arrowio.Schema{Fields: []arrowio.Field{field("c", host)}}
			sent, err := r.Schema(schema)
			require.NoError(t, err)
			_, err = NewConverter(schema.Fields, sent.Fields)
			require.NoError(t, err)
		}
	}
	r := rules("3.5", true)
	assert.Equal(t, "as it is", become(r, plain(arrowio.IntervalMonths)))
	r.PyArrow = "26.0.1"
	assert.Equal(t,
		`refused: column "c": PyArrow 26.0.1 has no type for month_interval, which eval type 7 (F) needs; cast to `+
			`int32`,
		become(r, plain(arrowio.IntervalMonths)))
	assert.Equal(t, "as it is", become(r, plain(arrowio.IntervalMonthDayNano)))
	r.PyArrow = "15.0.2"
	assert.Equal(t, "string", become(r, plain(arrowio.StringView)))
	assert.Equal(t, "list<e: binary>", become(r, of(arrowio.ListView, field("e", plain(arrowio.BinaryView)))))
}
