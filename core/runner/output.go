package runner

import (
	"math"
	"slices"
	"unsafe"

	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// output is the reader of a concrete runner (Spark's newReaderIterator): it reads data sections and keeps what is
// ready to be handed out.
type output interface {
	// attach names the source and whether the host takes bytes, not arrays; before anything else but release.
	attach(source *transport.Reader, bytes bool)
	// begin starts an event of the protocol: a record of the given length, or an Arrow stream.
	begin(event protocol.Event, length int)
	// read goes on with the event as far as bytes are there: ready when something can be handed out, finished when the
	// event's bytes are all read, or the source's error.
	read() (ready, finished bool, err error)
	// flush says whether something can be handed out although more may be added to it, or at the task's end.
	flush(atEnd bool) bool
	// chunk and array hand it out.
	chunk(out *Chunk) error
	array(out *cdata.Array, schema *cdata.Schema) error
	// release frees what was not handed out.
	release()
}

// Chunk is whole records of output in one block of memory (udfrunner_chunk).
type Chunk struct {
	Data    unsafe.Pointer
	Size, N uint64
	Offsets unsafe.Pointer // N + 1 uint64
	Block   unsafe.Pointer // hostmem block, owned by who gets the chunk
}

const (
	// chunkTarget is the size from which on records are handed out although more may follow at once.
	chunkTarget = 1 << 20
	// maxChunk is what a chunk stays below unless one record is larger.
	maxChunk = math.MaxInt32
	// growth bounds what is allocated for bytes that were only announced.
	growth = 16 << 20
)

// recordOutput collects pickled records.
type recordOutput struct {
	mem      *hostmem.Functions
	counters *counters
	source   *transport.Reader
	data     []byte
	offsets  []uint64 // of complete records, from 0
	want     int      // len(data) when the record being read is complete
}

func newRecordOutput(b *base, c *counters) *recordOutput {
	return &recordOutput{mem: b.env.Memory(), counters: c, offsets: []uint64{0}}
}

func (o *recordOutput) attach(source *transport.Reader, _ bool) { o.source = source }

func (o *recordOutput) begin(_ protocol.Event, length int) { o.want = len(o.data) + length }

func (o *recordOutput) read() (ready, finished bool, err error) {
	if len(o.offsets) > 1 && o.want > maxChunk {
		return true, false, nil // hand out what is complete first
	}
	for len(o.data) < o.want {
		o.data = slices.Grow(o.data, min(o.want-len(o.data), growth))
		n, err := o.source.Read(o.data[len(o.data):min(o.want, cap(o.data))])
		if err != nil {
			return false, false, err
		}
		o.data = o.data[:len(o.data)+n]
	}
	o.offsets = append(o.offsets, uint64(len(o.data)))
	o.counters.outputs.Add(1)
	return len(o.data) >= chunkTarget, true, nil
}

func (o *recordOutput) flush(bool) bool { return len(o.offsets) > 1 }

func (o *recordOutput) chunk(out *Chunk) error {
	complete := int(o.offsets[len(o.offsets)-1])
	c, err := newChunk(o.mem, complete, o.offsets)
	if err != nil {
		return err
	}
	copy(unsafe.Slice((*byte)(c.Data), complete), o.data)
	o.want -= complete
	if rest := o.data[complete:]; cap(o.data) > 4*chunkTarget {
		o.data = slices.Clone(rest)
	} else {
		o.data = append(o.data[:0], rest...)
	}
	o.offsets = o.offsets[:1]
	*out = c
	return nil
}

func (o *recordOutput) array(*cdata.Array, *cdata.Schema) error {
	return status.New(status.Internal, "pickled records have no Arrow array")
}

func (o *recordOutput) release() {}

// newChunk makes a chunk of size bytes, to be filled by the caller, with its offsets behind them.
func newChunk(mem *hostmem.Functions, size int, offsets []uint64) (Chunk, error) {
	at := uintptr((size + 7) &^ 7) //nolint:gosec // not negative
	block := mem.Alloc(at + uintptr(len(offsets))*8)
	if block == nil {
		return Chunk{}, status.New(status.NoMemory, "%d bytes for a chunk of results", size)
	}
	data := hostmem.Payload(block)
	to := unsafe.Add(data, at)
	copy(unsafe.Slice((*uint64)(to), len(offsets)), offsets)
	return Chunk{
		Data: data, Size: uint64(size), N: uint64(len(offsets) - 1), Offsets: to, Block: block, //nolint:gosec // not negative
	}, nil
}
