package runner

import (
	"time"

	"udfrunner/core/config"
	"udfrunner/core/protocol"
)

// limits are those that a running task is held to, beside its deadline.
type limits struct {
	memory     int64         // bytes of private memory of the worker and its descendants; 0 is no limit
	idle       time.Duration // without data from the worker while it is waited for; 0 is no limit
	killOnIdle bool
}

// limits are what the configuration says: SQL functions have keys of their own.
func (r *base) limits() limits {
	idle, kill := config.SQLIdleTimeout, config.SQLKillOnIdle
	if r.evalType.Family == protocol.RDD {
		idle, kill = config.PythonIdleTimeout, config.PythonKillOnIdle
	}
	return limits{memory: r.conf.Size(config.WorkerMemoryLimit), idle: r.conf.Duration(idle), killOnIdle: r.conf.Bool(kill)}
}
