package protocol

import (
	"bytes"
	"encoding/binary"

	"udfrunner/core/status"
)

// Values as java.io.DataOutputStream writes them; texts and byte strings have their length in front. Lengths are
// checked to fit (Dialect.Check).

//nolint:gosec // signed and unsigned are the same bits
func getInt(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) }

//nolint:gosec // signed and unsigned are the same bits
func getLong(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

//nolint:gosec // of a length that was checked
func putInt(b []byte, v int) { binary.BigEndian.PutUint32(b, uint32(int32(v))) }

func appendInt(b []byte, v int) []byte {
	b = append(b, 0, 0, 0, 0)
	putInt(b[len(b)-4:], v)
	return b
}

//nolint:gosec // signed and unsigned are the same bits
func appendLong(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

func appendUTF(b []byte, s string) []byte { return append(appendInt(b, len(s)), s...) }
func appendBytes(b, data []byte) []byte   { return append(appendInt(b, len(data)), data...) }
func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendInts(b []byte, list []int32) []byte {
	b = appendInt(b, len(list))
	for _, v := range list {
		b = appendInt(b, int(v))
	}
	return b
}

func appendEntries(b []byte, entries []Entry) []byte {
	b = appendInt(b, len(entries))
	for _, e := range entries {
		b = appendUTF(appendUTF(b, e.Key), e.Value)
	}
	return b
}

// sectionReader takes values off the front of b; after the first error it answers zero values.
type sectionReader struct {
	all, b []byte
	minor  string
	err    error
}

func (r *sectionReader) at() int { return len(r.all) - len(r.b) }

func (r *sectionReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = status.New(status.Protocol, "init section for PySpark %s at byte %d: "+format,
			append([]any{r.minor, r.at()}, args...)...)
	}
}

func (r *sectionReader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.b) {
		r.fail("%d bytes wanted, %d are left", n, len(r.b))
		return nil
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

func (r *sectionReader) int() int32 {
	if b := r.take(4); b != nil {
		return getInt(b)
	}
	return 0
}

func (r *sectionReader) long() int64 {
	if b := r.take(8); b != nil {
		return getLong(b)
	}
	return 0
}

func (r *sectionReader) bool() bool {
	b := r.take(1)
	if b != nil && b[0] > 1 {
		r.fail("the flag %d, must be 0 or 1", b[0])
	}
	return b != nil && b[0] == 1
}

// count of things of at least size bytes each: what is announced is bounded by what is there.
func (r *sectionReader) count(size int) int {
	n := int(r.int())
	if n < 0 || n > len(r.b)/size {
		r.fail("the count %d, must be 0 to %d", n, len(r.b)/size)
		return 0
	}
	return n
}

func (r *sectionReader) bytes() []byte { return bytes.Clone(r.take(r.count(1))) }
func (r *sectionReader) text() string  { return string(r.take(r.count(1))) }

func (r *sectionReader) ints() []int32 {
	list := make([]int32, r.count(4))
	for i := range list {
		list[i] = r.int()
	}
	return list
}

func (r *sectionReader) entries() []Entry {
	list := make([]Entry, r.count(8))
	for i := range list {
		list[i] = Entry{Key: r.text(), Value: r.text()}
	}
	return list
}
