package logsink

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/safego"
	"udfrunner/core/status"
)

const patience = 20 * time.Second

// next takes what there is and reads it.
func next(t *testing.T, s *Sink, limit int) []map[string]any {
	t.Helper()
	text, code, err := s.Next(patience, limit)
	require.NoError(t, err)
	require.Equal(t, status.OK, code)
	return read(t, text)
}

func read(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	require.Equal(t, byte('\n'), text[len(text)-1])
	var lines []map[string]any
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
		var l map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &l), line)
		lines = append(lines, l)
	}
	return lines
}

// texts are the lines' texts.
func texts(lines []map[string]any) []string {
	var list []string
	for _, l := range lines {
		list = append(list, l["text"].(string)) //nolint:forcetypeassert // a test
	}
	return list
}

func TestLinesOfAStream(t *testing.T) {
	s := New(Options{Buffer: 1 << 20})
	stream := NewStream(s, "stderr")
	stream.SetPID(7)
	stream.SetTask(&Task{Stage: 1, Partition: 2, Attempt: 3, ID: 4})
	stream.Write([]byte("one\ntw"))
	stream.Write([]byte("o\r\n\n\xff and \"more\"\nrest"))
	stream.SetTask(nil)
	stream.Flush()
	stream.Flush()
	lines := next(t, s, 1<<20)
	assert.Equal(t, []string{"one", "two", "", "\uFFFD and \"more\"", "rest"}, texts(lines))
	when, err := time.Parse(time.RFC3339Nano, lines[0]["time"].(string)) //nolint:forcetypeassert // a test
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), when, patience)
	delete(lines[0], "time")
	assert.Equal(t, map[string]any{
		"pid": 7.0, "stream": "stderr", "stage": 1.0, "partition": 2.0, "attempt": 3.0, "task": 4.0, "text": "one",
	}, lines[0])
	assert.NotContains(t, lines[4], "task")
}

func TestLongLinesComeInPieces(t *testing.T) {
	s := New(Options{Buffer: 1 << 20})
	stream := NewStream(s, "stdout")
	long := strings.Repeat("x", 2*maxLine+5)
	for _, piece := range []string{long[:10], long[10:], "\nshort\n"} {
		stream.Write([]byte(piece))
	}
	lines := next(t, s, 1<<20)
	require.Len(t, lines, 4)
	assert.Equal(t, long+"short", strings.Join(texts(lines), ""))
	assert.Equal(t, []any{true, true, nil, nil}, []any{lines[0]["continues"], lines[1]["continues"],
		lines[2]["continues"], lines[3]["continues"]})
}

func TestOldestLinesGoFirst(t *testing.T) {
	s := New(Options{Buffer: 1000})
	for i := range 100 {
		s.Say(nil, 0, strings.Repeat(string(rune('a'+i%26)), 40))
	}
	lines := next(t, s, 1<<20)
	dropped := lines[0]["dropped_lines"].(float64) //nolint:forcetypeassert // a test
	assert.InDelta(t, 100, dropped+float64(len(lines)-1), 0)
	assert.Equal(t, strings.Repeat("v", 40), lines[len(lines)-1]["text"])
	assert.Equal(t, Counts{Lines: 100, DroppedLines: int64(dropped)}, s.Counts())
}

func TestOnlySoManyBytesAtATime(t *testing.T) {
	s := New(Options{Buffer: 1 << 20})
	for range 10 {
		s.Say(nil, 0, "text")
	}
	var lengths []int
	for total := 0; total < 10; {
		n := len(next(t, s, 300))
		lengths = append(lengths, n)
		total += n
	}
	assert.Greater(t, len(lengths), 2)
	s.Say(nil, 0, strings.Repeat("x", 500))
	assert.Len(t, next(t, s, 300), 1, "a longer line is still given")
}

func TestRateOfAStream(t *testing.T) {
	s := New(Options{Buffer: 1 << 20, Rate: 100})
	stream := NewStream(s, "stdout")
	line := strings.Repeat("x", 99) + "\n"
	stream.Write([]byte(strings.Repeat(line, 50)))
	lines := next(t, s, 1<<20)
	assert.Len(t, lines, burst)
	stream.at = stream.at.Add(-burst * time.Second) // as if so much time had passed
	stream.Write([]byte(line))
	lines = next(t, s, 1<<20)
	require.Len(t, lines, 2)
	assert.InDelta(t, 50-burst, lines[0]["dropped_lines"], 0)
	assert.InDelta(t, 100*(50-burst), lines[0]["dropped_bytes"], 0)
	assert.Equal(t, Counts{Lines: 52, DroppedLines: 50 - burst}, s.Counts(), "the notice is one, too")
}

func TestWaitingForLines(t *testing.T) {
	s := New(Options{Buffer: 1 << 20})
	_, code, err := s.Next(0, 1)
	require.NoError(t, err)
	assert.Equal(t, status.TimedOut, code)
	_, code, _ = s.Next(time.Millisecond, 1)
	assert.Equal(t, status.TimedOut, code)
	got := make(chan []byte)
	for range 2 {
		safego.Go(func() {
			text, _, _ := s.Next(-1, 1)
			got <- text
		}, nil)
	}
	s.Say(nil, 0, "a")
	assert.Equal(t, []string{"a"}, texts(read(t, <-got)))
	s.Close()
	assert.Empty(t, <-got)
	s.Say(nil, 0, "b")
	_, code, _ = s.Next(-1, 1)
	assert.Equal(t, status.Done, code)
}

func TestLinesToAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(path)
	require.NoError(t, err)
	s := New(Options{Buffer: 1 << 20, File: file})
	for range 1000 {
		s.Say(nil, 0, "text")
	}
	_, _, err = s.Next(0, 1)
	assert.Equal(t, status.InvalidState, status.CodeOf(err))
	s.Close()
	s.Close()
	require.Eventually(t, func() bool {
		_, err := file.Stat()
		return errors.Is(err, os.ErrClosed)
	}, patience, time.Millisecond, "the file to be closed")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Len(t, read(t, text), 1000)
}

// A reader that does not read must cost lines, not the writers' time.
func TestAFullPipeKeepsNobody(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	s := New(Options{Buffer: 10_000, File: w})
	for range 10_000 {
		s.Say(nil, 0, "some text that fills the pipe after some time")
	}
	assert.Positive(t, s.Counts().DroppedLines)
	s.Close()
	require.NoError(t, r.Close())
	require.Eventually(t, func() bool { return safego.Running() == 0 }, patience, time.Millisecond, "the writer's end")
}
