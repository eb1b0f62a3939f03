package protocol

import (
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
)

// newest is the dialect of the tests; what differs for the reader is the number of timings.
var newest = &dialects[len(dialects)-1]

var errDry = errors.New("no bytes yet")

// drip is a source that gives its bytes one at a time, and says so in between.
type drip struct {
	bytes    []byte
	visible  int
	consumed int
}

func (d *drip) more() error { d.visible++; return errDry }

func (d *drip) Peek(n int) ([]byte, error) {
	if d.consumed+n > d.visible {
		return nil, d.more()
	}
	return d.bytes[d.consumed : d.consumed+n], nil
}

func (d *drip) Discard(n int) { d.consumed += n }

func (d *drip) Read(p []byte) (int, error) {
	n := copy(p, d.bytes[d.consumed:min(d.visible, len(d.bytes))])
	if n == 0 {
		return 0, d.more()
	}
	d.consumed += n
	return n, nil
}

func ints(values ...int32) (b []byte) {
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, uint32(v)) //nolint:gosec // the same bits
	}
	return b
}

func longs(values ...int64) (b []byte) {
	for _, v := range values {
		b = binary.BigEndian.AppendUint64(b, uint64(v)) //nolint:gosec // the same bits
	}
	return b
}

func concat(parts ...[]byte) (b []byte) {
	for _, part := range parts {
		b = append(b, part...)
	}
	return b
}

// read drives a reader over bytes that come one at a time; records and Arrow streams (of 3 bytes) are skipped.
func read(t *testing.T, framing Framing, bytes []byte) (*Reader, []Event, error) {
	t.Helper()
	source := &drip{bytes: bytes}
	r := NewReader(newest, framing, source)
	var events []Event
	for range 100 * (len(bytes) + 10) {
		event, err := r.Next()
		if errors.Is(err, errDry) {
			if source.visible > len(bytes) {
				return r, events, errDry
			}
			continue
		}
		if err != nil {
			return r, events, err
		}
		if event == Paused {
			continue
		}
		events = append(events, event)
		switch event {
		case Record:
			source.visible = max(source.visible, source.consumed+r.Length())
			source.Discard(r.Length())
		case ArrowStream:
			source.visible = max(source.visible, source.consumed+3)
			source.Discard(3)
		default:
			return r, events, nil
		}
	}
	require.Fail(t, "the reader makes no progress")
	return nil, nil, nil
}

// finish is a good result section with two accumulator updates.
func finish(last int32) []byte {
	return concat(ints(TimingData), longs(1000, 1010, 1050, 33, 7, 8), ints(EndOfDataSection, 2, 3), []byte("abc"),
		ints(0), ints(last))
}

func TestReaderOnGoodAnswers(t *testing.T) {
	text := "Traceback …"
	for name, test := range map[string]struct {
		framing Framing
		bytes   []byte
		events  []Event
		check   func(*Reader)
	}{
		"arrow": {Arrow, concat(ints(StartArrowStream), []byte("ipc"), finish(EndOfStream)), []Event{ArrowStream, End},
			func(r *Reader) {
				assert.Equal(t, Result{
					Boot: 1000, Init: 1010, Finish: 1050, Processing: 33, MemorySpilled: 7, DiskSpilled: 8,
					Accumulators: [][]byte{[]byte("abc"), {}}, Reusable: true,
				}, *r.Result())
			}},
		"no result": {Arrow, finish(EndOfStream), []Event{End},
			func(r *Reader) { assert.True(t, r.Result().Reusable) }},
		"input left unread": {Arrow, finish(EndOfDataSection), []Event{End}, func(r *Reader) {
			assert.False(t, r.Result().Reusable)
		}},
		"records": {Pickled, concat(ints(2), []byte("xy"), ints(0), finish(EndOfStream)), []Event{Record, Record, End},
			func(*Reader) {}},
		//nolint:gosec // short
		"exception after output": {Pickled, concat(ints(2), []byte("xy"), ints(PythonException, int32(len(text))),
			[]byte(text)), []Event{Record, Exception}, func(r *Reader) {
			assert.Equal(t, text, r.Exception())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r, events, err := read(t, test.framing, test.bytes)
			require.NoError(t, err)
			assert.Equal(t, test.events, events)
			test.check(r)
		})
	}
}

func TestReaderRefusesSurprises(t *testing.T) {
	for name, test := range map[string]struct {
		framing Framing
		bytes   []byte
		message string
	}{
		"a record in an Arrow answer":   {Arrow, ints(17), "17 where"},
		"an Arrow stream among records": {Pickled, ints(StartArrowStream), "-6 where"},
		"unknown code":                  {Arrow, ints(-77), "-77 where"},
		"negative exception length":     {Arrow, ints(PythonException, -1), "-1 bytes"},
		"exception length of a liar":    {Arrow, ints(PythonException, maxText+1), "1073741825 bytes"},
		"end before timings":            {Arrow, ints(EndOfDataSection, 0), "-1 where"},
		"timings twice": {Arrow, concat(ints(TimingData), longs(1, 2, 3, 4, 5, 6), ints(TimingData)),
			"-3 where"},
		"negative number of accumulators": {Arrow, concat(ints(TimingData), longs(1, 2, 3, 4, 5, 6),
			ints(EndOfDataSection, -5)), "-5 accumulator"},
		"negative accumulator": {Arrow, concat(ints(TimingData), longs(1, 2, 3, 4, 5, 6),
			ints(EndOfDataSection, 1, -2)), "-2 bytes"},
		"another end": {Arrow, finish(-9), "-9 at the end"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(t, test.framing, test.bytes)
			require.Equal(t, status.Protocol, status.CodeOf(err), "%v", err)
			assert.Contains(t, err.Error(), test.message)
			assert.Contains(t, err.Error(), "PySpark 4.3")
		})
	}
}

// A length in front of nothing costs no memory.
func TestReaderBelievesNoLengths(t *testing.T) {
	for name, bytes := range map[string][]byte{
		"exception": concat(ints(PythonException, maxText), make([]byte, 100)),
		"accumulator": concat(ints(TimingData), longs(1, 2, 3, 4, 5, 6), ints(EndOfDataSection, 100_000, 256<<20),
			make([]byte, 100)),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err := read(t, Arrow, bytes)
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, errDry)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
		})
	}
}

// Long texts come whole, in whatever pieces.
func TestReaderReadsLongTexts(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 3*fillStep/16+1)
	//nolint:gosec // short
	r, events, err := read(t, Arrow, concat(ints(PythonException, int32(len(text))), []byte(text)))
	require.NoError(t, err)
	assert.Equal(t, []Event{Exception}, events)
	assert.Equal(t, text, r.Exception())
}
