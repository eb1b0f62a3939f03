package arrowio_test

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// words128 are a number's 128 bits.
func words128(n *big.Int) [2]uint64 {
	word := new(big.Int).SetUint64(1<<64 - 1)
	two := func(n *big.Int) uint64 { return new(big.Int).And(n, word).Uint64() }
	return [2]uint64{two(n), two(new(big.Int).Rsh(n, 64))}
}

// TestDecimalsOfTooManyDigits holds that a function that returns them has failed, as in Spark, and that nulls have any
// bits.
func TestDecimalsOfTooManyDigits(t *testing.T) {
	t.Parallel()
	for _, precision := range []int32{1, 18, 19, 20, 37, 38} {
		typ := &arrowio.Type{ID: arrowio.Decimal128, Precision: precision, Scale: 1}
		over := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
		most := new(big.Int).Sub(over, big.NewInt(1))
		far := new(big.Int).Lsh(big.NewInt(1), 127)
		values := map[*big.Int]bool{
			over: false, far: false, most: true, big.NewInt(0): true, new(big.Int).Sub(far, big.NewInt(1)): false,
		}
		for value, fits := range values {
			for _, value := range []*big.Int{value, new(big.Int).Neg(value)} {
				for validity, null := range map[uint8]bool{7: false, 5: true} {
					words := words128(value)
					c := column{length: 3, buffers: []any{[]uint8{validity}, []uint64{1, 0, words[0], words[1], 2, 0}}}
					if null {
						c.nulls = 1
					}
					list := column{length: 1, buffers: []any{nil, []int32{0, 3}}, children: []column{c}}
					schema := columnOf(typeOf(arrowio.List, field("element", typ)))
					root := build(column{length: 1, buffers: []any{nil}, children: []column{list}})
					d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: hostmem.Default(), Declared: schema})
					err := feed(d, encode(t, schema, arrowio.EncoderOptions{}, root),
						func(arrowio.Step, *arrowio.Batch) error { return nil })
					d.Close()
					if fits || null {
						require.NoError(t, err, "%s in %s", value, typ)
						continue
					}
					require.Error(t, err, "%s in %s", value, typ)
					assert.Equal(t, status.PythonException, status.CodeOf(err))
					assert.EqualError(t, err,
						`column "x.element": row 1: a decimal of more than the `+
							``+big.NewInt(int64(precision)).String()+" digits of "+typ.String())
				}
			}
		}
	}
}
