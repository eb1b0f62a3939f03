package runner

import (
	"sync/atomic"
	"time"

	"udfrunner/core/datasection"
	"udfrunner/core/protocol"
)

// counters are written by the thread that moves data and read by any.
type counters struct {
	inputs  atomic.Int64 // batches, or callbacks with records
	results datasection.Counters
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
		InputBatches: c.inputs.Load(), OutputBatches: c.results.Batches.Load(), OutputRows: c.results.Rows.Load(),
	}
}

// report adds what the worker's result section says of a task that began then.
func (m *metrics) report(r *protocol.Result, started time.Time) {
	if r.Finish > 0 {
		// As PythonRunner's handleTimingData: boot is from the task's start to the worker's, then init, then the rest.
		m.BootMS = max(0, r.Boot-started.UnixMilli())
		m.InitMS, m.FinishMS, m.ProcessingMS = r.Init-r.Boot, r.Finish-r.Init, r.Processing
	}
	m.MemorySpilled, m.DiskSpilled = r.MemorySpilled, r.DiskSpilled
}
