package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/status"
)

// lateWord is a module whose import has the daemon tell of a fork that many seconds late.
const lateWord = `
import os
import time

_fork = os.fork

def fork():
    pid = _fork()
    if pid:
        time.sleep(%v)
    return pid

os.fork = fork
`

func TestNextWithoutWaitingWaitsForNothing(t *testing.T) {
	for name, test := range map[string]struct {
		late      float64 // seconds
		reference string
		code      status.Code
		pid       bool // is in the error
	}{
		"process id comes soon": {late: 0.1, reference: "functions:fail", code: status.PythonException,
			pid: true},
		"process id comes too late": {late: 20, reference: "functions:fail", code: status.PythonException},
		"stderr of a dead worker":   {reference: "functions:exit_three", code: status.WorkerExited, pid: true},
		"stderr held by a descendant": {reference: "functions:leave_a_daemon_behind", code: status.WorkerExited,
			pid: true},
	} {
		t.Run(name, func(t *testing.T) {
			modules := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(modules, "lateword.py"),
				fmt.Appendf(nil, lateWord, test.late), 0o600))
			e := newEnv(t, "4.2", config.Pair{Key: "udfrunner.zygote.modules", Value: "lateword"},
				config.Pair{Key: "spark.executorEnv.PYTHONPATH", Value: modules + ":" + testModules(t)})
			it, err := job(t, e, 200, "long", onA, test.reference).Compute(numbers(t).Input(), Task{})
			require.NoError(t, err)
			defer it.Close()
			fd, err := it.EventFD()
			require.NoError(t, err)
			var longest time.Duration
			for err == nil {
				require.True(t, polls(t, fd, patience), "progress was possible, and the descriptor did not say so")
				var code status.Code
				start := time.Now()
				code, err = it.NextArrow(0, new(cdata.Array), nil)
				longest = max(longest, time.Since(start))
				require.NotEqual(t, status.Done, code)
			}
			assert.Equal(t, test.code, status.CodeOf(err), "%v", err)
			_, found := status.From(err).Details["worker.pid"]
			assert.Equal(t, test.pid, found)
			assert.Less(t, longest, pidReport/2)
		})
	}
}
