package protocol

import (
	"math"
	"slices"

	"udfrunner/core/status"
)

// Source is the worker's output, read without waiting: transport.Reader. When the bytes are not there yet
// its methods answer transport.ErrWouldBlock and change nothing; they are then called again.
type Source interface {
	// Peek returns the next n bytes (n at most 4096) without consuming them.
	Peek(n int) ([]byte, error)
	// Discard consumes n bytes that were peeked.
	Discard(n int)
	// Read consumes up to len(p) bytes.
	Read(p []byte) (int, error)
}

// Event is what Reader.Next found.
type Event uint8

// Events.
const (
	// Record of pickled data: Reader.Length bytes follow in the source, to be consumed before the next call.
	Record Event = iota + 1
	// ArrowStream follows in the source, to be consumed to its end before the next call.
	ArrowStream
	// Exception ended the task: Reader.Exception is its text.
	Exception
	// End of the task: result section and agreement on the stream's end were read.
	End
	// Paused in the middle of a long text or of many updates, so that the caller can look at its clock: Next goes on.
	Paused
)

// Result is what the result section carries besides data.
type Result struct {
	// Boot, Init, Finish are times of the worker's clock, ms since the epoch; Processing is a duration, ms.
	Boot, Init, Finish, Processing int64
	// MemorySpilled and DiskSpilled are bytes.
	MemorySpilled, DiskSpilled int64
	// Accumulators are pickled (id, value) updates.
	Accumulators [][]byte
	// Reusable says that the worker agreed that its input ended where it should.
	Reusable bool
}

// maxText bounds the length that a worker may announce of an exception's text: what never comes is not waited for.
const maxText = 1 << 30

// stretch is how many bytes outside of data are read before a pause.
const stretch = 1 << 20

type readerState uint8

const (
	atCode readerState = iota
	inException
	inAccumulators
	atEnd
	done
)

// Reader reads a worker's answer: data sections event by event, then the result section.
type Reader struct {
	dialect   *Dialect
	framing   Framing
	source    Source
	state     readerState
	length    int
	limits    Limits
	remaining int      // accumulators still to come
	kept      int64    // their bytes so far
	pending   []byte   // what came of an update of want bytes, or a piece of a text
	text      *clipped // what came of an exception's text of want bytes
	want      int
	unpaused  int // bytes read since the last pause
	exception string
	raised    bool
	result    Result
	timed     bool
}

// NewReader reads one task's answer from source.
func NewReader(d *Dialect, framing Framing, source Source) *Reader {
	return &Reader{dialect: d, framing: framing, source: source, limits: DefaultLimits}
}

// Limit sets what is kept, before the first Next.
func (r *Reader) Limit(l Limits) { r.limits = l }

// Length is the size of the record announced by a Record event.
func (r *Reader) Length() int { return r.length }

// Raised says that the worker announced an exception. One whose text cannot be encoded (a lone surrogate) is announced
// and never follows: the worker prints it to stderr and ends.
func (r *Reader) Raised() bool { return r.raised }

// Exception is the text of an Exception event, the traceback as the worker sent it, or its head and tail (Limits).
func (r *Reader) Exception() string { return r.exception }

// ExceptionMessage is the line of it that says what was raised, or what of it Limits allow.
func (r *Reader) ExceptionMessage() string {
	return Cut(ExceptionLine(r.exception), r.limits.ExceptionMessage)
}

// Result is complete after End; timings are there as soon as they were read.
func (r *Reader) Result() *Result { return &r.result }

// Next reads up to the next event. It answers the source's error where the source cannot go on, and a
// Protocol error where the worker's bytes make no sense; then the worker is not to be trusted.
func (r *Reader) Next() (Event, error) {
	for {
		if r.unpaused >= stretch {
			r.unpaused = 0
			return Paused, nil
		}
		switch r.state {
		case atCode:
			event, err := r.code()
			if event != 0 || err != nil {
				return event, err
			}
		case inException:
			if whole, err := r.exceptionText(); err != nil {
				return 0, err
			} else if whole {
				r.exception, r.text, r.state = r.text.text(), nil, done
				return Exception, nil
			}
		case inAccumulators:
			if err := r.accumulator(); err != nil {
				return 0, err
			}
		case atEnd:
			code, err := r.int()
			if err != nil {
				return 0, err
			}
			switch code {
			case EndOfStream:
				r.result.Reusable = true
			case EndOfDataSection: // the function left input unread
			default:
				return 0, r.surprise("%d at the end of the task, must be %d or %d", code, EndOfStream,
					EndOfDataSection)
			}
			r.state = done
			return End, nil
		default:
			return 0, r.surprise("bytes after the end of the task")
		}
	}
}

