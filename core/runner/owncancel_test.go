package runner

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/hostcall"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

// Once a callback of the input has cancelled its own iterator none but release is called, however often it is tried.
func TestNoCallbackAfterItsOwnCancel(t *testing.T) {
	const rounds = 40
	e := newEnv(t, "4.2")
	column := []hosttest.Column{{Name: "a", Values: []int64{1, 2}}}
	for name, test := range map[string]struct {
		job Computer
		// input calls step in each of its callbacks.
		input func(t *testing.T, step func()) hostcall.Input
	}{
		"stream": {
			job(t, e, 200, "long", onA, "functions:double"),
			func(t *testing.T, step func()) hostcall.Input {
				t.Helper()
				stream := hosttest.NewStream(t, column, column, column, column, column, column)
				stream.Step = func(int) unix.Errno { step(); return 0 }
				return stream.Input()
			},
		},
		"groups": {
			job(t, e, 202, "long", onA, "functions:total_pandas"),
			func(t *testing.T, step func()) hostcall.Input {
				t.Helper()
				var streams [][]*hosttest.Stream
				for range 4 {
					stream := hosttest.NewStream(t, column)
					stream.Step = func(int) unix.Errno { step(); return 0 }
					streams = append(streams, []*hosttest.Stream{stream})
				}
				groups := hosttest.NewGroups(t, streams...)
				groups.Step = func(int) hosttest.Answer { step(); return hosttest.OK() }
				return groups.Input()
			},
		},
	} {
		for round := range rounds {
			t.Run(fmt.Sprint(name, " ", round), func(t *testing.T) {
				var it *Iterator
				calls, last := 0, round%4
				input := test.input(t, func() {
					if calls == last {
						it.Cancel("from its own callback")
					}
					calls++
				})
				var err error
				it, err = test.job.Compute(input, Task{})
				require.NoError(t, err)
				defer it.Close()
				_, err = collect(t, it)
				assert.Equal(t, status.Cancelled, status.CodeOf(err))
				assert.Equal(t, last+1, calls, "none behind the one that cancelled")
			})
		}
	}
}
