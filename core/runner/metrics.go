package runner

import (
	"encoding/binary"
	"encoding/json"
	"sync/atomic"
	"time"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

// counters are written by the thread that moves data and read by any.
type counters struct {
	inputs  atomic.Int64 // batches, or callbacks with records
	outputs atomic.Int64 // batches or records
	rows    atomic.Int64 // of Arrow results
	waited  atomic.Int64 // ns spent waiting for the worker
	hosted  atomic.Int64 // ns spent in the host's callbacks and in encoding
	sent    atomic.Int64 // bytes
	got     atomic.Int64 // bytes
}

// metrics is iterator_result("metrics"); include/udfrunner.h lists the members.
type metrics struct {
	ElapsedMS     float64 `json:"elapsed_ms"`
	WaitMS        float64 `json:"wait_ms"`
	InputMS       float64 `json:"input_ms"`
	BytesSent     int64   `json:"bytes_sent"`
	BytesReceived int64   `json:"bytes_received"`
	InputBatches  int64   `json:"input_batches"`
	OutputBatches int64   `json:"output_batches"`
	OutputRows    int64   `json:"output_rows"`
	WorkerPID     int     `json:"worker_pid,omitempty"`
	CPUMS         float64 `json:"worker_cpu_ms,omitempty"`   // of the worker, in this task
	PeakRSS       int64   `json:"worker_peak_rss,omitempty"` // bytes, of the worker so far
	IdleTimeouts  int64   `json:"idle_timeouts,omitempty"`
	BootMS        int64   `json:"worker_boot_ms,omitempty"`
	InitMS        int64   `json:"worker_init_ms,omitempty"`
	FinishMS      int64   `json:"worker_finish_ms,omitempty"`
	ProcessingMS  int64   `json:"worker_processing_ms,omitempty"`
	MemorySpilled int64   `json:"memory_bytes_spilled"`
	DiskSpilled   int64   `json:"disk_bytes_spilled"`
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (c *counters) metrics() metrics {
	return metrics{
		WaitMS: milliseconds(time.Duration(c.waited.Load())), InputMS: milliseconds(time.Duration(c.hosted.Load())),
		BytesSent: c.sent.Load(), BytesReceived: c.got.Load(),
		InputBatches: c.inputs.Load(), OutputBatches: c.outputs.Load(), OutputRows: c.rows.Load(),
	}
}

// results is what the task reported, as far as it came.
func (p *pump) results() (protocol.Result, metrics) {
	m := p.counters.metrics()
	if w := p.it.worker; w != nil {
		m.WorkerPID = w.PID()
		usage := w.Usage(time.Since(p.it.started))
		m.CPUMS, m.PeakRSS = milliseconds(usage.CPU), usage.PeakRSS
	}
	if idle := p.it.monitor.idle; idle != nil {
		m.IdleTimeouts = idle.count.Load()
	}
	if p.reader == nil {
		return protocol.Result{}, m
	}
	r := *p.reader.Result()
	if r.Finish > 0 {
		// As PythonRunner's handleTimingData: boot is from the task's start to the worker's, then init, then the rest.
		m.BootMS = max(0, r.Boot-p.it.started.UnixMilli())
		m.InitMS, m.FinishMS, m.ProcessingMS = r.Init-r.Boot, r.Finish-r.Init, r.Processing
	}
	m.MemorySpilled, m.DiskSpilled = r.MemorySpilled, r.DiskSpilled
	return r, m
}

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
