package runner

import (
	"time"

	"udfrunner/core/config"
)

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

// limits are what the configuration says.
func (r *base) limits() limits {
	keys := r.family.idle
	if keys == nil {
		keys = sqlIdle
	}
	return limits{memory: r.conf.Size(config.WorkerMemoryLimit), idle: r.conf.Duration(keys.timeout), killOnIdle: r.conf.Bool(keys.kill)}
}
