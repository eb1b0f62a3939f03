package runner

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/datasection"
	"udfrunner/core/env"
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
	"udfrunner/core/safego"
	"udfrunner/core/sqltype"
	"udfrunner/core/status"
	"udfrunner/core/worker"
)

// mode is the way in which an iterator is read: the first one used decides.
type mode uint8

const (
	unread mode = iota
	readChunks
	readArrays
	readExported
)

var modeNames = map[mode]string{
	readChunks: "iterator_next", readArrays: "iterator_next_arrow", readExported: "iterator_export",
}

// Iterator is the output of a task. Next and NextArrow are for one thread at a time; concurrent use is
// refused. Cancel, Close, EventFD, Result("metrics") are safe from any thread at any time.
type Iterator struct {
	runner  *base
	task    Task
	started time.Time
	lease   workerLease

	// pump is used by the thread that is in a call, and by the last Close.
	pump *pump

	mu       sync.Mutex
	mode     mode
	busy     bool          // a thread is in a call
	refs     int           // the handle and the exported stream
	closing  *status.Error // what Close interrupts the call with that another thread is in
	end      *status.Error // the terminal error
	done     bool          // the terminal state was reached, with or without error
	deadline *safego.Timer
	events   *eventFD
	result   protocol.Result
	metrics  metrics
	atEnd    []func()
}

// newIterator is a task that is to begin (workerLease.begin), with the pump that moves its data. The input is the
// host's no more where there is no error.
func newIterator(r *base, factory worker.Factory, p *pump, input *hostcall.Input, task Task) (*Iterator, error) {
	wake, err := newWake()
	if err != nil {
		return nil, err
	}
	it := &Iterator{runner: r, task: task, started: time.Now(), refs: 1, pump: p}
	l := &it.lease
	l.runner, l.factory, l.task, l.counters, l.wake = r, factory, &it.task, &p.counters, wake
	p.runner, p.task, p.lease = r, &it.task, l
	if err := r.env.Begin(it); err != nil {
		wake.Close()
		return nil, err
	}
	input.Interrupted = func() error {
		if err := l.interrupted(); err != nil {
			return err
		}
		return nil
	}
	if err := p.in.Move(input); err != nil {
		r.env.End(it, env.Failed)
		wake.Close()
		return nil, err
	}
	if task.DeadlineMS > 0 {
		it.deadline = safego.AfterFunc(time.Duration(min(task.DeadlineMS, maxTimeoutMS))*time.Millisecond, func() {
			it.lease.giveUp(status.New(status.Deadline, "task took longer than its deadline of %d ms", task.DeadlineMS))
		})
	}
	return it, nil
}

// enter begins a call that reads the iterator in a way.
func (it *Iterator) enter(m mode) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	switch {
	case it.refs == 0:
		return status.New(status.InvalidHandle, "iterator is closed")
	case it.busy:
		return status.New(status.InvalidState, "iterator is in use by another call")
	case it.mode != unread && it.mode != m:
		return status.New(status.InvalidState,
			"iterator is read by %s, it cannot be read by %s too", modeNames[it.mode], modeNames[m])
	}
	it.mode, it.busy = m, true
	return nil
}

// leave ends a call; if the iterator was closed meanwhile this thread cleans up.
func (it *Iterator) leave() {
	it.mu.Lock()
	it.busy = false
	closed := it.refs == 0
	if it.events != nil && !closed {
		it.poll(it.events)
	}
	it.mu.Unlock()
	if closed {
		it.release()
	}
}

// Next reads the next results as bytes; see iterator_next.
func (it *Iterator) Next(timeoutMS int64, out *datasection.Chunk) (status.Code, error) {
	if err := it.enter(readChunks); err != nil {
		return status.CodeOf(err), err
	}
	defer it.leave()
	return it.next(timeoutMS, func(o datasection.Output) error { return o.Chunk(out) })
}

// NextArrow reads the next results as an Arrow array, and their schema if schema is not nil; see iterator_next_arrow.
func (it *Iterator) NextArrow(timeoutMS int64, out *cdata.Array, schema *cdata.Schema) (status.Code, error) {
	return it.nextArrow(readArrays, timeoutMS, out, schema)
}

// ExportNext is get_next of the exported stream: it waits as long as the task may run, and leaves out
// released at the end.
func (it *Iterator) ExportNext(out *cdata.Array) (status.Code, error) {
	return it.nextArrow(readExported, -1, out, nil)
}

func (it *Iterator) nextArrow(m mode, timeoutMS int64, out *cdata.Array, schema *cdata.Schema) (status.Code, error) {
	if err := it.arrow(); err != nil {
		return status.CodeOf(err), err
	}
	if err := it.enter(m); err != nil {
		return status.CodeOf(err), err
	}
	defer it.leave()
	return it.next(timeoutMS, func(o datasection.Output) error { return o.Array(out, schema) })
}

