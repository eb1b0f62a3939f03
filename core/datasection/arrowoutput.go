package datasection

import (
	"encoding/binary"
	"unsafe"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// ArrowOutput reads Arrow IPC streams, message by message, bodies straight into the memory that the host
// gets.
type ArrowOutput struct {
	functions *Functions
	counters  *Counters
	messages  bool // the host takes IPC messages, not arrays
	source    *transport.Reader
	decoder   *arrowio.Decoder
	part      part
	kind      arrowio.StepKind // of the message whose body is being read
	prefix    [arrowio.PrefixSize]byte
	metadata  []byte
	bytes     []byte // being read: one of the above, or a body
	filled    int
	complete  bool // a message can be handed out
	schema    schemaChunk
}

// part is the part of a message that is being read.
type part uint8

const (
	inPrefix part = iota
	inMetadata
	inBody
)

// schemaChunk says what became of the schema message, which is the first of an iterator's chunks.
type schemaChunk uint8

const (
	schemaToCome schemaChunk = iota
	schemaReady
	schemaGiven
)

// NewArrowOutput reads a task's stream.
func NewArrowOutput(f *Functions, c *Counters) *ArrowOutput {
	return &ArrowOutput{functions: f, counters: c}
}

// Attach implements Output.
func (o *ArrowOutput) Attach(source *transport.Reader, messages bool) {
	o.source, o.messages = source, messages
}

// offsetsSize is the room behind a message for the offsets of a chunk of one.
const offsetsSize = 2 * 8

// Begin implements Output.
func (o *ArrowOutput) Begin(protocol.Event, int) {
	if o.decoder != nil {
		o.decoder.Close()
	}
	o.decoder = arrowio.NewDecoder(arrowio.DecoderOptions{
		Memory: o.functions.Memory, Messages: o.messages, Spare: offsetsSize,
		UnwrapStruct: o.functions.EvalType.StructOutput, Declared: o.functions.Schema, Convert: !o.functions.Exact,
		MaxMetadata:     o.functions.Conf.Size(config.ResultMetadata),
		MaxDictionaries: o.functions.Conf.Size(config.ResultDictionary),
	})
	o.expect(inPrefix, o.prefix[:])
}

func (o *ArrowOutput) expect(p part, bytes []byte) { o.part, o.bytes, o.filled = p, bytes, 0 }

// Read implements Output.
func (o *ArrowOutput) Read() (ready, finished bool, err error) {
	for {
		for o.filled < len(o.bytes) {
			n, err := o.source.Read(o.bytes[o.filled:])
			if err != nil {
				return false, false, err
			}
			o.filled += n
		}
		switch o.part {
		case inPrefix:
			length, eos, err := o.decoder.Prefix(o.bytes)
			if err != nil || eos {
				return false, eos, err
			}
			if cap(o.metadata) < length {
				o.metadata = make([]byte, length)
			}
			o.expect(inMetadata, o.metadata[:length])
		case inMetadata:
			if ready, err := o.header(); ready || err != nil {
				return ready, false, err
			}
		case inBody:
			batch, err := o.decoder.Finish()
			if err != nil {
				return false, false, err
			}
			o.expect(inPrefix, o.prefix[:])
			if !o.decoder.Ready() {
				continue
			}
			if o.kind == arrowio.StepBatch {
				o.counters.Batches.Add(1)
				o.counters.Rows.Add(batch.Length())
			}
			o.complete = true
			return true, false, nil
		}
	}
}

// header goes on from a message's metadata; ready when the schema can be handed out.
func (o *ArrowOutput) header() (ready bool, err error) {
	step, err := o.decoder.Metadata(o.bytes)
	if err != nil {
		return false, err
	}
	if step.Kind == arrowio.StepSchema {
		o.expect(inPrefix, o.prefix[:])
		if o.messages && o.schema == schemaToCome {
			o.schema = schemaReady
			return true, nil
		}
		return false, nil
	}
	o.kind = step.Kind
	body, err := o.decoder.Body()
	if err != nil {
		return false, err
	}
	o.expect(inBody, body)
	return false, nil
}

// Flush implements Output: the schema may be still to be handed out, where it is asked for.
func (o *ArrowOutput) Flush(atEnd bool) bool {
	if atEnd && o.messages && o.schema == schemaToCome {
		o.schema = schemaReady // a task without results has a schema too
	}
	return o.schema == schemaReady
}

// Chunk implements Output.
func (o *ArrowOutput) Chunk(out *Chunk) (err error) {
	if o.schema == schemaReady {
		o.schema = schemaGiven
		*out, err = o.schemaMessage()
		return err
	}
	if !o.complete {
		return status.New(status.Internal, "no message to hand out")
	}
	o.complete = false
	block, data, err := o.decoder.Take()
	if err != nil {
		return err
	}
	start := unsafe.Pointer(unsafe.SliceData(data))
	offsets := unsafe.Add(start, len(data))
	end := binary.NativeEndian.AppendUint64(make([]byte, 8, offsetsSize), uint64(len(data)))
	copy(unsafe.Slice((*byte)(offsets), offsetsSize), end)
	*out = Chunk{Data: start, Size: uint64(len(data)), N: 1, Offsets: offsets, Block: block}
	return nil
}

func (o *ArrowOutput) schemaMessage() (Chunk, error) {
	var message []byte
	if o.decoder != nil && o.decoder.Start() != nil {
		message = o.decoder.Start()
	} else {
		encoder, err := arrowio.NewEncoder(o.functions.Schema, arrowio.EncoderOptions{})
		if err != nil {
			return Chunk{}, err
		}
		message = encoder.Start()
	}
	c, err := newChunk(o.functions.Memory, len(message), []uint64{0, uint64(len(message))})
	if err == nil {
		copy(unsafe.Slice((*byte)(c.Data), len(message)), message)
	}
	return c, err
}

// Array implements Output.
func (o *ArrowOutput) Array(out *cdata.Array, schema *cdata.Schema) error {
	if !o.complete {
		return status.New(status.Internal, "no batch to hand out")
	}
	o.complete = false
	return o.decoder.Export(out, schema)
}

// Release implements Output.
func (o *ArrowOutput) Release() {
	if o.decoder != nil {
		o.decoder.Close()
	}
}
