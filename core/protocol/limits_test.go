package protocol

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
)

// flood is a source of bytes that are there at once: a header, then what repeat makes without an end.
type flood struct {
	header []byte
	repeat string
	at     int
}

func (f *flood) Peek(n int) ([]byte, error) {
	for len(f.header) < n {
		f.header = append(f.header, f.repeat...)
	}
	return f.header[:n], nil
}

func (f *flood) Discard(n int) { f.header = f.header[n:] }

func (f *flood) Read(p []byte) (int, error) {
	if len(f.header) > 0 {
		n := copy(p, f.header)
		f.header = f.header[n:]
		return n, nil
	}
	n := 0
	for n < len(p) {
		got := copy(p[n:], f.repeat[f.at%len(f.repeat):])
		n, f.at = n+got, f.at+got
	}
	return n, nil
}

// through reads to the first event that is no pause, and counts pauses.
func through(r *Reader) (event Event, pauses int, err error) {
	for {
		if event, err = r.Next(); event != Paused {
			return event, pauses, err
		}
		pauses++
	}
}

// Of a long text head and tail are kept, and no more memory is taken than for them.
func TestExceptionTextIsBounded(t *testing.T) {
	const length = 64 << 20
	for name, repeat := range map[string]string{
		"lines":      strings.Repeat("  File \"f.py\", line 1, in f\n", 99),
		"characters": "éé😀",
		"one line":   strings.Repeat("x", 4096),
	} {
		r := NewReader(newest, Arrow, &flood{header: ints(PythonException, length), repeat: repeat})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		event, pauses, err := through(r)
		runtime.ReadMemStats(&after)
		require.NoError(t, err, name)
		assert.Equal(t, Exception, event, name)
		assert.Equal(t, length/stretch-1, pauses, name)
		text := r.Exception()
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(6<<20), name)
		assert.InDelta(t, 1<<20, len(text), 4096, name)
		assert.True(t, utf8.ValidString(text), name)
		assert.True(t, strings.HasPrefix(text, repeat), name)
		head, tail, found := strings.Cut(text, " bytes are left out here, udfrunner.exception.text is 1048576]\n")
		require.True(t, found, name)
		at := strings.LastIndex(head, "\n  [")
		var left, total int
		_, err = fmt.Sscanf(head[at:], "\n  [%d of %d", &left, &total)
		require.NoError(t, err, name)
		assert.Equal(t, length, total, name)
		assert.Equal(t, length, left+at+len(tail), name)
		assert.LessOrEqual(t, len(r.ExceptionMessage()), 500, name)
	}
}

func TestShortTextsAreWhole(t *testing.T) {
	for _, n := range []int{0, 1, 1023, 1024, 1025, 1026, 5000} {
		text := strings.Repeat("ab\n", n)[:n]
		//nolint:gosec // short
		r, _, err := readLimited(t, Limits{ExceptionText: 1024, ExceptionMessage: 20},
			concat(ints(PythonException, int32(n)), []byte(text)))
		require.NoError(t, err)
		if n <= 1024 {
			assert.Equal(t, text, r.Exception())
		} else {
			assert.Contains(t, r.Exception(), fmt.Sprintf(" of %d bytes are left out here", n))
			assert.Less(t, len(r.Exception()), 1024+100)
		}
	}
}

func readLimited(t *testing.T, limits Limits, bytes []byte) (*Reader, Event, error) {
	t.Helper()
	r := NewReader(newest, Arrow, &drip{bytes: bytes, visible: len(bytes)})
	r.Limit(limits)
	event, _, err := through(r)
	return r, event, err
}

// What is raised is named by the error's message, whatever was left out.
func TestMessageOfAClippedException(t *testing.T) {
	const head = "Traceback (most recent call last):\n"
	frames := strings.Repeat("  File \"f.py\", line 1, in f\n    f()\n", 1000)
	for name, test := range map[string]struct{ text, want string }{
		"frames": {head + frames + "RecursionError: too deep\n", "RecursionError: too deep"},
		"message": {head + "  f\nValueError: " + strings.Repeat("é", 5000), "ValueError: " + strings.Repeat("é",
			13) + "..."},
		"message lines": {head + "  f\nValueError: one\n" + strings.Repeat("two\n", 5000), "ValueError: one"},
		"chain": {head + frames +
			"KeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\n" + head +
			"  f\nOSError: no\n", "OSError: no"},
	} {
		r, event, err := readLimited(t, Limits{ExceptionText: 1024, ExceptionMessage: 42},
			concat(ints(PythonException, int32(len(test.text))), []byte(test.text))) //nolint:gosec // short
		require.NoError(t, err, name)
		assert.Equal(t, Exception, event, name)
		assert.Equal(t, test.want, r.ExceptionMessage(), name)
	}
}

func TestAccumulatorsAreBounded(t *testing.T) {
	timing := concat(ints(TimingData), longs(1, 2, 3, 4, 5, 6))
	some := concat(timing, ints(EndOfDataSection, 3, 2), []byte("ab"), ints(0, 2), []byte("cd"), ints(EndOfStream))
	for name, test := range map[string]struct {
		limits Limits
		bytes  []byte
		want   string
	}{
		"fit": {Limits{Accumulators: 3, AccumulatorBytes: 4}, some, ""},
		"one too many": {Limits{Accumulators: 2, AccumulatorBytes: 4}, some,
			"3 accumulator updates, at most 2 are allowed (udfrunner.accumulators.count)"},
		"a byte too many": {Limits{Accumulators: 3, AccumulatorBytes: 3}, some,
			"accumulator updates of 4 bytes, at most 3 are allowed (udfrunner.accumulators.bytes)"},
		"default count": {DefaultLimits, concat(timing, ints(EndOfDataSection, 100_001)),
			"100001 accumulator updates, at most 100000 are allowed"},
		"default bytes": {DefaultLimits, concat(timing, ints(EndOfDataSection, 1, 256<<20+1)),
			"accumulator updates of 268435457 bytes, at most 268435456 are allowed"},
	} {
		r, event, err := readLimited(t, test.limits, test.bytes)
		if test.want == "" {
			require.NoError(t, err, name)
			assert.Equal(t, End, event, name)
			assert.Equal(t, [][]byte{[]byte("ab"), {}, []byte("cd")}, r.Result().Accumulators, name)
			continue
		}
		require.Error(t, err, name)
		assert.Equal(t, status.NoMemory, status.CodeOf(err), name)
		assert.Contains(t, err.Error(), test.want, name)
	}
}
