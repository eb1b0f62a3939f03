package runner

import (
	"errors"
	"slices"
	"time"

	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/transport"
	"udfrunner/core/worker"
)

// pump moves a task's bytes both ways on the thread that calls run.
type pump struct {
	it           *Iterator
	in           input
	out          output
	writer       *transport.Writer
	source       *transport.Reader
	reader       *protocol.Reader
	acquireError error
	acquired     time.Time

	opened     bool
	event      protocol.Event // being handled by out
	inputEnded bool
	again      bool // the host said that it has no input now
	deaf       bool // the worker takes no more input
	mayRead    bool // output was handed out, or reading paused, and more may be there already
	paused     bool // the reader paused, or the step has read its share: it goes on without waiting
	readable   bool // reading may give bytes: until it would have waited, and since poll said so
	writable   bool // the same for sending
	ended      bool
	raised     bool      // the worker sent an exception, and ends by itself
	forked     bool      // the worker's process is known
	death      time.Time // the worker's channel was found closed
	stubborn   bool      // and it had to be killed
	failure    error     // ends the task as soon as the worker's process id is known, which it names
	failed     time.Time // when it was met; the channel is not read any more
	sentNew    []protocol.Broadcast
	counters   counters
	share      int64 // bytes that a step may read
}

// run goes on until output is ready (OK), the task is complete (Done), the host has no input and the worker no output
// (NeedInput), the time is up (TimedOut) or there is an error.
func (p *pump) run(timeout time.Duration) (code status.Code, err error) {
	deadline := time.Now().Add(timeout)
	p.it.wake.Clear()
	p.again, p.mayRead, p.readable, p.writable = false, false, p.opened, true
	defer p.count()
	defer func() {
		if code != status.TimedOut { // the host is waited for, not the worker
			p.it.monitor.idle.moves()
		}
	}()
	for {
		if err := p.it.interrupted(); err != nil {
			return err.Code, err
		}
		code, err := p.step()
		if err != nil && p.unexplained(err) {
			code, err = waiting, nil
		}
		if err != nil || code != waiting {
			return code, err
		}
		if p.again {
			return status.NeedInput, nil
		}
		left := timeout
		if timeout >= 0 {
			left = max(0, time.Until(deadline))
		}
		if p.paused {
			left = 0
		}
		if happened, err := p.wait(left); err != nil {
			return 0, err
		} else if (!happened || p.paused) && timeout >= 0 && !time.Now().Before(deadline) {
			return status.TimedOut, nil
		}
	}
}

// stepShare is how much a step reads before it is looked whether the call, or the task, has to end: some milliseconds' worth.
const stepShare = 1 << 20

// count brings the counters of bytes up to date.
func (p *pump) count() {
	if p.opened {
		p.counters.sent.Store(p.writer.Sent())
		p.counters.got.Store(p.source.Total())
	}
}

// waiting is step's answer when nothing is possible without waiting.
const waiting = status.Code(100)

// wait waits for something to happen, at most d; it says whether something did.
func (p *pump) wait(d time.Duration) (bool, error) {
	var channel transport.Channel
	if w := p.it.worker; w != nil && p.death.IsZero() && p.failure == nil {
		if ready, _ := w.Ready(); ready {
			channel = w.Channel
		}
	}
	if due, ok := p.due(); ok && (d < 0 || d > due) {
		d = due
	}
	if p.opened {
		p.it.monitor.idle.waits()
	}
	start := time.Now()
	ready, err := transport.Wait(channel, p.wantsToSend(), p.it.wake.FD(), d)
	p.counters.waited.Add(int64(time.Since(start)))
	if ready.Read || ready.Write {
		p.it.monitor.idle.moves()
	}
	p.readable = p.readable || ready.Read
	p.writable = p.writable || ready.Write
	if ready.Wake {
		p.it.wake.Clear()
	}
	return ready != transport.Ready{}, err
}

// due is after what time a step may do something of which no descriptor tells.
func (p *pump) due() (time.Duration, bool) {
	switch {
	case p.failure != nil:
		return pidPoll, true
	case !p.death.IsZero():
		return deathPoll, true
	case p.opened && !p.forked:
		return max(0, time.Until(p.it.factory.ForkDue(p.acquired))) + time.Millisecond, true
	}
	return 0, false
}

// pidReport bounds the wait for the process id of a worker that has sent something, pidPoll is how often it is looked at.
const (
	pidReport = 500 * time.Millisecond
	pidPoll   = time.Millisecond
)

// unexplained says whether an error is to be kept for a while: what a new worker sent may be here before its daemon's word of its
// process id.
func (p *pump) unexplained(err error) bool {
	if p.failure == nil {
		p.failure, p.failed = err, time.Now()
		p.it.detach()
	}
	w := p.it.worker
	return w != nil && p.opened && p.source.Total() > 0 && w.PID() == 0 && !w.Exited() && time.Since(p.failed) < pidReport
}

