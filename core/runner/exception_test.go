package runner

import (
	"testing"

	"github.com/stretchr/testify/assert"

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
		{"memory of NumPy", head + user + "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8 GiB\n", status.CauseOutOfMemory, ""},
		{"module", head + user + "ModuleNotFoundError: No module named 'x'\n", status.CauseMissingModule, ""},
		{"PySpark's import error", head + user + "pyspark.errors.exceptions.base.PySparkImportError: [PACKAGE_NOT_INSTALLED] x\n", status.CauseMissingModule, ""},
		{"broken pickle", head + loads + "_pickle.UnpicklingError: invalid load key, 'x'.\n", status.CauseUnpickle, ""},
		{"lacking attribute", head + loads + "AttributeError: Can't get attribute 'x'\n", status.CauseUnpickle, ""},
		{"import that raises", head + "  File \"<frozen importlib._bootstrap>\", line 1, in _gcd_import\n" + user + "ValueError: no\n", status.CauseUnpickle, ""},
		{"function that imports what raises", head + user + "  File \"<frozen importlib._bootstrap>\", line 1, in _gcd_import\nValueError: no\n", status.CauseException, ""},
		{"message in several lines", head + user + "ValueError: one\nMemoryError: two\n", status.CauseException, "ValueError: one"},
		{"caused by another", head + user + "MemoryError\n" + direct + head + user + "ValueError: no\n", status.CauseException, ""},
		{"while handling another", head + user + "ValueError: no\n" + during + head + user + "MemoryError\n", status.CauseOutOfMemory, ""},
		{"group", "  + Exception Group Traceback (most recent call last):\n  |   File \"functions.py\", line 3, in f\n  |     g()\n" +
			"  | ExceptionGroup: several (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | MemoryError\n" +
			"    +------------------------------------\n", status.CauseException, "ExceptionGroup: several (2 sub-exceptions)"},
		{"version", head + user + "pyspark.errors.exceptions.base.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in worker\n", status.CauseVersionMismatch, ""},
	} {
		err := pythonException(test.traceback)
		assert.Equal(t, test.want, status.CauseOf(err), test.name)
		if test.message != "" {
			assert.Equal(t, test.message, err.Message, test.name)
		}
		assert.Equal(t, test.traceback, err.Details["python.traceback"])
	}
}