func (it *Iterator) arrow() error {
	if it.runner.Schema == nil {
		return status.New(status.NotSupported,
			"eval type %d (%s) has pickled results, not Arrow's; iterator_next reads them",
			it.runner.EvalType.ID, it.runner.EvalType.Name)
	}
	return nil
}

// next runs the pump until there is something to take, and takes it.
func (it *Iterator) next(timeoutMS int64, take func(datasection.Output) error) (code status.Code, err error) {
	if done, end := it.terminal(); done {
		return ended(end)
	}
	defer func() {
		if e := safego.Recovered(recover()); e != nil {
			it.finish(e, false)
			code, err = e.Code, e
		}
	}()
	timeout := time.Duration(-1)
	if timeoutMS >= 0 {
		timeout = time.Duration(min(timeoutMS, maxTimeoutMS)) * time.Millisecond
	}
	it.pump.bytes = it.mode == readChunks
	code, err = it.pump.run(timeout)
	if err == nil && code == status.OK {
		err = take(it.pump.out)
	}
	if err != nil {
		it.finish(it.explain(err), false)
	} else if code == status.Done {
		it.finish(nil, it.pump.reusable())
	}
	if done, end := it.terminal(); done {
		return ended(end)
	}
	return code, nil
}

// maxTimeoutMS keeps timeouts in what a Duration can hold; a hundred years are as good as no limit.
const maxTimeoutMS = 100 * 365 * 24 * 3600 * 1000

func ended(end *status.Error) (status.Code, error) {
	if end != nil {
		return end.Code, end
	}
	return status.Done, nil
}

func (it *Iterator) terminal() (bool, *status.Error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.done, it.end
}

// identify adds the task's identity to an error, and which PySpark it was for.
func (it *Iterator) identify(err *status.Error) *status.Error {
	e := it.runner.EvalType
	err = it.task.identify(err).With("task.eval_type", fmt.Sprintf("%d (%s)", e.ID, e.Name))
	if _, info, _ := it.lease.factory.State(); info != nil {
		err = err.With("worker.pyspark", info.PySpark)
	}
	return err
}

// explain adds what is known to an error of the pump. A cancel explains every error that follows it.
func (it *Iterator) explain(err error) *status.Error {
	e := status.From(err)
	if interrupt := it.lease.interrupted(); interrupt != nil {
		e = interrupt
	}
	return it.bounded(it.identify(it.lease.explain(withTypes(e))))
}

// withTypes adds the types of results that are not of the declared ones.
func withTypes(e *status.Error) *status.Error {
	var mismatch *arrowio.Mismatch
	if !errors.As(e, &mismatch) {
		return e
	}
	return e.With("result.actual", sparkTypes(mismatch.Actual)).
		With("result.declared", sparkTypes(mismatch.Declared))
}

// sparkTypes are a schema's columns as Spark's JSON, or as Arrow's text where Spark has no such type.
func sparkTypes(s *arrowio.Schema) string {
	if t, err := sqltype.FromArrowSchema(s); err == nil {
		return t.JSON()
	}
	columns := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		columns[i] = f.Type.String()
	}
	return strings.Join(columns, ", ")
}

// tracebackDetail has a limit of its own (config.ExceptionText), which held as it was read.
const tracebackDetail = "python.traceback"

// bounded keeps an error to the size that the host has set: a worker may have had a say in any part of it.
func (it *Iterator) bounded(e *status.Error) *status.Error {
	most := it.runner.Conf.Size(config.ErrorDetail)
	for key, value := range e.Details {
		if key != tracebackDetail {
			e = e.With(key, protocol.Clip(value, most, config.ErrorDetail))
		}
	}
	if int64(len(e.Message)) > most {
		c := *e
		c.Message = protocol.Cut(e.Message, most)
		e = &c
	}
	return e
}

// finish reaches the terminal state: the worker is given back, and the result kept. Only the thread in a call
// comes here, or the last Close.
func (it *Iterator) finish(end *status.Error, reuse bool) {
	it.mu.Lock()
	if it.done {
		it.mu.Unlock()
		return
	}
	w, interrupt := it.lease.end()
	it.done, it.end = true, end
	how := env.Failed
	switch {
	case end == nil:
		how = env.Done
	case it.refs == 0 && end.Code == status.Cancelled && (interrupt == nil || interrupt == it.closing):
		how = env.Left
	}
	it.deadline.Stop()
	if it.events != nil {
		it.events.detach()
	}
	it.sumUp(w)
	atEnd := it.atEnd
	it.atEnd = nil
	it.mu.Unlock()
	if w != nil {
		record(it.pump.announced, w.Broadcasts)
		kill := interrupt != nil || end != nil && it.pump.phase != raised
		it.lease.giveBack(w, kill, reuse)
	}
	it.runner.env.End(it, how)
	for _, f := range atEnd {
		f()
	}
}