// step does all that is possible without waiting, until output is ready.
func (p *pump) step() (status.Code, error) {
	if p.failure != nil {
		return 0, p.failure
	}
	if !p.opened {
		if ready, err := p.open(); err != nil || !ready {
			return waiting, err
		}
	}
	if err := p.checkFork(); err != nil {
		return 0, err
	}
	p.source.Allow(p.share)
	for {
		if err := p.send(); err != nil {
			return 0, err
		}
		// A descendant that left the worker's process group may hold the channel open: the end is then known from
		// the daemon alone, and comes after all that the worker sent.
		exited := p.death.IsZero() && p.it.worker.Exited()
		p.readable = p.readable || exited
		code, err := p.receive()
		if err == nil && code == waiting && exited && !p.paused {
			code, err = p.dies()
		}
		if err != nil || code != waiting {
			return code, err
		}
		pulled, err := p.pull()
		if err != nil {
			return 0, err
		}
		if !pulled {
			return waiting, nil
		}
	}
}

// checkFork bounds the wait for the worker's process: a daemon may be stopped.
func (p *pump) checkFork() error {
	if !p.forked {
		p.forked = p.it.worker.PID() != 0
	}
	if !p.forked && time.Now().After(p.it.factory.ForkDue(p.acquired)) && !p.it.worker.Exited() {
		return p.it.factory.Stuck()
	}
	return nil
}

// open gets the worker and queues the init section; false while the factory is starting.
func (p *pump) open() (bool, error) {
	if p.acquireError != nil {
		return false, p.acquireError
	}
	dialect, info, err := p.it.factory.State()
	if err != nil {
		return false, err
	}
	if dialect == nil {
		return false, nil
	}
	if p.it.worker == nil {
		if err := p.it.acquire(dialect); err != nil {
			return false, err
		}
		if err := p.it.interrupted(); err != nil {
			return false, err
		}
	}
	if ready, err := p.it.worker.Ready(); err != nil || !ready {
		return false, err
	}
	p.it.attach()
	in := p.init(dialect, info)
	if err := dialect.Check(in); err != nil {
		return false, err
	}
	if err := checkFiles(p.it.runner.includes, in); err != nil {
		return false, err
	}
	added, err := p.in.open(dialect)
	if errors.Is(err, hostcall.ErrAgain) {
		p.again = true
		return false, nil
	}
	if err != nil {
		return false, err
	}
	in.EvalConf = append(in.EvalConf, added.evalConf...)
	if added.arguments != nil {
		in.Chains = slices.Clone(in.Chains)
		in.Chains[0].Arguments = added.arguments
	}
	w := p.it.worker
	w.OnExit(p.it.wake.Set)
	p.writer.Attach(w.Channel)
	p.source = w.Reader
	p.source.Restart()
	p.reader = protocol.NewReader(dialect, p.it.runner.evalType.Framing, p.source)
	p.reader.Limit(p.it.runner.prepare(dialect, p.it.task.CPUs).answer)
	p.out.attach(p.source, p.it.mode == readChunks)
	p.writer.Queue(p.it.runner.section(dialect, in))
	p.in.start(p.writer)
	// The first input goes out together with the init section, so that the worker wakes up once.
	if _, err := p.pull(); err != nil {
		return false, err
	}
	p.opened = true
	return true, nil
}

// init is the init section of this task on this worker, without what the input adds.
func (p *pump) init(dialect *protocol.Dialect, info *worker.Info) *protocol.Init {
	r, t := p.it.runner, &p.it.task
	prepared := r.prepare(dialect, t.CPUs)
	version := prepared.pythonVersion
	if version == "" {
		version = info.PythonMinor()
	}
	p.announce(p.it.worker)
	return &protocol.Init{
		Partition: t.Partition, PythonVersion: version, Context: t.context(),
		FilesDir: prepared.filesDir, Includes: prepared.includes, Broadcasts: p.sentNew, BroadcastServer: prepared.broadcastServer,
		EvalType: r.evalType.ID, RunnerConf: prepared.runnerConf, EvalConf: prepared.evalConf, Profiler: prepared.profiler,
		Command: r.command, TableFunction: r.table, Chains: r.chains,
	}
}

// announce finds out which broadcast variables a worker is to be told of: new ones, and those that it has to drop.
func (p *pump) announce(w *worker.Worker) {
	p.sentNew = nil
	if len(p.it.runner.broadcasts) == 0 && len(w.Broadcasts) == 0 {
		return
	}
	wanted := map[int64]bool{}
	for _, b := range p.it.runner.broadcasts {
		wanted[b.ID] = true
		if !w.Broadcasts[b.ID] {
			p.sentNew = append(p.sentNew, protocol.Broadcast{ID: b.ID, Path: b.Path})
		}
	}
	for id := range w.Broadcasts {
		if !wanted[id] {
			p.sentNew = append(p.sentNew, protocol.Broadcast{ID: id, Drop: true})
		}
	}
}

