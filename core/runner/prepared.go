package runner

import (
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"udfrunner/core/config"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/worker"
)

// init is the init section of a task on a worker, without what the input adds. The Python minor is the worker's.
func (r *base) init(dialect *protocol.Dialect, python string, t *Task, broadcasts []protocol.Broadcast) *protocol.Init {
	prepared := r.prepare(dialect, t.CPUs)
	if prepared.pythonVersion != "" {
		python = prepared.pythonVersion
	}
	return &protocol.Init{
		Partition: t.Partition, PythonVersion: python, Context: t.context(),
		FilesDir: prepared.filesDir, Includes: prepared.includes, Broadcasts: broadcasts,
		BroadcastServer: prepared.broadcastServer,
		EvalType:        r.EvalType.ID, RunnerConf: prepared.runnerConf, EvalConf: prepared.evalConf,
		Profiler: prepared.profiler,
		Command:  r.command, TableFunction: r.Table, Chains: r.Chains,
	}
}

// section encodes an init section. The runner's sections are of one size, or nearly.
func (r *base) section(dialect *protocol.Dialect, in *protocol.Init) []byte {
	const more = 64 // longer numbers
	size := r.cache.section.Load()
	b := dialect.AppendInit(make([]byte, 0, size+more), in)
	if int64(len(b)) > size {
		r.cache.section.Store(int64(len(b)))
	}
	return b
}

// prepare is what the configuration means for workers of a dialect.
func (r *base) prepare(dialect *protocol.Dialect, cpus int32) *prepared {
	if p := r.cache.prepared.Load(); p != nil && p.dialect == dialect && p.cpus == cpus {
		return p
	}
	p := &prepared{
		dialect: dialect, cpus: cpus,
		environment:   r.Conf.WorkerEnvironment(dialect.Minor, r.Conf.Bool(config.PythonWorkerReuse), int(cpus)).Worker,
		pythonVersion: r.Conf.Text(config.PythonVersion),
		filesDir:      r.Conf.Text(config.FilesDirectory),
		profiler:      r.Conf.Text(config.UDFProfiler),
		limits:        r.limits(),
		answer: protocol.Limits{
			ExceptionText: r.Conf.Size(config.ExceptionText), ExceptionMessage: r.Conf.Size(config.ExceptionMessage),
			Accumulators:     int64(r.Conf.Int(config.AccumulatorCount)),
			AccumulatorBytes: r.Conf.Size(config.AccumulatorBytes),
		},
		runnerConf: entries(r.Conf.RunnerConf(dialect.Minor, r.EvalType.Framing == protocol.Pickled)),
	}
	if bounds := r.Conf.Text(config.WindowBounds); r.windows {
		p.runnerConf = append(p.runnerConf, protocol.Entry{Key: dialect.WindowBounds, Value: r.windowBounds(bounds)})
	}
	p.broadcastServer = broadcastServer(r.Conf)
	evalConf := entries(r.Conf.Family(config.EvalConf))
	if r.EvalType.TableArguments {
		evalConf = append(evalConf, protocol.Entry{Key: protocol.EvalConfTableArguments, Value: commas(r.tables)})
	}
	p.evalConf = evalConf[:len(evalConf):len(evalConf)] // what a task appends is its own
	p.includes = r.includes
	if text := r.Conf.Text(config.PythonPath); text != "" {
		p.setPath(text, r.includes)
	}
	p.modulePath = modulePath(p.filesDir, p.includes)
	p.workerKey = r.workerKey(p)
	r.cache.prepared.Store(p)
	return p
}

func commas(numbers []int32) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.Itoa(int(n))
	}
	return strings.Join(texts, ",")
}

// limits are what the configuration says.
func (r *base) limits() limits {
	return limits{
		memory: r.Conf.Size(config.WorkerMemoryLimit),
		idle:   r.Conf.Duration(r.idle.timeout), killOnIdle: r.Conf.Bool(r.idle.kill),
	}
}

// windowBounds are those of each chain; without a setting all windows are whole partitions.
func (r *base) windowBounds(set string) string {
	if set != "" {
		return set
	}
	return strings.TrimSuffix(strings.Repeat("unbounded,", len(r.Chains)), ",")
}

