package worker

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
)

// pythonPath is a directory with one module, in front of all others.
func pythonPath(t *testing.T, spec *Spec, name, text string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".py"), []byte(text), 0o600))
	spec.Env = append(spec.Env, "PYTHONPATH="+dir)
}

func TestModulesThatAreNoneOfSparks(t *testing.T) {
	const (
		wrongSecret = `
import os, runpy
os.environ["PYTHON_WORKER_FACTORY_SECRET"] = "wrong"
runpy.run_module("pyspark.` // and the module's name
		forksNothing = `
import os, socket, struct
with socket.create_server(("127.0.0.1", 0)) as server:
    os.write(1, struct.pack("!i", server.getsockname()[1]))
    connection, _ = server.accept()
    connection.sendall(struct.pack("!i", -12))
    connection.close()
    os.read(0, 1)
`
		silent = "import time\ntime.sleep(1000)\n"
	)
	for name, c := range map[string]struct {
		kind      Kind
		unix      bool
		module    string // "" is PySpark's own
		text      string
		within    time.Duration
		message   string
		andToo    string
		tailHolds string
	}{
		"daemon that prints": {
			kind: StockDaemon, module: "chatty",
			text: "print('hello', flush=True)\nimport runpy\nrunpy.run_module('pyspark.daemon', " +
				"run_name='__main__')\n",
			message: `wrote "hello\n`, andToo: "sitecustomize",
		},
		"daemon over Unix sockets that prints": {
			kind: StockDaemon, unix: true, module: "chatty",
			text: "print('hello', flush=True)\nimport runpy\nrunpy.run_module('pyspark.daemon', " +
				"run_name='__main__')\n",
			message: `wrote "hello\n`,
		},
		"daemon that raises": {
			kind: StockDaemon, module: "broken", text: "raise ValueError('so be it')\n",
			message:   "module broken",
			andToo:    "ended with status 1 before it said where it listens: ValueError: so be it",
			tailHolds: "Traceback",
		},
		"daemon that closes its stdout": {
			kind: StockDaemon, module: "closed", text: "import os\nos.close(1)\n" + silent,
			message: "closed its stdout before",
		},
		"daemon that is silent": {
			kind: StockDaemon, module: "silent", text: silent, within: 400 * time.Millisecond,
			message: "no port within 400ms",
		},
		"daemon that does not exist": {
			kind: StockDaemon, module: "no_such_module", message: "No module named no_such_module",
		},
		"daemon with another secret": {
			kind: StockDaemon, module: "other", text: wrongSecret + "daemon\", run_name=\"__main__\")\n",
			message: `"err" in answer to the secret, allowed is "ok"`,
		},
		"daemon that cannot fork": {
			kind: StockDaemon, module: "full", text: forksNothing,
			message: "-12 for a process id (cannot allocate memory)",
		},
		"worker with another secret": {
			kind: SimpleWorker, module: "other", text: wrongSecret + "worker\", run_name=\"__main__\")\n",
			message: "before it connected (refused for a wrong secret: 1)",
		},
		"worker that raises": {
			kind: SimpleWorker, module: "broken", text: "raise ValueError('so be it')\n",
			message: "ended with status 1 before it connected: ValueError: so be it", tailHolds: "Traceback",
		},
		"worker that is killed": {
			kind: SimpleWorker, module: "killed", text: "import os\nos.kill(os.getpid(), 9)\n",
			message: "was ended by signal SIGKILL before it connected",
		},
		"worker that is silent": {
			kind: SimpleWorker, unix: true, module: "silent", text: silent, within: 400 * time.Millisecond,
			message: "did not connect within 400ms",
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := moduleSpec(t, "4.2", c.kind, c.unix)
			pythonPath(t, &spec, c.module, c.text)
			if c.text == "" {
				spec.Env = spec.Env[:len(spec.Env)-1]
			}
			spec.DaemonModule, spec.WorkerModule = c.module, c.module
			if c.within > 0 {
				spec.Probes = &Probes{} // an interpreter takes longer
				spec.Probes.put(probeKey(&spec), Info{Python: "3.11.0", PySpark: "4.2.0"})
				spec.StartTimeout = c.within
			}
			f := begin(t, spec)
			_, _, err := f.State()
			require.NoError(t, err)
			w, err := f.Acquire("x", nil)
			require.NoError(t, err)
			exit(t, w)
			_, err = w.Ready()
			require.Error(t, err)
			assert.Equal(t, status.Spawn, status.CodeOf(err))
			assert.Contains(t, err.Error(), c.message)
			assert.Contains(t, err.Error(), c.andToo)
			assert.NotContains(t, err.Error(), "\n")
			assert.Contains(t, status.From(err).Details["worker.stderr_tail"], c.tailHolds)
			f.Kill(w)
			assert.Zero(t, f.Counts().Alive)
		})
	}
}

func TestInterpretersThatAreNone(t *testing.T) {
	for _, kind := range []Kind{Embedded, StockDaemon, SimpleWorker} {
		spec := moduleSpec(t, "4.2", kind, false)
		spec.Python = "/no/such/python"
		_, _, err := begin(t, spec).State()
		assert.Equal(t, status.Spawn, status.CodeOf(err))
		assert.Contains(t, err.Error(), `interpreter "/no/such/python": no such file or directory`)
		spec.Python = "/bin/false"
		_, _, err = begin(t, spec).State()
		assert.Equal(t, status.Spawn, status.CodeOf(err))
		assert.Contains(t, err.Error(), `interpreter "/bin/false" ended with status 1 before it could start a worker`)
	}
}
