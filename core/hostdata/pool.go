package hostdata

import (
	"math/bits"
	"sync"
	"unsafe"

	"udfrunner/core/status"
)

// Buffers come in powers of two, so that those of a stream's batches, which are about as large, are found again:
// fresh memory costs a page fault for every 4 KiB. Such sizes are also aligned to 16 bytes and more.
const (
	smallest = 8  // bits
	largest  = 37 // bits; no batch has more than 2^31 rows, and no value of fixed width more than 32 bytes.
)

var pools [largest + 1]sync.Pool

// buffer is memory from a pool, not zeroed.
type buffer struct {
	bytes []byte
	class int
}

func newBuffer(size int64) (*buffer, error) {
	class := max(bits.Len64(uint64(max(size, 1)-1)), smallest)
	if class > largest {
		return nil, status.New(status.NoMemory, "no memory for a buffer of %d bytes", size)
	}
	if b, _ := pools[class].Get().(*buffer); b != nil {
		b.bytes = b.bytes[:size]
		return b, nil
	}
	return &buffer{make([]byte, size, 1<<class), class}, nil
}

func (b *buffer) address() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b.bytes)) }

// free gives the memory back for others to use.
func (b *buffer) free() { pools[b.class].Put(b) }
