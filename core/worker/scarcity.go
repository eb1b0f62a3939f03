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
	// soon bounds the wait for the descriptors of idle workers that were given up, on a host's thread.
	soon = 5 * time.Millisecond
	// reaped bounds the wait for the ends of their processes, on the library's goroutines.
	reaped = time.Second
)

// Sparing has something made and, where the system has nothing left for it, made once more without the idle workers of
// all factories of this process. It is for a host's thread: it waits milliseconds at most, and makes room for
// descriptors.
func Sparing(make func() error) error { return makingRoom(make, (*Worker).closed, soon) }

// sparingProcesses is Sparing for the library's goroutines: it makes room for processes as well.
func sparingProcesses(make func() error) error { return makingRoom(make, (*Worker).gone, reaped) }

func makingRoom(make func() error, done func(*Worker) <-chan struct{}, limit time.Duration) error {
	err := make()
	if isScarce(err) && living.giveUpIdle(done, limit) {
		err = make()
	}
	return explainScarcity(err)
}

// factories are those of this process that may have idle workers: what the system bounds is the process's, or the
// user's.
type factories struct {
	mu  sync.Mutex
	all map[*base]struct{}
}

var living = factories{all: map[*base]struct{}{}}

func (f *factories) add(b *base) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[b] = struct{}{}
}

func (f *factories) remove(b *base) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, b)
}

// giveUpIdle ends the idle workers of all factories at once, and waits until what they held is free, within limit. It
// says whether there were any.
func (f *factories) giveUpIdle(done func(*Worker) <-chan struct{}, limit time.Duration) bool {
	f.mu.Lock()
	bases := slices.Collect(maps.Keys(f.all))
	f.mu.Unlock()
	var all []*Worker
	for _, b := range bases {
		all = append(all, b.giveUpIdle()...)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for _, w := range all {
		select {
		case <-done(w):
		case <-timer.C:
			return true
		}
	}
	return len(all) > 0
}

// giveUpIdle ends the idle workers, those included that are held back for a while before their end.
func (b *base) giveUpIdle() []*Worker {
	all := append(b.idle.empty(), b.done.empty()...)
	for _, w := range all {
		b.givenBack(w, letGo)
		w.abandon()
	}
	return all
}

// abandon kills an idle worker and closes all that the library has of it: nobody will ask how it ended.
func (w *Worker) abandon() {
	w.Kill()
	w.closeChannel()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.logs.shared {
		return
	}
	w.logs.stdout.cut()
	w.logs.stderr.cut()
	w.stacks.close()
	w.stacks = nil
	if w.pidfd >= 0 {
		_ = unix.Close(w.pidfd)
		w.pidfd = -1
	}
}

// closed is closed when nothing is open any more of a worker that was abandoned.
func (w *Worker) closed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.logs.shared || w.logs.stderr == nil {
		return w.exited
	}
	return w.logs.stderr.ended
}

// gone is closed when its process has ended.
func (w *Worker) gone() <-chan struct{} { return w.exited }
