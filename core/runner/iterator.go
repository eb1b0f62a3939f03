package runner

import (
	"fmt"
	"sync"
	"time"
	"unsafe"

	"udfrunner/core/cdata"
	"udfrunner/core/env"
	"udfrunner/core/hostcall"
	"udfrunner/core/protocol"
	"udfrunner/core/safego"
	"udfrunner/core/status"
	"udfrunner/core/transport"
	"udfrunner/core/worker"
)

// Chunk is whole records of output in one block of memory (udfrunner_chunk).
type Chunk struct {
	Data    unsafe.Pointer
	Size, N uint64
	Offsets unsafe.Pointer // N + 1 uint64
	Block   unsafe.Pointer // hostmem block, owned by who gets the chunk
}

// mode is the way in which an iterator is read: the first one used decides.
type mode uint8

const (
	unread mode = iota
	readChunks
	readArrays
	readExported
)

var modeNames = map[mode]string{readChunks: "iterator_next", readArrays: "iterator_next_arrow", readExported: "iterator_export"}

// Iterator is the output of a task. Next and NextArrow are for one thread at a time; concurrent use is
// refused. Cancel, Close, EventFD, Result("metrics") are safe from any thread at any time.
type Iterator struct {
	runner  *base
	factory worker.Factory
	task    Task
	started time.Time
	wake    *transport.Wake

	// pump is used by the thread that is in a call, and by the last Close.
	pump *pump

	mu        sync.Mutex
	mode      mode
	busy      bool           // a thread is in a call
	refs      int            // the handle and the exported stream
	worker    *worker.Worker // nil before it was acquired and after it was given back
	interrupt *status.Error  // Cancel, deadline: ends the task at the next step
	closing   *status.Error  // the interrupt of a Close while a thread is in a call
	end       *status.Error  // the terminal error
	done      bool           // the terminal state was reached, with or without error
	deadline  *safego.Timer
	monitor   monitor
	events    *eventFD
	result    protocol.Result
	metrics   metrics
	atEnd     []func()
}

func newIterator(r *base, factory worker.Factory, p *pump, input hostcall.Input, task Task) (*Iterator, error) {
	var wake *transport.Wake
	err := worker.WithEviction(func() (err error) {
		wake, err = transport.NewWake()
		return err
	})
	if err != nil {
		return nil, err
	}
	it := &Iterator{runner: r, factory: factory, task: task, started: time.Now(), wake: wake, refs: 1, pump: p}
	p.it = it
	if err := r.env.Begin(it); err != nil {
		wake.Close()
		return nil, err
	}
	if err := it.pump.in.move(&input); err != nil {
		r.env.End(it, env.Failed)
		wake.Close()
		return nil, err
	}
	if task.DeadlineMS > 0 {
		it.deadline = safego.AfterFunc(time.Duration(min(task.DeadlineMS, maxTimeoutMS))*time.Millisecond, func() {
			it.giveUp(status.New(status.Deadline, "task took longer than its deadline of %d ms", task.DeadlineMS))
		})
	}
	if dialect, _, err := factory.State(); dialect != nil && err == nil {
		// The fork, or the idle worker, is had at once; errors come from the iterator.
		it.pump.acquireError = it.acquire(dialect)
		it.wake.Set()
	} else {
		factory.OnStarted(it.wake.Set)
	}
	return it, nil
}

// acquire gets the task's worker from the ready factory.
func (it *Iterator) acquire(dialect *protocol.Dialect) error {
	prepared := it.runner.prepare(dialect, it.task.CPUs)
	w, err := it.factory.Acquire(prepared.workerKey, prepared.environment, prepared.modulePath...)
	if err != nil {
		return err
	}
	it.mu.Lock()
	it.worker = w
	it.watch(w, prepared.limits)
	it.pump.acquired = time.Now()
	interrupted := it.interrupt != nil
	it.mu.Unlock()
	if interrupted {
		w.Kill()
	}
	if ready, err := w.Ready(); !ready && err == nil {
		w.OnReady(it.wake.Set)
	}
	return nil
}

// attach lets the event descriptor tell of the worker's channel, which is there.
func (it *Iterator) attach() {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.events != nil && it.worker != nil {
		it.events.attach(it.worker.Channel)
	}
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
		return status.New(status.InvalidState, "iterator is read by %s, it cannot be read by %s too", modeNames[it.mode], modeNames[m])
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
		it.events.update(it.done, it.pump)
	}
	it.mu.Unlock()
	if closed {
		it.release()
	}
}

// Next reads the next results as bytes; see iterator_next.
func (it *Iterator) Next(timeoutMS int64, out *Chunk) (status.Code, error) {
	if err := it.enter(readChunks); err != nil {
		return status.CodeOf(err), err
	}
	defer it.leave()
	return it.next(timeoutMS, func(o output) error { return o.chunk(out) })
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
	return it.next(timeoutMS, func(o output) error { return o.array(out, schema) })
}

