package arrowio

import (
	"encoding/binary"
	"errors"
	"slices"
	"unsafe"

	flatbuffers "github.com/google/flatbuffers/go"

	"udfrunner/core/arrowio/flatbuf"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// maxMetadata bounds the metadata of one message, in bytes.
const maxMetadata = 256 << 20

// DecoderOptions say whom a stream is from and what becomes of it.
type DecoderOptions struct {
	// Memory makes the blocks that bodies are read into; nil where every body is lent to Borrow.
	Memory *hostmem.Functions
	// Messages asks for blocks that hold whole IPC messages, for Take, instead of arrays for Export. Spare is
	// how many bytes behind each message are left to the caller.
	Messages bool
	Spare    uintptr
	// UnwrapStruct says that the stream has one struct column without nulls, whose children are
	// the columns, as workers answer mapInPandas and mapInArrow.
	UnwrapStruct bool
	// Declared is what the columns must be, by EqualTypes; names, nullability and
	// metadata of what is handed out are its. nil takes the stream's.
	Declared *Schema
	// Convert takes columns of any Arrow type that stands for the declared one's Spark type, too, and hands them out as
	// declared: strings and bytes with offsets of either width or as views, lists of all forms, dictionaries of such
	// values or of any others, at any depth. Columns that are as declared, or whose
	// data is, are not copied. Without effect where Declared has a dictionary; bodies are not borrowed.
	Convert bool
	// MaxMetadata bounds the metadata of one message, MaxDictionaries what is kept of dictionaries together, in bytes;
	// 0 is no limit but the decoder's own.
	MaxMetadata, MaxDictionaries int64
	// Fault is the code of errors in the stream: Protocol (also for zero) of a worker's, Host of a host's.
	Fault status.Code
}

// Decoder reads one IPC stream piece by piece: Prefix, Metadata, then unless the step is a schema the body,
// into the memory that Body returns or lent to Borrow, then Finish. After a record batch comes
// Export, or Take (which in Messages mode comes after dictionaries too, if Ready). An error is final.
type Decoder struct {
	opt    DecoderOptions
	schema *Schema
	plan   *plan
	start  []byte
	// result is the plan of what is handed out: plan, unless there is a converter.
	result    *plan
	converter *converter

	// block is the current message's, nil where its body is borrowed or nothing is pending.
	block      unsafe.Pointer
	step       Step
	batch      Batch
	bodyOffset uintptr
	bodyEnd    uintptr // padded, with what was converted
	blockSize  uintptr
	finished   bool

	held    []heldDictionary
	lengths []int64 // of held dictionaries, -1 before they came
	headers []*batchHeader
}

// StepKind is what a message of a stream is.
type StepKind uint8

// The kinds of messages.
const (
	StepSchema StepKind = iota
	StepDictionary
	StepBatch
	// StepEnd is the end of the stream, which only Next returns.
	StepEnd
)

// Step is one message, of which the metadata was read.
type Step struct {
	Kind StepKind
	// BodyLength is the bytes to read next; a schema has none.
	BodyLength int64
}

// PrefixSize is the bytes in front of each message's metadata.
const PrefixSize = prefixSize

// NewDecoder makes a decoder for one stream.
func NewDecoder(opt DecoderOptions) *Decoder {
	if opt.Fault == status.OK {
		opt.Fault = status.Protocol
	}
	return &Decoder{opt: opt}
}

// Own makes a decoder that borrows bodies one that has them read into blocks of memory, and exports arrays. It comes
// between the schema and the first body.
func (d *Decoder) Own(memory *hostmem.Functions) { d.opt.Memory = memory }

// Prefix reads the PrefixSize bytes in front of a message and returns how many bytes of metadata
// follow, or eos at the end of the stream.
func (d *Decoder) Prefix(p []byte) (metadataLen int, eos bool, err error) {
	if len(p) != prefixSize {
		return 0, false, status.New(status.Internal, "an IPC prefix has %d bytes, not %d", prefixSize, len(p))
	}
	if marker := binary.LittleEndian.Uint32(p); marker != continuation {
		return 0, false, status.New(d.opt.Fault,
			"IPC message begins with 0x%08x, not 0xffffffff (streams of Arrow before 0.15 are not read)", marker)
	}
	size := binary.LittleEndian.Uint32(p[4:])
	if size > maxMetadata {
		return 0, false, status.New(d.opt.Fault, "IPC metadata of %d bytes, at most %d are allowed", size, maxMetadata)
	}
	if most := d.opt.MaxMetadata; most > 0 && int64(size) > most {
		return 0, false, status.New(d.opt.Fault,
			"IPC metadata of %d bytes, at most %d are allowed (udfrunner.results.metadata)", size, most)
	}
	return int(size), size == 0, nil
}

// Metadata reads a message's metadata, which is not kept, and says what the message is.
func (d *Decoder) Metadata(meta []byte) (Step, error) {
	d.drop()
	err := guard(d.opt.Fault, meta, func(m *flatbuf.Message) error { return d.metadata(m, len(meta)) })
	if err != nil {
		return Step{}, err
	}
	return d.step, nil
}

func (d *Decoder) metadata(message *flatbuf.Message, size int) error {
	if err := checkVersion(message); err != nil {
		return err
	}
	length := message.BodyLength()
	if length < 0 || length > maxBytes {
		return status.New(d.opt.Fault, "IPC body of %d bytes", length)
	}
	kind := message.HeaderType()
	var header flatbuffers.Table
	if !message.Header(&header) || kind < flatbuf.MessageHeaderSchema || kind > flatbuf.MessageHeaderRecordBatch {
		return status.New(d.opt.Fault, "IPC message of kind %d, must be a schema, dictionary or record batch", kind)
	}
	if first := d.schema == nil; first != (kind == flatbuf.MessageHeaderSchema) {
		return status.New(d.opt.Fault, "IPC message is a %s; a stream has one Schema, first", kind)
	}
	d.step = Step{BodyLength: length}
	switch kind {
	case flatbuf.MessageHeaderSchema:
		d.step.Kind = StepSchema
		if length != 0 {
			return status.New(d.opt.Fault, "IPC schema with a body of %d bytes", length)
		}
		return d.takeSchema(&header, size)
	case flatbuf.MessageHeaderDictionaryBatch:
		d.step.Kind = StepDictionary
		var table flatbuf.DictionaryBatch
		table.Init(header.Bytes, header.Pos)
		return d.dictionaryBatch(&table, length)
	default:
		d.step.Kind = StepBatch
		var table flatbuf.RecordBatch
		table.Init(header.Bytes, header.Pos)
		d.batch.dictionary, d.batch.delta = nil, false
		return d.recordBatch(&table, d.plan, d.opt.UnwrapStruct, length)
	}
}

func (d *Decoder) takeSchema(header *flatbuffers.Table, size int) error {
	s, err := readSchema(header, size, d.opt.Fault)
	if err != nil {
		return err
	}
	if d.opt.UnwrapStruct {
		if len(s.Fields) != 1 || s.Fields[0].Type.ID != Struct {
			return status.New(d.opt.Fault, "IPC stream of %d columns, must be one struct column", len(s.Fields))
		}
		s = &Schema{Fields: s.Fields[0].Type.Children}
	}
	p, err := newPlan(s.Fields)
	if err != nil {
		return status.New(d.opt.Fault, "IPC schema: %w", err)
	}
	d.plan, d.result = p, p
	if d.opt.Declared != nil {
		if s, err = d.declare(s); err != nil {
			return err
		}
	}
	d.schema = s
	d.held = make([]heldDictionary, len(p.dictionaries))
	d.lengths = slices.Repeat([]int64{-1}, len(p.dictionaries))
	d.headers = make([]*batchHeader, len(p.dictionaries)+1)
	return nil
}

// declare compares the stream's schema with the declared one, and returns that of what is handed out.
func (d *Decoder) declare(s *Schema) (*Schema, error) {
	rule := exactly
	if d.opt.Convert && !hasDictionary(d.opt.Declared.Fields) {
		rule = equivalently
	}
	if err := s.match(d.opt.Declared, rule); err != nil {
		return nil, status.New(d.resultFault(), "%w", &Mismatch{Actual: s, Declared: d.opt.Declared, Text: err.Error()})
	}
	if rule == equivalently {
		result, err := newPlan(d.opt.Declared.Fields)
		if err != nil {
			return nil, err
		}
		if d.converter = newConverter(d, result); d.converter != nil {
			d.result = result
			return d.opt.Declared, nil
		}
	}
	return declaredAs(d.opt.Declared, s), nil
}

// Mismatch is the cause of an error that says that a stream has other types than the declared ones.
type Mismatch struct {
	Actual, Declared *Schema
	Text             string
}

// Error is the text.
func (m *Mismatch) Error() string { return m.Text }

// resultFault is the code of errors that are a function's doing: it returned what its return type does not allow.
func (d *Decoder) resultFault() status.Code {
	if d.opt.Fault == status.Protocol {
		return status.PythonException
	}
	return d.opt.Fault
}

func (d *Decoder) dictionaryBatch(table *flatbuf.DictionaryBatch, length int64) error {
	i := slices.IndexFunc(d.plan.dictionaries, func(known *dictionary) bool { return known.id == table.Id() })
	if i < 0 {
		return status.New(d.opt.Fault, "IPC dictionary %d is not in the schema", table.Id())
	}
	var data flatbuf.RecordBatch
	if table.Data(&data) == nil {
		return status.New(d.opt.Fault, "IPC dictionary %d has no data", table.Id())
	}
	d.batch.dictionary, d.batch.delta = d.plan.dictionaries[i], table.IsDelta()
	if d.batch.delta && d.keeps() && !d.batch.dictionary.flat {
		return status.New(status.NotSupported, "IPC dictionary %d: a delta of nested values", table.Id())
	}
	if err := d.roomFor(length); err != nil {
		return err
	}
	return d.recordBatch(&data, &d.batch.dictionary.values, false, length)
}

// roomFor says whether the dictionary of the message at hand may be kept, whose body has so many bytes.
func (d *Decoder) roomFor(length int64) error {
	if d.opt.MaxDictionaries <= 0 || !d.keeps() {
		return nil
	}
	for i := range d.held {
		if i != d.batch.dictionary.index || d.batch.delta {
			length += int64(len(d.held[i].body))
		}
	}
	if length > d.opt.MaxDictionaries {
		return status.New(d.opt.Fault,
			"IPC dictionaries of %d bytes, at most %d are allowed (udfrunner.results.dictionaries)",
			length, d.opt.MaxDictionaries)
	}
	return nil
}

func (d *Decoder) recordBatch(table *flatbuf.RecordBatch, p *plan, wrapped bool, length int64) error {
	if table.Compression(nil) != nil {
		return status.New(status.NotSupported, "IPC body is compressed")
	}
	if err := d.batch.read(table, p, wrapped, length); err != nil {
		return status.New(d.opt.Fault, "IPC message: %w", err)
	}
	return nil
}

// keeps says whether dictionaries are kept, for exporting or converting them.
func (d *Decoder) keeps() bool {
	return d.opt.Memory != nil && (!d.opt.Messages || d.converter != nil)
}

// Body makes the block of the message at hand and returns the memory in it for the message's body, Step.BodyLength
// bytes. Out of memory is NO_MEMORY.
func (d *Decoder) Body() ([]byte, error) {
	var behind uintptr
	d.bodyOffset = 0
	switch {
	case d.batch.dictionary != nil && d.keeps():
		if d.batch.dictionary.flat {
			behind = treeSize(&d.batch.dictionary.values, &d.batch.contents, nil)
		}
	case d.converter != nil:
		d.bodyOffset, behind = d.converter.reserve()
	case d.opt.Messages:
		d.bodyOffset = uintptr(len(d.header(d.batch.counts()).bytes))
	default:
		behind = d.rootSize()
	}
	d.bodyEnd = d.bodyOffset + toSize(d.step.BodyLength+7)&^7
	d.blockSize = d.bodyEnd + behind
	d.block = d.opt.Memory.Alloc(d.blockSize + d.opt.Spare)
	if d.block == nil {
		return nil, status.New(status.NoMemory, "no memory for an IPC body of %d bytes", d.step.BodyLength)
	}
	d.batch.body = hostmem.Bytes(d.block, d.bodyOffset, toSize(d.step.BodyLength))
	return d.batch.body, nil
}

// Borrow takes the body of the message at hand, Step.BodyLength bytes aligned to 8, from memory of the caller's, in
// place of Body. The Batch that Finish returns lives as long.
func (d *Decoder) Borrow(body []byte) error {
	if d.keeps() || d.converter != nil {
		return status.New(status.Internal, "a decoder that exports or converts arrays borrows no bodies")
	}
	if int64(len(body)) != d.step.BodyLength {
		return status.New(status.Internal, "an IPC body of %d bytes where %d are due", len(body), d.step.BodyLength)
	}
	d.batch.body = body
	return nil
}

// Finish checks the body, which has been filled. A dictionary is kept for the batches
// that follow. The Batch is valid until the next message.
func (d *Decoder) Finish() (*Batch, error) {
	b := &d.batch
	p := d.plan
	if b.dictionary != nil {
		p = &b.dictionary.values
	}
	w := walk{contents: &b.contents, body: unsafe.Pointer(unsafe.SliceData(b.body))}
	for _, n := range p.roots {
		if err := w.values(n, d.lengths); err != nil {
			if _, is := errors.AsType[*overflow](err); is {
				return nil, status.New(d.resultFault(), "%w", err)
			}
			return nil, status.New(d.opt.Fault, "IPC message: %w", err)
		}
	}
	switch {
	case b.dictionary != nil:
		if err := d.keep(); err != nil {
			return nil, err
		}
	case d.converter != nil:
		if err := d.converter.convert(); err != nil {
			return nil, err
		}
	}
	d.finished = true
	return b, nil
}

// Ready says whether there is a finished message to be handed out. Dictionaries that the decoder keeps are none.
func (d *Decoder) Ready() bool {
	return d.finished && d.block != nil && (d.batch.dictionary == nil || !d.keeps())
}

// Schema is the columns of what is handed out, once the schema message was read, nil before.
func (d *Decoder) Schema() *Schema { return d.schema }

// Start is the encapsulated schema message for the messages that Take returns. It must not be changed.
func (d *Decoder) Start() []byte {
	if d.start == nil && d.schema != nil {
		d.start = schemaMessage(d.schema)
	}
	return d.start
}

// header is the header for the message at hand, of these numbers of nodes, buffers and views.
func (d *Decoder) header(nodes, buffers, views int) *batchHeader {
	i := len(d.headers) - 1
	if d.batch.dictionary != nil {
		i = d.batch.dictionary.index
	}
	if h := d.headers[i]; h == nil || !h.fits(nodes, buffers, views) {
		d.headers[i] = newBatchHeader(nodes, buffers, views, d.batch.dictionary)
	}
	return d.headers[i]
}

// Take hands out the finished message as encapsulated IPC bytes, without the schema's (Start): data lies
// in block, whose one reference is the caller's; DecoderOptions.Spare bytes follow it.
func (d *Decoder) Take() (block unsafe.Pointer, data []byte, err error) {
	if !d.Ready() || !d.opt.Messages {
		return nil, nil, status.New(status.Internal, "no IPC message to take")
	}
	header := d.header(d.batch.counts()).fill(&d.batch.contents, fromSize(d.bodyEnd-d.bodyOffset), d.batch.delta)
	start := d.bodyOffset - uintptr(len(header)) // 0, but for a converter's reserve
	data = hostmem.Bytes(d.block, start, d.bodyEnd-start)
	copy(data, header)
	clear(hostmem.Bytes(d.block, d.bodyOffset+toSize(d.step.BodyLength), toSize(-d.step.BodyLength&7)))
	block = d.block
	d.block, d.finished = nil, false
	return block, data, nil
}

// Close releases what the decoder holds: a message that was not taken, dictionaries. What was handed out
// stays.
func (d *Decoder) Close() {
	d.drop()
	for i := range d.held {
		d.held[i].release(d.opt.Memory)
		d.lengths[i] = -1
	}
}

// drop gives the message at hand up.
func (d *Decoder) drop() {
	if d.block != nil {
		d.opt.Memory.Release(d.block)
	}
	d.block, d.finished, d.batch.body = nil, false, nil
}

// declaredAs is the declared schema with the stream's dictionary ids.
func declaredAs(declared, stream *Schema) *Schema {
	return &Schema{Fields: declaredFields(declared.Fields, stream.Fields), Metadata: declared.Metadata}
}

func declaredFields(declared, stream []Field) []Field {
	fields := slices.Clone(declared)
	for i := range fields {
		fields[i].Type = declaredType(declared[i].Type, stream[i].Type)
	}
	return fields
}

func declaredType(declared, stream *Type) *Type {
	t := *declared
	if t.ID == Dictionary {
		t.DictionaryID = stream.DictionaryID
		t.Value = declaredType(declared.Value, stream.Value)
	}
	t.Children = declaredFields(declared.Children, stream.Children)
	return &t
}
