package arrowio

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// overflow is a decimal that its type has too few digits for: PyArrow makes some where it is not asked to check, and
// Spark's readers refuse them.
type overflow struct {
	row int64
	typ *Type
}

func (o *overflow) Error() string {
	return fmt.Sprintf("row %d: a decimal of more than the %d digits of %s", o.row, o.typ.Precision, o.typ)
}

// checkDecimals checks that count values of a Decimal128 have no more digits than the type, those that are null aside.
func checkDecimals(p unsafe.Pointer, t *Type, count int64, validity unsafe.Pointer) error {
	// What lies from -limit to limit lies from 0 to twice that once limit is added.
	limit := tenTo(t.Precision)
	low, borrow := bits.Sub64(limit[0], 1, 0)
	high, _ := bits.Sub64(limit[1], 0, borrow)
	mostLow, carry := bits.Add64(low, low, 0)
	mostHigh, _ := bits.Add64(high, high, carry)
	beyond := func(value *[2]uint64) uint64 {
		sum, carry := bits.Add64(value[0], low, 0)
		sumHigh, _ := bits.Add64(value[1], high, carry)
		_, borrow := bits.Sub64(mostLow, sum, 0)
		_, borrow = bits.Sub64(mostHigh, sumHigh, borrow)
		return borrow
	}
	values := unsafe.Slice((*[2]uint64)(p), count)
	var some uint64
	for i := range values {
		some |= beyond(&values[i])
	}
	if some == 0 {
		return nil
	}
	for i := range values {
		if beyond(&values[i]) != 0 && (validity == nil || bit(validity, int64(i))) {
			return &overflow{int64(i), t}
		}
	}
	return nil
}

// tenTo is a power of ten up to the 38th, the low word first.
func tenTo(exponent int32) [2]uint64 {
	power := [2]uint64{1}
	for range exponent {
		carry, low := bits.Mul64(power[0], 10)
		power = [2]uint64{low, power[1]*10 + carry}
	}
	return power
}
