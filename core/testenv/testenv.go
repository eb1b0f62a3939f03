// Package testenv finds what tests need outside of Go: the interpreters that `make venv` installs.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Python is the interpreter of the environment with a PySpark minor ("4.2"). Without it the test fails.
func Python(t testing.TB, minor string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	path := filepath.Join(dir, "build", "venv", minor, "bin", "python")
	require.FileExists(t, path, "run `make venv`")
	return path
}

// Command is a command of Python, the interpreter of the environment with a PySpark minor.
func Command(t testing.TB, minor string, arguments ...string) *exec.Cmd {
	t.Helper()
	return exec.Command(Python(t, minor), arguments...) //nolint:gosec // of the tests
}

// CoverageArguments are those with which a test's program, run again by a test, adds to what make cover counts.
func CoverageArguments() []string {
	if dir := os.Getenv("UDFRUNNER_TEST_COVERAGE"); dir != "" {
		return []string{"-test.gocoverdir=" + dir}
	}
	return nil
}
