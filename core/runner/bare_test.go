package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/config"
	"udfrunner/core/hosttest"
	"udfrunner/core/testenv"
)

// bareInterpreter is a program that runs Python with PySpark and nothing else installed.
func bareInterpreter(t *testing.T, minor string) string {
	t.Helper()
	dir := t.TempDir()
	python := testenv.Python(t, minor)
	for _, name := range []string{"pyspark", "py4j"} {
		found, err := filepath.Glob(filepath.Join(filepath.Dir(python), "../lib/python3*/site-packages", name))
		require.NoError(t, err)
		if len(found) > 0 {
			require.NoError(t, os.Symlink(found[0], filepath.Join(dir, name)))
		}
	}
	program := filepath.Join(dir, "python")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\nPYTHONPATH="+dir+" exec "+python+" -S \"$@\"\n"),
		0o755))
	return program
}

// TestRowFunctionsWithoutPyArrow runs one in an interpreter that has neither PyArrow nor pandas.
func TestRowFunctionsWithoutPyArrow(t *testing.T) {
	for _, minor := range supportedMinors {
		for name, pairs := range map[string][]config.Pair{"embedded": nil, "stock": {throughDaemon}} {
			t.Run(minor+" "+name, func(t *testing.T) {
				python := config.Pair{Key: "spark.pyspark.python", Value: bareInterpreter(t, minor)}
				e := newEnv(t, minor, append([]config.Pair{python}, pairs...)...)
				const rows = "\x80\x02](K\x01\x85K\x02\x85e." // [(1,), (2,)]
				input := hosttest.NewRecords(t, hosttest.OK([]byte(rows)))
				it, err := job(t, e, 100, "long", onA, "operator:neg").Compute(input.Input(), Task{})
				require.NoError(t, err)
				defer it.Close()
				answers := readAll(t, it)
				require.Len(t, answers, 1)
				load := testenv.Command(t, minor, "-c", "import pickle, sys; print(pickle.load(sys.stdin.buffer))")
				load.Stdin = bytes.NewReader(answers[0])
				text, err := load.Output()
				require.NoError(t, err)
				assert.Equal(t, "[-1, -2]", strings.TrimSpace(string(text)))
			})
		}
	}
}
