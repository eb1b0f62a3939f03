package runner

import (
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
	"udfrunner/core/testenv"

	"github.com/ebitengine/purego"
)

// newEnv is an env on a PySpark minor's interpreter that is closed, and has left nothing, when the test ends.
func newEnv(t *testing.T, minor string, pairs ...config.Pair) *env.Env {
	t.Helper()
	hosttest.CheckLeaks(t)
	pairs = append([]config.Pair{
		{Key: "spark.pyspark.python", Value: testenv.Python(t, minor)},
		{Key: "spark.executorEnv.PYTHONPATH", Value: testModules(t)},
	}, pairs...)
	e, err := env.New(pairs, os.Environ(), hostmem.Default())
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

// testModules is the directory of the Python modules that tests refer to.
func testModules(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	return dir + "/testdata"
}

// columns reads a result batch of int64 columns and releases it.
func columns(t *testing.T, a *cdata.Array) [][]int64 {
	t.Helper()
	var all [][]int64
	for _, child := range unsafe.Slice(a.Children, a.NChildren) {
		buffers := unsafe.Slice(child.Buffers, child.NBuffers)
		all = append(all, append([]int64(nil), unsafe.Slice((*int64)(buffers[1]), child.Length)...))
	}
	release(a)
	return all
}

func release(a *cdata.Array) { purego.SyscallN(a.Release, uintptr(unsafe.Pointer(a))) }

// collect reads a task to its end: the values of each column.
func collect(t *testing.T, it *Iterator) ([][]int64, error) {
	t.Helper()
	var all [][]int64
	for {
		out := new(cdata.Array)
		code, err := it.NextArrow(patience.Milliseconds(), out, nil)
		if err != nil {
			t.Logf("%v %v", err, status.From(err).Details)
			return all, err
		}
		if code == status.Done {
			return all, nil
		}
		require.Equal(t, status.OK, code)
		for i, values := range columns(t, out) {
			if i == len(all) {
				all = append(all, nil)
			}
			all[i] = append(all[i], values...)
		}
	}
}
