package conformance

import (
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"

	"udfrunner/core/sqltype"
)

// stateServer is Spark's TransformWithStateInPySparkStateServer for value states. It answers one worker, in the
// messages of org.apache.spark.sql.execution.streaming.StateMessage.
type stateServer struct {
	values map[string][]byte // by grouping key and the state's name
	key    string
}

// Fields of the messages.
const (
	requestCall, requestVariable, requestKey, requestTimer, requestUtils = 2, 3, 4, 5, 6
	variableValue                                                        = 1
	valueName, valueExists, valueGet, valueUpdate, valueClear            = 1, 2, 3, 4, 5
	responseStatus, responseValue                                        = 1, 3
)

// Status codes of responses.
const (
	statusOK      = 0
	statusEnd     = 1 // no more timers
	statusNoValue = 2
)

func serveState(p peer) error {
	s := &stateServer{values: map[string][]byte{}}
	for {
		version, err := p.int()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && version != 0 {
			err = fmt.Errorf("messages of version %d", version)
		}
		if err != nil {
			return err
		}
		request, err := p.bytes()
		if err != nil {
			return err
		}
		code, value, err := s.answer(request)
		if err != nil {
			return fmt.Errorf("request %x: %w", request, err)
		}
		response := protowire.AppendVarint(protowire.AppendTag(nil, responseStatus, protowire.VarintType), code)
		response = protowire.AppendBytes(protowire.AppendTag(response, responseValue, protowire.BytesType), value)
		if err := p.say(response); err != nil {
			return err
		}
	}
}

func (s *stateServer) answer(request []byte) (code uint64, value []byte, err error) {
	m, err := members(request)
	if err != nil {
		return 0, nil, err
	}
	switch {
	case m[requestCall] != nil: // a new state of the handle, or a variable's declaration
		return statusOK, nil, nil
	case m[requestKey] != nil:
		key, err := inner(m[requestKey], 1, 1)
		s.key = string(key)
		return statusOK, nil, err
	case m[requestTimer] != nil:
		return statusEnd, nil, nil
	case m[requestUtils] != nil: // a schema to be parsed
		text, err := inner(m[requestUtils], 1, 1)
		if err != nil {
			return 0, nil, err
		}
		schema, err := sqltype.Parse(string(text))
		if err != nil {
			return 0, nil, err
		}
		return statusOK, []byte(schema.JSON()), nil
	}
	call, err := inner(m[requestVariable], variableValue)
	if err != nil {
		return 0, nil, err
	}
	if m, err = members(call); err != nil {
		return 0, nil, err
	}
	at := s.key + "\x00" + string(m[valueName])
	switch {
	case m[valueUpdate] != nil:
		s.values[at], err = inner(m[valueUpdate], 1)
		return statusOK, nil, err
	case m[valueClear] != nil:
		delete(s.values, at)
		return statusOK, nil, nil
	case m[valueExists] == nil && m[valueGet] == nil:
		return 0, nil, errors.New("no call of a value state")
	}
	value, known := s.values[at]
	if !known {
		return statusNoValue, nil, nil
	}
	return statusOK, value, nil
}

// members are a message's fields that are messages, bytes or texts, by number.
func members(message []byte) (map[protowire.Number][]byte, error) {
	found := map[protowire.Number][]byte{}
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		message = message[n:]
		if kind == protowire.BytesType {
			value, n := protowire.ConsumeBytes(message)
			if n < 0 {
				return nil, protowire.ParseError(n)
			}
			found[number] = append([]byte{}, value...)
		}
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return nil, protowire.ParseError(n)
		}
		message = message[n:]
	}
	return found, nil
}

// inner is the field at a path of numbers, nil where there is none.
func inner(message []byte, path ...protowire.Number) ([]byte, error) {
	for _, number := range path {
		m, err := members(message)
		if err != nil {
			return nil, err
		}
		message = m[number]
	}
	return message, nil
}
