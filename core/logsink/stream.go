package logsink

import (
	"bytes"
	"strings"
	"sync/atomic"
	"time"
)

// Stream is one output of one process: it cuts bytes into lines and holds them to the sink's rate. Write and Flush are
// for one goroutine at a time; SetPID and SetTask are safe from any thread.
type Stream struct {
	sink *Sink
	name string
	pid  atomic.Int64
	task atomic.Pointer[Task]

	partial   []byte
	allowance float64
	at        time.Time
	skipped   dropped
}

// NewStream makes the stream of a name, as "stderr". Without a sink all that is written is dropped.
func NewStream(sink *Sink, name string) *Stream { return &Stream{sink: sink, name: name} }

// SetPID says whose output it is.
func (s *Stream) SetPID(pid int) {
	if s != nil {
		s.pid.Store(int64(pid))
	}
}

// SetTask says for which task the process works from now on; nil is none.
func (s *Stream) SetTask(t *Task) {
	if s != nil {
		s.task.Store(t)
	}
}

const (
	// maxLine is where a longer line is cut in pieces.
	maxLine = 16 << 10
	// burst is for how many seconds of its rate a stream that was silent may write at once.
	burst = 4
)

// Write takes what the process wrote. It never waits.
func (s *Stream) Write(b []byte) {
	if s == nil || s.sink == nil {
		return
	}
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			s.partial = append(s.partial, b...)
			b = nil
		} else {
			s.partial = append(s.partial, b[:i]...)
			b = b[i+1:]
		}
		for len(s.partial) > maxLine {
			s.emit(s.partial[:maxLine], true)
			s.partial = append(s.partial[:0], s.partial[maxLine:]...)
		}
		if i >= 0 {
			s.emit(s.partial, false)
			s.partial = s.partial[:0]
		}
	}
}

// Flush takes a last line without an end as a line.
func (s *Stream) Flush() {
	if s != nil && len(s.partial) > 0 {
		s.emit(s.partial, false)
		s.partial = nil
	}
}

func (s *Stream) emit(text []byte, continues bool) {
	if !s.allowed(len(text) + 1) {
		s.skipped.lines++
		s.skipped.bytes += int64(len(text)) + 1
		s.sink.skipped(1)
		return
	}
	l := line{PID: int(s.pid.Load()), Stream: s.name, Task: s.task.Load()}
	if s.skipped.lines > 0 {
		notice := l
		notice.Stream, notice.Text = "udfrunner", "lines of "+s.name+" were dropped: more than udfrunner.log.rate"
		notice.Dropped, notice.DroppedB = s.skipped.lines, s.skipped.bytes
		s.skipped = dropped{}
		s.sink.add(notice)
	}
	l.Text, l.Continues = strings.ToValidUTF8(strings.TrimSuffix(string(text), "\r"), "\uFFFD"), continues
	s.sink.add(l)
}

// allowed is a bucket of bytes that fills with the rate.
func (s *Stream) allowed(n int) bool {
	rate := float64(s.sink.options.Rate)
	if rate == 0 {
		return true
	}
	now := time.Now()
	if s.at.IsZero() {
		s.allowance = rate * burst
	} else {
		s.allowance = min(rate*burst, s.allowance+rate*now.Sub(s.at).Seconds())
	}
	s.at = now
	if s.allowance < float64(n) {
		return false
	}
	s.allowance -= float64(n)
	return true
}
