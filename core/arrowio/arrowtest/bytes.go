package arrowtest

import (
	"fmt"
	"unsafe"
)

// Bytes is a stream in memory, whose Take an arrowio.Decoder's Next reads by.
type Bytes struct {
	Left []byte
	// Taken is the bytes that were taken.
	Taken int
}

// Take returns the next n bytes, copied to memory of that size, aligned to 8.
func (b *Bytes) Take(n int64) ([]byte, error) {
	if n > int64(len(b.Left)) {
		return nil, fmt.Errorf("stream ends after byte %d, %d more are due at byte %d", b.Taken+len(b.Left), n, b.Taken)
	}
	aligned := make([]uint64, (n+7)/8)
	taken := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(aligned))), n)
	copy(taken, b.Left)
	b.Left, b.Taken = b.Left[n:], b.Taken+int(n)
	return taken, nil
}
