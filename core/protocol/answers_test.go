package protocol_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/protocol"
)

// memory is a recorded answer as a Source.
type memory struct{ cursor }

func (m *memory) Peek(n int) ([]byte, error) {
	if n > len(m.b) {
		return nil, io.ErrUnexpectedEOF
	}
	return m.b[:n], nil
}

func (m *memory) Discard(n int) { m.take(n) }

func (m *memory) Read(p []byte) (int, error) {
	if len(m.b) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, m.b)
	m.take(n)
	return n, nil
}

// Reader understands every answer of a real worker to its last byte.
func TestRecordedAnswer(t *testing.T) {
	each(t, func(t *testing.T, r recording, d *protocol.Dialect, in *protocol.Init, _ []byte) {
		e, err := protocol.EvalTypeByID(in.EvalType)
		require.NoError(t, err)
		source := &memory{cursor{b: r.out}}
		reader := protocol.NewReader(d, e.Framing, source)
		streams := 0
		for {
			event, err := reader.Next()
			if r.partial && err != nil {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				return
			}
			require.NoError(t, err)
			switch event {
			case protocol.Record:
				source.Discard(reader.Length())
				continue
			case protocol.ArrowStream:
				answer := source.arrowStream()
				checkColumns(t, e, in, answer.columns)
				streams++
				assert.Equal(t, 1, streams, "Arrow streams of the task")
				continue
			case protocol.Exception:
				require.True(t, r.partial)
				assert.Contains(t, reader.Exception(), "Traceback (most recent call last)")
			case protocol.End:
				result := reader.Result()
				assert.LessOrEqual(t, result.Boot, result.Init)
				assert.LessOrEqual(t, result.Init, result.Finish)
				assert.Equal(t, !r.partial, result.Reusable)
				if r.name == "accumulator" {
					assert.Len(t, result.Accumulators, 2)
				}
			}
			assert.Empty(t, source.b)
			return
		}
	})
}

// Failing tasks are recorded up to the exception, which Reader finds behind what data there was.
func TestRecordedFailures(t *testing.T) {
	for _, minor := range protocol.Minors() {
		for _, name := range []string{"rdd_fails", "udf_fails", "pandas_scalar_fails"} {
			out, err := os.ReadFile(filepath.Join("recording", "testdata", minor, name+".partial.out"))
			require.NoError(t, err)
			assert.Contains(t, string(out), "Traceback (most recent call last)", "%s of PySpark %s", name, minor)
		}
	}
}

// checkColumns checks the columns of an answer against what the eval type says of them.
func checkColumns(t *testing.T, e *protocol.EvalType, in *protocol.Init, columns []column) {
	t.Helper()
	switch {
	case e.Family == protocol.GroupedMapWithState:
		require.Len(t, columns, 3)
	case e.StructOutput:
		require.Len(t, columns, 1)
	default:
		require.Len(t, columns, len(in.Chains))
	}
	for i, c := range columns {
		assert.Equal(t, "_"+string(rune('0'+i)), c.name)
		assert.Equal(t, e.StructOutput || e.Family == protocol.GroupedMapWithState, c.isStruct, "column %s", c.name)
	}
}

// FuzzReader feeds arbitrary answers: no panic, and no more memory than bytes came.
func FuzzReader(f *testing.F) {
	for _, r := range recordings(f) {
		f.Add(uint8(slices.Index(protocol.Minors(), r.minor)), true, r.out)  //nolint:gosec // few
		f.Add(uint8(slices.Index(protocol.Minors(), r.minor)), false, r.out) //nolint:gosec // few
	}
	f.Fuzz(func(t *testing.T, minor uint8, arrow bool, answer []byte) {
		d, err := protocol.ForVersion(protocol.Minors()[int(minor)%len(protocol.Minors())] + ".0")
		require.NoError(t, err)
		framing := protocol.Pickled
		if arrow {
			framing = protocol.Arrow
		}
		source := &memory{cursor{b: answer}}
		reader := protocol.NewReader(d, framing, source)
		for {
			left := len(source.b)
			event, err := reader.Next()
			switch {
			case err != nil, event == protocol.Exception:
				assert.LessOrEqual(t, len(reader.Exception()), len(answer))
				return
			case event == protocol.End:
				size := 0
				for _, update := range reader.Result().Accumulators {
					size += 4 + len(update)
				}
				assert.LessOrEqual(t, size, len(answer))
				return
			case event == protocol.Record && (reader.Length() < 0 || reader.Length() > len(source.b)):
				return // the record's reader bounds it
			case event == protocol.Record:
				source.Discard(reader.Length())
			}
			require.Less(t, len(source.b), left, "every event consumes bytes")
		}
	})
}
