package protocol_test

import (
	wire "encoding/binary"
	"fmt"
	"strings"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio/flatbuf"
	"udfrunner/core/protocol"
)

// cursor walks over bytes; it panics past their end, which each test turns into a failure.
type cursor struct{ b []byte }

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		panic(fmt.Sprintf("%d bytes wanted, %d are left", n, len(c.b)))
	}
	taken := c.b[:n]
	c.b = c.b[n:]
	return taken
}

func (c *cursor) int() int { return int(int32(wire.BigEndian.Uint32(c.take(4)))) } //nolint:gosec // the same bits

type column struct {
	name     string
	isStruct bool
}

// arrowStream is an Arrow IPC stream: its columns, and the rows of each batch.
type arrowStream struct {
	columns []column
	batches []int
}

func (s *arrowStream) rows() (sum int) {
	for _, n := range s.batches {
		sum += n
	}
	return sum
}

// arrowStream passes over an Arrow IPC stream.
func (c *cursor) arrowStream() (s arrowStream) {
	for {
		prefix := c.take(8)
		if marker := wire.LittleEndian.Uint32(prefix); marker != 0xffffffff {
			panic(fmt.Sprintf("an Arrow message begins with %#x", marker))
		}
		size := wire.LittleEndian.Uint32(prefix[4:])
		if size == 0 {
			return s
		}
		message := flatbuf.GetRootAsMessage(c.take(int(size)), 0)
		c.take(int(message.BodyLength()))
		var table flatbuffers.Table
		if !message.Header(&table) {
			panic("an Arrow message without a header")
		}
		switch message.HeaderType() {
		case flatbuf.MessageHeaderSchema:
			var schema flatbuf.Schema
			schema.Init(table.Bytes, table.Pos)
			for i := range schema.FieldsLength() {
				var field flatbuf.Field
				schema.Fields(&field, i)
				s.columns = append(s.columns, column{string(field.Name()), field.TypeType() == flatbuf.TypeStruct_})
			}
		case flatbuf.MessageHeaderRecordBatch:
			var batch flatbuf.RecordBatch
			batch.Init(table.Bytes, table.Pos)
			s.batches = append(s.batches, int(batch.Length()))
		}
	}
}

// groupSizes are the rows in each group of the recorded jobs (recording/jobs.py), by the case's name up to a dot.
var groupSizes = map[string][]int{
	"apply_in_pandas": {3, 3}, "apply_in_pandas_iter": {6, 6},
	"apply_in_arrow": {5, 4}, "apply_in_arrow_iter": {6, 6},
	"pandas_grouped_agg": {3, 3}, "pandas_grouped_agg_iter": {6, 6}, "arrow_grouped_agg": {3, 3},
	"arrow_grouped_agg_iter": {6, 6},
	"pandas_window":          {3, 3}, "arrow_window": {3, 3},
	"cogroup_in_pandas": {3, 3, 3, 2}, "cogroup_in_arrow": {3, 3, 3, 2},
	"transform_with_state_pandas": {2, 1}, "transform_with_state_pandas_sockets": {2, 1},
	"transform_with_state_pandas_initial": {2, 1}, "transform_with_state_row": {2, 1},
	"transform_with_state_row_initial": {2, 1},
	"apply_in_pandas_with_state":       {2, 1},
}

// Spark's input has the framing and the grouping that the eval type's entry and the dialect say, up to the end of the
// task.
func TestRecordedInput(t *testing.T) {
	seen := map[protocol.Grouping]int{}
	each(t, func(t *testing.T, r recording, d *protocol.Dialect, in *protocol.Init, data []byte) {
		if r.partial {
			return
		}
		e, err := protocol.EvalTypeByID(in.EvalType)
		require.NoError(t, err)
		if e.Framing == protocol.Pickled {
			checkRecords(t, data)
			return
		}
		name, _, _ := strings.Cut(r.name, ".")
		sizes, grouped := groupSizes[name]
		grouping := d.Grouping(e)
		c := &cursor{b: data}
		var streams []arrowStream
		switch grouping {
		case protocol.NoGroups:
			streams = append(streams, c.arrowStream())
			if grouped {
				assert.NotEqual(t, sizes, streams[0].batches, "batches are cut between groups")
			}
		case protocol.BatchPerGroup, protocol.KeyPerBatch:
			streams = append(streams, c.arrowStream())
			assert.Equal(t, sizes, streams[0].batches)
		default:
			count := 1
			if grouping == protocol.StreamPair {
				count = 2
			}
			var got []int
			for n := c.int(); n != 0; n = c.int() {
				require.Equal(t, count, n)
				for range n {
					s := c.arrowStream()
					streams, got = append(streams, s), append(got, s.rows())
				}
			}
			assert.Equal(t, sizes, got)
		}
		assert.Equal(t, protocol.EndOfTask, c.b)
		for _, s := range streams {
			wrapped := len(s.columns) == 1 && s.columns[0] == column{"struct", true}
			assert.Equal(t, e.StructInput, wrapped, "columns %v", s.columns)
		}
		seen[grouping]++
	})
	for _, grouping := range []protocol.Grouping{
		protocol.NoGroups, protocol.BatchPerGroup, protocol.KeyPerBatch, protocol.StreamPerGroup, protocol.StreamPair,
	} {
		assert.Positive(t, seen[grouping], "recordings with grouping %d", grouping)
	}
}

// checkRecords reads pickled records and writes them again.
func checkRecords(t *testing.T, data []byte) {
	t.Helper()
	c := &cursor{b: data}
	var again []byte
	for {
		n := c.int()
		if n < 0 {
			require.Equal(t, protocol.EndOfDataSection, n)
			break
		}
		again = append(append(again, protocol.RecordHeader(n)...), c.take(n)...)
	}
	again = append(append(again, protocol.EndOfRecords...), protocol.EndOfTask...)
	assert.Equal(t, data, again)
}

// The key of the window bounds is the one that Spark sends with window functions, and with no others.
func TestRecordedWindowBounds(t *testing.T) {
	each(t, func(t *testing.T, _ recording, d *protocol.Dialect, in *protocol.Init, _ []byte) {
		e, err := protocol.EvalTypeByID(in.EvalType)
		require.NoError(t, err)
		bounds := ""
		for _, entry := range in.RunnerConf {
			if entry.Key == d.WindowBounds {
				bounds = entry.Value
			}
		}
		if e.Family != protocol.WindowAggregate {
			assert.Empty(t, bounds)
			return
		}
		var want []string
		for _, chain := range in.Chains { // one column and, for bounded windows, two of bounds
			want = append(want, map[int]string{1: "unbounded", 3: "bounded"}[len(chain.Arguments)])
		}
		assert.Equal(t, strings.Join(want, ","), bounds)
	})
}
