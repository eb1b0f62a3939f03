package arrowio

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// bit is one bit of a bitmap.
func bit(bitmap unsafe.Pointer, i int64) bool {
	return *(*byte)(unsafe.Add(bitmap, i>>3))>>(i&7)&1 != 0
}

// countBits counts the bits set among n from bit `from` on.
func countBits(bitmap unsafe.Pointer, from, n int64) int64 {
	var count int
	for ; n > 0 && from&7 != 0; n-- {
		if bit(bitmap, from) {
			count++
		}
		from++
	}
	if n == 0 {
		return int64(count)
	}
	whole := unsafe.Slice((*byte)(unsafe.Add(bitmap, from>>3)), n>>3)
	for ; len(whole) >= 8; whole = whole[8:] {
		count += bits.OnesCount64(binary.LittleEndian.Uint64(whole))
	}
	for _, b := range whole {
		count += bits.OnesCount8(b)
	}
	for i := n &^ 7; i < n; i++ {
		if bit(bitmap, from+i) {
			count++
		}
	}
	return int64(count)
}

// putBits copies n bits from the start of a bitmap, or n ones where that is nil, to bit `at` of dst, in which the bits
// from there on are zero.
func putBits(dst []byte, at int64, bitmap unsafe.Pointer, n int64) {
	dst = dst[at>>3:]
	up := uint(at & 7)
	for i := int64(0); i<<3 < n; i++ {
		b := byte(0xFF)
		if bitmap != nil {
			b = *(*byte)(unsafe.Add(bitmap, i))
		}
		if left := n - i<<3; left < 8 {
			b &= 1<<left - 1
		}
		dst[i] |= b << up
		if over := b >> (8 - up); over != 0 {
			dst[i+1] |= over
		}
	}
}

// shiftBits copies bits from bit `from` on, which is not a multiple of 8, to the start of dst; it
// reads no byte of the bitmap past the last of the n bits.
func shiftBits(dst []byte, bitmap unsafe.Pointer, from, n int64) {
	shift := uint(from & 7)
	src := unsafe.Slice((*byte)(unsafe.Add(bitmap, from>>3)), (int64(shift)+n+7)>>3)
	size := int((n + 7) >> 3)
	i := 0
	for ; i+8 <= size && i+9 <= len(src); i += 8 {
		word := binary.LittleEndian.Uint64(src[i:])>>shift | uint64(src[i+8])<<(64-shift)
		binary.LittleEndian.PutUint64(dst[i:], word)
	}
	for ; i < size; i++ {
		b := src[i] >> shift
		if i+1 < len(src) {
			b |= src[i+1] << (8 - shift)
		}
		dst[i] = b
	}
}
