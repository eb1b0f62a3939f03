package runner

import (
	"time"

	"udfrunner/core/config"
	"udfrunner/core/protocol"
)

// prepared is what a runner's configuration means for workers of one dialect. It is not changed.
type prepared struct {
	dialect *protocol.Dialect
	cpus    int32
	// environment is set in a new worker, modulePath is what its tasks put on Python's; workerKey tells which idle
	// ones may be taken.
	environment   map[string]string
	modulePath    []string
	includes      []string // as tasks tell them: the host's path, then the runner's
	workerKey     string
	pythonVersion string // "" is the worker's own
	filesDir      string
	runnerConf    []protocol.Entry
	evalConf      []protocol.Entry
	profiler      string
	limits        limits
	answer        protocol.Limits
	// broadcastServer is the host's, nil where workers read files.
	broadcastServer *protocol.Server
}

// limits are those that a running task is held to, beside its deadline.
type limits struct {
	memory     int64         // bytes of private memory of the worker and its descendants; 0 is no limit
	idle       time.Duration // without data from the worker while it is waited for; 0 is no limit
	killOnIdle bool
}

// idleKeys are the keys of an idle timeout.
type idleKeys struct{ timeout, kill string }

var (
	sqlIdle = &idleKeys{config.SQLIdleTimeout, config.SQLKillOnIdle}
	rddIdle = &idleKeys{config.PythonIdleTimeout, config.PythonKillOnIdle}
)
