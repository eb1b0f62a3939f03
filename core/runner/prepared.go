package runner

import (
	"strings"
	"sync/atomic"

	"udfrunner/core/config"
	"udfrunner/core/protocol"
	"udfrunner/core/worker"
)

// cache keeps what tasks of one runner have in common, so that a small task does not pay for it.
type cache struct {
	factory  atomic.Pointer[worker.Factory]
	prepared atomic.Pointer[prepared]
}

// prepared is what a runner's configuration means for workers of one dialect. It is not changed.
type prepared struct {
	dialect *protocol.Dialect
	cpus    int32
	// environment is set in a new worker; workerKey tells which idle ones may be taken.
	environment   map[string]string
	workerKey     string
	pythonVersion string // "" is the worker's own
	filesDir      string
	runnerConf    []protocol.Entry
	evalConf      []protocol.Entry
	profiler      string
}

func (r *Runner) prepare(dialect *protocol.Dialect, cpus int32) *prepared {
	if p := r.cache.prepared.Load(); p != nil && p.dialect == dialect && p.cpus == cpus {
		return p
	}
	p := &prepared{
		dialect: dialect, cpus: cpus,
		environment:   r.conf.WorkerEnvironment(dialect.Minor, r.conf.Bool(config.PythonWorkerReuse), int(cpus)).Worker,
		pythonVersion: r.conf.Text(config.PythonVersion),
		filesDir:      r.conf.Text(config.FilesDirectory),
		profiler:      r.conf.Text(config.UDFProfiler),
		runnerConf:    entries(r.conf.RunnerConf(dialect.Minor, r.evalType.ID)),
	}
	evalConf := entries(r.conf.Family(config.EvalConf))
	p.evalConf = evalConf[:len(evalConf):len(evalConf)] // what a task appends is its own
	p.workerKey = r.workerKey(p)
	r.cache.prepared.Store(p)
	return p
}

// workerKey holds what stays in a worker: paths of includes in its sys.path, environment variables in its process.
func (r *Runner) workerKey(p *prepared) string {
	var b strings.Builder
	for _, part := range append([]string{p.filesDir}, r.includes...) {
		b.WriteString(part)
		b.WriteByte(0)
	}
	b.WriteByte(0)
	for _, name := range sortedKeys(p.environment) {
		b.WriteString(name + "=" + p.environment[name])
		b.WriteByte(0)
	}
	return b.String()
}

// currentFactory is the runner's factory; one that failed is made anew.
func (r *Runner) currentFactory() (*worker.Factory, error) {
	if f := r.cache.factory.Load(); f != nil {
		if _, _, err := f.State(); err == nil {
			return f, r.env.Check()
		}
	}
	f, err := r.env.Factory(r.conf)
	if err == nil {
		r.cache.factory.Store(f)
	}
	return f, err
}
