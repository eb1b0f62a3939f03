package runner

import (
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// Tracebacks as workers send them, in short; core/runner's crash tests have real ones.
func TestExceptions(t *testing.T) {
	const (
		head   = "Traceback (most recent call last):\n"
		user   = "  File \"functions.py\", line 3, in f\n    g()\n"
		loads  = "  File \"/x/pyspark/serializers.py\", line 470, in loads\n    return cloudpickle.loads(obj)\n"
		direct = "\nThe above exception was the direct cause of the following exception:\n\n"
		during = "\nDuring handling of the above exception, another exception occurred:\n\n"
	)
	for _, test := range []struct {
		name, traceback string
		want            status.Cause
		message         string
	}{
		{"plain", head + user + "ValueError: no\n", status.CauseException, ""},
		{"without frames", "ValueError: no", status.CauseException, ""},
		{"nothing", "", status.CauseException, ""},
		{"memory", head + user + "MemoryError\n", status.CauseOutOfMemory, ""},
		{"memory of NumPy", head + user + "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8 GiB\n",
			status.CauseOutOfMemory, ""},
		{"module", head + user + "ModuleNotFoundError: No module named 'x'\n", status.CauseMissingModule, ""},
		{"PySpark's import error",
			head + user + "pyspark.errors.exceptions.base.PySparkImportError: [PACKAGE_NOT_INSTALLED] x\n",
			status.CauseMissingModule, ""},
		{"broken pickle", head + loads + "_pickle.UnpicklingError: invalid load key, 'x'.\n", status.CauseUnpickle, ""},
		{"lacking attribute", head + loads + "AttributeError: Can't get attribute 'x'\n", status.CauseUnpickle, ""},
		{"import that raises", head + "  File \"<frozen importlib._bootstrap>\", line 1, in _gcd_import\n" + user +
			"ValueError: no\n", status.CauseUnpickle, ""},
		{"function that imports what raises",
			head + user + "  File \"<frozen importlib._bootstrap>\", line 1, in _gcd_import\nValueError: no\n",
			status.CauseException, ""},
		{"message in several lines", head + user + "ValueError: one\nMemoryError: two\n", status.CauseException,
			"ValueError: one"},
		{"caused by another", head + user + "MemoryError\n" + direct + head + user + "ValueError: no\n",
			status.CauseException, ""},
		{"while handling another", head + user + "ValueError: no\n" + during + head + user + "MemoryError\n",
			status.CauseOutOfMemory, ""},
		{"group",
			"  + Exception Group Traceback (most recent call last):\n  |   File \"functions.py\", line 3, in f\n  |  " +
				"   g()\n" +
				"  | ExceptionGroup: several (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | " +
				"MemoryError\n" +
				"    +------------------------------------\n", status.CauseException,
			"ExceptionGroup: several (2 sub-exceptions)"},
		{"version", head + user + "pyspark.errors.exceptions.base.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] " +
			"Python in worker\n", status.CauseVersionMismatch, ""},
	} {
		err := pythonException(raising(t, test.traceback))
		assert.Equal(t, test.want, status.CauseOf(err), test.name)
		if test.message != "" {
			assert.Equal(t, test.message, err.Message, test.name)
		}
		assert.Equal(t, test.traceback, err.Details["python.traceback"])
	}
}

func TestAnExceptionWithoutATextHasAMessage(t *testing.T) {
	for _, text := range []string{"", " ", "\n \n"} {
		err := pythonException(raising(t, text))
		assert.Equal(t, "worker told of an exception without a text", err.Message)
		assert.Equal(t, status.CauseException, status.CauseOf(err))
	}
}

// Tracebacks are read in one pass: what is allocated for one grows with its length.
func TestLongTracebacks(t *testing.T) {
	const head = "Traceback (most recent call last):\n"
	for name, traceback := range map[string]string{
		"frames": head + strings.Repeat("  File \"f.py\", line 1, in f\n    f()\n", 10_000) +
			"RecursionError: too deep\n",
		"spaces":   head + strings.Repeat(" \n", 200_000) + "ValueError: no\n",
		"messages": "ValueError: no\n" + strings.Repeat("x\n", 200_000),
		"chained": strings.Repeat(head+" f\nValueError: no\n"+tracebackLinks[0][:len(tracebackLinks[0])-len(head)],
			3000) + head + " f\nValueError: no\n",
		"group":     "  + Exception Group " + head + strings.Repeat("  |   f\n", 50_000) + "  | ExceptionGroup: no\n",
		"long line": head + "ValueError: " + strings.Repeat("x", 400_000),
	} {
		reader := raising(t, traceback)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := pythonException(reader)
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32*len(traceback)), name)
		assert.Equal(t, traceback, err.Details["python.traceback"], name)
		assert.LessOrEqual(t, len(err.Message), 500, name)
		assert.Regexp(t, "^[A-Za-z]+: ", err.Message, name)
	}
}

// raising is the reader of a worker's answer that is an exception.
func raising(t *testing.T, traceback string) *protocol.Reader {
	t.Helper()
	dialect, err := protocol.ForVersion("4.3.0")
	require.NoError(t, err)
	code := int32(protocol.PythonException)
	answer := binary.BigEndian.AppendUint32(nil, uint32(code)) //nolint:gosec // its bits
	//nolint:gosec // short
	answer = append(binary.BigEndian.AppendUint32(answer, uint32(len(traceback))), traceback...)
	reader := protocol.NewReader(dialect, protocol.Arrow, (*answerBytes)(&answer))
	event, err := reader.Next()
	require.NoError(t, err)
	require.Equal(t, protocol.Exception, event)
	return reader
}

// answerBytes is an answer that is there at once.
type answerBytes []byte

func (a *answerBytes) Peek(n int) ([]byte, error) { return (*a)[:n], nil }
func (a *answerBytes) Discard(n int)              { *a = (*a)[n:] }
func (a *answerBytes) Read(p []byte) (int, error) {
	n := copy(p, *a)
	*a = (*a)[n:]
	return n, nil
}

func BenchmarkLongTraceback(b *testing.B) {
	traceback := tracebackHead + strings.Repeat(" \n", 200_000) + "ValueError: no\n"
	b.SetBytes(int64(len(traceback)))
	for b.Loop() {
		causeOfException(splitTraceback(traceback))
		protocol.ExceptionLine(traceback)
	}
}
