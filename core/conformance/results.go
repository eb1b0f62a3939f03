package conformance

import (
	"errors"
	"io"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/datasection"
	"udfrunner/core/hostmem"
	"udfrunner/core/protocol"
	"udfrunner/core/runner"
	"udfrunner/core/status"
)

// Results are what a task gave, in a form that can be compared.
type Results struct {
	// Records of pickled results.
	Records [][]byte
	// Batches of Arrow results: rows of values.
	Batches [][][]any
	// Accumulators is the count of updates.
	Accumulators int
}

// Expected are the recorded results, and whether the worker agreed to run another task.
func (c *Case) Expected(t testing.TB) (results Results, reusable bool) {
	t.Helper()
	source := &memory{c.Answer}
	reader := protocol.NewReader(c.Dialect, c.EvalType.Framing, source)
	for {
		event, err := reader.Next()
		require.NoError(t, err)
		switch event {
		case protocol.Record:
			record := make([]byte, reader.Length())
			_, err := io.ReadFull(source, record)
			require.NoError(t, err)
			results.Records = append(results.Records, record)
		case protocol.ArrowStream:
			content, err := arrowtest.Read(source.b, c.EvalType.StructOutput)
			require.NoError(t, err)
			results.Batches = content.Rows()
			content.Release()
			source.Discard(content.Size)
		case protocol.End:
			results.Accumulators = len(reader.Result().Accumulators)
			return results, reader.Result().Reusable
		default:
			require.Fail(t, "the recorded task failed", reader.Exception())
		}
	}
}

// answerStream is the Arrow stream in the recorded answer, nil where there is none.
func (c *Case) answerStream(t testing.TB) []byte {
	source := &memory{c.Answer}
	reader := protocol.NewReader(c.Dialect, c.EvalType.Framing, source)
	if event, err := reader.Next(); err != nil || event != protocol.ArrowStream {
		return nil
	}
	return source.b[:streamSize(t, source.b)]
}

// memory is an answer as a protocol.Source.
type memory struct{ b []byte }

func (m *memory) Peek(n int) ([]byte, error) {
	if n > len(m.b) {
		return nil, io.ErrUnexpectedEOF
	}
	return m.b[:n], nil
}

func (m *memory) Discard(n int) { m.b = m.b[n:] }

func (m *memory) Read(p []byte) (int, error) {
	if len(m.b) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, m.b)
	m.b = m.b[n:]
	return n, nil
}

// resultLimit bounds the wait for results, in ms: a worker that restarts imports pandas.
const resultLimit = 60_000

// Collect reads a task to its end.
func (c *Case) Collect(it *runner.Iterator) (results Results, err error) {
	var stream []byte
	for {
		var chunk datasection.Chunk
		code, err := it.Next(resultLimit, &chunk)
		switch {
		case err != nil:
			return results, err
		case code == status.TimedOut:
			return results, errors.New("no results within a minute")
		case code == status.Done:
			results.Accumulators = len(it.Accumulators())
			if len(stream) > 0 {
				content, err := arrowtest.Read(stream, false)
				if err != nil {
					return results, err
				}
				if len(content.Batches) > 0 {
					results.Batches = content.Rows()
				}
				content.Release()
			}
			return results, nil
		}
		data := unsafe.Slice((*byte)(chunk.Data), chunk.Size)
		offsets := unsafe.Slice((*uint64)(chunk.Offsets), chunk.N+1)
		if c.EvalType.Framing == protocol.Arrow {
			stream = append(stream, data...)
		} else {
			for i := range chunk.N {
				results.Records = append(results.Records, append([]byte{}, data[offsets[i]:offsets[i+1]]...))
			}
		}
		hostmem.Default().Release(chunk.Block)
	}
}
