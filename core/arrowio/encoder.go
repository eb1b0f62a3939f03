package arrowio

import (
	"hash/maphash"

	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// EncoderOptions say how an Encoder shapes its stream.
type EncoderOptions struct {
	// WrapStruct makes the columns the children of one struct column named "struct", without
	// nulls, as Spark sends batches to mapInPandas and mapInArrow (MapInBatchExec).
	WrapStruct bool
}

// Encoder makes IPC streams of one schema, one after the other (Restart), from arrays of the C data interface (Array;
// in slices Load and Slice; joined Load, Append and Joined) or from messages of another IPC stream (Batch; LoadBatch
// and the like). A stream is made in one of these ways.
type Encoder struct {
	plan  *plan
	wrap  bool
	start []byte

	batch        outgoing
	dictionaries []encodedDictionary // as in plan
	seed         maphash.Seed
	serial       uint64
	messages     []Message

	loaded  *cdata.Array // that Slice and Append take rows of
	headers []byte       // room for headers of messages that are kept

	appending body // what Append copies
	joint     joint
}

// outgoing is one kind of message of the stream: its body and its header, both reused.
type outgoing struct {
	body   body
	header *batchHeader
}

// encodedDictionary is what the encoder knows of a dictionary that it sent.
type encodedDictionary struct {
	outgoing
	// sum is a hash of the values last sent, serial the number of that sending, counted over all dictionaries.
	sum    uint64
	serial uint64
	// messages is what a stream of slices needs of the dictionary, of which the one at hand has the first `sent`.
	messages []Message
	sent     int
	// values are those of the messages, copied: for Load once they are needed.
	values []part
	joint  dictionaryJoint
}

// NewEncoder starts a stream with the schema's columns. A schema that no Arrow type rule allows is
// INVALID_ARGUMENT.
func NewEncoder(s *Schema, opt EncoderOptions) (*Encoder, error) {
	if err := s.validate(); err != nil {
		return nil, status.New(status.InvalidArgument, "%w", err)
	}
	p, err := newPlan(s.Fields)
	if err != nil {
		return nil, status.New(status.InvalidArgument, "%w", err)
	}
	sent := s
	if opt.WrapStruct {
		sent = &Schema{Fields: []Field{{Name: "struct", Nullable: true, Type: &Type{ID: Struct, Children: s.Fields}}}}
	}
	return &Encoder{
		plan: p, wrap: opt.WrapStruct, start: schemaMessage(sent),
		dictionaries: make([]encodedDictionary, len(p.dictionaries)), seed: maphash.MakeSeed(),
	}, nil
}

// Start is the encapsulated schema message, the first of the stream. It must not be changed.
func (e *Encoder) Start() []byte { return e.start }

// Array encodes a struct array whose children are the columns: messages for dictionaries that
// the worker does not have yet, then the record batch. Segments borrow the array's buffers, so it must
// not be released before they are written; all of the messages are valid until the next call. An
// array that does not fit the schema is a HOST error, after which the stream can go on.
func (e *Encoder) Array(a *cdata.Array) ([]Message, error) {
	if err := e.sharedDictionary(); err != nil {
		return nil, err
	}
	e.messages = e.messages[:0]
	w := &e.batch.body
	w.loaded, w.checked = false, false
	err := checkRoot(a, len(e.plan.roots))
	if err == nil {
		e.begin(w, a.Length)
		err = e.columns(w, a, 0, a.Length)
	}
	if err != nil {
		return nil, status.New(status.Host, "input array: %w", err)
	}
	for i := range e.dictionaries {
		e.dictionaryMessage(i)
	}
	e.messages = append(e.messages, e.batch.message(nil, false))
	return e.messages, nil
}

// sharedDictionary refuses arrays where columns that share a dictionary id may bring different values.
func (e *Encoder) sharedDictionary() error {
	if e.plan.sharedID < 0 {
		return nil
	}
	return status.New(status.InvalidArgument,
		"dictionary id %d is used by several columns, which needs IPC input", e.plan.sharedID)
}

// Restart ends the stream: the next begins with Start, and what follows needs its dictionaries again.
func (e *Encoder) Restart() {
	for i := range e.dictionaries {
		e.dictionaries[i].serial, e.dictionaries[i].sent = 0, 0
	}
}

// dictionaryMessage appends the message of a dictionary unless the worker has these very values.
func (e *Encoder) dictionaryMessage(i int) {
	if e.changed(i) {
		e.messages = append(e.messages, e.dictionaries[i].message(e.plan.dictionaries[i], false))
	}
}

// changed says whether a dictionary that was encoded is to be sent, and counts it as sent. One whose values use a
// dictionary that is sent again is sent again too.
func (e *Encoder) changed(i int) bool {
	d := &e.dictionaries[i]
	sum := e.sum(e.plan.dictionaries[i], &d.body)
	if d.serial != 0 && sum == d.sum {
		return false
	}
	e.serial++
	d.sum, d.serial = sum, e.serial
	return true
}

// sum hashes the numbers and bytes of a dictionary. Two dictionaries are taken for one with a
// chance of 2^-64.
func (e *Encoder) sum(d *dictionary, w *body) uint64 {
	var h maphash.Hash
	h.SetSeed(e.seed)
	for _, n := range w.nodes {
		maphash.WriteComparable(&h, n)
	}
	for _, b := range w.buffers {
		maphash.WriteComparable(&h, b)
	}
	for _, n := range w.variadic {
		maphash.WriteComparable(&h, n)
	}
	for _, segment := range w.segments {
		_, _ = h.Write(segment)
	}
	for _, inner := range d.values.uses {
		maphash.WriteComparable(&h, e.dictionaries[inner.index].serial)
	}
	return h.Sum64()
}

// message finishes the body; d is nil for a record batch.
func (o *outgoing) message(d *dictionary, delta bool) Message {
	w := &o.body
	if nodes, buffers, views := w.counts(); o.header == nil || !o.header.fits(nodes, buffers, views) {
		o.header = newBatchHeader(nodes, buffers, views, d)
	}
	return Message{Header: o.header.fill(&w.contents, w.size, delta), Body: w.segments, BodyLength: w.size}
}

// Batch encodes one message, a dictionary or a record batch, that a Decoder of the same columns
// finished: its body is passed on in place. The message is valid until the next call, or
// until the memory of b's body is not.
func (e *Encoder) Batch(b *Batch) (Message, error) {
	c, o := &b.contents, &e.batch
	var d *dictionary
	if b.dictionary != nil {
		if b.dictionary.index >= len(e.plan.dictionaries) {
			return Message{}, status.New(status.Internal, "dictionary %d is of another stream", b.dictionary.id)
		}
		d, o = e.plan.dictionaries[b.dictionary.index], &e.dictionaries[b.dictionary.index].outgoing
	}
	w := &o.body
	if d == nil {
		e.begin(w, c.length)
	} else {
		w.reset()
		w.length = c.length
	}
	w.nodes = append(w.nodes, c.nodes...)
	w.buffers = append(w.buffers, c.buffers...)
	w.variadic = append(w.variadic, c.variadic...)
	w.size = int64(len(b.body))
	if w.size > 0 {
		w.segments = append(w.segments, b.body)
	}
	if padding := -w.size & 7; padding > 0 {
		w.segments = append(w.segments, zeros[:padding])
		w.size += padding
	}
	return o.message(d, b.delta), nil
}
