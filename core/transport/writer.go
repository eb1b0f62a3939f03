package transport

// Writer queues segments of memory and sends them in order, without waiting and without copying. The memory
// of a segment is read until its release was called.
type Writer struct {
	channel  Channel
	segments [][]byte
	pending  int
	queued   int64 // bytes ever queued
	sent     int64
	releases []release
}

type release struct {
	at int64 // when this many bytes were sent
	f  func()
}

// NewWriter writes to channel, which may be nil until Attach.
func NewWriter(channel Channel) *Writer { return &Writer{channel: channel} }

// Attach names the channel of a writer that was made without one.
func (w *Writer) Attach(channel Channel) { w.channel = channel }

// Queue adds segments to what is to be sent.
func (w *Writer) Queue(segments ...[]byte) {
	for _, s := range segments {
		if len(s) > 0 {
			w.segments = append(w.segments, s)
			w.pending += len(s)
			w.queued += int64(len(s))
		}
	}
}

// OnSent calls f once all that was queued before is sent or dropped, from within Send or Drop.
func (w *Writer) OnSent(f func()) { w.releases = append(w.releases, release{w.queued, f}) }

// Pending is the count of bytes queued and not sent.
func (w *Writer) Pending() int { return w.pending }

// Sent is the count of bytes sent.
func (w *Writer) Sent() int64 { return w.sent }

// Send sends what the channel takes now: nil when all is sent, ErrWouldBlock when there is no room,
// ErrClosed when the worker takes no more.
func (w *Writer) Send() error {
	for w.pending > 0 {
		n, err := w.channel.Send(w.segments)
		if err != nil {
			return err
		}
		w.advance(n)
	}
	return nil
}

func (w *Writer) advance(n int) {
	w.pending -= n
	w.sent += int64(n)
	done := 0
	for done < len(w.segments) && n >= len(w.segments[done]) {
		n -= len(w.segments[done])
		done++
	}
	clear(w.segments[:done])
	w.segments = w.segments[done:]
	if len(w.segments) == 0 {
		w.segments = nil
	} else {
		w.segments[0] = w.segments[0][n:]
	}
	for len(w.releases) > 0 && w.releases[0].at <= w.sent {
		f := w.releases[0].f
		w.releases = w.releases[1:]
		f()
	}
}

// Drop forgets what was not sent and calls every release.
func (w *Writer) Drop() {
	w.segments, w.pending = nil, 0
	for len(w.releases) > 0 {
		f := w.releases[0].f
		w.releases = w.releases[1:]
		f()
	}
}
