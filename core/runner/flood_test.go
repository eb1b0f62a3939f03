package runner

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/status"
)

// An exception of 20 MB costs what is kept of it, and no call reads more than a stretch of it.
func TestExceptionsOfAnyLength(t *testing.T) {
	e := newEnv(t, "4.2", config.Pair{Key: config.ExceptionText, Value: "4k"}, config.Pair{Key: config.ExceptionMessage,
		Value: "100"})
	it, err := job(t, e, 200, "long", onA, "functions:fail_at_length").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	code, before := status.TimedOut, int64(0)
	for code == status.TimedOut {
		code, err = it.NextArrow(0, new(cdata.Array), nil)
		now := it.pump.counters.got.Load()
		require.LessOrEqual(t, now-before, int64(2<<20), "bytes of one call")
		before = now
	}
	require.Equal(t, status.PythonException, code)
	assert.Greater(t, before, int64(20<<20))
	assert.Equal(t, "ValueError: "+strings.Repeat("x", 85)+"...", err.Error())
	text := status.From(err).Details["python.traceback"]
	assert.Less(t, len(text), 4096+100)
	assert.Contains(t, text, "in fail_at_length")
	assert.Contains(t, text, "bytes are left out here, udfrunner.exception.text is 4096]\nxxx")
	works(t, e)
}

func TestCancelDuringALongException(t *testing.T) {
	e := newEnv(t, "4.2")
	it, err := job(t, e, 200, "long", onA, "functions:fail_at_length").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	for it.pump.reading != paused {
		code, err := it.NextArrow(0, new(cdata.Array), nil)
		require.Equal(t, status.TimedOut, code, "%v", err)
	}
	it.Cancel("enough")
	code, _ := it.NextArrow(-1, new(cdata.Array), nil)
	assert.Equal(t, status.Cancelled, code)
	works(t, e)
}
