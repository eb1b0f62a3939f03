package config

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
)

// noEnvironment stands for a host process without variables.
const noEnvironment = "="

func newConfig(t *testing.T, pairs ...Pair) *Config {
	t.Helper()
	c, err := New(pairs, noEnvironment)
	require.NoError(t, err)
	return c
}

func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range Groups {
		for _, k := range g.Keys {
			t.Run(k.Name, func(t *testing.T) {
				assert.False(t, seen[k.Name], "listed twice")
				seen[k.Name] = true
				assert.True(t, strings.HasSuffix(k.Doc, "."), "the doc is no sentence")
				assert.NotContains(t, k.Doc+k.Absent, "|", "breaks the table of the docs page")
				assert.Equal(t, k.Kind == Size || k.Kind == Duration, unitNames[k.Unit] != "", "unit")
				if k.Default != "" {
					assert.True(t, k.check(k.Default), "the default %s is not allowed", k.Default)
					assert.Empty(t, k.Absent, "default and absent")
				}
				if k.Fallback != "" {
					require.Contains(t, index, k.Fallback)
					assert.Equal(t, k.Kind, index[k.Fallback].Kind)
				} else if k.Kind != Prefix {
					assert.True(t, k.Default != "" || k.Absent != "", "no default")
				}
			})
		}
	}
	for _, e := range entries {
		assert.Contains(t, index, e.key)
	}
}

