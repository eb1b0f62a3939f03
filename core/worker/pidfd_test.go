package worker

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExiting(t *testing.T) {
	assert.False(t, exiting(os.Getpid()))
	assert.False(t, exiting(0))
	child := exec.Command("/bin/true")
	require.NoError(t, child.Start())
	require.Eventually(t, func() bool { return exiting(child.Process.Pid) }, patience, time.Millisecond,
		"a process that nobody has waited for")
	require.NoError(t, child.Wait())
	assert.False(t, exiting(child.Process.Pid))
}
