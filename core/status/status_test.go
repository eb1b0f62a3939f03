package status

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCodesAreTheHeaders(t *testing.T) {
	header, err := os.ReadFile("../../include/udfrunner.h")
	require.NoError(t, err)
	found := map[string]Code{}
	for _, m := range regexp.MustCompile(
		`(?m)^#define UDFRUNNER_([A-Z_]+) \(?(-?\d+)\)?$`).FindAllStringSubmatch(string(header), -1) {
		value, err := strconv.Atoi(m[2])
		require.NoError(t, err)
		found[m[1]] = Code(value) //nolint:gosec // a code
	}
	for code, name := range outcomes {
		assert.Equal(t, code, found[name], name)
	}
	for name, code := range found {
		if code < 0 {
			assert.Equal(t, name, code.String(), "a code of the header that Go does not know")
		}
	}
}

func TestCauseAndDetails(t *testing.T) {
	err := New(IO, "file %q: %w", "x", io.ErrUnexpectedEOF)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	detailed := err.With("a", "1").With("b", "2").With("c", "")
	assert.Nil(t, err.Details, "errors are not changed")
	assert.Equal(t, map[string]string{"a": "1", "b": "2"}, detailed.Details)
	wrapped := fmt.Errorf("outer: %w", detailed)
	assert.Equal(t, IO, CodeOf(wrapped))
	assert.Same(t, detailed, From(wrapped))
	assert.Equal(t, Unknown, CodeOf(errors.New("plain")))
	assert.Equal(t, OK, CodeOf(nil))
	assert.Nil(t, From(nil))
	assert.Contains(t, Code(77).String(), "77")
}

func TestCausesOfCodesAreInTheTable(t *testing.T) {
	known := map[Cause]bool{}
	for _, c := range Causes {
		assert.False(t, known[c.Cause], "%s is there twice", c.Cause)
		known[c.Cause] = true
	}
	for code, cause := range causeOf {
		assert.True(t, known[cause], "%s: %s", code, cause)
	}
}

func TestTheFirstCauseStays(t *testing.T) {
	err := New(Spawn, "x").Because(CauseBadInterpreter)
	assert.Equal(t, CauseBadInterpreter, CauseOf(err.Because(CauseSignal)))
	assert.Equal(t, CauseBadInterpreter, CauseOf(err.Explained()))
	assert.Equal(t, CauseDeadline, CauseOf(New(Deadline, "x").Explained()))
	assert.Equal(t, CauseUnknown, CauseOf(New(Spawn, "x").Explained()))
	assert.Empty(t, CauseOf(New(Spawn, "x")))
	assert.Empty(t, CauseOf(nil))
}