// code reads what comes next; event 0 means that the state changed.
func (r *Reader) code() (Event, error) {
	b, err := r.source.Peek(4)
	if err != nil {
		return 0, err
	}
	code := int(getInt(b))
	switch {
	case code >= 0 && r.framing == Pickled:
		r.source.Discard(4)
		r.length = code
		return Record, nil
	case code == StartArrowStream && r.framing == Arrow:
		r.source.Discard(4)
		return ArrowStream, nil
	case code == PythonException:
		r.raised = true
		b, err := r.source.Peek(8)
		if err != nil {
			return 0, err
		}
		length := int(getInt(b[4:]))
		if length < 0 || length > maxText {
			return 0, r.surprise("an exception text of %d bytes, must be 0 to %d", length, maxText)
		}
		r.source.Discard(8)
		r.text, r.want, r.state = newClipped(r.limits.ExceptionText, "udfrunner.exception.text"), length,
			inException
	case code == TimingData && !r.timed:
		n := 4 + 8*(r.dialect.Timings+2)
		b, err := r.source.Peek(n)
		if err != nil {
			return 0, err
		}
		r.timing(b[4:n])
		r.source.Discard(n)
	case code == EndOfDataSection && r.timed:
		b, err := r.source.Peek(8)
		if err != nil {
			return 0, err
		}
		r.remaining = int(getInt(b[4:]))
		if r.remaining < 0 {
			return 0, r.surprise("%d accumulator updates, must be 0 to %d", r.remaining, math.MaxInt32)
		}
		if int64(r.remaining) > r.limits.Accumulators {
			return 0, status.New(status.NoMemory, "%d accumulator updates, at most %d are allowed "+
				"(udfrunner.accumulators.count)",
				r.remaining, r.limits.Accumulators)
		}
		r.source.Discard(8)
		r.pending, r.state = nil, inAccumulators
	default:
		return 0, r.surprise("%d where a data or result section was expected", code)
	}
	return 0, nil
}

func (r *Reader) timing(b []byte) {
	long := func(i int) int64 { return getLong(b[8*i:]) }
	r.result.Boot, r.result.Init, r.result.Finish = long(0), long(1), long(2)
	if r.dialect.Timings > 3 {
		r.result.Processing = long(3)
	}
	r.result.MemorySpilled, r.result.DiskSpilled = long(r.dialect.Timings), long(r.dialect.Timings+1)
	r.timed = true
}

// accumulator reads one update, or moves on after the last.
func (r *Reader) accumulator() error {
	if r.pending == nil {
		if r.remaining == 0 {
			r.state = atEnd
			return nil
		}
		length, err := r.int()
		if err != nil {
			return err
		}
		if length < 0 {
			return r.surprise("an accumulator update of %d bytes, must be 0 to %d", length, math.MaxInt32)
		}
		if r.kept += int64(length); r.kept > r.limits.AccumulatorBytes {
			return status.New(status.NoMemory,
				"accumulator updates of %d bytes, at most %d are allowed (udfrunner.accumulators.bytes)",
				r.kept, r.limits.AccumulatorBytes)
		}
		r.pending, r.want = []byte{}, length
	}
	if whole, err := r.fill(); err != nil || !whole {
		return err
	}
	r.result.Accumulators = append(r.result.Accumulators, r.pending)
	r.pending = nil
	r.remaining--
	return nil
}

// fillStep is the least by which pending grows, and how much of a text is read at once.
const fillStep = 64 << 10

// fill reads the rest of pending, which grows with what comes: the length in front may be anything. It is not whole
// when a pause is due.
func (r *Reader) fill() (whole bool, err error) {
	for len(r.pending) < r.want {
		if r.unpaused >= stretch {
			return false, nil
		}
		if len(r.pending) == cap(r.pending) {
			r.pending = slices.Grow(r.pending, min(r.want-len(r.pending), max(fillStep, len(r.pending))))
		}
		n, err := r.source.Read(r.pending[len(r.pending):min(cap(r.pending), r.want)])
		if err != nil {
			return false, err
		}
		r.pending = r.pending[:len(r.pending)+n]
		r.unpaused += n
	}
	return true, nil
}

// exceptionText reads on in an exception's text. It is not whole when a pause is due.
func (r *Reader) exceptionText() (whole bool, err error) {
	for r.want > 0 {
		if r.unpaused >= stretch {
			return false, nil
		}
		if r.pending == nil {
			r.pending = make([]byte, min(fillStep, r.want))
		}
		n, err := r.source.Read(r.pending[:min(len(r.pending), r.want)])
		if err != nil {
			return false, err
		}
		r.text.add(r.pending[:n])
		r.want -= n
		r.unpaused += n
	}
	return true, nil
}

func (r *Reader) int() (int, error) {
	b, err := r.source.Peek(4)
	if err != nil {
		return 0, err
	}
	r.source.Discard(4)
	r.unpaused += 4
	return int(getInt(b)), nil
}

func (r *Reader) surprise(format string, args ...any) error {
	return status.New(status.Protocol, "worker of PySpark %s sent "+format, append([]any{r.dialect.Minor}, args...)...)
}
