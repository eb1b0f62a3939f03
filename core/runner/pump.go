package runner

import (
	"errors"
	"slices"
	"time"

	"udfrunner/core/datasection"
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
)

// pump moves a task's bytes both ways on the thread that calls run.
type pump struct {
	runner *base
	task   *Task
	lease  lease
	in     datasection.Input
	out    datasection.Output
	bytes  bool // the host takes bytes, not arrays
	writer *transport.Writer
	source *transport.Reader
	reader *protocol.Reader

	progress
	supply   supply
	reading  reading
	writable bool           // sending is possible: until there was no room, and since poll said so
	event    protocol.Event // being handled by out
	failure  error          // ends the task as soon as the worker's process id is known, which it names
	// announced is what the worker was told of broadcast variables.
	announced []protocol.Broadcast
	counters  counters
	share     int64 // bytes that a step may read
}

func newPump() *pump { return &pump{writer: transport.NewWriter(nil), share: stepShare} }

// run goes on until output is ready (OK), the task is complete (Done), the host has no input and the worker no output
// (NeedInput), the time is up (TimedOut) or there is an error.
func (p *pump) run(timeout time.Duration) (code status.Code, err error) {
	deadline := time.Now().Add(timeout)
	p.begin()
	defer p.count()
	defer func() {
		if code != status.TimedOut { // the host is waited for, not the worker
			p.lease.leave()
		}
	}()
	for {
		if err := p.lease.interrupted(); err != nil {
			return err.Code, err
		}
		came, err := blocked, error(nil)
		if !p.lease.expiring() {
			came, err = p.step()
		}
		if p.lease.expiring() || err != nil && p.unexplained(err) {
			came, err = blocked, nil
		}
		switch {
		case err != nil:
			return status.CodeOf(err), err
		case came == produced:
			return status.OK, nil
		case came == through:
			return status.Done, nil
		case p.supply == dry:
			return status.NeedInput, nil
		}
		left := timeout
		if timeout >= 0 {
			left = max(0, time.Until(deadline))
		}
		if p.reading == paused && !p.lease.expiring() {
			left = 0
		}
		if happened, err := p.wait(left); err != nil {
			return status.CodeOf(err), err
		} else if (!happened || p.reading == paused) && timeout >= 0 && !time.Now().Before(deadline) {
			return status.TimedOut, nil
		}
	}
}

// begin begins a call: all may have changed since the last one.
func (p *pump) begin() {
	p.lease.enter()
	if p.supply == dry {
		p.supply = asking
	}
	p.reading, p.writable = readable, true
	if p.phase == opening {
		p.reading = drained
	}
}

// stepShare is how much a step reads before it is checked whether the call, or the task, has to end: some
// milliseconds' worth.
const stepShare = 1 << 20

// count brings the counters of bytes up to date.
func (p *pump) count() {
	if p.source != nil {
		p.counters.sent.Store(p.writer.Sent())
		p.counters.got.Store(p.source.Total())
	}
}

// wait waits for something to happen, at most d; it says whether something did.
func (p *pump) wait(d time.Duration) (bool, error) {
	if due, ok := p.due(); ok && (d < 0 || d > due) {
		d = due
	}
	if p.phase != opening {
		p.lease.waits()
	}
	start := time.Now()
	listens, sends := p.moves()
	ready, err := p.lease.wait(listens, sends, d)
	p.counters.waited.Add(int64(time.Since(start)))
	if ready.Read && p.reading == drained {
		p.reading = readable
	}
	p.writable = p.writable || ready.Write
	return ready != transport.Ready{}, err
}

// moves says in which directions data may move.
func (p *pump) moves() (listens, sends bool) {
	if p.lease.expiring() {
		return false, false
	}
	return p.listens(), p.wantsToSend()
}

// due is after what time a step may do something of which no descriptor tells.
func (p *pump) due() (time.Duration, bool) {
	switch {
	case p.erred():
		return pidPoll, true
	case p.ends():
		return deathPoll, true
	case p.phase != opening:
		return p.lease.birthDue()
	}
	return 0, false
}

