package runner

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/status"
)

// boundless is how a task ends whose worker sends more than data.
func boundless(t *testing.T, e *env.Env, reference string) error {
	t.Helper()
	it, err := job(t, e, 207, "a string", onA, reference).Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	for {
		out := new(cdata.Array)
		code, err := it.NextArrow(20_000, out, nil)
		if err != nil || code == status.Done {
			return err
		}
		release(out)
	}
}

func TestBoundsOfResults(t *testing.T) {
	t.Run("metadata", func(t *testing.T) {
		e := newEnv(t, "4.2", config.Pair{Key: config.ResultMetadata, Value: "64k"})
		err := boundless(t, e, "boundless:long_name")
		assert.Equal(t, status.Protocol, status.CodeOf(err))
		assert.Regexp(t, `IPC metadata of 1\d{6} bytes, at most 65536 are allowed \(udfrunner.results.metadata\)`, err)
		works(t, e)
	})
	t.Run("dictionaries", func(t *testing.T) {
		e := newEnv(t, "4.2", config.Pair{Key: config.ResultDictionary, Value: "32k"})
		err := boundless(t, e, "boundless:words")
		assert.Equal(t, status.Protocol, status.CodeOf(err))
		assert.Regexp(t,
			`IPC dictionaries of 6\d{4} bytes, at most 32768 are allowed \(udfrunner.results.dictionaries\)`,
			err)
		works(t, e)
		assert.NoError(t, boundless(t, newEnv(t, "4.2", config.Pair{Key: config.ResultDictionary, Value: "100k"}),
			"boundless:words"), "the next batch's takes the place of the first")
	})
}

func TestBoundsOfErrors(t *testing.T) {
	e := newEnv(t, "4.2", config.Pair{Key: config.ErrorDetail, Value: "1k"})
	err := boundless(t, e, "boundless:long_name")
	assert.Equal(t, status.PythonException, status.CodeOf(err), "another type than the declared one")
	assert.Len(t, err.Error(), 1024)

	err = boundless(t, e, "boundless:dies_with_words")
	tail := status.From(err).Details["worker.stderr_tail"]
	assert.Regexp(t,
		`^first x+\n  \[\d+ of 80\d\d bytes are left out here, udfrunner.error.detail is 1024\]\nx+ last\n$`, tail)
	assert.Less(t, len(tail), 1024+100)
}
