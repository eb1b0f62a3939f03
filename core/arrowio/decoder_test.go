package arrowio_test

import (
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/flatbuf"
	"udfrunner/core/status"
)

// rawSchema is a schema message without columns.
func rawSchema(version flatbuf.MetadataVersion, endianness flatbuf.Endianness, bodyLength int64) []byte {
	b := flatbuffers.NewBuilder(0)
	flatbuf.SchemaStart(b)
	flatbuf.SchemaAddEndianness(b, endianness)
	schema := flatbuf.SchemaEnd(b)
	flatbuf.MessageStart(b)
	flatbuf.MessageAddVersion(b, version)
	flatbuf.MessageAddHeaderType(b, flatbuf.MessageHeaderSchema)
	flatbuf.MessageAddHeader(b, schema)
	flatbuf.MessageAddBodyLength(b, bodyLength)
	b.Finish(flatbuf.MessageEnd(b))
	return b.FinishedBytes()
}

func TestMessagesThatNoStreamHas(t *testing.T) {
	t.Parallel()
	start := func(s *arrowio.Schema) []byte {
		e, err := arrowio.NewEncoder(s, arrowio.EncoderOptions{})
		require.NoError(t, err)
		return e.Start()[arrowio.PrefixSize:]
	}
	numbers, rows := start(columnOf(int32Type)), start(columnOf(rowType))
	empty := raw{nodes: pairs{{0, 0}}, buffers: pairs{{0, 0}, {0, 0}}}
	unwrap := arrowio.DecoderOptions{UnwrapStruct: true}
	const little, big, v5 = flatbuf.EndiannessLittle, flatbuf.EndiannessBig, flatbuf.MetadataVersionV5
	tests := map[string]struct {
		opt      arrowio.DecoderOptions
		messages [][]byte // the last one is refused
		code     status.Code
		want     string
	}{
		"batch first": {messages: [][]byte{empty.metadata()}, code: status.Protocol,
			want: "a stream has one Schema, first"},
		"two schemas": {messages: [][]byte{numbers, numbers}, code: status.Protocol,
			want: "a stream has one Schema, first"},
		"unknown dictionary": {messages: [][]byte{numbers, empty.dictionary(5)}, code: status.Protocol,
			want: "dictionary 5 is not in the schema"},
		"big-endian": {messages: [][]byte{rawSchema(v5, big, 0)}, code: status.NotSupported,
			want: "big-endian"},
		"old version": {messages: [][]byte{rawSchema(flatbuf.MetadataVersionV3, little, 0)},
			code: status.NotSupported, want: "version V3"},
		"schema with body": {messages: [][]byte{rawSchema(v5, little, 8)}, code: status.Protocol,
			want: "schema with a body of 8 bytes"},
		"negative body": {messages: [][]byte{rawSchema(v5, little, -8)}, code: status.Protocol,
			want: "body of -8 bytes"},
		"no bytes": {messages: [][]byte{nil}, code: status.Protocol, want: "malformed"},
		"not one struct": {opt: unwrap, messages: [][]byte{numbers}, code: status.Protocol,
			want: "must be one struct column"},
		"null structs": {
			opt: unwrap, code: status.Protocol, want: "struct column of length 1 with 1 nulls",
			messages: [][]byte{rows, raw{length: 1, nodes: pairs{{1, 1}, {1, 0}},
				buffers: pairs{{0, 0}, {0, 0}, {0, 0}}}.metadata()},
		},
		"short struct": {
			opt: unwrap, code: status.Protocol, want: "struct column of length 0 with 0 nulls in a batch of length 1",
			messages: [][]byte{rows, raw{length: 1, nodes: pairs{{0, 0}, {1, 0}},
				buffers: pairs{{0, 0}, {0, 0}, {0, 0}}}.metadata()},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := arrowio.NewDecoder(test.opt)
			last := len(test.messages) - 1
			for _, m := range test.messages[:last] {
				_, err := d.Metadata(m)
				require.NoError(t, err)
			}
			_, err := d.Metadata(test.messages[last])
			assert.Equal(t, test.code, status.CodeOf(err))
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestUnfinishedMessagesAreReleased(t *testing.T) {
	t.Parallel()
	e, err := arrowio.NewEncoder(columnOf(int32Type), arrowio.EncoderOptions{})
	require.NoError(t, err)
	b := newBlocks()
	d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions})
	_, err = d.Metadata(e.Start()[arrowio.PrefixSize:])
	require.NoError(t, err)
	batch := raw{nodes: pairs{{0, 0}}, buffers: pairs{{0, 0}, {0, 0}}}.metadata()
	for range 2 {
		_, err = d.Metadata(batch)
		require.NoError(t, err)
		_, err = d.Body()
		require.NoError(t, err)
		require.Equal(t, status.Internal, status.CodeOf(d.Export(nil, nil)), "not finished")
	}
	d.Close()
	b.requireReleased(t)
}
