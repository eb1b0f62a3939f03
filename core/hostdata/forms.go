package hostdata

import (
	"math"

	"udfrunner/core/arrowio"
)

// form is what becomes of an Arrow type for functions that see pandas or Python objects, children aside.
type form struct {
	// to is the type that Spark sends for such values, the type itself where that is it; nil, or of nil, where there is
	// none.
	to func(*Rules, *arrowio.Type) *arrowio.Type
	// since is the first PySpark minor whose Spark has the type.
	since string
	// pyArrow is the first major version of PyArrow that has arrays of the type, where a worker's may not have them.
	pyArrow int
	// instead is what a host can do where there is none.
	instead string
}

// forms has every Arrow type.
var forms = map[arrowio.TypeID]form{
	arrowio.Null: {to: same}, arrowio.Bool: {to: same},
	arrowio.Int8: {to: same}, arrowio.Int16: {to: same}, arrowio.Int32: {to: same}, arrowio.Int64: {to: same},
	// The next wider signed type, as Spark's readers of Parquet have it (ParquetToSparkSchemaConverter).
	arrowio.Uint8: {to: always(arrowio.Int16)}, arrowio.Uint16: {to: always(arrowio.Int32)},
	arrowio.Uint32: {to: always(arrowio.Int64)},
	arrowio.Uint64: {to: func(*Rules, *arrowio.Type) *arrowio.Type {
		return &arrowio.Type{ID: arrowio.Decimal128, Precision: 20}
	}},
	arrowio.Float16: {to: always(arrowio.Float32)}, arrowio.Float32: {to: same}, arrowio.Float64: {to: same},

	arrowio.Decimal32: {to: decimal128, pyArrow: 19}, arrowio.Decimal64: {to: decimal128, pyArrow: 19},
	arrowio.Decimal128: {to: same},
	arrowio.Decimal256: {to: decimal128, instead: "cast to decimal128 with 38 digits or fewer, or to string"},

	arrowio.Date32: {to: same}, arrowio.Date64: {to: always(arrowio.Date32)},
	arrowio.Time32:    {to: time, since: "4.1", instead: "cast to string or to int64"},
	arrowio.Time64:    {to: time, since: "4.1", instead: "cast to string or to int64"},
	arrowio.Timestamp: {to: timestamp}, arrowio.Duration: {to: duration},
	arrowio.IntervalMonths:       {pyArrow: never, instead: "cast to int32"},
	arrowio.IntervalDayTime:      {pyArrow: never, instead: "cast to duration[us]"},
	arrowio.IntervalMonthDayNano: {to: calendar, instead: "make it a struct of months, days and nanoseconds"},

	arrowio.Binary: {to: same}, arrowio.LargeBinary: {to: same}, arrowio.String: {to: same},
	arrowio.LargeString:     {to: same},
	arrowio.FixedSizeBinary: {to: always(arrowio.Binary)},
	arrowio.BinaryView:      {to: sized(arrowio.Binary, arrowio.LargeBinary), pyArrow: 16},
	arrowio.StringView:      {to: sized(arrowio.String, arrowio.LargeString), pyArrow: 16},

	arrowio.List: {to: same}, arrowio.LargeList: {to: always(arrowio.List)},
	arrowio.FixedSizeList: {to: always(arrowio.List)},
	arrowio.ListView:      {to: always(arrowio.List), pyArrow: 16}, arrowio.LargeListView: {to: always(arrowio.List),
		pyArrow: 16},
	arrowio.Struct: {to: same}, arrowio.Map: {to: same},
	arrowio.SparseUnion: {instead: "make it a struct of its children"},
	arrowio.DenseUnion:  {instead: "make it a struct of its children"},

	// What their values become.
	arrowio.Dictionary: {to: same}, arrowio.RunEndEncoded: {to: same},
}

// never is the version of PyArrow that has arrays of the old intervals, which it knows by name alone.
const never = math.MaxInt

func same(_ *Rules, t *arrowio.Type) *arrowio.Type { return t }

// always is the type without parameters.
func always(id arrowio.TypeID) func(*Rules, *arrowio.Type) *arrowio.Type {
	return func(*Rules, *arrowio.Type) *arrowio.Type { return &arrowio.Type{ID: id} }
}

// sized is the type with offsets of the width that the session asks for.
func sized(small, large arrowio.TypeID) func(*Rules, *arrowio.Type) *arrowio.Type {
	return func(r *Rules, _ *arrowio.Type) *arrowio.Type {
		if r.LargeVarTypes {
			return &arrowio.Type{ID: large}
		}
		return &arrowio.Type{ID: small}
	}
}

// maxPrecision is DecimalType.MAX_PRECISION.
const maxPrecision = 38

func decimal128(_ *Rules, t *arrowio.Type) *arrowio.Type {
	if t.Precision > maxPrecision {
		return nil
	}
	return &arrowio.Type{ID: arrowio.Decimal128, Precision: t.Precision, Scale: t.Scale}
}

// time is Spark's TIME, which it sends in nanoseconds whatever its precision is.
func time(_ *Rules, t *arrowio.Type) *arrowio.Type {
	if t.ID == arrowio.Time64 && t.Unit == arrowio.Nanosecond {
		return t
	}
	return &arrowio.Type{ID: arrowio.Time64, Unit: arrowio.Nanosecond}
}

func timestamp(r *Rules, t *arrowio.Type) *arrowio.Type {
	t = zoned(r, t)
	if t.Unit == arrowio.Microsecond {
		return t
	}
	return &arrowio.Type{ID: arrowio.Timestamp, Unit: arrowio.Microsecond, TimeZone: t.TimeZone}
}

// zoned is a timestamp type with the session's zone in place of another one.
func zoned(r *Rules, t *arrowio.Type) *arrowio.Type {
	if t.TimeZone == "" || t.TimeZone == r.TimeZone {
		return t
	}
	out := *t
	out.TimeZone = r.TimeZone
	return &out
}

// calendar is Spark's INTERVAL, which before 4.1 went through pandas.
func calendar(r *Rules, t *arrowio.Type) *arrowio.Type {
	if !r.SeesObjects || !reaches(r.Minor, "4.1") {
		return nil
	}
	return t
}

func duration(_ *Rules, t *arrowio.Type) *arrowio.Type {
	if t.Unit == arrowio.Microsecond {
		return t
	}
	return &arrowio.Type{ID: arrowio.Duration, Unit: arrowio.Microsecond}
}