// recordBroadcasts keeps with the worker which broadcast variables it holds now.
func (p *pump) recordBroadcasts(w *worker.Worker) {
	for _, b := range p.sentNew {
		if b.Drop {
			delete(w.Broadcasts, b.ID)
		} else {
			w.Broadcasts[b.ID] = true
		}
	}
}

// receive reads what the worker sent.
func (p *pump) receive() (status.Code, error) {
	p.paused = false
	if p.ended {
		return status.Done, nil
	}
	if !p.death.IsZero() {
		return p.died()
	}
	if !p.readable && p.source.Buffered() == 0 {
		return waiting, nil
	}
	for {
		if p.event == 0 {
			event, err := p.reader.Next()
			if err != nil {
				return p.received(err)
			}
			switch event {
			case protocol.Paused:
				p.paused, p.mayRead = true, true
				return waiting, nil
			case protocol.Exception:
				p.raised = true
				return 0, pythonException(p.reader)
			case protocol.End:
				p.ended = true
				if p.out.flush(true) {
					return status.OK, nil
				}
				return status.Done, nil
			default:
				p.event = event
				p.out.begin(event, p.reader.Length())
			}
		}
		ready, finished, err := p.out.read()
		if finished {
			p.event = 0
		}
		if err != nil {
			return p.received(err)
		}
		if ready {
			p.mayRead = true
			return status.OK, nil
		}
	}
}

// received handles an error of the source.
func (p *pump) received(err error) (status.Code, error) {
	switch {
	case errors.Is(err, transport.ErrWouldBlock):
		p.readable = p.source.Spent()
		if p.readable {
			p.paused, p.mayRead = true, true
		}
		if p.out.flush(false) {
			return status.OK, nil
		}
		return waiting, nil
	case errors.Is(err, transport.ErrClosed):
		return p.dies()
	}
	return 0, err
}

// dies begins the wait for the report of the worker's death.
func (p *pump) dies() (status.Code, error) {
	p.death = time.Now()
	p.it.detach()
	return p.died()
}

const (
	// deathGrace is how long a worker that closed its channel may live on.
	deathGrace = 100 * time.Millisecond
	// deathReport is how long the report of a death may take.
	deathReport = 5 * time.Second
	// deathPoll is how often the above are looked at.
	deathPoll = 20 * time.Millisecond
)

// died goes on once the worker's channel is closed: the daemon's report says how it ended.
func (p *pump) died() (status.Code, error) {
	w, since := p.it.worker, time.Since(p.death)
	switch {
	case w.Exited(), since > deathReport:
		if p.reader.Raised() {
			return 0, status.New(status.PythonException, "exception whose text cannot be encoded as UTF-8; worker.stderr_tail has it")
		}
		return 0, w.ExitError(p.stubborn)
	case since > deathGrace && !p.stubborn && !w.Ending():
		p.stubborn = true
		w.Kill()
	}
	return waiting, nil
}

func (p *pump) send() error {
	if p.deaf || !p.writable || p.writer.Pending() == 0 {
		return nil
	}
	err := p.writer.Send()
	if errors.Is(err, transport.ErrClosed) {
		p.deaf = true // what it says last is still to be read
		return nil
	}
	if errors.Is(err, transport.ErrWouldBlock) {
		p.writable = false
		return nil
	}
	return err
}

// pull asks the host for input when all that it brought before is sent: segments may then be written over, and no more
// of the host's batches are held than are on their way. It says whether something was queued.
func (p *pump) pull() (bool, error) {
	if p.deaf || !p.death.IsZero() || p.inputEnded || p.again || p.opened && p.writer.Pending() > 0 {
		return false, nil
	}
	start := time.Now()
	err := p.in.pull(p.writer)
	p.counters.hosted.Add(int64(time.Since(start)))
	switch {
	case errors.Is(err, hostcall.ErrAgain):
		p.again = true
		return false, nil
	case errors.Is(err, hostcall.ErrDone):
		p.in.finish(p.writer)
		p.writer.Queue(protocol.EndOfTask)
		p.inputEnded = true
		return true, nil
	case err != nil:
		return false, err
	}
	p.counters.inputs.Add(1)
	return true, nil
}

// wantsToSend says whether room in the socket would help.
func (p *pump) wantsToSend() bool {
	return p.opened && !p.deaf && p.death.IsZero() && p.writer.Pending() > 0
}

// canProgress says whether a call without waiting would do something that no descriptor tells of.
func (p *pump) canProgress() bool {
	return p.ended || p.opened && (p.mayRead || !p.deaf && !p.inputEnded && !p.again && p.writer.Pending() == 0)
}

// reusable says whether the worker may run another task: it agreed that its input ended where it should,
// and nothing is left on the way.
func (p *pump) reusable() bool {
	return p.reader.Result().Reusable && p.inputEnded && p.writer.Pending() == 0 && p.source.Buffered() == 0
}

// release gives back all that is the host's; host code runs here.
func (p *pump) release() {
	p.writer.Drop()
	p.out.release()
	p.in.release()
}

func newPump() *pump { return &pump{writer: transport.NewWriter(nil), share: stepShare} }
