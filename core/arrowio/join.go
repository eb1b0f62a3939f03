package arrowio

import (
	"fmt"
	"slices"
	"unsafe"

	"udfrunner/core/status"
)

// part is a copy of encoded rows, or of values of a dictionary, to be joined with others.
type part struct {
	contents
	bytes []byte
	// starts say where in the joined dictionaries those values begin that the part's indices count from.
	starts []int64
}

// newPart copies a body. Its children are exactly as long as their parents ask for.
func newPart(w *body) part {
	c := contents{w.length, slices.Clone(w.nodes), slices.Clone(w.buffers), slices.Clone(w.variadic)}
	return part{contents: c, bytes: slices.Concat(w.segments...)}
}

// joint collects the parts of a message.
type joint struct {
	outgoing
	parts  []part
	length int64
}

func (j *joint) add(p part) {
	j.parts = append(j.parts, p)
	j.length += p.length
}

// join appends the columns of the parts to the body.
func (j *joint) join(roots []*node, dictionaries []encodedDictionary) error {
	joining := joining{body: &j.body, parts: make([]source, len(j.parts)), dictionaries: dictionaries}
	for i := range j.parts {
		p := &j.parts[i]
		joining.parts[i] = source{
			walk:   walk{contents: &p.contents, body: unsafe.Pointer(unsafe.SliceData(p.bytes))},
			starts: p.starts,
		}
	}
	for _, n := range roots {
		if err := joining.node(n); err != nil {
			return err
		}
	}
	return nil
}

// forget drops the parts, whose memory messages may refer to.
func (j *joint) forget() {
	clear(j.parts)
	j.parts, j.length = j.parts[:0], 0
}

// Append keeps a copy of rows `from` up to `to` of what was loaded, for the next Joined: the array may be released and
// the Batch's body be gone then. Rows that an array turns out to hold wrong are a HOST error, after which they are left
// out and the stream can go on, with the rows appended before.
func (e *Encoder) Append(from, to int64) error {
	if err := e.checkRows(from, to); err != nil {
		return err
	}
	if e.joint.length+to-from > maxJoined {
		return notJoined(fmt.Errorf("more than %d rows", int64(maxJoined)))
	}
	w := &e.appending
	w.reset()
	w.loaded, w.checked, w.length = true, e.batch.body.checked, to-from
	if err := e.columns(w, e.loaded, from, to-from); err != nil {
		return status.New(status.Host, "input array: %w", err)
	}
	if from == to {
		return nil
	}
	p := newPart(w)
	p.starts = e.appendDictionaries()
	e.joint.add(p)
	return nil
}

// Appended is the number of rows appended since the last Joined.
func (e *Encoder) Appended() int64 { return e.joint.length }

// Joined encodes the rows appended since the last Joined as one record batch, of no rows where there were none, behind
// messages for dictionaries that the stream does not have yet; batches of different dictionaries get one with the
// values of all, each once (values with children, as often as they come). The list is valid until the next call, the
// bytes that it refers to as long as they are in use. Rows that no batch of the schema can hold together, for 32-bit
// offsets, run ends or dictionary indices that are too small for them, are NOT_SUPPORTED. In any case the rows are
// forgotten.
func (e *Encoder) Joined() ([]Message, error) {
	defer e.forget()
	e.messages = e.messages[:0]
	for i, known := range e.plan.dictionaries {
		d := &e.dictionaries[i]
		if d.isSent() {
			continue
		}
		if err := e.joinDictionary(d, known); err != nil {
			return nil, notJoined(err)
		}
		e.messages = append(e.messages, e.keep(d.joint.message(known, false)))
	}
	j := &e.joint
	j.body.kept = true
	e.begin(&j.body, j.length)
	if err := j.join(e.plan.roots, e.dictionaries); err != nil {
		return nil, notJoined(err)
	}
	for i := range e.dictionaries {
		e.dictionaries[i].setSent()
	}
	e.messages = append(e.messages, e.keep(j.message(nil, false)))
	return e.messages, nil
}

func notJoined(err error) error {
	return status.New(status.NotSupported, "%w in a group, which is one batch for PySpark 3.5 and 4.0", err)
}

// forget drops what was appended.
func (e *Encoder) forget() {
	e.joint.forget()
	for i := range e.dictionaries {
		d := &e.dictionaries[i].joint
		d.forget()
		d.taken, d.start, d.places = 0, 0, nil
	}
}
