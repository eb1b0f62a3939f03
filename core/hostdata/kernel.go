package hostdata

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"unsafe"

	"udfrunner/core/arrowio"
)

// kernel converts values of fixed width.
type kernel struct {
	// convert makes n values. False means that some of the host's, a null's perhaps, are none of the type to make.
	convert func(out, host unsafe.Pointer, n int64) bool
	// problem says what is wrong with a value and what to do, nothing where it can be converted.
	problem func(host unsafe.Pointer) string
}

// kernelOf is the kernel of a pair of types, nil where there is none.
func kernelOf(from, to *arrowio.Type) *kernel {
	if sameLayout(from, to) {
		if width := arrowio.NewReader(to).Width(); width > 0 || to.ID == arrowio.FixedSizeBinary {
			return &kernel{convert: copies(width)}
		}
		return nil
	}
	switch from.ID {
	case arrowio.Uint8, arrowio.Uint16, arrowio.Uint32, arrowio.Uint64, arrowio.Float16:
		return widening(from, to)
	case arrowio.Decimal32, arrowio.Decimal64, arrowio.Decimal256:
		if to.ID == arrowio.Decimal128 && to.Scale == from.Scale && to.Precision >= min(from.Precision, 38) {
			return decimals(from, to)
		}
	case arrowio.Date64:
		if to.ID == arrowio.Date32 {
			return &kernel{days, dayProblem}
		}
	case arrowio.Time32, arrowio.Time64:
		if to.ID == arrowio.Time64 && to.Unit == arrowio.Nanosecond {
			return finer(from, to)
		}
	case arrowio.Timestamp, arrowio.Duration:
		if to.ID == from.ID && to.Unit == arrowio.Microsecond {
			return finer(from, to)
		}
	}
	return nil
}

// arrays are n values of the host, and n to be made.
func arrays[Host, Made any](out, host unsafe.Pointer, n int64) ([]Host, []Made) {
	return unsafe.Slice((*Host)(host), n), unsafe.Slice((*Made)(out), n)
}

func copies(width int64) func(out, host unsafe.Pointer, n int64) bool {
	return func(out, host unsafe.Pointer, n int64) bool {
		copy(unsafe.Slice((*byte)(out), n*width), unsafe.Slice((*byte)(host), n*width))
		return true
	}
}

// widening is the kernel of types that have room for every value.
func widening(from, to *arrowio.Type) *kernel {
	switch {
	case from.ID == arrowio.Uint8 && to.ID == arrowio.Int16:
		return &kernel{convert: widen[uint8, int16]}
	case from.ID == arrowio.Uint16 && to.ID == arrowio.Int32:
		return &kernel{convert: widen[uint16, int32]}
	case from.ID == arrowio.Uint32 && to.ID == arrowio.Int64:
		return &kernel{convert: widen[uint32, int64]}
	case from.ID == arrowio.Uint64 && to.ID == arrowio.Decimal128 && to.Precision >= 20 && to.Scale == 0:
		return &kernel{convert: longDecimals}
	case from.ID == arrowio.Float16 && to.ID == arrowio.Float32:
		return &kernel{convert: halfFloats}
	}
	return nil
}

func widen[Host uint8 | uint16 | uint32, Made int16 | int32 | int64](out, host unsafe.Pointer, n int64) bool {
	values, made := arrays[Host, Made](out, host, n)
	for i, value := range values {
		made[i] = Made(value)
	}
	return true
}

func longDecimals(out, host unsafe.Pointer, n int64) bool {
	values, made := arrays[uint64, [2]uint64](out, host, n)
	for i, value := range values {
		made[i] = [2]uint64{value}
	}
	return true
}

func halfFloats(out, host unsafe.Pointer, n int64) bool {
	values, made := arrays[uint16, uint32](out, host, n)
	for i, value := range values {
		made[i] = halfFloat(value)
	}
	return true
}

// halfFloat is the bits of the float32 with the value, or the NaN, of a float16.
func halfFloat(half uint16) uint32 {
	const bias, fraction = 127 - 15, 23 - 10
	sign, exponent, digits := uint32(half&0x8000)<<16, uint32(half>>10)&0x1F, uint32(half&0x3FF)
	switch exponent {
	case 0:
		return sign | math.Float32bits(float32(digits)/(1<<24))
	case 0x1F:
		return sign | 0xFF<<23 | digits<<fraction
	}
	return sign | (exponent+bias)<<23 | digits<<fraction
}

const millisOfDay = 24 * 60 * 60 * 1000

func days(out, host unsafe.Pointer, n int64) bool {
	values, made := arrays[int64, int32](out, host, n)
	fits := true
	for i, value := range values {
		day := value / millisOfDay
		made[i] = int32(day)                                  //nolint:gosec // checked behind the loop
		fits = fits && int64(int32(day))*millisOfDay == value //nolint:gosec // checked by this
	}
	return fits
}

func dayProblem(host unsafe.Pointer) string {
	value := *(*int64)(host)
	switch day := value / millisOfDay; {
	case day*millisOfDay != value:
		return fmt.Sprintf("date64 %d ms is not a whole day, which Spark's dates are: "+
			"make the column a timestamp or date32", value)
	case int64(int32(day)) != day: //nolint:gosec // checked by this
		return fmt.Sprintf("date64 %d ms is beyond date32: make it null or a date that date32 has", value)
	}
	return ""
}

