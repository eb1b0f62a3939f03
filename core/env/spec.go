package env

import (
	"slices"

	"udfrunner/core/config"
	"udfrunner/core/protocol"
	"udfrunner/core/worker"
)

// factorySpec is what of a configuration concerns the processes that make workers.
func (e *Env) factorySpec(conf *config.Config) worker.Spec {
	minors := protocol.Minors()
	variables := conf.HostEnvironment()
	tempDir := variables["TMPDIR"]
	environment := conf.WorkerEnvironment(minors[len(minors)-1], conf.Bool(config.PythonWorkerReuse), 0)
	for name, value := range environment.Factory {
		variables[name] = value
	}
	environ := make([]string, 0, len(variables))
	for name, value := range variables {
		environ = append(environ, name+"="+value)
	}
	slices.Sort(environ)
	maxIdle := conf.Int(config.PythonIdlePoolSize)
	if maxIdle == 0 {
		maxIdle = defaultMaxIdle
	}
	spec := worker.Spec{
		Program: worker.Program{
			Kind: factoryKind(conf), Python: conf.Text(config.PythonExecutable), Env: environ,
			Launcher: conf.Words(config.WorkerLauncher), StartTimeout: conf.Duration(config.WorkerStart),
		},
		Policy: worker.Policy{
			IdleTimeout: conf.Duration(config.WorkerIdleTimeout), MaxIdle: maxIdle,
			Strict: !conf.Bool(config.PythonWorkerReuse), Spares: conf.Int(config.WorkerSpares),
			Recycle: worker.Recycle{
				Tasks: conf.Int(config.RecycleTasks), Age: conf.Duration(config.RecycleAge),
				Memory: conf.Size(config.RecycleMemory),
			},
		},
		Check: selfCheck, Probes: &e.probes, Log: e.log,
	}
	if spec.Kind == worker.Embedded {
		spec.Zygote = conf.Bool(config.ZygoteEnabled)
		spec.Modules = append(slices.Clone(importedModules), conf.List(config.ZygoteModules)...)
		spec.Warm = warmInputs
		return spec
	}
	spec.DaemonModule, spec.WorkerModule = worker.DefaultDaemonModule, worker.DefaultWorkerModule
	if module := conf.Text(config.PythonDaemonModule); module != "" {
		spec.DaemonModule = module
	}
	if module := conf.Text(config.PythonWorkerModule); module != "" {
		spec.WorkerModule = module
	}
	if conf.Bool(config.PythonUnixSockets) {
		spec.UnixSockets, spec.SocketDir = true, conf.Text(config.PythonUnixSocketDir)
		if spec.SocketDir == "" {
			spec.SocketDir = tempDir
		}
		if spec.SocketDir == "" {
			spec.SocketDir = "/tmp"
		}
	}
	return spec
}

// factoryKind is the kind of factory that a configuration asks for, as PythonWorkerFactory chooses it; where it names
// no module of its own it is the embedded daemon.
func factoryKind(conf *config.Config) worker.Kind {
	switch workerModule := conf.Text(config.PythonWorkerModule); {
	case !conf.Bool(config.PythonUseDaemon):
		return worker.SimpleWorker
	case conf.Text(config.PythonDaemonModule) != "", workerModule != "" && workerModule != worker.DefaultWorkerModule:
		return worker.StockDaemon
	default:
		return worker.Embedded
	}
}

// defaultMaxIdle bounds the idle workers of a factory where no limit is set.
const defaultMaxIdle = 1 << 10

// importedModules are what a stock worker imports before or during its first task.
var importedModules = []string{"pyspark.worker", "pyarrow", "pandas"}
