package runner

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"udfrunner/core/status"
)

// Accumulators are the updates of a complete task: pickled (id, value).
func (it *Iterator) Accumulators() [][]byte {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.result.Accumulators
}

// Reusable says whether the worker of a complete task agreed to run another one.
func (it *Iterator) Reusable() bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.result.Reusable
}

// Result is what the task reported beside its data: "metrics" at any time, "accumulators" after the end.
func (it *Iterator) Result(key string) ([]byte, error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	switch key {
	case "metrics":
		m := it.metrics
		if !it.done {
			m = it.pump.counters.metrics()
			m.ElapsedMS = milliseconds(time.Since(it.started))
		}
		return json.Marshal(m)
	case "accumulators":
		if !it.done {
			return nil, status.New(status.InvalidState, "result %q is there after the task's end", key)
		}
		b := []byte{}
		for _, update := range it.result.Accumulators {
			b = binary.BigEndian.AppendUint32(b, uint32(len(update))) //nolint:gosec // below maxText
			b = append(b, update...)
		}
		return b, nil
	}
	return nil, status.New(status.InvalidArgument, "result key %q, allowed are metrics, accumulators", key)
}

// Stack is the Python stacks of the threads of the task's worker now. It waits at most d, without limit if d is
// negative: status.TimedOut says that the worker did not answer in time, or is still being made. INVALID_STATE: the
// task has ended.
func (it *Iterator) Stack(d time.Duration) (string, status.Code, error) { return it.lease.stack(d) }
