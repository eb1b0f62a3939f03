package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// member is a key of a JSON object and its value.
type member struct {
	name  string
	value json.RawMessage
}

// membersOf lists a JSON object's members in their order.
func membersOf(object []byte) ([]member, error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	if token != json.Delim('{') {
		return nil, fmt.Errorf("%v where an object was expected", token)
	}
	var list []member
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: fmt.Sprint(name)}
		if err := decoder.Decode(&m.value); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	_, err = decoder.Token()
	return list, err
}

// appendSparkJSON quotes as Spark's JSON library does: only quotes, backslashes and control characters.
func appendSparkJSON(b []byte, s string) []byte {
	const short = "btn\x00fr" // \b is 8, \v has no short form
	b = append(b, '"')
	plain := 0 // from here on nothing was appended, nor needs to be quoted
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[plain:i]...)
		plain = i + 1
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= '\b' && c <= '\r' && c != '\v':
			b = append(b, '\\', short[c-'\b'])
		default:
			b = fmt.Appendf(b, `\u%04X`, c)
		}
	}
	return append(append(b, s[plain:]...), '"')
}
