package hostdata_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/hostdata"
	"udfrunner/core/testenv"
)

// TestPyArrowCasts compares what is made of PyArrow's arrays with what PyArrow makes of them.
func TestPyArrowCasts(t *testing.T) {
	t.Parallel()
	require.FileExists(t, "testdata/casts.py") // So that Go's test cache tracks it.
	directory := t.TempDir()
	out, err := testenv.Command(t, "4.2", "testdata/casts.py", directory).CombinedOutput()
	require.NoError(t, err, "%s", out)
	hosts, err := filepath.Glob(filepath.Join(directory, "*.host.arrows"))
	require.NoError(t, err)
	require.Greater(t, len(hosts), 40)
	for _, host := range hosts {
		t.Run(strings.TrimSuffix(filepath.Base(host), ".host.arrows"), func(t *testing.T) {
			from, to := content(t, host), content(t, strings.TrimSuffix(host, ".host.arrows")+".spark.arrows")
			c, err := hostdata.NewConverter(from.Schema.Fields, to.Schema.Fields)
			require.NoError(t, err)
			require.Len(t, from.Batches, len(to.Batches))
			for i, batch := range from.Batches {
				made := batch
				if c != nil {
					a, release, err := c.Array(batch)
					require.NoError(t, err)
					defer release()
					made = a
				}
				assert.Equal(t, arrowtest.Rows(to.Schema, to.Batches[i]), arrowtest.Rows(to.Schema, made), "batch %d",
					i)
			}
		})
	}
}

func content(t *testing.T, path string) *arrowtest.Content {
	t.Helper()
	stream, err := os.ReadFile(path)
	require.NoError(t, err)
	c, err := arrowtest.Read(stream, false)
	require.NoError(t, err)
	t.Cleanup(c.Release)
	return c
}
