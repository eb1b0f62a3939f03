package env

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/config"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
	"udfrunner/core/protocol"
	"udfrunner/core/testenv"
	"udfrunner/core/transport"
	"udfrunner/core/worker"
)

// TestSelfCheckOnKnownVersions asks workers that are known to be right, with Arrow data and without.
func TestSelfCheckOnKnownVersions(t *testing.T) {
	for _, minor := range protocol.Minors() {
		t.Run(minor, func(t *testing.T) {
			hosttest.CheckLeaks(t)
			e, err := New([]config.Pair{{Key: "spark.pyspark.python", Value: testenv.Python(t, minor)}}, os.Environ(),
				hostmem.Default())
			require.NoError(t, err)
			defer func() {
				e.Close()
				assert.True(t, e.Wait(20*time.Second), "every process ends")
			}()
			f, err := e.Factory(e.Config())
			require.NoError(t, err)
			started := make(chan struct{})
			f.OnStarted(func() { close(started) })
			<-started
			dialect, info, err := f.State()
			require.NoError(t, err)
			withoutArrow := *info
			withoutArrow.PyArrow = ""
			for _, known := range []*worker.Info{info, &withoutArrow} {
				if known.PyArrow != "" && dialect.Check(&protocol.Init{EvalType: warmTasks[0].evalType}) != nil {
					continue // older than the check
				}
				w, err := f.Acquire("", map[string]string{"SPARK_REUSE_WORKER": "1"})
				require.NoError(t, err)
				require.NoError(t, selfCheck(w, dialect, known, time.Now().Add(20*time.Second)))
				require.Eventually(t, func() bool { return w.PID() != 0 }, 10*time.Second, time.Millisecond)
				hosttest.Signal(t, w.PID(), unix.SIGSTOP)
				assert.ErrorContains(t, selfCheck(w, dialect, known, time.Now().Add(10*time.Millisecond)), "no answer")
				f.Kill(w)
			}
		})
	}
}

// What a worker that is not known yet says of its answer's size is looked at before memory is taken for it.
func TestSelfCheckBelievesNoSizes(t *testing.T) {
	dialect, err := protocol.ForVersion("4.3.0")
	require.NoError(t, err)
	for name, answer := range map[string][]byte{
		// StartArrowStream, a message of 192 MB
		"metadata": {0xff, 0xff, 0xff, 0xfa, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x0c},
		"record":   {0x0c, 0, 0, 0},
	} {
		framing, want := protocol.Arrow, "a result of 201326592 bytes, allowed are 1048576"
		if name == "record" {
			framing = protocol.Pickled
		}
		socket, fd, err := transport.Pair()
		require.NoError(t, err)
		_, err = unix.Write(fd, answer)
		require.NoError(t, err)
		require.NoError(t, unix.Close(fd))
		deadline := time.Now().Add(10 * time.Second)
		s := &blockingSource{channel: socket, reader: transport.NewReader(socket), deadline: deadline}
		assert.ErrorContains(t, s.answered(protocol.NewReader(dialect, framing, s), nil), want, name)
		socket.Close()
	}
}