var perSecond = [...]int64{
	arrowio.Second: 1, arrowio.Millisecond: 1e3, arrowio.Microsecond: 1e6, arrowio.Nanosecond: 1e9,
}

// finer is the kernel from one unit of time to another.
func finer(from, to *arrowio.Type) *kernel {
	if from.Unit == arrowio.Nanosecond {
		return &kernel{micros, func(host unsafe.Pointer) string {
			value := *(*int64)(host)
			if value%1000 == 0 {
				return ""
			}
			return fmt.Sprintf("%s %d ns is not a whole number of microseconds, and Spark has none between: round the "+
				"column to %s",
				from.ID, value, to)
		}}
	}
	factor := perSecond[to.Unit] / perSecond[from.Unit]
	read := func(host unsafe.Pointer) int64 { return *(*int64)(host) }
	convert := multiply[int64](factor)
	if from.ID == arrowio.Time32 {
		read = func(host unsafe.Pointer) int64 { return int64(*(*int32)(host)) }
		convert = multiply[int32](factor)
	}
	return &kernel{convert, func(host unsafe.Pointer) string {
		value := read(host)
		if value >= math.MinInt64/factor && value <= math.MaxInt64/factor {
			return ""
		}
		return fmt.Sprintf("%s %d %s is beyond %s: make it null or a value that %s has", from.ID, value, from.Unit, to,
			to)
	}}
}

func multiply[Host int32 | int64](factor int64) func(out, host unsafe.Pointer, n int64) bool {
	low, high := math.MinInt64/factor, math.MaxInt64/factor
	return func(out, host unsafe.Pointer, n int64) bool {
		values, made := arrays[Host, int64](out, host, n)
		fits := true
		for i, value := range values {
			made[i] = int64(value) * factor
			fits = fits && int64(value) >= low && int64(value) <= high
		}
		return fits
	}
}

// micros divides by 1000, a constant, as that takes a tenth of the time of any other divisor.
func micros(out, host unsafe.Pointer, n int64) bool {
	values, made := arrays[int64, int64](out, host, n)
	fits := true
	for i, value := range values {
		made[i] = value / 1000
		fits = fits && made[i]*1000 == value
	}
	return fits
}

func decimals(from, to *arrowio.Type) *kernel {
	switch from.ID {
	case arrowio.Decimal32:
		return &kernel{convert: signExtend[int32]}
	case arrowio.Decimal64:
		return &kernel{convert: signExtend[int64]}
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(to.Precision)), nil)
	word := new(big.Int).SetUint64(math.MaxUint64)
	low, high := new(big.Int).And(limit, word).Uint64(), new(big.Int).Rsh(limit, 64).Uint64()
	return &kernel{
		func(out, host unsafe.Pointer, n int64) bool {
			values, made := arrays[[4]uint64, [2]uint64](out, host, n)
			fits := true
			for i := range values {
				made[i] = [2]uint64{values[i][0], values[i][1]}
				fits = fits && below(&values[i], low, high)
			}
			return fits
		},
		func(host unsafe.Pointer) string {
			value := (*[4]uint64)(host)
			if below(value, low, high) {
				return ""
			}
			return fmt.Sprintf("decimal256 %s has more than the %d digits of %s: round the column or make it a string",
				decimalText(value, from.Scale), to.Precision, to)
		},
	}
}

func signExtend[Host int32 | int64](out, host unsafe.Pointer, n int64) bool {
	values, made := arrays[Host, [2]int64](out, host, n)
	for i, value := range values {
		made[i] = [2]int64{int64(value), int64(value) >> 63}
	}
	return true
}

// below says whether a 256-bit number lies between the negative limit and the limit, both excluded.
func below(value *[4]uint64, low, high uint64) bool {
	sign := uint64(int64(value[3]) >> 63) //nolint:gosec // its sign
	if value[3] != sign || value[2] != sign {
		return false
	}
	absoluteLow, absoluteHigh := value[0], value[1]
	if sign != 0 {
		absoluteLow, absoluteHigh = -absoluteLow, ^absoluteHigh
		if absoluteLow == 0 {
			absoluteHigh++
			if absoluteHigh == 0 {
				return false // -2^128
			}
		}
	}
	return absoluteHigh < high || absoluteHigh == high && absoluteLow < low
}

// decimalText is a 256-bit number in two's complement with a point before the last scale digits.
func decimalText(value *[4]uint64, scale int32) string {
	n := new(big.Int)
	for i := 3; i >= 0; i-- {
		n.Or(n.Lsh(n, 64), new(big.Int).SetUint64(value[i]))
	}
	if int64(value[3]) < 0 { //nolint:gosec // its sign
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 256))
	}
	text := new(big.Int).Abs(n).String()
	switch {
	case scale > 0:
		if missing := int(scale) + 1 - len(text); missing > 0 {
			text = strings.Repeat("0", missing) + text
		}
		text = text[:len(text)-int(scale)] + "." + text[len(text)-int(scale):]
	case scale < 0:
		text += strings.Repeat("0", int(-scale))
	}
	if n.Sign() < 0 {
		return "-" + text
	}
	return text
}
