package worker

import (
	"time"

	"golang.org/x/sys/unix"

	"udfrunner/core/status"
)

// stackPoll is how often it is checked whether a worker has written its stacks: no event tells of it.
const stackPoll = 500 * time.Microsecond

// Stack is the Python stacks of the worker's threads now, as faulthandler writes them: also while the worker is stuck
// in C code. It waits at most d, without limit if d is negative; status.TimedOut says that the worker did not answer in
// time, as it does while it is stopped or being made. Workers of stock daemons have no such answer: NOT_SUPPORTED.
func (w *Worker) Stack(d time.Duration) (string, status.Code, error) {
	if w.kind != Embedded {
		return "", 0, status.New(status.NotSupported,
			"Python stack of a running worker (%s factory): only workers of the embedded daemon give it", w.kind)
	}
	var expired <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case w.asking <- struct{}{}: // one at a time
		defer func() { <-w.asking }()
	case <-w.reported:
		return "", 0, w.ExitError(false)
	case <-expired:
		return "", status.TimedOut, nil
	}
	poll := time.NewTicker(stackPoll)
	defer poll.Stop()
	asked, before := false, int64(0)
	var inC unanswered
	for {
		size, pid, lack := w.stackState()
		if !asked && size >= 0 {
			asked, before = true, size
			inC = unanswered{pid: pid, since: time.Now(), cpu: cpuTime(pid), waited: -1}
			w.ask(askSignal)
		}
		if asked {
			if text, ok := w.stackAnswer(before, inC.told); ok {
				return text, status.OK, nil
			}
		}
		if asked && inC.now() {
			w.ask(stackSignal)
		}
		if lack != "" {
			return "", 0, status.New(status.NotSupported,
				"Python stack of worker %d: it has no file for its stacks (%s)", pid, lack)
		}
		select {
		case <-w.reported:
			return "", 0, w.ExitError(false)
		case <-expired:
			return "", status.TimedOut, nil
		case <-poll.C:
		}
	}
}

// unanswered is a worker that was asked for its stacks.
type unanswered struct {
	pid    int
	since  time.Time
	cpu    time.Duration // that it had used before
	looked time.Time
	waited time.Duration // what it had used by then, if it waited in a system call; -1 of one that ran
	told   bool
}

const (
	// answerTime is how much processor time Python code takes at most until it answers, by far.
	answerTime = 20 * time.Millisecond
	// answerPoll is how often it is looked how much was used.
	answerPoll = 5 * time.Millisecond
)

// now says, once, that the worker is in C code: it has run for a while and not answered, or waits in a system call, the
// second time without having run. Without /proc time alone tells.
func (u *unanswered) now() bool {
	if u.told || time.Since(u.since) < answerTime || time.Since(u.looked) < answerPoll {
		return false
	}
	u.looked = time.Now()
	state, used := stateOf(u.pid), cpuTime(u.pid)
	waits := state == 'S' || state == 'D'
	u.told = state == 0 || used-u.cpu >= answerTime || waits && used == u.waited
	if u.waited = -1; waits {
		u.waited = used
	}
	return u.told
}

// ask sends a signal to the process itself, by the daemon where it is not held.
func (w *Worker) ask(signal unix.Signal) {
	if w.held() {
		w.signal(signal)
		return
	}
	w.owner.askStack(w, signal)
}
