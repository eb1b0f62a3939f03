package env_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/config"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
	"udfrunner/core/worker"
)

func TestKindOfFactory(t *testing.T) {
	type pairs []config.Pair
	for name, c := range map[string]struct {
		conf pairs
		kind worker.Kind
	}{
		"nothing":          {nil, worker.Embedded},
		"the usual module": {pairs{{Key: "spark.python.worker.module", Value: "pyspark.worker"}}, worker.Embedded},
		"sockets alone":    {pairs{{Key: "spark.python.unix.domain.socket.enabled", Value: "true"}}, worker.Embedded},
		"daemon module":    {pairs{{Key: "spark.python.daemon.module", Value: "pyspark.daemon"}}, worker.StockDaemon},
		"worker module":    {pairs{{Key: "spark.python.worker.module", Value: "pyspark.another"}}, worker.StockDaemon},
		"no daemon":        {pairs{{Key: "spark.python.use.daemon", Value: "false"}}, worker.SimpleWorker},
		"no daemon, module": {
			pairs{{Key: "spark.python.use.daemon", Value: "false"},
				{Key: "spark.python.daemon.module", Value: "pyspark.daemon"}}, worker.SimpleWorker,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, append(c.conf, config.Pair{Key: "spark.pyspark.python", Value: "/no/such/python"})...)
			f, err := e.Factory(e.Config())
			require.NoError(t, err)
			assert.Equal(t, c.kind, f.Kind())
			assert.Equal(t, status.Spawn, status.CodeOf(ready(t, f)))
			assert.Contains(t, string(e.Stats()), `"kind":"`+c.kind.String()+`"`)
		})
	}
}

func TestKindsHaveFactoriesOfTheirOwn(t *testing.T) {
	e := newEnv(t, config.Pair{Key: "spark.pyspark.python", Value: testenv.Python(t, "4.2")},
		config.Pair{Key: "spark.python.daemon.module", Value: "pyspark.daemon"})
	tcp, err := e.Factory(e.Config())
	require.NoError(t, err)
	conf, err := e.Config().With("spark.python.unix.domain.socket.enabled", "true")
	require.NoError(t, err)
	unix, err := e.Factory(conf)
	require.NoError(t, err)
	assert.NotSame(t, tcp, unix)
	again, err := e.Factory(conf)
	require.NoError(t, err)
	assert.Same(t, unix, again)
	require.NoError(t, ready(t, tcp))
	require.NoError(t, ready(t, unix))
}

// newerPySpark is a directory with the PySpark of 4.3 under another version, and with other files in place of its own.
func newerPySpark(t *testing.T, files map[string]string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(testenv.Python(t, "4.3")),
		"../lib/python3.*/site-packages/pyspark/*"))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	path := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(path, "pyspark"), 0o700))
	files["version.py"] = "__version__: str = \"4.9.0\"\n"
	for _, original := range found {
		name := filepath.Base(original)
		if _, ok := files[name]; !ok {
			require.NoError(t, os.Symlink(original, filepath.Join(path, "pyspark", name)))
		}
	}
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(path, "pyspark", name), []byte(text), 0o600))
	}
	return path
}

// A worker that counts differently: one more number at the end of each task.
const otherWorker = `
import runpy, struct
_worker = runpy.run_path(%q)
def main(infile, outfile):
    _worker["main"](infile, outfile)
    outfile.write(struct.pack("!i", 77))
if __name__ == "__main__":
    from pyspark.worker_util import get_sock_file_to_executor
    with get_sock_file_to_executor() as sock_file:
        main(sock_file, sock_file)
`

func TestNewerPySparkMustPassTheSelfCheck(t *testing.T) {
	original := filepath.Join(filepath.Dir(testenv.Python(t, "4.3")),
		"../lib/python3.11/site-packages/pyspark/worker.py")
	passes := newerPySpark(t, map[string]string{})
	fails := newerPySpark(t, map[string]string{"worker.py": fmt.Sprintf(otherWorker, original)})
	raises := newerPySpark(t, map[string]string{"worker.py": "def main(infile, outfile):\n    raise " +
		"RuntimeError('another world')\n" +
		"if __name__ == '__main__':\n    main(None, None)\n"})
	for name, conf := range map[string][]config.Pair{
		"embedded": nil,
		"daemon":   {{Key: "spark.python.daemon.module", Value: "pyspark.daemon"}},
		"daemon Unix": {{Key: "spark.python.daemon.module", Value: "pyspark.daemon"},
			{Key: "spark.python.unix.domain.socket.enabled", Value: "true"}},
		"simple": {{Key: "spark.python.use.daemon", Value: "false"}},
	} {
		t.Run(name, func(t *testing.T) {
			start := func(path string) (worker.Factory, error) {
				e := newEnv(t, append(conf, config.Pair{Key: "spark.pyspark.python", Value: testenv.Python(t, "4.3")},
					config.Pair{Key: "spark.executorEnv.PYTHONPATH", Value: path})...)
				f, err := e.Factory(e.Config())
				require.NoError(t, err)
				return f, ready(t, f)
			}
			f, err := start(passes)
			require.NoError(t, err)
			dialect, info, err := f.State()
			require.NoError(t, err)
			assert.Equal(t, "4.9", dialect.Minor)
			assert.Equal(t, "4.9.0", info.PySpark)
			for path, what := range map[string]string{fails: "does not agree on the end", raises: ""} {
				_, err = start(path)
				require.Error(t, err)
				assert.Contains(t, err.Error(), what)
				assert.Equal(t, status.NotSupported, status.CodeOf(err), "%v", err)
				assert.Contains(t, err.Error(), "PySpark 4.9.0")
				assert.Contains(t, err.Error(), "3.5, 4.0, 4.1, 4.2, 4.3")
				if path == raises {
					assert.Contains(t, status.From(err).Details["worker.stderr_tail"], "another world")
				}
			}
		})
	}
}
