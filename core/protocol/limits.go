package protocol

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits bound what is kept of what a worker says besides its data.
type Limits struct {
	// ExceptionText is how many bytes of an exception's text are kept, half of them from its beginning and half from
	// its end.
	ExceptionText int64
	// ExceptionMessage is how many bytes of the line that names an exception are its message.
	ExceptionMessage int64
	// Accumulators is how many updates a task may send, AccumulatorBytes their size together.
	Accumulators     int64
	AccumulatorBytes int64
}

// DefaultLimits are those of a Reader that was given none.
var DefaultLimits = Limits{
	ExceptionText: 1 << 20, ExceptionMessage: 500, Accumulators: 100_000, AccumulatorBytes: 256 << 20,
}

// clipped keeps head and tail of a text that comes in pieces.
type clipped struct {
	key   string // of the limit, twice half
	half  int
	head  []byte
	tail  []byte // at most twice half, of which the last half counts
	total int64
}

func newClipped(most int64, key string) *clipped { return &clipped{key: key, half: int(most / 2)} }

func (c *clipped) add(piece []byte) {
	c.total += int64(len(piece))
	n := min(len(piece), c.half-len(c.head))
	c.head = append(c.head, piece[:n]...)
	piece = piece[n:]
	if len(piece) > 0 && c.tail == nil {
		c.tail = make([]byte, 0, 2*c.half)
	}
	if len(piece) > c.half {
		piece = piece[len(piece)-c.half:]
	}
	if len(c.tail)+len(piece) > 2*c.half {
		c.tail = append(c.tail[:0], c.tail[len(c.tail)-c.half:]...)
	}
	c.tail = append(c.tail, piece...)
}

// text is all of it, or head and tail with a line between them that says what was left out. That line is indented, as
// the frames of a traceback are. Head and tail are cut at a line's end where one is near, and never within a character.
func (c *clipped) text() string {
	if c.total <= 2*int64(c.half) {
		return string(c.head) + string(c.tail)
	}
	head, tail := c.head, c.tail[max(0, len(c.tail)-c.half):]
	if i := bytes.LastIndexByte(head, '\n'); i >= len(head)/2 {
		head = head[:i]
	}
	for n := 0; n < utf8.UTFMax && len(head) > 0 && !utf8.Valid(lastRune(head)); n++ {
		head = head[:len(head)-1]
	}
	if i := bytes.IndexByte(tail, '\n'); i >= 0 && i < len(tail)/2 {
		tail = tail[i+1:]
	}
	for n := 0; n < utf8.UTFMax && len(tail) > 0 && !utf8.RuneStart(tail[0]); n++ {
		tail = tail[1:]
	}
	note := fmt.Sprintf("\n  [%d of %d bytes are left out here, %s is %d]\n",
		c.total-int64(len(head)+len(tail)), c.total, c.key, 2*c.half)
	var b strings.Builder
	b.Grow(len(head) + len(note) + len(tail))
	b.Write(head)
	b.WriteString(note)
	b.Write(tail)
	return b.String()
}

// lastRune is the last character of b, or what there is of it.
func lastRune(b []byte) []byte {
	from := len(b) - 1
	for from > 0 && len(b)-from < utf8.UTFMax && !utf8.RuneStart(b[from]) {
		from--
	}
	return b[from:]
}

// Clip keeps so many bytes of a text: its head and tail, with a line between them that names the key of the limit.
func Clip(text string, most int64, key string) string {
	if int64(len(text)) <= most {
		return text
	}
	c := newClipped(most, key)
	c.add([]byte(text))
	return c.text()
}

// Cut shortens a text to so many bytes, without cutting a character.
func Cut(text string, most int64) string {
	const more = "..."
	if int64(len(text)) <= most {
		return text
	}
	n := max(0, int(most)-len(more))
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + more
}
