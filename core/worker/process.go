package worker

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/logsink"
	"udfrunner/core/safego"
	"udfrunner/core/status"
)

// process is a worker's process as the library knows it: how it is reached, what it writes and uses, how it ended.
type process struct {
	exited   chan struct{} // the process has ended
	reported chan struct{} // and its last words are here; see Exited
	asking   chan struct{} // holds one while the worker is asked for its stacks

	mu       sync.Mutex // of what follows
	pid      int
	pidfd    int
	logs     logs
	stacks   *stackFile // nil where the worker has none
	noStacks string     // why that is
	killed   bool
	killer   *safego.Timer // kills it if it does not end by itself
	exit     Exit
	refuse   *status.Error // it never began
	onExit   func()

	// Of its task: where what it writes for it begins, and the processor time that it had used before.
	stderrMark int64
	cpuBefore  time.Duration
	peakRSS    int64 // the last that was read
}

func newProcess() process {
	return process{
		pidfd: -1, exited: make(chan struct{}), reported: make(chan struct{}), asking: make(chan struct{}, 1),
	}
}

// PID is the process id, 0 while the process is being made, -1 where the worker is none of the library's.
func (p *process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pid
}

// writesTo names the tails of what the process writes, before it is there.
func (p *process) writesTo(logs logs) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logs = logs
	if logs.shared {
		logs.stderr.drainNow()
		p.stderrMark = logs.stderr.mark()
	}
}

// started tells the process. Worker's become pidfd, where it is not -1, and stacks, where it is not nil; else noStacks
// says why. It is killed at once where the worker was killed before.
func (p *process) started(pid, pidfd int, stacks *stackFile, noStacks string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid, p.pidfd, p.stacks, p.noStacks = pid, pidfd, stacks, noStacks
	p.logs.setPID(pid)
	if p.killed {
		p.killGroupLocked()
	}
}

// signal sends a signal to the process itself, where it is known.
func (p *process) signal(signal unix.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pidfd >= 0 {
		_ = unix.PidfdSendSignal(p.pidfd, signal, nil, 0)
	}
}

// killGroup ends the process, where it is known, and with it its process group where the kernel does that by a pidfd
// (Linux 6.9).
func (p *process) killGroup() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killGroupLocked()
}

func (p *process) killGroupLocked() {
	if p.pidfd >= 0 {
		_ = unix.PidfdSendSignal(p.pidfd, unix.SIGKILL, nil, unix.PIDFD_SIGNAL_PROCESS_GROUP)
		_ = unix.PidfdSendSignal(p.pidfd, unix.SIGKILL, nil, 0) // it may have left its group
	}
}

// held says whether the process is held by a pidfd, so that its end is an event.
func (p *process) held() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pidfd >= 0
}

// markKilled says whether the process is to be killed now: not where it was before, or has ended.
func (p *process) markKilled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed || p.hasExited() {
		return false
	}
	p.killed = true
	return true
}

func (p *process) wasKilled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// killAfter calls kill if the process has not ended after d.
func (p *process) killAfter(d time.Duration, kill func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.killed && !p.hasExited() {
		p.killer = safego.AfterFunc(d, kill)
	}
}

// setExit records the end, and returns the tail of stderr that will end with the process, nil where there is none.
func (p *process) setExit(exit Exit, refuse *status.Error) *tail {
	p.mu.Lock()
	defer p.mu.Unlock()
	exit.Stack = fatalStack(p.stacks.text(0))
	p.exit, p.refuse = exit, refuse
	p.killer.Stop()
	p.closeHold()
	p.logs.finish()
	close(p.exited)
	if p.logs.shared {
		return nil // its daemon goes on
	}
	return p.logs.stderr
}

// setReported says that all is here that explains the end, and returns what waits for that.
func (p *process) setReported() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.reported)
	notify := p.onExit
	p.onExit = nil
	return notify
}

// closeHold closes the descriptors by which the process is held and asked; p.mu is held.
func (p *process) closeHold() {
	p.stacks.close()
	p.stacks = nil
	if p.pidfd >= 0 {
		_ = unix.Close(p.pidfd)
		p.pidfd = -1
	}
}

// close closes all that the library has of the process, where that is its alone.
func (p *process) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.logs.shared {
		return
	}
	p.logs.stdout.cut()
	p.logs.stderr.cut()
	p.closeHold()
}

