package runner

import (
	"fmt"
	"time"
)

// phase is where a task stands, as its pump sees it.
type phase uint8

const (
	opening  phase = iota // its worker, or its first input, is to come
	running               // bytes move both ways
	dying                 // the worker closed its channel: the report of its end is to come
	killed                // the same, and it had to be killed
	raised                // the worker sent an exception, and ends by itself
	failed                // there is an error, which perhaps waits for the worker's process id
	complete              // the worker's result section is read
)

func (p phase) String() string {
	return [...]string{"opening", "running", "dying", "killed", "raised", "failed", "complete"}[p]
}

// turn is what leads from a phase to another one.
type turn uint8

const (
	opened  turn = iota // the init section is queued
	hungUp              // the worker's end of the channel is closed
	outlive             // the worker lives on without it
	except              // it sent an exception
	fail                // an error ends the task
	agree               // the worker is through
)

func (t turn) String() string {
	return [...]string{"opened", "hungUp", "outlive", "except", "fail", "agree"}[t]
}

// turns are all that there are. An error may be met at any time; that of an exception leaves the task one whose
// worker raised.
var turns = map[phase]map[turn]phase{
	opening:  {opened: running, fail: failed},
	running:  {hungUp: dying, except: raised, agree: complete, fail: failed},
	dying:    {outlive: killed, fail: failed},
	killed:   {fail: failed},
	raised:   {fail: raised},
	failed:   {fail: failed},
	complete: {fail: failed},
}

// progress is a task's phase.
type progress struct {
	phase phase
	// since is, of dying and killed, when the channel was found closed, of raised and failed when the error was met.
	since time.Time
}

// take takes a turn; one that its phase does not have is a bug.
func (p *progress) take(t turn) {
	next, ok := turns[p.phase][t]
	if !ok {
		panic(fmt.Sprintf("pump: %v while %v", t, p.phase))
	}
	if next != p.phase && next != killed {
		p.since = time.Now()
	}
	p.phase = next
}

// ends says that the worker's channel is closed, and the report of its end awaited.
func (p *progress) ends() bool { return p.phase == dying || p.phase == killed }

// erred says that the error that ends the task is known.
func (p *progress) erred() bool { return p.phase == raised || p.phase == failed }

// listens says whether what comes from the worker matters.
func (p *progress) listens() bool { return !p.ends() && !p.erred() }

// supply is where a task's input stands.
type supply uint8

const (
	asking  supply = iota // the host is asked for more
	dry                   // it has none now, and is not asked again in this call
	spent                 // its end is queued
	refused               // the worker takes no more
)

// reading says what reading from the worker would give.
type reading uint8

const (
	drained  reading = iota // nothing, until poll says otherwise
	readable                // perhaps bytes
	// paused in the middle of much: reading goes on, without waiting, once it is known that the call need not end.
	paused
)

// outcome is how far a step came.
type outcome uint8

const (
	blocked  outcome = iota // nothing is possible without waiting
	produced                // output is ready
	through                 // the task is complete
)
