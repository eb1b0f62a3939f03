package crashes

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/config"
	"udfrunner/core/status"
)

// outgrow is the row of a worker that the kernel kills as its control group may have no more memory.
var outgrow = crash{
	what:   "More memory than its control group may have",
	own:    []config.Pair{{Key: config.PythonWorkerReuse, Value: "false"}},
	before: confine, function: "take_memory", begun: func(*scene) {}, code: status.WorkerExited,
	cause:   status.CauseOutOfMemory,
	message: "OOM-killed", details: details{"worker.pid": ""},
}

// confine has the daemon's next workers live in a group with a limit of memory, until the task has ended.
func confine(s *scene) {
	group, outer := memoryGroup(s.t, 200<<20)
	s.works(s.t) // a stock daemon begins with its first worker
	daemon := s.daemon()
	join(s.t, group, daemon)
	s.mend = func() { join(s.t, outer, daemon) }
}

func join(t *testing.T, group string, pid int) {
	t.Helper()
	require.Positive(t, pid) // 0 would be this process
	require.NoError(t, os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o600))
}

// memoryGroup makes a control group with a limit inside that of the tests; it is gone when the test ends. The test is
// skipped where that is not allowed.
func memoryGroup(t *testing.T, limit int64) (group, outer string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	file := ""
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch fields[1] {
		case "memory":
			outer, file = filepath.Join("/sys/fs/cgroup/memory", fields[2]), "memory.limit_in_bytes"
		case "":
			if file == "" {
				outer, file = filepath.Join("/sys/fs/cgroup", fields[2]), "memory.max"
			}
		}
	}
	group = filepath.Join(outer, fmt.Sprintf("udfrunner-test-%d", os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Skipf("no control group can be made here: %v", err)
	}
	t.Cleanup(func() {
		procs, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
		require.NoError(t, err)
		for _, pid := range bytes.Fields(procs) { // of a test that failed
			_ = os.WriteFile(filepath.Join(outer, "cgroup.procs"), pid, 0o600)
		}
		assert.Eventually(t, func() bool { return os.Remove(group) == nil }, patience, time.Millisecond)
	})
	if err := os.WriteFile(filepath.Join(group, file), []byte(strconv.FormatInt(limit, 10)), 0o600); err != nil {
		t.Skipf("no limit of memory can be set here: %v", err)
	}
	return group, outer
}
