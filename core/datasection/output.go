package datasection

import (
	"sync/atomic"
	"unsafe"

	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// Output is the reader of a concrete runner (Spark's newReaderIterator): it reads data sections and keeps what is
// ready to be handed out.
type Output interface {
	// Attach names the source and whether the host takes bytes, not arrays; before anything else but Release.
	Attach(source *transport.Reader, bytes bool)
	// Begin starts an event of the protocol: a record of the given length, or an Arrow stream.
	Begin(event protocol.Event, length int)
	// Read goes on with the event as far as bytes are there: ready when something can be handed out, finished when the
	// event's bytes are all read, or the source's error.
	Read() (ready, finished bool, err error)
	// Flush says whether something can be handed out although more may be added to it, or at the task's end.
	Flush(atEnd bool) bool
	// Chunk and Array hand it out.
	Chunk(out *Chunk) error
	Array(out *cdata.Array, schema *cdata.Schema) error
	// Release frees what was not handed out.
	Release()
}

// Counters are written by the thread that reads results, and read by any.
type Counters struct {
	Batches atomic.Int64 // or records
	Rows    atomic.Int64 // of Arrow results
}

// Chunk is whole records of output in one block of memory (udfrunner_chunk).
type Chunk struct {
	Data    unsafe.Pointer
	Size, N uint64
	Offsets unsafe.Pointer // N + 1 uint64
	Block   unsafe.Pointer // hostmem block, owned by who gets the chunk
}

// newChunk makes a chunk of size bytes, to be filled by the caller, with its offsets behind them.
func newChunk(mem *hostmem.Functions, size int, offsets []uint64) (Chunk, error) {
	at := uintptr((size + 7) &^ 7)
	block := mem.Alloc(at + uintptr(len(offsets))*8)
	if block == nil {
		return Chunk{}, status.New(status.NoMemory, "%d bytes for a chunk of results", size)
	}
	data := hostmem.Payload(block)
	to := unsafe.Add(data, at)
	copy(unsafe.Slice((*uint64)(to), len(offsets)), offsets)
	return Chunk{
		Data: data, Size: uint64(size), N: uint64(len(offsets) - 1), //nolint:gosec // not negative
		Offsets: to, Block: block,
	}, nil
}
