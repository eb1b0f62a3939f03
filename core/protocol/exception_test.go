package protocol_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/protocol"
	"udfrunner/core/testenv"
)

// The line of exceptions as Python writes them.
func TestExceptionLine(t *testing.T) {
	for code, want := range map[string]string{
		`raise ValueError("a deliberate error")`:       "ValueError: a deliberate error",
		`raise ValueError("first\nsecond\n  third\n")`: "ValueError: first",
		`raise ValueError("\n\nfirst\nsecond")`:        "ValueError: first",
		`raise ValueError`:                             "ValueError",
		`raise ValueError("")`:                         "ValueError",

		"try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError('x\\ny') from e": `KeyError: 'x\ny'`,
		"try:\n    1 / 0\nexcept Exception:\n    raise OSError('no disk\\nno luck')":  "OSError: no disk",

		`raise RuntimeError("remote:\nTraceback (most recent call last):\n  File\nOh")`: "Oh",
		`eval("1 +")`: "SyntaxError: invalid syntax",
		`raise ExceptionGroup("both", [ValueError("a"), ValueError("b")])`: "ExceptionGroup: both (2 sub-exceptions)",
	} {
		for name, format := range map[string]string{"whole": "traceback.format_exc()",
			"only": "''.join(traceback.format_exception_only(*sys.exc_info()[:2]))"} {
			program := "import sys, traceback\ntry:\n    exec(sys.argv[1])\nexcept BaseException:\n    " +
				"sys.stdout.write(" + format + ")"
			out, err := testenv.Command(t, "4.2", "-c", program, code).Output()
			require.NoError(t, err)
			assert.Equal(t, want, protocol.ExceptionLine(string(out)), "%s of %s", name, code)
		}
	}
	assert.Empty(t, protocol.ExceptionLine(""))
	assert.Empty(t, protocol.ExceptionLine(" \n\n"))
	assert.Equal(t, "Oh", protocol.ExceptionLine("  Oh\n  \n"), "of garbage, what there is")
	const head = "Traceback (most recent call last):"
	assert.Equal(t, head, protocol.ExceptionLine(head+"\n \n"))
}
