package worker

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Release implements Factory. PySpark's own workers do not look for what a task leaves behind, as those of the embedded
// daemon do.
func (s *stock) Release(w *Worker, reuse bool) {
	s.base.Release(w, reuse && !hasThreadsOrChildren(w.PID()))
}

// hasThreadsOrChildren says whether a process has threads beside its first one, or child processes: what a task left
// there may still have its channel, and read or answer in the place of the next one. Of a process that cannot be looked
// at (no /proc, another namespace) it says no.
//
// Threads of native libraries count as well, since nothing tells them from Python's; there are few where
// OMP_NUM_THREADS is 1, Spark's default.
func hasThreadsOrChildren(pid int) bool {
	if pid <= 0 {
		return false
	}
	tasks := "/proc/" + strconv.Itoa(pid) + "/task/"
	// The links of a folder: two of its own, and one of each folder in it.
	var s unix.Stat_t
	if unix.Stat(tasks, &s) != nil {
		return false
	}
	if s.Nlink > 3 && foreignThreads(tasks) > 1 {
		return true
	}
	children, err := readKernel(tasks + strconv.Itoa(pid) + "/children")
	return err == nil && len(children) > 0
}

// allocatorThread is the name of a thread that Arrow's jemalloc starts.
const allocatorThread = "jemalloc_bg_thd"

// foreignThreads counts threads, apart from the allocator's.
func foreignThreads(tasks string) int {
	entries, err := os.ReadDir(tasks)
	if err != nil {
		return 0
	}
	count := 0
	for _, entry := range entries {
		name, err := readKernel(tasks + entry.Name() + "/comm")
		if err == nil && string(bytes.TrimSpace(name)) != allocatorThread {
			count++
		}
	}
	return count
}
