package worker

import (
	"bytes"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"
)

// oomKills is how many processes of a control group the kernel's out-of-memory killer has ended, be it for a limit of
// the group or because the machine had no memory left. The file is "" where the kernel does not say.
type oomKills struct {
	file  string
	count uint64
}

// oomWatch has the counts before workers: many that begin at once share one.
type oomWatch struct {
	mu   sync.Mutex
	last oomKills
	read time.Time
}

// oomPeriod is for how long a count is good enough.
const oomPeriod = 100 * time.Millisecond

// recent is the count around a process, of now or oomPeriod ago at most.
func (o *oomWatch) recent(pid int) oomKills {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.read) > oomPeriod {
		o.look(pid)
	}
	return o.last
}

// now is the count around a process now. Workers that begin later do not answer for what it has counted.
func (o *oomWatch) now(pid int) oomKills {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.look(pid)
	return o.last
}

// look is to be called with the lock.
func (o *oomWatch) look(pid int) { o.last, o.read = oomKillsAround(pid), time.Now() }

// cgroups is where control groups are mounted by convention.
const cgroups = "/sys/fs/cgroup"

// oomKillsAround reads that of a process's group.
func oomKillsAround(pid int) oomKills {
	text, err := readProc(pid, "cgroup")
	if err != nil {
		return oomKills{}
	}
	for _, file := range oomFiles(text) {
		if k, ok := readOOMKills(file); ok {
			return k
		}
	}
	return oomKills{}
}

// since says whether there are more than before; all count that are of another group, to which the process was moved
// meanwhile.
func (k oomKills) since(before oomKills) bool {
	switch before.file {
	case "": // not known
		return false
	case k.file:
		return k.count > before.count
	}
	return k.count > 0
}

// oomFiles are where the count may be that belongs to a text of /proc/<pid>/cgroup, best one first. In a container the
// path is often that of the host, and what is mounted is the container's own group.
func oomFiles(text []byte) []string {
	var first, second []string
	for line := range bytes.Lines(text) {
		fields := bytes.SplitN(bytes.TrimSpace(line), []byte(":"), 3) // hierarchy, controllers, path
		if len(fields) < 3 {
			continue
		}
		group, controllers := string(fields[2]), bytes.Split(fields[1], []byte(","))
		switch {
		case len(fields[1]) == 0: // version 2
			second = append(second, path.Join(cgroups, group, "memory.events"), path.Join(cgroups, "memory.events"))
		case slices.ContainsFunc(controllers, func(b []byte) bool { return string(b) == "memory" }):
			first = append(first, path.Join(cgroups, "memory", group, "memory.oom_control"),
				path.Join(cgroups, "memory", "memory.oom_control"))
		}
	}
	return append(first, second...)
}

func readOOMKills(file string) (oomKills, bool) {
	text, err := readKernel(file)
	if err != nil {
		return oomKills{}, false
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			count, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 64)
			return oomKills{file: file, count: count}, err == nil
		}
	}
	return oomKills{}, false
}
