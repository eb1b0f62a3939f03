package transport

import (
	"math"

	"udfrunner/core/status"
)

const (
	readAhead = 64 << 10
	// maxPeek bounds what can be peeked at once.
	maxPeek = 4096
)

// Reader reads a channel through a small buffer, without waiting. Big reads go straight to
// their destination.
type Reader struct {
	channel Channel
	buffer  []byte
	r, w    int
	total   int64
	left    int64     // bytes that may be received before Allow
	into    [2][]byte // Receive's argument, here so that a read allocates nothing
}

// NewReader reads from channel.
func NewReader(channel Channel) *Reader {
	return &Reader{channel: channel, buffer: make([]byte, readAhead), left: math.MaxInt64}
}

// Allow bounds what is received until the next Allow: some n bytes, then the reader answers ErrWouldBlock as if nothing
// more had come, so that a sender without end cannot hold the thread that reads.
func (r *Reader) Allow(n int64) { r.left = n }

// Spent says whether that bound was reached: more may be there.
func (r *Reader) Spent() bool { return r.left <= 0 }

func (r *Reader) receive(buffers ...[]byte) (int, error) {
	if r.Spent() {
		return 0, ErrWouldBlock
	}
	n := copy(r.into[:], buffers)
	got, err := r.channel.Receive(r.into[:n])
	clear(r.into[:n])
	if err == nil {
		r.total += int64(got)
		r.left -= int64(got)
	}
	return got, err
}

// Restart resets the count of bytes, for the next task on a channel of which nothing is buffered.
func (r *Reader) Restart() { r.r, r.w, r.total = 0, 0, 0 }

// Buffered is the count of bytes received and not yet consumed.
func (r *Reader) Buffered() int { return r.w - r.r }

// Total is the count of bytes received.
func (r *Reader) Total() int64 { return r.total }

// Peek returns the next n bytes without consuming them; they are valid until the next call.
func (r *Reader) Peek(n int) ([]byte, error) {
	if n > maxPeek {
		return nil, status.New(status.Internal, "peek of %d bytes, at most %d", n, maxPeek)
	}
	for r.Buffered() < n {
		if r.r > 0 {
			r.w = copy(r.buffer, r.buffer[r.r:r.w])
			r.r = 0
		}
		got, err := r.receive(r.buffer[r.w:])
		if err != nil {
			return nil, err
		}
		r.w += got
	}
	return r.buffer[r.r : r.r+n], nil
}

// Discard consumes n bytes that were peeked.
func (r *Reader) Discard(n int) { r.r += n }

// Read consumes up to len(p) bytes, at least one.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.r < r.w {
		n := copy(p, r.buffer[r.r:r.w])
		r.r += n
		return n, nil
	}
	r.r, r.w = 0, 0
	got, err := r.receive(p, r.buffer)
	if err != nil {
		return 0, err
	}
	if got > len(p) {
		r.w = got - len(p)
		got = len(p)
	}
	return got, nil
}
