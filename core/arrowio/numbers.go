package arrowio

import "encoding/binary"

// Conversions that lose nothing. Sizes and lengths are checked to lie between 0 and maxBytes where they come in.

func toSize(n int64) uintptr   { return uintptr(n) } //nolint:gosec // as above
func fromSize(n uintptr) int64 { return int64(n) }   //nolint:gosec // as above
func toBits(n int64) uint64    { return uint64(n) }  //nolint:gosec // the same bits
func fromBits(n uint64) int64  { return int64(n) }   //nolint:gosec // the same bits

// number is a number of an IPC message, putNumber writes one.
func number(b []byte) int64       { return fromBits(binary.LittleEndian.Uint64(b)) }
func putNumber(b []byte, n int64) { binary.LittleEndian.PutUint64(b, toBits(n)) }

// appendCount appends a count of the C data interface, which is 4 bytes.
func appendCount(to []byte, n int) []byte {
	return binary.NativeEndian.AppendUint32(to, uint32(n)) //nolint:gosec // of texts that lie in memory twice
}
