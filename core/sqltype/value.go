package sqltype

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Metadata is the metadata of a struct field: a JSON object, whose order is kept. The zero value is empty.
type Metadata struct{ object *value }

// ParseMetadata reads metadata from the text of a JSON object.
func ParseMetadata(text string) (Metadata, error) {
	v, err := parseValue(text)
	if err != nil {
		return Metadata{}, invalid(text, "%v", err)
	}
	if v.kind != object {
		return Metadata{}, invalid(text, "expected a JSON object, found %s", v.kind)
	}
	return Metadata{object: v}, nil
}

// Empty says whether there is no entry.
func (m Metadata) Empty() bool { return m.object == nil || len(m.object.keys) == 0 }

// JSON is the object as Python's json.dumps prints it by default: in its own order, ", " and ": " between.
func (m Metadata) JSON() string {
	if m.Empty() {
		return "{}"
	}
	var b strings.Builder
	m.object.write(&b, dumps)
	return b.String()
}

// with returns the metadata with one more entry, the last.
func (m Metadata) with(key string, v *value) Metadata {
	o := &value{kind: object}
	if m.object != nil {
		o.keys, o.items = slices.Clone(m.object.keys), slices.Clone(m.object.items)
	}
	o.set(key, v)
	return Metadata{object: o}
}

// without returns the metadata without an entry, and that entry, or nil.
func (m Metadata) without(key string) (Metadata, *value) {
	found := m.object.get(key)
	if found == nil {
		return m, nil
	}
	o := &value{kind: object}
	for i, k := range m.object.keys {
		if k != key {
			o.set(k, m.object.items[i])
		}
	}
	return Metadata{object: o}, found
}

// valueKind is the class of a JSON value.
type valueKind string

const (
	null    valueKind = "null"
	boolean valueKind = "a boolean"
	number  valueKind = "a number"
	text    valueKind = "a string"
	array   valueKind = "an array"
	object  valueKind = "an object"
)

// value is a JSON value. Unlike encoding/json's it keeps the order of objects and the text of integers,
// as Python does.
type value struct {
	kind  valueKind
	text  string   // string, number; "true" or "false"
	keys  []string // object
	items []*value // array, object
}

func (v *value) set(key string, item *value) {
	if i := slices.Index(v.keys, key); i >= 0 {
		v.items[i] = item
		return
	}
	v.keys, v.items = append(v.keys, key), append(v.items, item)
}

// get is the entry of an object, or nil.
func (v *value) get(key string) *value {
	if v == nil || v.kind != object {
		return nil
	}
	if i := slices.Index(v.keys, key); i >= 0 {
		return v.items[i]
	}
	return nil
}

// parseValue reads one JSON value and nothing after it.
func parseValue(s string) (*value, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the JSON ends too early")
		}
		return nil, fmt.Errorf("at character %d: %w", utf8.RuneCountInString(s[:min(int(d.InputOffset()), len(s))])+1,
			err)
	}
	end := utf8.RuneCountInString(s[:d.InputOffset()]) + 1
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("at character %d: expected the end after the JSON value", end)
	}
	return v, nil
}

func readValue(d *json.Decoder, depth int) (*value, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > 4*maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", 4*maxDepth)
	}
	switch t := t.(type) {
	case nil:
		return &value{kind: null}, nil
	case bool:
		return &value{kind: boolean, text: strconv.FormatBool(t)}, nil
	case string:
		return &value{kind: text, text: t}, nil
	case json.Number:
		s, err := pythonNumber(string(t))
		return &value{kind: number, text: s}, err
	case json.Delim:
		if t == '[' {
			v := &value{kind: array}
			for d.More() {
				item, err := readValue(d, depth+1)
				if err != nil {
					return nil, err
				}
				v.items = append(v.items, item)
			}
			_, err = d.Token()
			return v, err
		}
		return readObject(d, depth)
	}
	return nil, fmt.Errorf("unexpected %v", t)
}

func readObject(d *json.Decoder, depth int) (*value, error) {
	v := &value{kind: object}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("expected a string as an object's key, found %v", key)
		}
		item, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		v.set(name, item)
	}
	_, err := d.Token()
	return v, err
}

// pythonNumber is a JSON number as Python's json prints it after reading it: integers keep their digits,
// all others become the shortest float.
func pythonNumber(s string) (string, error) {
	if !strings.ContainsAny(s, ".eE") {
		if s == "-0" {
			return "0", nil
		}
		return s, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return "", fmt.Errorf("the number %s is out of range", s)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64), nil
	}
	out := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(out, ".") {
		out += ".0"
	}
	return out, nil
}

// style is how Python's json.dumps was called.
type style struct {
	comma, colon string
	sorted       bool
}

var (
	dumps   = style{", ", ": ", false}
	compact = style{",", ":", true} // DataType.json
)

func (v *value) write(b *strings.Builder, s style) {
	switch v.kind {
	case null:
		b.WriteString("null")
	case boolean, number:
		b.WriteString(v.text)
	case text:
		quote(b, v.text)
	case array:
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteString(s.comma)
			}
			item.write(b, s)
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		order := make([]int, len(v.keys))
		for i := range order {
			order[i] = i
		}
		if s.sorted {
			slices.SortFunc(order, func(i, j int) int { return strings.Compare(v.keys[i], v.keys[j]) })
		}
		for i, at := range order {
			if i > 0 {
				b.WriteString(s.comma)
			}
			quote(b, v.keys[at])
			b.WriteString(s.colon)
			v.items[at].write(b, s)
		}
		b.WriteByte('}')
	}
}

// quote writes a JSON string as Python does by default: ASCII only.
func quote(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r > 0xFFFF:
			r -= 0x10000
			fmt.Fprintf(b, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
}
