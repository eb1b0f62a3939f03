package arrowio

import (
	flatbuffers "github.com/google/flatbuffers/go"

	"udfrunner/core/arrowio/flatbuf"
)

// Message is one encapsulated IPC message, to be written as Header, then the segments of Body.
type Message struct {
	// Header is prefix and metadata, padded.
	Header []byte
	// Body is in order and includes the padding between buffers. Segments may be the host's memory.
	Body [][]byte
	// BodyLength is the sum of the segments, a multiple of 8.
	BodyLength int64
}

// fieldNode is the length and the number of nulls of one field of a message.
type fieldNode struct{ length, nulls int64 }

// span is where a buffer lies in a message's body.
type span struct{ offset, length int64 }

// batchHeader is the encapsulated metadata of a record batch or dictionary message. Messages of one stream
// differ in numbers only, so it is built once and then overwritten.
type batchHeader struct {
	bytes                    []byte
	message                  flatbuf.Message
	batch                    flatbuf.RecordBatch
	dictionary               *flatbuf.DictionaryBatch
	nodes, buffers, variadic []byte // vectors inside bytes
}

// newBatchHeader lays out a header for these numbers of nodes, buffers and views. The dictionary is nil for a
// record batch.
func newBatchHeader(nodes, buffers, views int, d *dictionary) *batchHeader {
	b := flatbuffers.NewBuilder(256 + nodes*16 + buffers*16 + views*8)
	var variadic flatbuffers.UOffsetT
	if views > 0 {
		flatbuf.RecordBatchStartVariadicBufferCountsVector(b, views)
		for range views {
			b.PrependInt64(0)
		}
		variadic = b.EndVector(views)
	}
	flatbuf.RecordBatchStartBuffersVector(b, buffers)
	for range buffers {
		flatbuf.CreateBuffer(b, 0, 0)
	}
	bufferVector := b.EndVector(buffers)
	flatbuf.RecordBatchStartNodesVector(b, nodes)
	for range nodes {
		flatbuf.CreateFieldNode(b, 0, 0)
	}
	nodeVector := b.EndVector(nodes)
	flatbuf.RecordBatchStart(b)
	b.PrependInt64Slot(0, 0, -1)
	flatbuf.RecordBatchAddNodes(b, nodeVector)
	flatbuf.RecordBatchAddBuffers(b, bufferVector)
	if views > 0 {
		flatbuf.RecordBatchAddVariadicBufferCounts(b, variadic)
	}
	header, kind := flatbuf.RecordBatchEnd(b), flatbuf.MessageHeaderRecordBatch
	if d != nil {
		flatbuf.DictionaryBatchStart(b)
		flatbuf.DictionaryBatchAddId(b, d.id)
		flatbuf.DictionaryBatchAddData(b, header)
		b.PrependBoolSlot(2, false, true)
		header, kind = flatbuf.DictionaryBatchEnd(b), flatbuf.MessageHeaderDictionaryBatch
	}
	flatbuf.MessageStart(b)
	flatbuf.MessageAddVersion(b, flatbuf.MetadataVersionV5)
	flatbuf.MessageAddHeaderType(b, kind)
	flatbuf.MessageAddHeader(b, header)
	b.PrependInt64Slot(3, 0, -1)
	b.Finish(flatbuf.MessageEnd(b))
	return findNumbers(encapsulate(b.FinishedBytes()), d != nil)
}

// findNumbers locates in a header what fill overwrites.
func findNumbers(encapsulated []byte, isDictionary bool) *batchHeader {
	h := &batchHeader{bytes: encapsulated}
	metadata := h.bytes[prefixSize:]
	h.message = *flatbuf.GetRootAsMessage(metadata, 0)
	var table flatbuffers.Table
	h.message.Header(&table)
	h.batch.Init(table.Bytes, table.Pos)
	if isDictionary {
		h.dictionary = &flatbuf.DictionaryBatch{}
		h.dictionary.Init(table.Bytes, table.Pos)
		h.dictionary.Data(&h.batch)
	}
	h.nodes, h.buffers, h.variadic = vectors(&h.batch)
	return h
}

// vectors returns the bytes of a record batch's nodes (16 each), buffers (16 each) and variadic
// counts (8 each). It panics where they lie outside the metadata.
func vectors(batch *flatbuf.RecordBatch) (nodes, buffers, variadic []byte) {
	table := batch.Table()
	vector := func(slot flatbuffers.VOffsetT, width int) []byte {
		field := flatbuffers.UOffsetT(table.Offset(slot))
		if field == 0 {
			return nil
		}
		at, n := int(table.Vector(field)), table.VectorLen(field)
		return table.Bytes[at : at+n*width : at+n*width]
	}
	const nodesSlot, buffersSlot, variadicSlot = 6, 8, 12
	return vector(nodesSlot, 16), vector(buffersSlot, 16), vector(variadicSlot, 8)
}

// fits says whether the header has room for exactly these.
func (h *batchHeader) fits(nodes, buffers, views int) bool {
	return len(h.nodes) == nodes*16 && len(h.buffers) == buffers*16 && len(h.variadic) == views*8
}

// fill overwrites the header with the numbers of one message and returns its bytes.
func (h *batchHeader) fill(c *contents, bodyLength int64, delta bool) []byte {
	for i, n := range c.nodes {
		putNumber(h.nodes[i*16:], n.length)
		putNumber(h.nodes[i*16+8:], n.nulls)
	}
	for i, b := range c.buffers {
		putNumber(h.buffers[i*16:], b.offset)
		putNumber(h.buffers[i*16+8:], b.length)
	}
	for i, n := range c.variadic {
		putNumber(h.variadic[i*8:], n)
	}
	h.batch.MutateLength(c.length)
	h.message.MutateBodyLength(bodyLength)
	if h.dictionary != nil {
		h.dictionary.MutateIsDelta(delta)
	}
	return h.bytes
}

// contents is the numbers of one message.
type contents struct {
	length   int64
	nodes    []fieldNode
	buffers  []span
	variadic []int64 // data buffers of each view node
}

func (c *contents) reset() {
	c.length, c.nodes, c.buffers, c.variadic = 0, c.nodes[:0], c.buffers[:0], c.variadic[:0]
}

// counts is the numbers of nodes, buffers and views, which make a header.
func (c *contents) counts() (nodes, buffers, views int) {
	return len(c.nodes), len(c.buffers), len(c.variadic)
}