func (it *Iterator) arrow() error {
	if it.runner.schema == nil {
		return status.New(status.NotSupported, "eval type %d (%s) has pickled results, not Arrow's; iterator_next reads them",
			it.runner.evalType.ID, it.runner.evalType.Name)
	}
	return nil
}

// next runs the pump until there is something to take, and takes it.
func (it *Iterator) next(timeoutMS int64, take func(output) error) (code status.Code, err error) {
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

// interrupted is the error of a cancel or deadline that the pump must end with.
func (it *Iterator) interrupted() *status.Error {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.interrupt
}

// identify adds the task's identity to an error, and which PySpark it was for.
func (it *Iterator) identify(err *status.Error) *status.Error {
	e := it.runner.evalType
	err = it.task.identify(err).With("task.eval_type", fmt.Sprintf("%d (%s)", e.ID, e.Name))
	if _, info, _ := it.factory.State(); info != nil {
		err = err.With("worker.pyspark", info.PySpark)
	}
	return err
}

// explain adds what is known to an error of the pump. A cancel explains every error that follows it.
func (it *Iterator) explain(err error) *status.Error {
	e := status.From(err)
	if interrupt := it.interrupted(); interrupt != nil {
		e = interrupt
	}
	it.mu.Lock()
	w := it.worker
	it.mu.Unlock()
	if w != nil && e.Details["worker.pid"] == "" {
		e = w.Explain(e)
	}
	return it.identify(e)
}

// finish reaches the terminal state: the worker is given back, and the result kept. Only the thread in a call
// comes here, or the last Close.
func (it *Iterator) finish(end *status.Error, reuse bool) {
	it.mu.Lock()
	if it.done {
		it.mu.Unlock()
		return
	}
	it.done, it.end = true, end
	w := it.worker
	it.result, it.metrics = it.pump.results()
	it.worker = nil
	// A cancel that came before the end may have killed the worker already.
	interrupted := it.interrupt != nil
	how := env.Failed
	switch {
	case end == nil:
		how = env.Done
	case it.refs == 0 && end.Code == status.Cancelled && (it.interrupt == nil || it.interrupt == it.closing):
		how = env.Left
	}
	it.deadline.Stop()
	it.monitor.stop()
	if it.events != nil {
		it.events.detach()
	}
	it.metrics.ElapsedMS = milliseconds(time.Since(it.started))
	atEnd := it.atEnd
	it.atEnd = nil
	it.mu.Unlock()
	if w != nil {
		it.pump.recordBroadcasts(w)
		w.EndOutput()
		switch {
		case !interrupted && (end == nil || it.pump.raised):
			it.factory.Release(w, reuse)
		default:
			it.factory.Kill(w)
		}
	}
	it.runner.env.End(it, how)
	for _, f := range atEnd {
		f()
	}
}

// detach keeps the event descriptor from telling over and over of a channel that is not read any more.
func (it *Iterator) detach() {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.events != nil {
		it.events.detach()
	}
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
	it.stop(&status.Error{Code: status.Cancelled, Message: message})
}

// stop ends a running task with an error, from any thread: the worker is killed at once, the rest is done by the
// thread that is in a call or comes next.
func (it *Iterator) stop(err *status.Error) {
	it.mu.Lock()
	if it.done || it.interrupt != nil {
		it.mu.Unlock()
		return
	}
	it.interrupt = err
	w := it.worker
	it.mu.Unlock()
	if w != nil {
		w.Kill()
	}
	it.wake.Set()
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
		return status.New(status.InvalidState, "iterator is read by %s, it cannot be exported (again)", modeNames[it.mode])
	}
	it.mode = readExported
	it.refs++
	return nil
}

// Close drops a reference. The last one ends the task and releases the input: here, or at the end of the call that is in
// flight on another thread, which ends with Cancelled.
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
		it.stop(it.closing)
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
	it.wake.Close()
}

// Schema is the schema of the results, from the declared return types.
func (it *Iterator) Schema(out *cdata.Schema) error {
	if err := it.arrow(); err != nil {
		return err
	}
	return it.runner.schema.Export(it.runner.env.Memory(), out)
}

// Err is the error that ended the task, or with which a cancel or deadline will; nil if none did.
func (it *Iterator) Err() *status.Error {
	it.mu.Lock()
	defer it.mu.Unlock()
	if !it.done && it.interrupt != nil {
		return it.identify(it.interrupt)
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
		var events *eventFD
		err := worker.WithEviction(func() (err error) {
			events, err = newEventFD(it.wake)
			return err
		})
		if err != nil {
			return -1, err
		}
		it.events = events
		if it.worker != nil {
			if ready, _ := it.worker.Ready(); ready {
				events.attach(it.worker.Channel)
			}
		}
		if it.busy {
			return events.fd, nil // updated when the call ends
		}
		events.update(it.done, it.pump)
	}
	return it.events.fd, nil
}
