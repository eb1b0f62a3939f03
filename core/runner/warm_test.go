package runner_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/conformance"
	"udfrunner/core/datasection"
	"udfrunner/core/env"
	"udfrunner/core/hostmem"
	"udfrunner/core/protocol"
	"udfrunner/core/runner"
	"udfrunner/core/status"
	"udfrunner/core/transport"
	"udfrunner/core/worker"
)

// connectedTask starts the recorded task of a scalar function for a worker whose end of the channel is ours.
func connectedTask(t testing.TB, minor string, kind int) (it *runner.Iterator, c conformance.Case, ours int) {
	t.Helper()
	for _, c = range conformance.Cases(t) {
		if c.Minor == minor && c.Name == "pandas_scalar" {
			break
		}
	}
	c = c.Located(t, t.TempDir())
	e, err := env.New(nil, os.Environ(), hostmem.Default())
	require.NoError(t, err)
	t.Cleanup(e.Close)
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fds[1]) })
	factory := worker.NewConnected(c.Dialect, worker.Info{Python: "3.11.0", PySpark: minor + ".0"},
		func() (transport.Channel, error) { return transport.Adopt(fds[0]) })
	t.Cleanup(factory.Close)
	r := c.Runner(t, e)
	runner.UseFactory(r, factory)
	it, err = r.Compute(c.Input(t), c.Task())
	require.NoError(t, err)
	t.Cleanup(it.Close)
	return it, c, fds[1]
}

// A socket that keeps the limits of what was sent shows how many system calls brought it.
func TestInitSectionAndFirstInputAreOneSystemCall(t *testing.T) {
	for _, minor := range protocol.Minors() {
		t.Run(minor, func(t *testing.T) {
			it, c, fd := connectedTask(t, minor, unix.SOCK_SEQPACKET)
			var chunk datasection.Chunk
			code, err := it.Next(0, &chunk)
			require.NoError(t, err)
			require.Equal(t, status.TimedOut, code)
			packet := make([]byte, 1<<20)
			n, err := unix.Read(fd, packet)
			require.NoError(t, err)
			_, data, err := c.Dialect.ParseInit(packet[:n])
			require.NoError(t, err)
			assert.GreaterOrEqual(t, conformance.Whole(data), 2, "the schema and the first batch")
		})
	}
}

// BenchmarkInitSection makes the init section of a warm task out of the runner and the task, in bytes.
func BenchmarkInitSection(b *testing.B) {
	for _, minor := range protocol.Minors() {
		b.Run(minor, func(b *testing.B) {
			it, _, _ := connectedTask(b, minor, unix.SOCK_STREAM)
			var section []byte
			b.ReportAllocs()
			for b.Loop() {
				section = runner.InitSection(it)
			}
			b.SetBytes(int64(len(section)))
		})
	}
}
