package runner

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/cdata"
	"udfrunner/core/datasection"
	"udfrunner/core/status"
	"udfrunner/core/worker"
)

// slowFactory does something while a worker is on its way from the factory to its task.
type slowFactory struct {
	worker.Factory
	during func(*worker.Worker)
}

func (f *slowFactory) Acquire(key string, env map[string]string, paths ...string) (*worker.Worker, error) {
	w, err := f.Factory.Acquire(key, env, paths...)
	f.during(w)
	return w, err
}

func TestCancelWhileTheWorkerIsAcquired(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e)
	r, ok := job(t, e, 200, "long", onA, "functions:sleep_forever").(*Runner[datasection.Input,
		*datasection.ArrowOutput])
	require.True(t, ok)
	factory, err := r.currentFactory()
	require.NoError(t, err)
	host := numbers(t).Input()
	p := newPump()
	p.in, err = r.newWriter(&r.Functions, &host)
	require.NoError(t, err)
	p.out = r.newReaderIterator(&r.Functions, &p.counters.results)
	slow := &slowFactory{Factory: factory}
	it, err := newIterator(r.base, slow, p, &host, Task{})
	require.NoError(t, err)
	defer it.Close()
	var acquired *worker.Worker
	slow.during = func(w *worker.Worker) {
		acquired = w
		it.Cancel("meanwhile")
	}
	it.lease.begin()
	require.NotNil(t, acquired)
	assert.Eventually(t, acquired.Exited, patience, time.Millisecond, "nobody else would kill it")
	code, err := it.NextArrow(-1, new(cdata.Array), nil)
	assert.Equal(t, status.Cancelled, code)
	assert.ErrorContains(t, err, "meanwhile")
}
