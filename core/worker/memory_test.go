package worker

import (
	"bufio"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/testenv"
)

// forked is a process that shares the megabytes of its parent, which it was forked from, and answers when it has
// written to as many of them as it is told.
const forked = `
import mmap, os, sys
kept = bytearray(b"x") * (64 << 20)
r, w = os.pipe()
if os.fork():
    os.wait()
    os._exit(0)
print(os.getpid(), flush=True)
for line in sys.stdin:
    size = int(line) << 20
    kept[:size] = b"y" * size
    print("written", flush=True)
`

func TestPrivateMemoryLeavesOutWhatIsShared(t *testing.T) {
	const mib = 1 << 20
	cmd := testenv.Command(t, "4.2", "-c", forked)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		_ = stdin.Close()
		assert.NoError(t, cmd.Wait())
	}()
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)

	resident, err := memoryBound(pid)
	require.NoError(t, err)
	assert.Greater(t, resident, int64(64*mib))
	before, err := privateMemory(pid)
	require.NoError(t, err)
	assert.Less(t, before, int64(8*mib), "the parent's pages are not its own")
	assert.False(t, exceeds(pid, 8*mib))

	_, err = io.WriteString(stdin, "32\n")
	require.NoError(t, err)
	_, err = lines.ReadString('\n')
	require.NoError(t, err)
	after, err := privateMemory(pid)
	require.NoError(t, err)
	assert.InDelta(t, 32*mib, after-before, 4*mib)
	assert.True(t, exceeds(pid, 16*mib))
	assert.False(t, exceeds(pid, 60*mib))
}

func TestMemoryOfProcessesThatAreGone(t *testing.T) {
	cmd := exec.Command("true")
	require.NoError(t, cmd.Start())
	pidfd, err := openPidfd(cmd.Process.Pid)
	require.NoError(t, err)
	defer pidfd.close()
	require.True(t, pidfd.wait())
	private, err := privateMemory(cmd.Process.Pid) // it has ended and was not waited for
	require.NoError(t, err)
	assert.Zero(t, private)
	require.NoError(t, cmd.Wait())
	_, err = privateMemory(cmd.Process.Pid)
	require.Error(t, err)
	assert.False(t, exceeds(cmd.Process.Pid, 0))
}

func TestPrivateMemoryOfAKernelWithoutARollup(t *testing.T) {
	text := `00400000-00401000 r-xp 00000000 08:01 1 /bin/a
Rss:                   4 kB
Private_Clean:         4 kB
Private_Dirty:         0 kB
SwapPss:               0 kB
00600000-00700000 rw-p 00000000 00:00 0 [heap]
Private_Dirty:      1000 kB
SwapPss:              20 kB
Private_Hugetlb:    2048 kB
VmFlags: rd wr mr mw me ac
`
	assert.EqualValues(t, (1000+20+2048)<<10, sumPrivate([]byte(text)))
}
