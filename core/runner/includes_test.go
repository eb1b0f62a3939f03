package runner

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/config"
	"udfrunner/core/env"
)

// archive is a zip of one Python module.
func archive(t *testing.T, dir, name, module, text string) {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, name))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	w := zip.NewWriter(file)
	entry, err := w.Create(module)
	require.NoError(t, err)
	_, err = entry.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

// ownCopy is a module that a task brings.
const ownCopy = "OWNER = 7\n"

func TestAnIncludesCopyWinsOverTheZygotes(t *testing.T) {
	for _, minor := range supportedMinors {
		t.Run(minor, func(t *testing.T) {
			files := t.TempDir()
			archive(t, files, "job.zip", "operators.py", ownCopy)
			archive(t, files, "other.zip", "unrelated.py", ownCopy)
			e := newEnv(t, minor, config.Pair{Key: "udfrunner.files.directory", Value: files},
				config.Pair{Key: "udfrunner.zygote.modules", Value: "operators"})
			for _, test := range []struct {
				includes []string
				want     int64
			}{{[]string{"job.zip"}, 7}, {[]string{"other.zip"}, 1}, {[]string{filepath.Join(files, "job.zip")}, 7},
				{nil, 1}} {
				r, err := New(e, 200, [][]Function{{{Reference: "functions:owner", ReturnType: "long"}}},
					[][]Argument{onA},
					Options{Includes: test.includes})
				require.NoError(t, err)
				for range 2 { // the second one on the same worker
					assert.Equal(t, test.want, processOf(t, r), "includes %v", test.includes)
				}
			}
			counts := statistics(t, e)
			assert.EqualValues(t, 4, counts["reused"])
			assert.Zero(t, counts["crashed"])
		})
	}
}

// statistics are the counters of an env's only factory.
func statistics(t *testing.T, e *env.Env) map[string]any {
	t.Helper()
	var stats struct{ Factories []map[string]any }
	require.NoError(t, json.Unmarshal(e.Stats(), &stats))
	require.Len(t, stats.Factories, 1)
	return stats.Factories[0]
}

func TestHostPath(t *testing.T) {
	folders := map[string]string{}
	for name, owner := range map[string]string{"five": "5", "six": "6"} {
		folders[name] = t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folders[name], "operators.py"), []byte("OWNER = "+owner+"\n"),
			0o600))
	}
	both := strings.Join([]string{"", folders["five"], "/no/such/folder", folders["six"]}, ":")
	for name, factory := range map[string][]config.Pair{
		"embedded": nil,
		"zygote":   {{Key: "udfrunner.zygote.modules", Value: "operators"}},
		"stock":    {{Key: "spark.python.daemon.module", Value: "pyspark.daemon"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, "4.2", factory...)
			for _, test := range []struct {
				path     string
				includes []string
				want     int64
			}{{both, nil, 5}, {folders["six"], nil, 6}, {both, []string{folders["six"]}, 6}, {"", nil, 1}} {
				conf, err := e.Config().With(config.PythonPath, test.path)
				require.NoError(t, err)
				r, err := New(e, 200, [][]Function{{{Reference: "functions:owner", ReturnType: "long"}}},
					[][]Argument{onA},
					Options{Config: conf, Includes: test.includes})
				require.NoError(t, err)
				for range 2 {
					assert.Equal(t, test.want, processOf(t, r), "path %q, includes %v", test.path, test.includes)
				}
			}
		})
	}
}