// pidReport bounds the wait for the process id of a worker that has sent something, pidPoll is how often it is asked
// for.
const (
	pidReport = 500 * time.Millisecond
	pidPoll   = time.Millisecond
)

// unexplained says whether an error is to be kept for a while: what a new worker sent may be here before its daemon's
// word of its process id.
func (p *pump) unexplained(err error) bool {
	if p.failure == nil {
		p.failure = err
		p.take(fail)
	}
	return p.source != nil && p.source.Total() > 0 && p.lease.unborn() && time.Since(p.since) < pidReport
}

// step does all that is possible without waiting, until output is ready.
func (p *pump) step() (outcome, error) {
	if p.failure != nil {
		return blocked, p.failure
	}
	if p.phase == opening {
		if ready, err := p.open(); err != nil || !ready {
			return blocked, err
		}
	}
	if err := p.lease.overdue(); err != nil {
		return blocked, err
	}
	p.source.Allow(p.share)
	for {
		if err := p.send(); err != nil {
			return blocked, err
		}
		// A descendant that left the worker's process group may hold the channel open: the end is then known from
		// the daemon alone, and comes after all that the worker sent.
		exited := !p.ends() && p.lease.exited()
		if exited && p.reading == drained {
			p.reading = readable
		}
		came, err := p.receive()
		if err == nil && came == blocked && exited && p.reading != paused {
			came, err = p.dies()
		}
		if err != nil || came != blocked {
			return came, err
		}
		pulled, err := p.pull()
		if err != nil || !pulled {
			return blocked, err
		}
	}
}

// open gets the worker and queues the init section; false while one of them, or the host's input, is not there.
func (p *pump) open() (bool, error) {
	dialect, python, err := p.lease.open()
	if err != nil || dialect == nil {
		return false, err
	}
	p.announced = announce(p.runner.broadcasts, p.lease.broadcasts())
	in := p.runner.init(dialect, python, p.task, p.announced)
	if err := dialect.Check(in); err != nil {
		return false, err
	}
	if err := checkFiles(p.runner.includes, in); err != nil {
		return false, err
	}
	added, err := p.in.Open(dialect)
	if errors.Is(err, hostcall.ErrAgain) {
		p.supply = dry
		return false, nil
	}
	if err != nil {
		return false, err
	}
	in.EvalConf = append(in.EvalConf, added.EvalConf...)
	if added.Arguments != nil {
		in.Chains = slices.Clone(in.Chains)
		in.Chains[0].Arguments = added.Arguments
	}
	p.source = p.lease.join(p.writer)
	p.reader = protocol.NewReader(dialect, p.runner.EvalType.Framing, p.source)
	p.reader.Limit(p.runner.prepare(dialect, p.task.CPUs).answer)
	p.out.Attach(p.source, p.bytes)
	p.writer.Queue(p.runner.section(dialect, in))
	p.in.Start(p.writer)
	// The first input goes out together with the init section, so that the worker wakes up once.
	if _, err := p.pull(); err != nil {
		return false, err
	}
	p.take(opened)
	return true, nil
}

// receive reads what the worker sent.
func (p *pump) receive() (outcome, error) {
	if p.reading == paused {
		p.reading = readable
	}
	switch {
	case p.phase == complete:
		return through, nil
	case p.ends():
		return p.died()
	case p.reading == drained && p.source.Buffered() == 0:
		return blocked, nil
	}
	for {
		if p.event == 0 {
			event, err := p.reader.Next()
			if err != nil {
				return p.received(err)
			}
			switch event {
			case protocol.Paused:
				p.reading = paused
				return blocked, nil
			case protocol.Exception:
				p.take(except)
				return blocked, pythonException(p.reader)
			case protocol.End:
				p.take(agree)
				if p.out.Flush(true) {
					return produced, nil
				}
				return through, nil
			default:
				p.event = event
				p.out.Begin(event, p.reader.Length())
			}
		}
		ready, finished, err := p.out.Read()
		if finished {
			p.event = 0
		}
		if err != nil {
			return p.received(err)
		}
		if ready {
			p.reading = readable // more may be there already
			return produced, nil
		}
	}
}

