package arrowio

import (
	"fmt"

	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// Load takes a struct array, as Array does, of which Slice then encodes rows. Its dictionaries are encoded here, once
// for all slices. An array that does not fit the schema is a HOST error.
func (e *Encoder) Load(a *cdata.Array) error {
	e.loaded = nil
	if err := e.sharedDictionary(); err != nil {
		return err
	}
	err := checkRoot(a, len(e.plan.roots))
	if err == nil && len(e.dictionaries) > 0 {
		err = e.loadDictionaries(a)
	}
	if err != nil {
		return status.New(status.Host, "input array: %w", err)
	}
	for i := range e.dictionaries {
		d := &e.dictionaries[i]
		if changed := e.changed(i); changed || len(d.messages) == 0 {
			d.sent = 0
			d.replaceValues()
		}
		d.messages = append(d.messages[:0], e.keep(d.message(e.plan.dictionaries[i], false)))
	}
	e.loaded, e.batch.body.checked = a, false
	return nil
}

// LoadBatch takes a message, as Batch does: Slice then encodes rows of a record batch, up to its decoder's next
// message, and its body is read in place; a dictionary is copied, and comes with the next slice.
func (e *Encoder) LoadBatch(b *Batch) error {
	e.loaded = nil
	if b.dictionary == nil {
		e.loaded, e.batch.body.checked = b.array(), true
		return nil
	}
	if b.dictionary.index >= len(e.dictionaries) {
		return status.New(status.Internal, "dictionary %d is of another stream", b.dictionary.id)
	}
	d, known := &e.dictionaries[b.dictionary.index], e.plan.dictionaries[b.dictionary.index]
	w := &d.body
	w.reset()
	w.loaded, w.checked, w.length = true, true, b.length
	if err := e.child(w, known.values.roots[0], b.array(), 0, 0, b.length); err != nil {
		return status.New(status.Internal, "dictionary %d: %w", known.id, err)
	}
	if !b.delta {
		d.messages, d.sent = d.messages[:0], 0
		d.replaceValues()
	}
	values := newPart(w)
	message := e.keep(d.message(known, b.delta))
	message.Body = [][]byte{values.bytes}
	d.messages, d.values = append(d.messages, message), append(d.values, values)
	return nil
}

// Loaded is the array that Load took, or what LoadBatch took as an array, which is never released and as long valid:
// nil after a dictionary, and where there is none.
func (e *Encoder) Loaded() *cdata.Array { return e.loaded }

// Slice encodes rows `from` up to `to` of what was loaded: messages for dictionaries that the stream does not
// have yet, then a record batch. The list is valid until the next call, and the bytes that it refers to until the
// loaded array is released, or the loaded Batch's body is gone, however many calls come between. What an
// array turns out to hold wrong is a HOST error, after which the stream can go on.
func (e *Encoder) Slice(from, to int64) ([]Message, error) {
	if err := e.checkRows(from, to); err != nil {
		return nil, err
	}
	return e.slice(to-from, func(w *body) error { return e.columns(w, e.loaded, from, to-from) })
}

// slice makes the messages of count rows of what was loaded.
func (e *Encoder) slice(count int64, columns func(*body) error) ([]Message, error) {
	w := &e.batch.body
	w.kept, w.loaded = true, true
	e.begin(w, count)
	if err := columns(w); err != nil {
		return nil, status.New(status.Host, "input array: %w", err)
	}
	e.messages = e.messages[:0]
	for i := range e.dictionaries {
		d := &e.dictionaries[i]
		e.messages = append(e.messages, d.messages[d.sent:]...)
		d.sent = len(d.messages)
	}
	e.messages = append(e.messages, e.keep(e.batch.message(nil, false)))
	return e.messages, nil
}

func (e *Encoder) checkRows(from, to int64) error {
	if e.loaded == nil || from < 0 || from > to || to > e.loaded.Length {
		return status.New(status.Internal, "no rows %d to %d to encode", from, to)
	}
	return nil
}

// keep copies a message's header to memory that is not used again.
func (e *Encoder) keep(m Message) Message {
	if len(e.headers) < len(m.Header) {
		e.headers = make([]byte, max(minChunk, 16*len(m.Header)))
	}
	header := e.headers[:len(m.Header):len(m.Header)]
	e.headers = e.headers[copy(header, m.Header):]
	m.Header = header
	return m
}

// loadDictionaries encodes the dictionaries of an array's columns.
func (e *Encoder) loadDictionaries(a *cdata.Array) error {
	for i := range e.dictionaries {
		// Slices of the array before may be unsent, and dictionaries of dictionaries are encoded with these.
		e.dictionaries[i].body.kept = true
	}
	for i, n := range e.plan.roots {
		if err := e.dictionariesOf(n, a, i); err != nil {
			return err
		}
	}
	return nil
}

// dictionariesOf encodes the dictionaries of a's child i and of its children.
func (e *Encoder) dictionariesOf(n *node, a *cdata.Array, i int) error {
	c, err := n.childArray(a, i)
	if err != nil {
		return err
	}
	if n.dictionary != nil {
		if _, err := e.dictionary(n.dictionary, c.Dictionary); err != nil {
			return fmt.Errorf("column %q: %w", n.at, err)
		}
	}
	for i, child := range n.children {
		if err := e.dictionariesOf(child, c, i); err != nil {
			return err
		}
	}
	return nil
}
