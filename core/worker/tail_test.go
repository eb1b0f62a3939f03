package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/hosttest"
)

func TestEndOfATail(t *testing.T) {
	hosttest.CheckLeaks(t)
	pipe, end, err := newTail(nil, "stderr")
	require.NoError(t, err)
	ended, late := make(chan struct{}), make(chan struct{})
	pipe.onEnd(time.Hour, func() { close(ended) })
	pipe.onEnd(time.Millisecond, func() { close(late) })
	wait(t, late, "the time that the pipe's end may take")
	select {
	case <-ended:
		require.Fail(t, "the pipe is still held")
	default:
	}
	_, err = end.WriteString("last words")
	require.NoError(t, err)
	require.NoError(t, end.Close())
	wait(t, ended, "the pipe's end")
	assert.Equal(t, "last words", pipe.text(0))
	called := 0
	pipe.onEnd(time.Hour, func() { called++ })
	(*tail)(nil).onEnd(time.Hour, func() { called++ })
	assert.Equal(t, 2, called, "at once where the end has come")
}
