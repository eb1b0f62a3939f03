package runner_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/conformance"
	"udfrunner/core/env"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
	"udfrunner/core/protocol"
	"udfrunner/core/runner"
	"udfrunner/core/transport"
	"udfrunner/core/worker"
)

// recorder is a worker that keeps what it gets, and answers what was recorded once it got the task's end.
type recorder struct {
	t    *testing.T
	fd   int
	got  []byte
	done chan struct{}
}

func newRecorder(t *testing.T) (r *recorder, theirs int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	return &recorder{t: t, fd: fds[1], done: make(chan struct{})}, fds[0]
}

// serve runs until the task's end came, which is complete(got).
func (r *recorder) serve(answer []byte, complete func([]byte) bool) {
	defer close(r.done)
	defer func() { _ = unix.Close(r.fd) }()
	buffer := make([]byte, 1<<16)
	for !complete(r.got) {
		n, err := unix.Read(r.fd, buffer)
		if n <= 0 || err != nil {
			return
		}
		r.got = append(r.got, buffer[:n]...)
	}
	for len(answer) > 0 {
		n, err := unix.Write(r.fd, answer)
		if err != nil {
			return
		}
		answer = answer[n:]
	}
	_, _ = unix.Read(r.fd, buffer) // until the library closes its end
}

// normalise leaves out of an init section what a host cannot say.
func normalise(in protocol.Init) protocol.Init {
	// Spark numbers results by expression ids, the library by chain; they tell profiles apart.
	in.Chains = slices.Clone(in.Chains)
	for i := range in.Chains {
		in.Chains[i].ResultID = 0
	}
	// From 4.2 on tasks outside of barrier stages carry a random secret, or a path, that nothing reads.
	if !in.Context.Barrier {
		in.Context.Secret, in.Context.BarrierPath, in.Context.BarrierPort = "", "", 0
	}
	// The order of the conf is that of a hash map.
	sorted := func(entries []protocol.Entry) []protocol.Entry {
		entries = append([]protocol.Entry{}, entries...)
		slices.SortFunc(entries, func(a, b protocol.Entry) int { return cmp.Compare(a.Key, b.Key) })
		return entries
	}
	in.RunnerConf, in.EvalConf = sorted(in.RunnerConf), sorted(in.EvalConf)
	// Types are JSON objects, whose keys Spark writes in an order and PySpark, as the library, in another.
	for i := range in.EvalConf {
		in.EvalConf[i].Value = sortedKeys(in.EvalConf[i].Value)
	}
	if f := in.TableFunction; f != nil {
		copied := *f
		copied.ReturnType = sortedKeys(f.ReturnType)
		in.TableFunction = &copied
	}
	// A new worker has nothing to drop.
	in.Broadcasts = slices.DeleteFunc(slices.Clone(in.Broadcasts), func(b protocol.Broadcast) bool { return b.Drop })
	return in
}

func ptr[T any](v T) *T { return &v }

func sortedKeys(text string) string {
	var value map[string]any
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	b, err := json.Marshal(value)
	if err != nil {
		return text
	}
	return string(b)
}

// What a worker gets from a runner is what it got from Spark, and what the runner makes of the answer is what Spark
// did.
func TestRecordedTasks(t *testing.T) {
	hosttest.CheckLeaks(t)
	e, err := env.New(nil, os.Environ(), hostmem.Default())
	require.NoError(t, err)
	defer e.Close()
	for _, c := range conformance.Cases(t) {
		if c.Partial {
			continue
		}
		t.Run(c.Minor+" "+c.Name, func(t *testing.T) {
			if c.Uneven() {
				t.Skip("a host brings it in another form, and the worker gets other batches; conformance holds that " +
					"it answers the same")
			}
			c := c.Located(t, t.TempDir())
			want, reusable := c.Expected(t)
			r := c.Runner(t, e)
			fake, theirs := newRecorder(t)
			factory := worker.NewConnected(c.Dialect, worker.Info{Python: "3.11.0", PySpark: c.Minor + ".0"},
				func() (transport.Channel, error) { return transport.Adopt(theirs) })
			defer factory.Close()
			runner.UseFactory(r, factory)
			go fake.serve(c.Answer, func(got []byte) bool {
				_, data, err := c.Dialect.ParseInit(got)
				return err == nil && bytes.HasSuffix(data, c.Data[len(c.Data)-8:])
			})
			it, err := r.Compute(c.Input(t), c.Task())
			require.NoError(t, err)
			got, err := c.Collect(it)
			ready := it.Reusable()
			it.Close()
			factory.Close()
			<-fake.done
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, reusable, ready)

			in, data, err := c.Dialect.ParseInit(fake.got)
			require.NoError(t, err)
			expected, actual := c.Dialect.AppendInit(nil, ptr(normalise(*c.Init))),
				c.Dialect.AppendInit(nil, ptr(normalise(*in)))
			assert.Equal(t, string(expected), string(actual))
			compareData(t, &c, data)
		})
	}
}

// compareData compares data sections: records and framing byte by byte, Arrow streams by content.
func compareData(t *testing.T, c *conformance.Case, data []byte) {
	t.Helper()
	want := conformance.Split(t, c.Dialect, c.EvalType, c.Data)
	got := conformance.Split(t, c.Dialect, c.EvalType, data)
	assert.True(t, got.Ended)
	assert.Equal(t, want.Records, got.Records)
	require.Len(t, got.Groups, len(want.Groups))
	for i, group := range want.Groups {
		require.Len(t, got.Groups[i], len(group))
		for j := range group {
			hosttest.EqualIPC(t, group[j], got.Groups[i][j])
		}
	}
}