// broadcastServer is the address that a setting means: a port, or a path.
func broadcastServer(conf *config.Config) *protocol.Server {
	address := conf.Text(config.BroadcastServer)
	if address == "" {
		return nil
	}
	if port, err := strconv.ParseUint(address, 10, 16); err == nil {
		return &protocol.Server{Port: int32(port), Secret: conf.Text(config.BroadcastSecret)}
	}
	return &protocol.Server{Port: -1, Path: address}
}

// checkSettings says what of the configuration does not fit the functions.
func (r *base) checkSettings() error {
	if set := r.Conf.Text(config.WindowBounds); set != "" && r.windows {
		bounds := strings.Split(set, ",")
		known := func(b string) bool { return b == "bounded" || b == "unbounded" }
		if len(bounds) != len(r.Chains) || slices.ContainsFunc(bounds, func(b string) bool { return !known(b) }) {
			return status.New(status.InvalidArgument,
				"%s %q: expected bounded or unbounded for each of %d window functions, separated by commas",
				config.WindowBounds, set, len(r.Chains))
		}
	}
	served := r.Conf.Text(config.BroadcastServer) != ""
	for _, b := range r.broadcasts {
		if b.Path == "" && !served {
			return status.New(status.InvalidArgument,
				"broadcast variable %d has no file, and %s is not set", b.ID, config.BroadcastServer)
		}
	}
	return nil
}

// pathVariable tells a worker of the embedded daemon what is to be at the front of its sys.path
// (core/daemon/sources.py).
const pathVariable = "UDFRUNNER_PATH"

// setPath has the host's path put on sys.path, without what the includes have, which come before it. PySpark puts
// each include before the earlier ones, so that the path comes first and from its end; a worker of the embedded daemon
// has it there already, which PySpark leaves as it is.
func (p *prepared) setPath(text string, includes []string) {
	folders := slices.DeleteFunc(filepath.SplitList(text), func(folder string) bool {
		return folder == "" || slices.Contains(includes, folder)
	})
	p.environment = maps.Clone(p.environment)
	p.environment[pathVariable] = strings.Join(folders, string(filepath.ListSeparator))
	slices.Reverse(folders)
	p.includes = append(folders, includes...)
}

// modulePath is what pyspark.worker puts on sys.path: the directory of files and the includes, as they are found from
// there (worker_util.setup_spark_files).
func modulePath(filesDir string, includes []string) []string {
	var paths []string
	if filesDir != "" {
		paths = append(paths, filesDir)
	}
	for _, include := range includes {
		if !path.IsAbs(include) {
			include = path.Join(filesDir, include)
		}
		paths = append(paths, include)
	}
	return paths
}

// workerKey holds what stays in a worker: paths of includes in its sys.path, environment variables in its process.
func (r *base) workerKey(p *prepared) string {
	var b strings.Builder
	for _, part := range append([]string{p.filesDir}, r.includes...) {
		b.WriteString(part)
		b.WriteByte(0)
	}
	b.WriteByte(0)
	for _, name := range slices.Sorted(maps.Keys(p.environment)) {
		b.WriteString(name + "=" + p.environment[name])
		b.WriteByte(0)
	}
	return b.String()
}

// currentFactory is the runner's factory; one that failed is made anew.
func (r *base) currentFactory() (worker.Factory, error) {
	if f := r.cache.factory.Load(); f != nil {
		if _, _, err := (*f).State(); err == nil {
			return *f, r.env.Check()
		}
	}
	f, err := r.env.Factory(r.Conf)
	if err == nil {
		r.cache.factory.Store(&f)
	}
	return f, err
}

func entries(pairs []config.Pair) []protocol.Entry {
	list := make([]protocol.Entry, len(pairs))
	for i, p := range pairs {
		list[i] = protocol.Entry{Key: p.Key, Value: p.Value}
	}
	return list
}

// pyArrow is the version that the runner's workers have, "" where that is not known.
func (r *base) pyArrow() string {
	if f := r.cache.factory.Load(); f != nil {
		if _, info, _ := (*f).State(); info != nil {
			return info.PyArrow
		}
	}
	return ""
}
