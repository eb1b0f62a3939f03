package datasection

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

const (
	// chunkTarget is the size from which on records are handed out although more may follow at once.
	chunkTarget = 1 << 20
	// maxChunk is what a chunk stays below unless one record is larger.
	maxChunk = math.MaxInt32
	// growth bounds what is allocated for bytes that were only announced.
	growth = 16 << 20
)

// RecordOutput collects pickled records.
type RecordOutput struct {
	mem      *hostmem.Functions
	counters *Counters
	source   *transport.Reader
	data     []byte
	offsets  []uint64 // of complete records, from 0
	want     int      // len(data) when the record being read is complete
}

// NewRecordOutput collects a task's records.
func NewRecordOutput(f *Functions, c *Counters) *RecordOutput {
	return &RecordOutput{mem: f.Memory, counters: c, offsets: []uint64{0}}
}

// Attach implements Output.
func (o *RecordOutput) Attach(source *transport.Reader, _ bool) { o.source = source }

// Begin implements Output.
func (o *RecordOutput) Begin(_ protocol.Event, length int) { o.want = len(o.data) + length }

// Read implements Output.
func (o *RecordOutput) Read() (ready, finished bool, err error) {
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
	o.counters.Batches.Add(1)
	return len(o.data) >= chunkTarget, true, nil
}

// Flush implements Output.
func (o *RecordOutput) Flush(bool) bool { return len(o.offsets) > 1 }

// Chunk implements Output.
func (o *RecordOutput) Chunk(out *Chunk) error {
	complete := int(o.offsets[len(o.offsets)-1]) //nolint:gosec // of o.data
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

// Array implements Output.
func (o *RecordOutput) Array(*cdata.Array, *cdata.Schema) error {
	return status.New(status.Internal, "pickled records have no Arrow array")
}

// Release implements Output.
func (o *RecordOutput) Release() {}
