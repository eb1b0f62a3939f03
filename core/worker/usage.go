package worker

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the processor time that a process has used, all its threads together; 0 where it cannot be had. It is one system call.
func cpuTime(pid int) time.Duration {
	if pid <= 0 {
		return 0
	}
	// The clock of a process, as clock_getcpuclockid(3) makes its id: the complement of the pid, and CPUCLOCK_SCHED.
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|2, &ts); err != nil { //nolint:gosec // a pid
		return 0
	}
	return time.Duration(ts.Nano())
}

// peakMemory is the largest resident memory that a process had so far, in bytes; 0 where it cannot be had.
func peakMemory(pid int) int64 {
	text, err := readProc(pid, "status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(text, []byte("VmHWM:"))
	line, _, _ := bytes.Cut(rest, []byte(" kB"))
	n, _ := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
	return n << 10
}

// Usage is what a task's worker has used.
type Usage struct {
	CPU     time.Duration // since the task got it, or since its start where it is the first one
	PeakRSS int64         // bytes, of the process so far
}

// peakAfter is from how long a task on the peak of the process's memory is read again: reading it costs some 20 µs.
const peakAfter = 5 * time.Millisecond

// Usage is what the worker has used since BeginTask, which was took ago.
func (w *Worker) Usage(took time.Duration) Usage {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hasExited() {
		return Usage{CPU: max(0, w.exit.CPU-w.cpuBefore), PeakRSS: w.exit.PeakRSS}
	}
	if w.pid <= 0 {
		return Usage{}
	}
	if w.peakRSS == 0 || took >= peakAfter {
		w.peakRSS = peakMemory(w.pid)
	}
	return Usage{CPU: max(0, cpuTime(w.pid)-w.cpuBefore), PeakRSS: w.peakRSS}
}
