package transport

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The memory of a segment is the host's again once its last byte is sent, and not before.
func TestReleaseAfterTheLastByte(t *testing.T) {
	writer := NewWriter(nil)
	var released []string
	writer.OnSent(func() { released = append(released, "nothing before") })
	writer.Queue([]byte("abc"), []byte("de"))
	writer.OnSent(func() { released = append(released, "first") })
	writer.Queue([]byte("f"))
	writer.OnSent(func() { released = append(released, "second") })
	for _, step := range []struct {
		n    int
		want []string
	}{
		{1, []string{"nothing before"}},
		{3, []string{"nothing before"}}, // within the second segment
		{1, []string{"nothing before", "first"}},
		{1, []string{"nothing before", "first", "second"}},
	} {
		writer.advance(step.n)
		assert.Equal(t, step.want, released, "%d bytes sent", writer.Sent())
	}
	assert.Zero(t, writer.Pending())
}
