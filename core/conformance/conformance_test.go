package conformance_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/config"
	"udfrunner/core/conformance"
	"udfrunner/core/env"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
	"udfrunner/core/protocol"
	"udfrunner/core/testenv"
)

var (
	update = flag.Bool("update", false, "write docs/conformance.md")
	all    = flag.Bool("all", false, "replay on the workers of all factories, not of the embedded daemon alone")
)

// served are cases whose functions talk to a server of the host or read its files, by what they need. The
// Python package's tests play these hosts.
var served = map[string]string{
	"broadcast": "broadcast files", "broadcast_encrypted": "a broadcast server", "broadcast_sockets": "a broadcast server",
	"udf_broadcast_accumulator_include": "broadcast files and an include",
	"barrier":                           "a barrier server", "barrier_sockets": "a barrier server", "map_in_arrow_barrier": "a barrier server",
	"transform_with_state_pandas": "a state server", "transform_with_state_pandas_initial": "a state server",
	"transform_with_state_pandas_sockets": "a state server",
	"transform_with_state_row":            "a state server", "transform_with_state_row_initial": "a state server",
}

// broken are cases in which the stock worker of the tests' PySpark fails by itself, with its error: 4.0.4 and 4.1.3 slice by
// floats, which PyArrow 26 refuses; mended in 4.0.5 and 4.1.4.
var broken = map[string]string{
	"4.0 apply_in_pandas_with_state": "'float' object cannot be interpreted as an integer",
	"4.1 apply_in_pandas_with_state": "'float' object cannot be interpreted as an integer",
}

// newEnv is an env with workers of a factory.
func newEnv(t *testing.T, minor string, f conformance.Factory) *env.Env {
	t.Helper()
	hosttest.CheckLeaks(t)
	pairs := append([]config.Pair{{Key: config.PythonExecutable, Value: testenv.Python(t, minor)}}, f.Settings...)
	e, err := env.New(pairs, os.Environ(), hostmem.Default())
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

// Real workers of the recorded version answer the recorded functions and data as they answered Spark.
func TestReplay(t *testing.T) {
	matrix := conformance.NewMatrix()
	cases := conformance.Cases(t)
	for _, minor := range protocol.Minors() {
		dialect, err := protocol.ForVersion(minor)
		require.NoError(t, err)
		for i, factory := range conformance.Factories {
			if i > 0 && !*all || factory.UnixSockets && !dialect.SocketPaths {
				continue
			}
			t.Run(minor+" "+factory.Name, func(t *testing.T) {
				e := newEnv(t, minor, factory)
				seen, whole := map[int32]bool{}, hasRDDs(t, minor)
				for _, c := range cases {
					if c.Minor != minor || c.Partial || factory.OneTask && seen[c.EvalType.ID] {
						continue
					}
					name, _, _ := strings.Cut(c.Name, ".")
					if c.EvalType.Family == protocol.RDD && !whole {
						matrix.Left(&c, conformance.Whole)
						continue
					}
					if _, ok := served[name]; ok {
						matrix.Left(&c, conformance.Elsewhere)
						continue
					}
					seen[c.EvalType.ID] = true
					if message, ok := broken[minor+" "+name]; ok {
						t.Run(c.Name, func(t *testing.T) { fails(t, e, &c, message) })
						matrix.Left(&c, conformance.Broken)
						continue
					}
					ok := t.Run(c.Name, func(t *testing.T) { replay(t, e, &c, factory.OneTask) })
					matrix.Ran(&c, factory, ok)
				}
			})
		}
	}
	if *all {
		compareOrWrite(t, matrix.Document())
	}
}

// hasRDDs says whether the version's environment has the whole PySpark, not pyspark-client.
func hasRDDs(t *testing.T, minor string) bool {
	t.Helper()
	root := filepath.Dir(filepath.Dir(testenv.Python(t, minor)))
	found, err := filepath.Glob(filepath.Join(root, "lib", "python3*", "site-packages", "pyspark", "rdd.py"))
	require.NoError(t, err)
	core, err := filepath.Glob(filepath.Join(root, "lib", "python3*", "site-packages", "pyspark", "core", "rdd.py"))
	require.NoError(t, err)
	return len(core) > 0 || minor == "3.5" && len(found) > 0
}

func replay(t *testing.T, e *env.Env, c *conformance.Case, oneTask bool) {
	want, reusable := c.Expected(t)
	it, err := c.Runner(t, e).Compute(c.Input(t), c.Task())
	require.NoError(t, err)
	defer it.Close()
	got, err := c.Collect(it)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	if !oneTask {
		assert.Equal(t, reusable, it.Reusable())
	}
}

func fails(t *testing.T, e *env.Env, c *conformance.Case, message string) {
	it, err := c.Runner(t, e).Compute(c.Input(t), c.Task())
	require.NoError(t, err)
	defer it.Close()
	_, err = c.Collect(it)
	assert.ErrorContains(t, err, message)
}

const document = "../../docs/conformance.md"

func compareOrWrite(t *testing.T, text string) {
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(text), 0o600))
		return
	}
	committed, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.Equal(t, string(committed), text, "run `make conformance`")
}

// The document has a cell for every eval type, version and factory that there is.
func TestDocument(t *testing.T) {
	committed, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.NoError(t, conformance.CheckDocument(string(committed)))
}