func TestDocumentationPage(t *testing.T) {
	for _, page := range []struct{ path, content string }{
		{"docs/configuration.md", documentation()},
		{"bindings/java/src/main/resources/org/udfrunner/configuration-keys.txt", names()},
	} {
		path := filepath.Join("..", "..", page.path)
		if os.Getenv("UPDATE_DOCS") != "" {
			require.NoError(t, os.WriteFile(path, []byte(page.content), 0o644))
		}
		found, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, page.content, string(found), "%s is stale; run `go generate ./core/config`", page.path)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{PythonWorkerReuse, "yes", `key spark.python.worker.reuse: value "yes" is not allowed; expected true or false`},
		{PythonWorkerReuse, "", `value "" is not allowed`},
		{ExecutorCores, "0", "expected a whole number, at least 1"},
		{ExecutorCores, "2.5", "expected a whole number"},
		{ExecutorCores, "99999999999", "expected a whole number"},
		{BufferSize, "64q", "expected a size such as 64k, 16m or 1g, a bare number being bytes, at least 1"},
		{BufferSize, "1.5k", "expected a size"},
		{PySparkMemory, "1023k", "a bare number being MiB, at least 1"},
		{LogBuffer, "9999999p", "expected a size"},
		{PythonIdleTimeout, "-1",
			"expected a time such as 100ms, 60s or 15min, a bare number being seconds, at least 0"},
		{WorkerStart, "60 s", "expected a time"},
		{UDFProfiler, "cpu", "expected one of perf, memory"},
		{WorkerLauncher, "bwrap 'a b", "expected words separated by blanks, with every quote closed"},
		{WorkerLauncher, `bwrap \`, "with every quote closed"},
		{SessionTimeZone, "UTC\x00", "expected a text without NUL"},
		{"udfrunner.zygot.enabled", "true",
			`key udfrunner.zygot.enabled (value "true") is not known; did you mean udfrunner.zygote.enabled?`},
		{"udfrunner.worker.idletimeout", "1s", "did you mean udfrunner.worker.idleTimeout?"},
		{"udfrunner.something.else", "1", "is not known; docs/configuration.md lists the keys"},
		{EvalConf + "input_type", "{}", `is for runners only`},
		{EvalConf, "x", "is for runners only"},
		{ExecutorEnv, "x", "expected a name after the prefix"},
		{ExecutorEnv + "A=B", "x", "cannot name an environment variable"},
		{ExecutorEnv + "TOKEN", "se\x00cret", "the value has a NUL"},
		{"", "x", `key ""`},
		{"a\x00", "x", "has no NUL"},
	} {
		t.Run(tt.key+"="+tt.value, func(t *testing.T) {
			_, err := New([]Pair{{"spark.app.name", "x"}, {tt.key, tt.value}}, noEnvironment)
			require.Error(t, err)
			assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
			assert.Contains(t, err.Error(), tt.want)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestWithIsACopy(t *testing.T) {
	env := newConfig(t, Pair{SessionTimeZone, "UTC"}, Pair{SessionTimeZone, "Europe/Rome"})
	runner, err := env.With(SessionTimeZone, "Asia/Tokyo")
	require.NoError(t, err)
	assert.Equal(t, "Europe/Rome", env.Text(SessionTimeZone), "the last pair counts, and stays")
	assert.Equal(t, "Asia/Tokyo", runner.Text(SessionTimeZone))

	runner, err = runner.With(EvalConf+"input_type", `{"type":"struct"}`)
	require.NoError(t, err)
	runner, err = runner.With(EvalConf+"a", "1")
	require.NoError(t, err)
	assert.Equal(t, []Pair{{"a", "1"}, {"input_type", `{"type":"struct"}`}}, runner.Family(EvalConf))
	assert.Empty(t, env.Family(EvalConf))

	_, err = env.With(PythonIdlePoolSize, "3")
	assert.ErrorContains(t, err, "is for envs only")
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	_, err = env.With(TaskCpus, "none")
	assert.ErrorContains(t, err, "expected a whole number")
}

func TestValuesInSparksFormats(t *testing.T) {
	for _, tt := range []struct {
		key, value string
		want       any
	}{
		{PythonWorkerReuse, " TRUE ", true},
		{PythonWorkerReuse, "False", false},
		{TaskCpus, " 4 ", 4},
		{ArrowMaxRecords, "-1", -1},
		{BufferSize, "65536", int64(65536)},
		{BufferSize, "64k", int64(64 << 10)},
		{BufferSize, "64KB", int64(64 << 10)},
		{BufferSize, "7b", int64(7)},
		{LogBuffer, "1g", int64(1 << 30)},
		{LogBuffer, "2T", int64(2 << 40)},
		{LogBuffer, "1pb", int64(1 << 50)},
		{PySparkMemory, "512", int64(512 << 20)},
		{PySparkMemory, "1g", int64(1 << 30)},
		{PySparkMemory, "1500k", int64(1 << 20)},
		{PythonIdleTimeout, "90", 90 * time.Second},
		{PythonIdleTimeout, "1500ms", time.Second},
		{PythonIdleTimeout, "2m", 2 * time.Minute},
		{PythonIdleTimeout, "15min", 15 * time.Minute},
		{PythonKillTimeout, "2", 2 * time.Millisecond},
		{PythonKillTimeout, "5000us", 5 * time.Millisecond},
		{WorkerStart, "1h", time.Hour},
		{WorkerStart, "1d", 24 * time.Hour},
		{ZygoteModules, " numpy, ,scipy.stats ", []string{"numpy", "scipy.stats"}},
		{ZygoteModules, "", []string(nil)},
		{WorkerLauncher, ` setpriv  --reuid=1 'a b'c "d \" '" \ e '' `,
			[]string{"setpriv", "--reuid=1", "a bc", `d " '`, " e", ""}},
		{WorkerLauncher, " ", []string(nil)},
		{UDFProfiler, "memory", "memory"},
	} {
		t.Run(tt.key+"="+tt.value, func(t *testing.T) {
			c := newConfig(t, Pair{tt.key, tt.value})
			var got any
			switch index[tt.key].Kind {
			case Bool:
				got = c.Bool(tt.key)
			case Int:
				got = c.Int(tt.key)
			case Size:
				got = c.Size(tt.key)
			case Duration:
				got = c.Duration(tt.key)
			case List:
				got = c.List(tt.key)
			case Command:
				got = c.Words(tt.key)
			default:
				got = c.Text(tt.key)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestDefaultsFallbacksAndEnvironment(t *testing.T) {
	c := newConfig(t)
	assert.Equal(t, "python3", c.Text(PythonExecutable))
	assert.True(t, c.Bool(PythonWorkerReuse))
	assert.Equal(t, 60*time.Second, c.Duration(WorkerStart))
	assert.Equal(t, int64(1<<20), c.Size(LogBuffer))
	assert.Zero(t, c.Int(ExecutorCores))
	assert.Empty(t, c.Text(FilesDirectory))
	_, set := c.Lookup(SQLIdleTimeout)
	assert.False(t, set)

	c = newConfig(t, Pair{PythonIdleTimeout, "7"}, Pair{"spark.app.name", "x"})
	assert.Equal(t, 7*time.Second, c.Duration(SQLIdleTimeout), "from the key it falls back to")
	value, set := c.Lookup("spark.app.name")
	assert.True(t, set, "unknown keys are kept")
	assert.Equal(t, "x", value)
	c, err := c.With(SQLIdleTimeout, "9")
	require.NoError(t, err)
	assert.Equal(t, 9*time.Second, c.Duration(SQLIdleTimeout))
	assert.Equal(t, 7*time.Second, c.Duration(PythonIdleTimeout))

	c, err = New(nil, "PYSPARK_PYTHON=/opt/python", "PYSPARK_UDS_MODE=perhaps", "A=b=c", "broken")
	require.NoError(t, err)
	assert.Equal(t, "/opt/python", c.Text(PythonExecutable))
	assert.False(t, c.Bool(PythonUnixSockets), "a variable that the key does not allow does not count")
	assert.Equal(t, "b=c", c.HostEnvironment()["A"])
	c, err = c.With(PythonExecutable, "python3.12")
	require.NoError(t, err)
	assert.Equal(t, "python3.12", c.Text(PythonExecutable))

	t.Setenv("PYSPARK_PYTHON", "/from/the/process")
	c, err = New(nil)
	require.NoError(t, err)
	assert.Equal(t, "/from/the/process", c.Text(PythonExecutable))
}

func TestGettersRefuseOtherKinds(t *testing.T) {
	c := newConfig(t)
	assert.Panics(t, func() { c.Bool(BufferSize) })
	assert.Panics(t, func() { c.Text("spark.app.name") })
}

func FuzzValues(f *testing.F) {
	for _, seed := range []string{"1", "-9223372036854775808", "9223372036854775807p", "0x1", "1e3", "true", "ms",
		"-5min", "٣s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for name, k := range index {
			c, err := New([]Pair{{name, value}}, noEnvironment)
			if err != nil {
				require.Equal(t, status.InvalidArgument, status.CodeOf(err))
				continue
			}
			switch {
			case k.Kind == Size:
				require.GreaterOrEqual(t, c.Size(name), k.Min)
			case k.Kind == Duration:
				require.GreaterOrEqual(t, int64(c.Duration(name)), k.Min)
			case k.Kind == Int && k.Min > math.MinInt64:
				require.GreaterOrEqual(t, int64(c.Int(name)), k.Min)
			}
		}
	})
}
