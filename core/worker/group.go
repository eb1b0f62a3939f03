package worker

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"time"
)

// processGroup is a worker and the processes that its functions started: all that its end will end.
type processGroup struct {
	leader int
	// orphans are members that are no more descendants of the leader, as their parents have ended. They are looked for
	// in the list of all processes, and therefore seldom.
	orphans []int
	scanned time.Time
}

// orphanScan is how often orphans are looked for.
const orphanScan = time.Second

// members are the processes of the group now, the leader first.
func (g *processGroup) members() []int {
	pids := descendants(g.leader)
	if time.Since(g.scanned) >= orphanScan {
		g.scanned = time.Now()
		g.orphans = inGroup(g.leader)
	}
	for _, pid := range g.orphans {
		if !slices.Contains(pids, pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// exceeds says whether the members have more private memory together than limit, and how much. Pages that several of
// them share do not count.
func (g *processGroup) exceeds(limit int64) (int64, bool) {
	pids := g.members()
	var bound int64
	for _, pid := range pids {
		n, err := memoryBound(pid)
		if err == nil {
			bound += n
		}
	}
	if bound <= limit {
		return 0, false
	}
	var private int64
	for _, pid := range pids {
		n, err := privateMemory(pid)
		if err == nil {
			private += n
		}
	}
	return private, private > limit
}

// maxMembers bounds the walk through a group that forks as fast as it is walked through.
const maxMembers = 4096

// descendants are a process and its living descendants. The kernel lists children by the thread that made them.
func descendants(pid int) []int {
	pids := []int{pid}
	for i := 0; i < len(pids) && len(pids) < maxMembers; i++ {
		tasks := "/proc/" + strconv.Itoa(pids[i]) + "/task/"
		threads, err := os.ReadDir(tasks)
		if err != nil {
			continue
		}
		for _, thread := range threads {
			text, err := os.ReadFile(tasks + thread.Name() + "/children")
			if err != nil {
				continue
			}
			for _, field := range bytes.Fields(text) {
				if child, err := strconv.Atoi(string(field)); err == nil {
					pids = append(pids, child)
				}
			}
		}
	}
	return pids
}

// inGroup are the processes of a process group, found in the list of all.
func inGroup(group int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if fields := statOf(pid); len(fields) > 2 && string(fields[2]) == strconv.Itoa(group) {
			pids = append(pids, pid)
		}
	}
	return pids
}
