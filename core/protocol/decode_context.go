package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// sectionKey is a member of the task context's JSON object.
type sectionKey struct {
	name   string
	append func(b []byte, s *InitSection) []byte
	parse  func(value json.RawMessage, s *InitSection) error
}

// number is a member that is an integer.
func number[T int32 | int64](name string, field func(*InitSection) *T) sectionKey {
	return sectionKey{
		name:   name,
		append: func(b []byte, s *InitSection) []byte { return strconv.AppendInt(b, int64(*field(s)), 10) },
		parse:  func(value json.RawMessage, s *InitSection) error { return json.Unmarshal(value, field(s)) },
	}
}

// ofContext writes a member as tasks do.
func ofContext(f func(b []byte, c *Context) []byte) func([]byte, *InitSection) []byte {
	return func(b []byte, s *InitSection) []byte { return f(b, &s.Context) }
}

// sparkKeys43 are the members in the order of a Scala hash map of these keys (PythonWorkerUtils.writeTaskContext).
var sparkKeys43 = []sectionKey{
	{
		"secret",
		func(b []byte, s *InitSection) []byte {
			if s.BarrierServer != nil {
				return append(b, "null"...)
			}
			return appendSparkJSON(b, s.Context.Secret)
		},
		func(value json.RawMessage, s *InitSection) error { return json.Unmarshal(value, &s.Context.Secret) },
	},
	number("stageId", func(s *InitSection) *int32 { return &s.Context.Stage }),
	{
		"isBarrier",
		func(b []byte, s *InitSection) []byte { return strconv.AppendBool(b, s.Context.Barrier) },
		func(value json.RawMessage, s *InitSection) error { return json.Unmarshal(value, &s.Context.Barrier) },
	},
	number("partitionId", func(s *InitSection) *int32 { return &s.Context.Partition }),
	{"connInfo", appendConnInfo, parseConnInfo},
	number("attemptNumber", func(s *InitSection) *int32 { return &s.Context.Attempt }),
	{"localProperties", ofContext(appendProperties), parseProperties},
	{
		"cpuAmount",
		func(b []byte, s *InitSection) []byte { return appendSparkJSON(b, s.CPUAmount) },
		func(value json.RawMessage, s *InitSection) error { return json.Unmarshal(value, &s.CPUAmount) },
	},
	number("taskAttemptId", func(s *InitSection) *int64 { return &s.Context.TaskAttemptID }),
	{"resources", ofContext(appendResources), parseResources},
	number("cpus", func(s *InitSection) *int32 { return &s.Context.CPUs }),
}

// sparkKeys42 are the same without cpuAmount, which moves taskAttemptId in the hash map.
var sparkKeys42 = slices.Concat(sparkKeys43[:1], sparkKeys43[8:9], sparkKeys43[1:7], sparkKeys43[9:])

func contextJSONPart(keys []sectionKey) part {
	return part{
		parse: func(r *sectionReader, s *InitSection) {
			text := r.take(r.count(1))
			if r.err != nil {
				return
			}
			members, err := members(text)
			if err != nil {
				r.fail("the task context %q: %s", text, err)
				return
			}
			for _, key := range keys {
				for _, m := range members {
					if m.name != key.name {
						continue
					}
					if err := key.parse(m.value, s); err != nil {
						r.fail("%s of the task context: %s", m.name, err)
					}
				}
			}
		},
		append: func(b []byte, s *InitSection) ([]byte, bool) {
			start := len(b)
			b = appendInt(b, 0)
			for i, key := range keys {
				b = append(b, "{,"[min(i, 1)])
				b = append(appendSparkJSON(b, key.name), ':')
				b = key.append(b, s)
			}
			b = append(b, '}')
			putInt(b[start:], len(b)-start-4)
			return b, true
		},
	}
}

// connInfo is the port in a barrier stage and -1 in others, or with Unix sockets a path in both, without a secret.
func appendConnInfo(b []byte, s *InitSection) []byte {
	if s.BarrierServer != nil {
		return appendSparkJSON(b, s.BarrierServer.Path)
	}
	return strconv.AppendInt(b, int64(s.Context.BarrierPort), 10)
}

func parseConnInfo(value json.RawMessage, s *InitSection) error {
	if len(value) > 0 && value[0] == '"' {
		s.BarrierServer = &Server{Port: -1}
		return json.Unmarshal(value, &s.BarrierServer.Path)
	}
	return json.Unmarshal(value, &s.Context.BarrierPort)
}

func parseProperties(value json.RawMessage, s *InitSection) error {
	list, err := members(value)
	if err != nil {
		return err
	}
	s.Context.Properties = make([]Entry, len(list))
	for i, m := range list {
		s.Context.Properties[i].Key = m.name
		if err := json.Unmarshal(m.value, &s.Context.Properties[i].Value); err != nil {
			return err
		}
	}
	return nil
}

func parseResources(value json.RawMessage, s *InitSection) error {
	list, err := members(value)
	if err != nil {
		return err
	}
	s.Context.Resources = make([]Resource, len(list))
	for i, m := range list {
		s.Context.Resources[i].Name = m.name
		inside, err := members(m.value)
		if err != nil {
			return err
		}
		for _, v := range inside {
			if v.name == "addresses" {
				if err := json.Unmarshal(v.value, &s.Context.Resources[i].Addresses); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// member is a key of a JSON object and its value.
type member struct {
	name  string
	value json.RawMessage
}

// members lists a JSON object's members in their order.
func members(object []byte) ([]member, error) {
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
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= '\b' && c <= '\r' && c != '\v':
			b = append(b, '\\', short[c-'\b'])
		case c < ' ':
			b = fmt.Appendf(b, `\u%04X`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
