package runner

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// TestFirstInputGoesOutWithTheInitSection: a worker that gets them one after the other wakes up twice.
func TestFirstInputGoesOutWithTheInitSection(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e)
	stream := numbers(t)
	it, err := job(t, e, 200, "long", onA, "functions:double").Compute(stream.Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	p := it.pump
	opened, err := p.open()
	require.NoError(t, err)
	require.True(t, opened)
	assert.EqualValues(t, 1, stream.Live.Load(), "the first batch is queued")
	assert.Zero(t, p.writer.Sent())
	require.NoError(t, p.writer.Send())
	assert.Zero(t, p.writer.Pending(), "one system call took both")
	_, err = collect(t, it)
	require.NoError(t, err)
	code, _ := it.NextArrow(0, new(cdata.Array), nil)
	assert.Equal(t, status.Done, code)
}
