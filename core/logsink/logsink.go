// Package logsink carries what workers write to stdout and stderr to the host: line by line, with the identity of the
// worker and its task, bounded in memory and in rate, so that a worker that prints megabytes hurts nobody. The host
// pulls the lines (udfrunner_log_next), or they are written to a file or a descriptor. No code of the host runs here.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package logsink

import (
	"encoding/json"
	"os"
	"sync"
	"time"

	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// Task is whose lines a worker writes.
type Task struct {
	Stage     int32 `json:"stage"`
	Partition int32 `json:"partition"`
	Attempt   int32 `json:"attempt"`
	ID        int64 `json:"task"`
}

// line is one line as the host gets it, a JSON object.
type line struct {
	Time   string `json:"time"` // UTC
	PID    int    `json:"pid,omitempty"`
	Stream string `json:"stream"` // stdout, stderr, or udfrunner for the library's own
	*Task
	Text      string `json:"text"`
	Continues bool   `json:"continues,omitempty"` // the line was too long: its rest is the next one
	Dropped   int64  `json:"dropped_lines,omitempty"`
	DroppedB  int64  `json:"dropped_bytes,omitempty"`
}

// timeLayout has microseconds, always six digits.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Options bound a sink.
type Options struct {
	// Buffer is how many bytes of lines are kept for a reader that is behind; the oldest go first.
	Buffer int64
	// Rate is how many bytes a second one stream of one process may write on average; what is above is dropped. Zero is
	// no limit.
	Rate int64
	// File is where lines are written instead of being kept for the host; nil keeps them. The sink closes it.
	File *os.File
}

// Sink is an env's log. All methods are safe from any thread.
type Sink struct {
	options Options

	mu      sync.Mutex
	queue   [][]byte
	size    int64
	dropped dropped // from the queue, and not told yet
	total   Counts
	closed  bool
	writing bool
	arrived chan struct{} // closed when a line or the end has come
}

type dropped struct{ lines, bytes int64 }

// Counts are a sink's counters.
type Counts struct {
	Lines        int64 `json:"lines"`         // written by workers and the library
	DroppedLines int64 `json:"dropped_lines"` // of those, for their rate or because nobody took them in time
}

// New makes a sink.
func New(options Options) *Sink { return &Sink{options: options, arrived: make(chan struct{})} }

// Say adds a line of the library's own.
func (s *Sink) Say(task *Task, pid int, text string) {
	s.add(line{PID: pid, Stream: "udfrunner", Task: task, Text: text})
}

// add stamps a line and queues it. It never waits.
func (s *Sink) add(l line) {
	if s == nil {
		return
	}
	l.Time = time.Now().UTC().Format(timeLayout)
	text, err := json.Marshal(l)
	if err != nil { // texts and numbers always marshal
		return
	}
	text = append(text, '\n')
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.total.Lines++
	s.queue = append(s.queue, text)
	s.size += int64(len(text))
	for s.size > s.options.Buffer && len(s.queue) > 1 {
		s.dropped.lines++
		s.dropped.bytes += int64(len(s.queue[0]))
		s.total.DroppedLines++
		s.size -= int64(len(s.queue[0]))
		s.queue[0] = nil
		s.queue = s.queue[1:]
	}
	s.wake()
	if s.options.File != nil && !s.writing {
		s.writing = true
		safego.Go(s.write, nil)
	}
}

// wake tells those that wait. The sink is locked.
func (s *Sink) wake() {
	close(s.arrived)
	s.arrived = make(chan struct{})
}

// skipped counts lines that a stream was not allowed to write.
func (s *Sink) skipped(lines int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.Lines += lines
	s.total.DroppedLines += lines
}

// Next takes lines that have come, whole and each with its newline, at most limit bytes unless one line is longer. It
// waits at most d for the first, without limit if d is negative: OK, TimedOut, or Done when the sink is closed and
// empty. Where lines go to a file or descriptor it is INVALID_STATE.
func (s *Sink) Next(d time.Duration, limit int) ([]byte, status.Code, error) {
	if s.options.File != nil {
		return nil, 0, status.New(status.InvalidState, "log lines of this env are written to %s (udfrunner.log.file, "+
			"udfrunner.log.descriptor), they cannot be pulled too", s.options.File.Name())
	}
	var expired <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		s.mu.Lock()
		text, closed, arrived := s.take(limit), s.closed, s.arrived
		s.mu.Unlock()
		switch {
		case len(text) > 0:
			return text, status.OK, nil
		case closed:
			return nil, status.Done, nil
		case d == 0:
			return nil, status.TimedOut, nil
		}
		select {
		case <-arrived:
		case <-expired:
			return nil, status.TimedOut, nil
		}
	}
}

// take takes lines out of the queue. The sink is locked.
func (s *Sink) take(limit int) []byte {
	var text []byte
	if d := s.dropped; d.lines > 0 {
		s.dropped = dropped{}
		notice, err := json.Marshal(line{
			Time: time.Now().UTC().Format(timeLayout), Stream: "udfrunner",
			Text: "lines were dropped: nobody took them in time", Dropped: d.lines, DroppedB: d.bytes,
		})
		if err == nil {
			text = append(notice, '\n')
		}
	}
	n := 0
	for n < len(s.queue) && (n == 0 || len(text)+len(s.queue[n]) <= limit) {
		text = append(text, s.queue[n]...)
		s.size -= int64(len(s.queue[n]))
		s.queue[n] = nil
		n++
	}
	if s.queue = s.queue[n:]; len(s.queue) == 0 {
		s.queue = nil
	}
	return text
}

// writeSize is how much is written to a file at a time.
const writeSize = 64 << 10

// write writes the queue to the file until it is empty. One goroutine at a time does.
func (s *Sink) write() {
	for {
		s.mu.Lock()
		text := s.take(writeSize)
		if len(text) == 0 {
			s.writing = false
			if s.closed {
				_ = s.options.File.Close()
			}
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		if _, err := s.options.File.Write(text); err != nil {
			s.mu.Lock()
			s.total.DroppedLines++ // at least
			s.mu.Unlock()
		}
	}
}

// Counts are the counters now.
func (s *Sink) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// Close ends the sink: what is queued can still be taken, or is still written; what comes later is dropped. It does not
// wait.
func (s *Sink) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.wake()
	if s.options.File != nil && !s.writing {
		_ = s.options.File.Close()
	}
}
