package runner

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

// fails runs a task that must end with an error, which names the PySpark and the eval type.
func fails(t *testing.T, e *env.Env, minor string, options Options) *status.Error {
	t.Helper()
	r, err := New(e, 200, [][]Function{{{Reference: "functions:double", ReturnType: "long"}}}, [][]Argument{onA},
		options)
	require.NoError(t, err)
	it, err := r.Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	_, err = collect(t, it)
	require.Error(t, err)
	failed := status.From(err)
	assert.NotContains(t, failed.Message, "\n")
	assert.Contains(t, failed.Details["worker.pyspark"], minor+".")
	assert.Equal(t, "200 (SQL_SCALAR_PANDAS_UDF)", failed.Details["task.eval_type"])
	return failed
}

func TestMissingFiles(t *testing.T) {
	for _, minor := range supportedMinors {
		t.Run(minor, func(t *testing.T) {
			dir := t.TempDir()
			e := newEnv(t, minor, config.Pair{Key: config.FilesDirectory, Value: dir})
			there := filepath.Join(dir, "there.zip")
			require.NoError(t, os.WriteFile(there, nil, 0o600))
			failed := fails(t, e, minor, Options{Includes: []string{"there.zip", "gone.zip"}})
			assert.Equal(t, status.InvalidArgument, failed.Code)
			assert.Contains(t, failed.Message, `include "gone.zip"`)
			assert.Contains(t, failed.Message, filepath.Join(dir, "gone.zip"))
			failed = fails(t, e, minor, Options{Includes: []string{there}, Broadcasts: []Broadcast{{3, dir}}})
			assert.Equal(t, status.InvalidArgument, failed.Code)
			assert.Contains(t, failed.Message, "is no regular file")
			failed = fails(t, e, minor, Options{Broadcasts: []Broadcast{{3, filepath.Join(dir, "value")}}})
			assert.Equal(t, status.InvalidArgument, failed.Code)
			assert.Contains(t, failed.Message, "broadcast file")
			assert.Contains(t, failed.Message, "no such file")
			works(t, e)
		})
	}
}

// A function that was pickled by another Python is not run, and its worker not used again.
func TestVersionMismatch(t *testing.T) {
	for _, minor := range supportedMinors {
		t.Run(minor, func(t *testing.T) {
			e := newEnv(t, minor)
			before := processOf(t, job(t, e, 200, "long", onA, "functions:process_id"))
			conf, err := e.Config().With(config.PythonVersion, "3.7")
			require.NoError(t, err)
			failed := fails(t, e, minor, Options{Config: conf})
			assert.Equal(t, status.PythonException, failed.Code)
			assert.Contains(t, failed.Message, "PYTHON_VERSION_MISMATCH")
			assert.Contains(t, failed.Message, "3.7")
			assert.NotEqual(t, before, processOf(t, job(t, e, 200, "long", onA, "functions:process_id")))
		})
	}
}

func TestFunctionThatCannotBeUnpickled(t *testing.T) {
	for _, minor := range supportedMinors {
		t.Run(minor, func(t *testing.T) {
			e := newEnv(t, minor)
			before := processOf(t, job(t, e, 200, "long", onA, "functions:process_id"))
			broken := Function{Pickle: []byte("\x80\x04cno_such_module\nf\n."), ReturnType: "long"}
			r, err := New(e, 200, [][]Function{{broken}}, [][]Argument{onA}, Options{})
			require.NoError(t, err)
			it, err := r.Compute(numbers(t).Input(), Task{})
			require.NoError(t, err)
			_, err = collect(t, it)
			it.Close()
			assert.Equal(t, status.PythonException, status.CodeOf(err))
			assert.ErrorContains(t, err, "no_such_module")
			assert.Contains(t, status.From(err).Details["worker.pyspark"], minor+".")
			assert.NotEqual(t, before, processOf(t, job(t, e, 200, "long", onA, "functions:process_id")))
		})
	}
}

// A group that is one batch for a worker may hold less than groups of batches do: more ends the task, as the version
// says.
func TestGroupTooLargeForABatch(t *testing.T) {
	const made = `
import sys, pyarrow as pa
def batch(first):
    values = pa.array([str(first + i) for i in range(200)])
    x = pa.DictionaryArray.from_arrays(pa.array(range(200), pa.uint8()), values)
    return pa.record_batch([pa.array([1] * 200), x], ["k", "x"])
with pa.ipc.new_stream(sys.stdout.buffer, batch(0).schema) as stream:
    stream.write_batch(batch(0))
    stream.write_batch(batch(200))
`
	ipc, err := testenv.Command(t, "4.2", "-c", made).Output()
	require.NoError(t, err)
	for _, minor := range []string{"3.5", "4.0", "4.1"} {
		t.Run(minor, func(t *testing.T) {
			e := newEnv(t, minor)
			works(t, e)
			for _, input := range []kindOfInput{asStream, asGroups} {
				// Functions that see pandas objects get the values, of which a batch holds enough.
				_, rows := content(t, job(t, e, 201, "n long", nil, "functions:count_rows"), input(t, ipc))
				assert.Equal(t, [][]any{{int64(400)}}, rows)
				if minor == "3.5" {
					continue // has no others for groups
				}
				r := job(t, e, 209, "n array<long>", nil, "seen:count_table")
				if minor == "4.1" { // its groups are streams of batches
					assert.Equal(t, []int64{200, 200}, batchSizes(t, r, input(t, ipc)))
					continue
				}
				err := refusal(t, r, input(t, ipc))
				assert.Equal(t, status.NotSupported, status.CodeOf(err))
				assert.ErrorContains(t, err,
					`column "x": dictionary with more than 256 values in a group, which is one batch for PySpark 3.5 `+
						`and 4.0`)
				assert.Contains(t, status.From(err).Details["worker.pyspark"], minor+".")
				assert.Equal(t, "209 (SQL_GROUPED_MAP_ARROW_UDF)", status.From(err).Details["task.eval_type"])
				works(t, e)
			}
		})
	}
}
