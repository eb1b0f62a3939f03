package runner

import (
	"udfrunner/core/protocol"
	"udfrunner/core/worker"
)

// UseFactory makes a runner take its workers from a factory of the test's.
func UseFactory(c Computer, f worker.Factory) {
	c.(interface{ useFactory(f worker.Factory) }).useFactory(f) //nolint:forcetypeassert // every runner has a base
}

func (r *base) useFactory(f worker.Factory) { r.cache.factory.Store(&f) }

// InitSection makes the init section of a task on the worker that it has.
func InitSection(it *Iterator) []byte {
	dialect, python, _ := it.lease.open()
	return it.runner.section(dialect, it.runner.init(dialect, python, &it.task,
		announce(it.runner.broadcasts, it.lease.broadcasts())))
}

// family is that of a runner's functions.
func (r *base) family() protocol.Family { return r.EvalType.Family }
