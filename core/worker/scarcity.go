package worker

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

// shortage is an error of a call for which the system had nothing left, and the limit that it met, where that has a
// name.
type shortage struct {
	errno unix.Errno
	limit func() string
}

var scarce = []shortage{
	{unix.EMFILE, func() string { return limitText("RLIMIT_NOFILE", unix.RLIMIT_NOFILE) }},
	{unix.ETOOMANYREFS, func() string { return limitText("RLIMIT_NOFILE", unix.RLIMIT_NOFILE) }},
	{unix.ENFILE, func() string { return "fs.file-max of the kernel" }},
	{unix.EAGAIN, func() string {
		return limitText("RLIMIT_NPROC", unix.RLIMIT_NPROC) + ", pids.max of the control group bounds processes too"
	}},
	{unix.ENOMEM, nil},
	{unix.ENOBUFS, nil},
}

func limitText(name string, resource int) string {
	var limit unix.Rlimit
	if unix.Getrlimit(resource, &limit) != nil {
		return name
	}
	if limit.Cur == unix.RLIM_INFINITY {
		return name + " is unlimited"
	}
	return name + " is " + strconv.FormatUint(limit.Cur, 10)
}

// isScarce says whether an error is that the system had no process, descriptor or memory left.
func isScarce(err error) bool {
	return err != nil && slices.ContainsFunc(scarce, func(s shortage) bool { return errors.Is(err, s.errno) })
}

// explainScarcity adds to an error of scarcity its limit and cause; others stay as they are.
func explainScarcity(err error) error {
	for _, s := range scarce {
		if err == nil || !errors.Is(err, s.errno) {
			continue
		}
		limit := ""
		if s.limit != nil {
			limit = fmt.Sprintf(" (%s)", s.limit())
		}
		return status.New(scarcityCode(s.errno), "%w%s", err, limit).Because(status.CauseNoProcess)
	}
	return err
}

// scarcityCode is the code of an error of scarcity.
func scarcityCode(errno unix.Errno) status.Code {
	if errno == unix.ENOMEM || errno == unix.ENOBUFS {
		return status.NoMemory
	}
	return status.Spawn
}

const (
	// closeWait bounds the wait for the descriptors of idle workers that were evicted, on a host's thread.
	closeWait = 5 * time.Millisecond
	// reapWait bounds the wait for the ends of their processes, on the library's goroutines.
	reapWait = time.Second
)

// WithEviction calls try and, where the system has nothing left for it, evicts the idle workers of all factories of
// this process and calls it once more. It is for a host's thread: it waits milliseconds at most, and makes room for
// descriptors.
func WithEviction(try func() error) error { return evictAndRetry(try, (*Worker).closed, closeWait) }

// withEvictionOfProcesses is the same for the library's goroutines: it makes room for processes as well.
func withEvictionOfProcesses(try func() error) error {
	return evictAndRetry(try, (*Worker).gone, reapWait)
}

func evictAndRetry(try func() error, done func(*Worker) <-chan struct{}, limit time.Duration) error {
	err := try()
	if isScarce(err) && holders.evictIdle(done, limit) {
		err = try()
	}
	return explainScarcity(err)
}

// idleHolder has idle workers, as a factory does.
type idleHolder interface {
	// evictIdle kills all of them at once, and returns them.
	evictIdle() []*Worker
}

// idleHolders are those of this process: what the system bounds is the process's, or the user's.
type idleHolders struct {
	mu  sync.Mutex
	all map[idleHolder]struct{}
}

var holders = idleHolders{all: map[idleHolder]struct{}{}}

func (f *idleHolders) add(h idleHolder) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[h] = struct{}{}
}

func (f *idleHolders) remove(h idleHolder) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, h)
}

// evictIdle ends the idle workers of all factories at once, and waits until what they held is free, within limit. It
// says whether there were any.
func (f *idleHolders) evictIdle(done func(*Worker) <-chan struct{}, limit time.Duration) bool {
	f.mu.Lock()
	all := slices.Collect(maps.Keys(f.all))
	f.mu.Unlock()
	var workers []*Worker
	for _, h := range all {
		workers = append(workers, h.evictIdle()...)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for _, w := range workers {
		select {
		case <-done(w):
		case <-timer.C:
			return true
		}
	}
	return len(workers) > 0
}