// sumUp keeps what the task reported, as far as it came, and what its worker used.
func (it *Iterator) sumUp(w *worker.Worker) {
	m := it.pump.counters.metrics()
	if w != nil {
		m.WorkerPID = w.PID()
		usage := w.Usage(time.Since(it.started))
		m.CPUMS, m.PeakRSS = milliseconds(usage.CPU), usage.PeakRSS
	}
	m.IdleTimeouts = it.lease.idle.times()
	if it.pump.reader != nil {
		it.result = *it.pump.reader.Result()
		m.report(&it.result, it.started)
	}
	m.ElapsedMS = milliseconds(time.Since(it.started))
	it.metrics = m
}

// onEnd has f called when the task ends, at once where it has ended.
func (it *Iterator) onEnd(f func()) {
	it.mu.Lock()
	if !it.done {
		it.atEnd = append(it.atEnd, f)
		it.mu.Unlock()
		return
	}
	it.mu.Unlock()
	f()
}

// Cancel kills the task's worker; calls in flight and later ones end with Cancelled. It changes nothing once the task
// is complete, waits for nothing and runs no host code.
func (it *Iterator) Cancel(reason string) {
	message := "task was cancelled"
	if reason != "" {
		message = fmt.Sprintf("task was cancelled: %s", reason)
	}
	it.lease.stop(&status.Error{Code: status.Cancelled, Message: message})
}

// Export marks the iterator as exported and adds the stream's reference, to be dropped by Close.
func (it *Iterator) Export() error {
	if err := it.arrow(); err != nil {
		return err
	}
	it.mu.Lock()
	defer it.mu.Unlock()
	switch {
	case it.refs == 0:
		return status.New(status.InvalidHandle, "iterator is closed")
	case it.mode != unread:
		return status.New(status.InvalidState,
			"iterator is read by %s, it cannot be exported (again)", modeNames[it.mode])
	}
	it.mode = readExported
	it.refs++
	return nil
}

// Close drops a reference. The last one ends the task and releases the input: here, or at the end of the call that is
// in flight on another thread, which ends with Cancelled.
func (it *Iterator) Close() {
	it.mu.Lock()
	if it.refs == 0 {
		it.mu.Unlock()
		return
	}
	it.refs--
	last, busy := it.refs == 0, it.busy
	if last && busy {
		it.closing = &status.Error{Code: status.Cancelled, Message: "task was cancelled: the iterator was closed"}
	}
	it.mu.Unlock()
	if !last {
		return
	}
	if busy {
		it.lease.stop(it.closing)
		return
	}
	it.release()
}

// release frees what a closed iterator holds; host code runs here.
func (it *Iterator) release() {
	it.finish(it.identify(status.New(status.Cancelled, "the iterator was closed")), false)
	it.pump.release()
	it.mu.Lock()
	if it.events != nil {
		it.events.close()
		it.events = nil
	}
	it.mu.Unlock()
	it.lease.wake.Close()
}

// Schema is the schema of the results, from the declared return types.
func (it *Iterator) Schema(out *cdata.Schema) error {
	if err := it.arrow(); err != nil {
		return err
	}
	return it.runner.Schema.Export(it.runner.Memory, out)
}

// Err is the error that ended the task, or with which a cancel or deadline will; nil if none did.
func (it *Iterator) Err() *status.Error {
	it.mu.Lock()
	defer it.mu.Unlock()
	if interrupt := it.lease.interrupted(); !it.done && interrupt != nil {
		return it.identify(interrupt)
	}
	return it.end
}

// EventFD is a descriptor that polls readable when Next with timeout 0 would make progress. It is valid until Close.
func (it *Iterator) EventFD() (int, error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.refs == 0 {
		return -1, status.New(status.InvalidHandle, "iterator is closed")
	}
	if it.events == nil {
		err := worker.WithEviction(func() (err error) {
			it.events, err = newEventFD(it.lease.wake)
			return err
		})
		if err != nil {
			return -1, err
		}
		if !it.busy { // else it is told when the call ends
			it.poll(it.events)
		}
	}
	return it.events.fd, nil
}

// poll tells the event descriptor what a host that polls it waits for, between two calls.
func (it *Iterator) poll(events *eventFD) {
	events.update(it.lease.channel(), it.pump.interest(), it.done)
}
