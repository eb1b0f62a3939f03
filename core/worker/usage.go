package worker

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the processor time that a process has used, all its threads together; 0 if unknown. It is one
// system call.
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

// peakMemory is the largest resident memory that a process had so far, in bytes; 0 if unknown.
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
