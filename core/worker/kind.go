package worker

// Kind says how a factory makes workers.
type Kind uint8

// The kinds of factories.
const (
	// Embedded is the daemon carried inside the library, which forks workers out of a warm process.
	Embedded Kind = iota
	// StockDaemon is a daemon module run with `python -m`, to which each worker is a connection
	// (PythonWorkerFactory.createThroughDaemon).
	StockDaemon
	// SimpleWorker is a process a task, run with `python -m`, that connects back
	// (PythonWorkerFactory.createSimpleWorker).
	SimpleWorker
)

// String is the kind's name in statistics.
func (k Kind) String() string { return [...]string{"embedded", "daemon", "simple"}[k] }

// The modules of PySpark that stock factories run where no other is named.
const (
	DefaultDaemonModule = "pyspark.daemon"
	DefaultWorkerModule = "pyspark.worker"
)
