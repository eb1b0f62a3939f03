package runner

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

// TestCancelAgainstCompletion cancels tasks at any moment of their life, from other threads: each ends with its result or with
// Cancelled, and no cancel reaches another task's worker.
func TestCancelAgainstCompletion(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e)
	r := job(t, e, 250, "long", onA, "functions:negate_arrow")
	const rounds, hosts = 60, 2
	var streams [hosts][]*hosttest.Stream
	for host := range hosts {
		for range rounds {
			streams[host] = append(streams[host], numbers(t))
		}
	}
	var wg sync.WaitGroup
	for host := range hosts {
		wg.Add(1)
		go func() { //nolint:forbidigo // a host's thread
			defer wg.Done()
			for i, stream := range streams[host] {
				it, err := r.Compute(stream.Input(), Task{})
				if !assert.NoError(t, err) {
					return
				}
				cancelled := i%2 == 0
				if cancelled {
					time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { it.Cancel("race") })
				}
				got, err := collect(t, it)
				if cancelled && err != nil {
					assert.Equal(t, status.Cancelled, status.CodeOf(err), "%v", err)
				} else if assert.NoError(t, err, "a task that nobody cancelled") {
					assert.Equal(t, [][]int64{{-1, -2, -3, -4, -5}}, got)
				}
				it.Close()
			}
		}()
	}
	wg.Wait()
	works(t, e)
}