// received handles an error of the source.
func (p *pump) received(err error) (outcome, error) {
	switch {
	case errors.Is(err, transport.ErrWouldBlock):
		p.reading = drained
		if p.source.Spent() {
			p.reading = paused
		}
		if p.out.Flush(false) {
			return produced, nil
		}
		return blocked, nil
	case errors.Is(err, transport.ErrClosed):
		return p.dies()
	}
	return blocked, err
}

// dies begins the wait for the report of the worker's death.
func (p *pump) dies() (outcome, error) {
	p.take(hungUp)
	return p.died()
}

const (
	// deathGrace is how long a worker that closed its channel may live on.
	deathGrace = 100 * time.Millisecond
	// deathReport is how long the report of a death may take.
	deathReport = 5 * time.Second
	// deathPoll is how often the above are asked for.
	deathPoll = 20 * time.Millisecond
)

// died goes on once the worker's channel is closed: the daemon's report says how it ended.
func (p *pump) died() (outcome, error) {
	since := time.Since(p.since)
	switch {
	case p.lease.exited(), since > deathReport:
		if p.reader.Raised() {
			return blocked, status.New(status.PythonException,
				"exception whose text cannot be encoded as UTF-8; worker.stderr_tail has it")
		}
		return blocked, p.lease.exitError(p.phase == killed)
	case since > deathGrace && p.phase == dying && !p.lease.ending():
		p.take(outlive)
		p.lease.kill()
	}
	return blocked, nil
}

func (p *pump) send() error {
	if p.supply == refused || !p.writable || p.writer.Pending() == 0 {
		return nil
	}
	err := p.writer.Send()
	switch {
	case errors.Is(err, transport.ErrClosed):
		p.supply = refused // what it says last is still to be read
		return nil
	case errors.Is(err, transport.ErrWouldBlock):
		p.writable = false
		return nil
	}
	return err
}

// pull asks the host for input when all that it brought before is sent: segments may then be written over, and no more
// of the host's batches are held than are on their way. It says whether something was queued.
func (p *pump) pull() (bool, error) {
	if p.supply != asking || p.ends() || p.phase != opening && p.writer.Pending() > 0 {
		return false, nil
	}
	start := time.Now()
	err := p.in.Pull(p.writer)
	p.counters.hosted.Add(int64(time.Since(start)))
	switch {
	case errors.Is(err, hostcall.ErrAgain):
		p.supply = dry
		return false, nil
	case errors.Is(err, hostcall.ErrDone):
		p.in.Finish(p.writer)
		p.writer.Queue(protocol.EndOfTask)
		p.supply = spent
		return true, nil
	case err != nil:
		return false, err
	}
	p.counters.inputs.Add(1)
	return true, nil
}

// wantsToSend says whether room in the socket would help.
func (p *pump) wantsToSend() bool {
	return p.phase == running && p.supply != refused && p.writer.Pending() > 0
}

// interest is what would let the pump go on after a call.
func (p *pump) interest() interest {
	if p.lease.expiring() {
		return interest{}
	}
	due, _ := p.due()
	goesOn := p.reading != drained || p.supply == asking && p.writer.Pending() == 0
	return interest{
		listen: p.listens(), send: p.wantsToSend(), due: due,
		now: p.phase == complete || p.phase == running && goesOn,
	}
}

// reusable says whether the worker may run another task: it agreed that its input ended where it should,
// and nothing is left on the way.
func (p *pump) reusable() bool {
	return p.reader.Result().Reusable && p.supply == spent && p.writer.Pending() == 0 && p.source.Buffered() == 0
}

// release gives back all that is the host's; host code runs here.
func (p *pump) release() {
	p.writer.Drop()
	p.out.Release()
	p.in.Release()
}
