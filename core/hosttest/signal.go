package hosttest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Signal sends a signal to a process, which must be known: 0 would be the tests' own process group.
func Signal(t *testing.T, pid int, signal unix.Signal) {
	t.Helper()
	require.Positive(t, pid, "no process")
	require.NoError(t, unix.Kill(pid, signal))
}
