package protocol_test

import (
	wire "encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio/flatbuf"
	"udfrunner/core/protocol"
)

// recording is one task of real Spark: what it wrote to its worker and what that answered.
type recording struct {
	minor, name string
	// partial recordings end early, because the task failed or the worker did not read to the end.
	partial bool
	in, out []byte
}

// recordings of recording/record.py, of every version.
func recordings(tb testing.TB) []recording {
	tb.Helper()
	var list []recording
	for _, minor := range protocol.Minors() {
		names, err := filepath.Glob(filepath.Join("recording", "testdata", minor, "*.in"))
		require.NoError(tb, err)
		assert.NotEmpty(tb, names, "no recordings of PySpark %s", minor)
		for _, name := range names {
			r := recording{minor: minor, name: strings.TrimSuffix(filepath.Base(name), ".in")}
			r.partial = strings.HasSuffix(r.name, ".partial")
			r.in, err = os.ReadFile(name)
			require.NoError(tb, err)
			r.out, err = os.ReadFile(strings.TrimSuffix(name, ".in") + ".out")
			require.NoError(tb, err)
			list = append(list, r)
		}
	}
	return list
}

// each runs a test for every recording.
func each(t *testing.T, test func(t *testing.T, r recording, d *protocol.Dialect, s *protocol.InitSection, data []byte)) {
	for _, r := range recordings(t) {
		t.Run(r.minor+"/"+r.name, func(t *testing.T) {
			d, err := protocol.ForVersion(r.minor + ".0")
			require.NoError(t, err)
			section, data, err := d.ParseInit(r.in)
			require.NoError(t, err)
			test(t, r, d, section, data)
		})
	}
}

// What the encoder writes is what real Spark wrote.
func TestRecordedInitSection(t *testing.T) {
	each(t, func(t *testing.T, r recording, d *protocol.Dialect, s *protocol.InitSection, data []byte) {
		want := r.in[:len(r.in)-len(data)]
		assert.Equal(t, want, d.AppendInitSection(nil, s))
		if _, err := protocol.EvalTypeByID(s.EvalType); err != nil || s.BroadcastServer != nil || s.BarrierServer != nil {
			return // AppendInit does not write these
		}
		got := d.AppendInit(nil, &s.Init)
		if d.Timings == 4 { // the JSON of the task context has another order of keys
			want, got = behindContext(want, s), behindContext(got, s)
		}
		assert.Equal(t, want, got)
	})
}

// behindContext is the part of an init section from the files directory on.
func behindContext(section []byte, s *protocol.InitSection) []byte {
	mark := wire.BigEndian.AppendUint32(nil, uint32(len(s.FilesDir)))
	if _, after, ok := strings.Cut(string(section), string(mark)+s.FilesDir); ok {
		return []byte(after)
	}
	return nil
}

// Every recorded eval type that a version has: a hole would make the other tests weak.
func TestRecordingsCoverTheEvalTypes(t *testing.T) {
	seen := map[string][]int32{}
	each(t, func(_ *testing.T, r recording, _ *protocol.Dialect, s *protocol.InitSection, _ []byte) {
		if !r.partial && !slices.Contains(seen[r.minor], s.EvalType) {
			seen[r.minor] = append(seen[r.minor], s.EvalType)
		}
	})
	wanted := []int32{0, 100, 101, 200, 201, 202, 203, 204, 205, 206, 207, 208, 300, 301}
	added := map[string][]int32{
		"4.0": {209, 210, 211, 212},
		"4.1": {213, 214, 215, 216, 250, 251, 252, 253, 302},
		"4.2": {217, 254},
	}
	for _, minor := range protocol.Minors() {
		wanted = append(wanted, added[minor]...)
		assert.ElementsMatch(t, wanted, seen[minor], "PySpark %s", minor)
	}
}

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

func (c *cursor) int() int { return int(int32(wire.BigEndian.Uint32(c.take(4)))) }

// arrowStream passes over an Arrow IPC stream and counts its messages behind the schema.
func (c *cursor) arrowStream() int {
	for messages := -1; ; messages++ {
		prefix := c.take(8)
		if marker := wire.LittleEndian.Uint32(prefix); marker != 0xffffffff {
			panic(fmt.Sprintf("an Arrow message begins with %#x", marker))
		}
		size := wire.LittleEndian.Uint32(prefix[4:])
		if size == 0 {
			return messages
		}
		c.take(int(flatbuf.GetRootAsMessage(c.take(int(size)), 0).BodyLength()))
	}
}

// Eval types whose input has a count of streams in front of each group; the first ones in every version.
var (
	cogrouped = []int32{206, 210}
	grouped   = []int32{201, 202, 203, 209, 215, 216, 217, 252, 253, 254}
)

// The data section of the host has the framing that this library writes, up to the end of the task.
func TestRecordedInput(t *testing.T) {
	each(t, func(t *testing.T, r recording, _ *protocol.Dialect, s *protocol.InitSection, data []byte) {
		if r.partial {
			return
		}
		c := &cursor{b: data}
		switch id := s.EvalType; {
		case id == 0 || id == 100 || id == 300:
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
		case slices.Contains(cogrouped, id), r.minor >= "4.1" && slices.Contains(grouped, id):
			streams := 1
			if slices.Contains(cogrouped, id) {
				streams = 2
			}
			groups := 0
			for n := c.int(); n != 0; n = c.int() {
				require.Equal(t, streams, n)
				for range n {
					c.arrowStream()
				}
				groups++
			}
			assert.Positive(t, groups)
		default:
			c.arrowStream()
		}
		assert.Equal(t, protocol.EndOfTask, c.b)
	})
}

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
	each(t, func(t *testing.T, r recording, d *protocol.Dialect, s *protocol.InitSection, _ []byte) {
		framing := protocol.Arrow
		if s.EvalType == 0 || s.EvalType == 100 || s.EvalType == 300 {
			framing = protocol.Pickled
		}
		source := &memory{cursor{b: r.out}}
		reader := protocol.NewReader(d, framing, source)
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
				source.arrowStream()
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

func FuzzParseInit(f *testing.F) {
	for _, r := range recordings(f) {
		f.Add(uint8(slices.Index(protocol.Minors(), r.minor)), r.in)
	}
	f.Fuzz(func(t *testing.T, minor uint8, in []byte) {
		d, err := protocol.ForVersion(protocol.Minors()[int(minor)%len(protocol.Minors())] + ".0")
		require.NoError(t, err)
		section, rest, err := d.ParseInit(in)
		if err != nil {
			assert.Nil(t, section)
			return
		}
		assert.Equal(t, in, append(d.AppendInitSection(nil, section), rest...))
	})
}
