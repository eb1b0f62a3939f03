package arrowio

import (
	"strconv"
	"strings"

	"udfrunner/core/status"
)

// plainFormats are the C data interface's format strings of types without parameters.
var plainFormats = map[string]Type{
	"n": {ID: Null}, "b": {ID: Bool},
	"c": {ID: Int8}, "C": {ID: Uint8}, "s": {ID: Int16}, "S": {ID: Uint16},
	"i": {ID: Int32}, "I": {ID: Uint32}, "l": {ID: Int64}, "L": {ID: Uint64},
	"e": {ID: Float16}, "f": {ID: Float32}, "g": {ID: Float64},
	"z": {ID: Binary}, "Z": {ID: LargeBinary}, "u": {ID: String}, "U": {ID: LargeString},
	"vz": {ID: BinaryView}, "vu": {ID: StringView},
	"tdD": {ID: Date32}, "tdm": {ID: Date64},
	"tts": {ID: Time32, Unit: Second}, "ttm": {ID: Time32, Unit: Millisecond},
	"ttu": {ID: Time64, Unit: Microsecond}, "ttn": {ID: Time64, Unit: Nanosecond},
	"tDs": {ID: Duration, Unit: Second}, "tDm": {ID: Duration, Unit: Millisecond},
	"tDu": {ID: Duration, Unit: Microsecond}, "tDn": {ID: Duration, Unit: Nanosecond},
	"tiM": {ID: IntervalMonths}, "tiD": {ID: IntervalDayTime}, "tin": {ID: IntervalMonthDayNano},
	"+l": {ID: List}, "+L": {ID: LargeList}, "+vl": {ID: ListView}, "+vL": {ID: LargeListView},
	"+s": {ID: Struct}, "+m": {ID: Map}, "+r": {ID: RunEndEncoded},
}

var idFormats = func() [numTypeIDs]string {
	var formats [numTypeIDs]string
	for format, t := range plainFormats {
		if t.ID != Time32 && t.ID != Time64 && t.ID != Duration {
			formats[t.ID] = format
		}
	}
	return formats
}()

var decimalBits = map[string]TypeID{"32": Decimal32, "64": Decimal64, "128": Decimal128, "256": Decimal256}

const unitLetters = "smun"

// parseFormat reads a format string of the C data interface. Children and dictionary are the caller's.
func parseFormat(format string) (*Type, error) {
	if t, ok := plainFormats[format]; ok {
		return &t, nil
	}
	prefix, rest, found := strings.Cut(format, ":")
	if !found {
		return nil, badFormat(format)
	}
	switch prefix {
	case "w", "+w":
		size, err := strconv.ParseInt(rest, 10, 32)
		if err != nil || size < 0 {
			return nil, badFormat(format)
		}
		id := FixedSizeBinary
		if prefix == "+w" {
			id = FixedSizeList
		}
		return &Type{ID: id, Size: int32(size)}, nil
	case "d":
		return parseDecimal(format, strings.Split(rest, ","))
	case "tss", "tsm", "tsu", "tsn":
		unit := Unit(strings.IndexByte(unitLetters, prefix[2])) //nolint:gosec // one of the four letters
		return &Type{ID: Timestamp, Unit: unit, TimeZone: rest}, nil
	case "+us", "+ud":
		id := SparseUnion
		if prefix == "+ud" {
			id = DenseUnion
		}
		ids, err := parseTypeIDs(format, rest)
		if err != nil {
			return nil, err
		}
		return &Type{ID: id, TypeIDs: ids}, nil
	}
	return nil, badFormat(format)
}

func parseDecimal(format string, parts []string) (*Type, error) {
	bits := "128"
	if len(parts) == 3 {
		bits = parts[2]
	}
	id, known := decimalBits[bits]
	if len(parts) < 2 || len(parts) > 3 || !known {
		return nil, badFormat(format)
	}
	precision, err1 := strconv.ParseInt(parts[0], 10, 32)
	scale, err2 := strconv.ParseInt(parts[1], 10, 32)
	if err1 != nil || err2 != nil || precision < 1 || precision > int64(id.maxPrecision()) {
		return nil, badFormat(format)
	}
	return &Type{ID: id, Precision: int32(precision), Scale: int32(scale)}, nil
}

func parseTypeIDs(format, list string) ([]int8, error) {
	if list == "" {
		return nil, nil
	}
	parts := strings.Split(list, ",")
	ids := make([]int8, len(parts))
	for i, part := range parts {
		id, err := strconv.ParseInt(part, 10, 8)
		if err != nil || id < 0 {
			return nil, badFormat(format)
		}
		ids[i] = int8(id)
	}
	return ids, nil
}

func badFormat(format string) error {
	return status.New(status.Host, "format %q is none of the Arrow C data interface", format)
}

// format is the type's format string in the C data interface; of a Dictionary, that of its indices.
func (t *Type) format() string {
	switch t.ID {
	case Dictionary:
		return t.Index.format()
	case Time32, Time64:
		return "tt" + unitLetters[t.Unit:t.Unit+1]
	case Duration:
		return "tD" + unitLetters[t.Unit:t.Unit+1]
	case Timestamp:
		return "ts" + unitLetters[t.Unit:t.Unit+1] + ":" + t.TimeZone
	case Decimal32, Decimal64, Decimal128, Decimal256:
		format := "d:" + strconv.Itoa(int(t.Precision)) + "," + strconv.Itoa(int(t.Scale))
		if t.ID != Decimal128 {
			format += "," + strconv.FormatInt(fixedWidths[t.ID]*8, 10)
		}
		return format
	case FixedSizeBinary:
		return "w:" + strconv.Itoa(int(t.Size))
	case FixedSizeList:
		return "+w:" + strconv.Itoa(int(t.Size))
	case SparseUnion, DenseUnion:
		ids := make([]string, len(t.TypeIDs))
		for i, id := range t.TypeIDs {
			ids[i] = strconv.Itoa(int(id))
		}
		prefix := "+us:"
		if t.ID == DenseUnion {
			prefix = "+ud:"
		}
		return prefix + strings.Join(ids, ",")
	}
	return idFormats[t.ID]
}