// closed is closed when nothing is open any more of a worker that was abandoned.
func (p *process) closed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.logs.shared || p.logs.stderr == nil {
		return p.exited
	}
	return p.logs.stderr.ended
}

// gone is closed when the process has ended.
func (p *process) gone() <-chan struct{} { return p.exited }

func (p *process) hasExited() bool { return isClosed(p.exited) }

// Exited says whether the process has ended and all that explains it is here: the report of it, and what it wrote to
// stderr.
func (p *process) Exited() bool { return isClosed(p.reported) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// OnExit calls notify once Exited holds, at once where it does. It takes the place of the notify before; nil takes it
// away.
func (p *process) OnExit(notify func()) {
	p.mu.Lock()
	p.onExit = notify
	exited := p.Exited()
	p.mu.Unlock()
	if exited && notify != nil {
		notify()
	}
}

// Ending says whether the process has ended, even if its exit report has not arrived, or is about to: the kernel closes
// its descriptors first, and on a busy machine the rest may take its time.
func (p *process) Ending() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hasExited() {
		return true
	}
	if p.pidfd < 0 {
		return false
	}
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}}, 0) //nolint:gosec // a descriptor
	return err == nil && n == 1 || exiting(p.pid)
}

// refused is why the process never began, nil where that is not so.
func (p *process) refused() *status.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refuse
}

// exitReport is how the process ended, where it has, and what it wrote to stderr for its task.
func (p *process) exitReport() (exit *Exit, pid int, stderr string) {
	p.mu.Lock()
	ended, pid, logs, mark := p.exit, p.pid, p.logs, p.stderrMark
	p.mu.Unlock()
	return &ended, pid, logs.stderr.textSince(mark)
}

// label says whose the lines are that the process writes from now on; nil is nobody's.
func (p *process) label(task *logsink.Task) {
	p.mu.Lock()
	logs := p.logs
	p.mu.Unlock()
	logs.setTask(task)
}

// EndOutput takes what the worker wrote for its task out of the log pipes, so that the host has all of it with the
// task's end and nothing of it counts as the next one's. A line without its end is one.
func (p *process) EndOutput() {
	p.mu.Lock()
	logs := p.logs
	p.mu.Unlock()
	logs.endOutput()
}

// Usage is what a task's worker has used.
type Usage struct {
	CPU     time.Duration // since the task got it, or since its start where it is the first one
	PeakRSS int64         // bytes, of the process so far
}

// beginUsage has what the process uses and writes from now on count as the next task's.
func (p *process) beginUsage() {
	used := cpuTime(p.PID())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cpuBefore = used
	if p.logs.shared {
		p.logs.stderr.drainNow()
	}
	p.stderrMark = p.logs.stderr.mark()
}

// peakAfter is from how long a task on the peak of the process's memory is read again: reading it costs some 20 µs.
const peakAfter = 5 * time.Millisecond

// Usage is what the worker has used since BeginTask, which was took ago.
func (p *process) Usage(took time.Duration) Usage {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hasExited() {
		return Usage{CPU: max(0, p.exit.CPU-p.cpuBefore), PeakRSS: p.exit.PeakRSS}
	}
	if p.pid <= 0 {
		return Usage{}
	}
	if p.peakRSS == 0 || took >= peakAfter {
		p.peakRSS = peakMemory(p.pid)
	}
	return Usage{CPU: max(0, cpuTime(p.pid)-p.cpuBefore), PeakRSS: p.peakRSS}
}

// stackState is the length of the file for stacks, -1 where there is none (yet); lack says why there never will be one.
func (p *process) stackState() (size int64, pid int, lack string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hasExited() {
		return -1, p.pid, ""
	}
	if p.stacks == nil {
		return -1, p.pid, p.noStacks
	}
	return p.stacks.size(), p.pid, ""
}

// stackAnswer is what the process has written to that file since it had a length, where the answer is complete: Python
// code's has an end, for which faulthandler's, where it was asked too, has its signal.
func (p *process) stackAnswer(before int64, byFaulthandler bool) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hasExited() || p.stacks.size() <= before {
		return "", false
	}
	text, _, complete := strings.Cut(p.stacks.text(before), "\x00")
	return text, complete || byFaulthandler && !handling(p.pid, stackSignal)
}
