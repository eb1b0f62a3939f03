package conformance

import (
	"encoding/hex"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"udfrunner/core/protocol"
	"udfrunner/core/testenv"
)

// Client is a version's environment that has pyspark-client, not the full PySpark: without pyspark.core, and so without
// the classes of RDDs, which recorded RDD functions name, and without broadcast variables.
type Client struct {
	// commands are RDD functions for recorded cases, pickled in that environment.
	commands map[string][]byte
}

// ClientOf is nil where the version's environment has the full PySpark.
func ClientOf(t testing.TB, minor string) *Client {
	t.Helper()
	const full = `import importlib.util as u; print(any(u.find_spec(f"pyspark.{m}") for m in ("core", "rdd")))`
	out, err := testenv.Command(t, minor, "-c", full).Output()
	require.NoError(t, err)
	if strings.TrimSpace(string(out)) == "True" {
		return nil
	}
	_, file, _, _ := runtime.Caller(0)
	out, err = testenv.Command(t, minor, filepath.Join(filepath.Dir(file), "testdata", "rdd.py")).Output()
	require.NoError(t, err)
	c := &Client{commands: map[string][]byte{}}
	for line := range strings.Lines(string(out)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		c.commands[name], err = hex.DecodeString(text)
		require.NoError(t, err)
	}
	return c
}

// Runnable is the case as the environment can run it, or false: RDD functions are replaced by others of the same
// meaning, where there are.
func (c *Client) Runnable(t testing.TB, from Case) (Case, bool) {
	t.Helper()
	if c == nil {
		return from, true
	}
	for _, b := range from.Init.Broadcasts {
		if !b.Drop {
			return from, false
		}
	}
	if from.EvalType.Family != protocol.RDD {
		return from, true
	}
	command, known := c.commands[strings.TrimSuffix(from.Name, "_sockets")]
	in := *from.Init
	in.Command = command
	from.Init = &in
	return from, known
}
