package conformance_test

import (
	"flag"
	"os"
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
	matrix := conformance.Matrix{}
	cases := conformance.Cases(t)
	for _, minor := range protocol.Minors() {
		dialect, err := protocol.ForVersion(minor)
		require.NoError(t, err)
		client := conformance.ClientOf(t, minor)
		for i, factory := range conformance.Factories {
			if i > 0 && !*all || factory.UnixSockets && !dialect.SocketPaths {
				continue
			}
			t.Run(minor+" "+factory.Name, func(t *testing.T) {
				e := newEnv(t, minor, factory)
				seen, dir := map[int32]bool{}, t.TempDir()
				for _, c := range cases {
					if c.Minor != minor || c.Partial || factory.OneTask && seen[c.EvalType.ID] {
						continue
					}
					c, ok := client.Runnable(t, c)
					if !ok {
						continue
					}
					seen[c.EvalType.ID] = true
					matrix.Ran(&c, factory,
						t.Run(c.Name, func(t *testing.T) { replay(t, e, c.Served(t, dir), factory.OneTask) }))
				}
			})
		}
	}
	if *all && assert.Empty(t, matrix.Holes()) && *update {
		require.NoError(t, os.WriteFile(document, []byte(conformance.Document()), 0o600))
	}
}

func replay(t *testing.T, e *env.Env, c conformance.Case, oneTask bool) {
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

const document = "../../docs/conformance.md"

// The document is what `make conformance` writes, whenever eval types, versions or factories change.
func TestDocument(t *testing.T) {
	committed, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.Equal(t, conformance.Document(), string(committed), "run `make conformance`")
}
