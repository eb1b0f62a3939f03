package worker

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/logsink"
)

func TestProcessorTimeOfAProcess(t *testing.T) {
	before := cpuTime(os.Getpid())
	for deadline := time.Now().Add(patience); cpuTime(os.Getpid()) < before+50*time.Millisecond; {
		require.True(t, time.Now().Before(deadline), "a busy process uses none")
	}
	assert.Zero(t, cpuTime(0))
	ended := exec.Command("/bin/true")
	require.NoError(t, ended.Run())
	assert.Zero(t, cpuTime(ended.Process.Pid))
	assert.Zero(t, peakMemory(ended.Process.Pid))
	assert.Greater(t, peakMemory(os.Getpid()), int64(1<<20))
}

func TestUsageIsATasks(t *testing.T) {
	f := started(t, spec(t), "4.2")
	w := acquire(t, f, "")
	require.Eventually(t, func() bool { return w.PID() > 0 && w.Usage(0).CPU > 0 }, patience, time.Millisecond)
	first := w.Usage(0)
	assert.Greater(t, first.PeakRSS, int64(1<<20))
	w.Tasks++ // its next task
	w.BeginTask(&logsink.Task{})
	assert.Less(t, w.Usage(0).CPU, first.CPU+time.Second)
	w.process.mu.Lock()
	assert.GreaterOrEqual(t, w.cpuBefore, first.CPU)
	w.process.mu.Unlock()
	f.Release(w, false)
}

// What observing costs a task: to be held against the 400 µs and more of a warm task of ten rows.
func BenchmarkObservation(b *testing.B) {
	sink := logsink.New(logsink.Options{Buffer: 1 << 20})
	w := newWorker(identity{}, lease{})
	w.Tasks, w.pid, w.peakRSS = 1, os.Getpid(), 1
	l, ends, err := newLogs(sink)
	require.NoError(b, err)
	w.logs = l
	task := &logsink.Task{}
	for b.Loop() {
		w.BeginTask(task)
		_ = w.Usage(0)
		w.EndOutput()
		w.label(nil)
	}
	ends.close()
	l.finish()
}
