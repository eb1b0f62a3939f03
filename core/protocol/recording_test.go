package protocol_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/protocol"
)

// recording is one task of real Spark: what it wrote to its worker and what that answered.
type recording struct {
	minor, name string
	// partial recordings end early, because the task failed or the worker did not read to the end.
	partial bool
	in, out []byte
}

// recordings of recording/record.py, of every version.
func recordings(tb testing.TB) []recording {
	tb.Helper()
	var list []recording
	for _, minor := range protocol.Minors() {
		names, err := filepath.Glob(filepath.Join("recording", "testdata", minor, "*.in"))
		require.NoError(tb, err)
		assert.NotEmpty(tb, names, "no recordings of PySpark %s", minor)
		for _, name := range names {
			r := recording{minor: minor, name: strings.TrimSuffix(filepath.Base(name), ".in")}
			r.partial = strings.HasSuffix(r.name, ".partial")
			r.in, err = os.ReadFile(name)
			require.NoError(tb, err)
			r.out, err = os.ReadFile(strings.TrimSuffix(name, ".in") + ".out")
			require.NoError(tb, err)
			list = append(list, r)
		}
	}
	return list
}

// each runs a test for every recording.
func each(t *testing.T, test func(t *testing.T, r recording, d *protocol.Dialect, in *protocol.Init, data []byte)) {
	for _, r := range recordings(t) {
		t.Run(r.minor+"/"+r.name, func(t *testing.T) {
			d, err := protocol.ForVersion(r.minor + ".0")
			require.NoError(t, err)
			in, data, err := d.ParseInit(r.in)
			require.NoError(t, err)
			test(t, r, d, in, data)
		})
	}
}

// What the encoder writes is what real Spark wrote, and the parser reads all of it.
func TestRecordedInitSection(t *testing.T) {
	each(t, func(t *testing.T, r recording, d *protocol.Dialect, in *protocol.Init, data []byte) {
		assert.Equal(t, r.in[:len(r.in)-len(data)], d.AppendInit(nil, in))
		require.NoError(t, d.Check(in), "what Spark sends is no feature that the version lacks")
		e, err := protocol.EvalTypeByID(in.EvalType)
		require.NoError(t, err)
		assert.Equal(t, e.Family == protocol.RDD, in.Command != nil)
		assert.Equal(t, e.Family == protocol.TableFunctionEval, in.TableFunction != nil)
		assert.Equal(t, e.Family != protocol.RDD && e.Family != protocol.TableFunctionEval, len(in.Chains) > 0)
		if e.SingleChain {
			assert.LessOrEqual(t, len(in.Chains), 1)
		}
	})
}

// What versions before 4.2 have as fields of their own is read as the eval conf that 4.2 is sent for the same job.
func TestRecordedEvalConf(t *testing.T) {
	newer := map[string][]protocol.Entry{}
	each(t, func(_ *testing.T, r recording, _ *protocol.Dialect, in *protocol.Init, _ []byte) {
		if r.minor == "4.2" {
			newer[r.name] = in.EvalConf
		}
	})
	compared := map[string][]int32{}
	each(t, func(t *testing.T, r recording, _ *protocol.Dialect, in *protocol.Init, _ []byte) {
		if r.minor >= "4.2" || in.EvalConf == nil {
			return
		}
		assert.ElementsMatch(t, newer[r.name], in.EvalConf)
		if !slices.Contains(compared[r.minor], in.EvalType) {
			compared[r.minor] = append(compared[r.minor], in.EvalType)
		}
	})
	assert.ElementsMatch(t, []int32{208}, compared["3.5"])
	assert.ElementsMatch(t, []int32{208, 211, 212}, compared["4.0"])
	assert.ElementsMatch(t, []int32{101, 208, 211, 212, 213, 214, 301, 302}, compared["4.1"])
}

// Every recorded eval type that a version has: a hole would make the other tests weak.
func TestRecordingsCoverTheEvalTypes(t *testing.T) {
	seen := map[string][]int32{}
	each(t, func(_ *testing.T, r recording, _ *protocol.Dialect, in *protocol.Init, _ []byte) {
		if !r.partial && !slices.Contains(seen[r.minor], in.EvalType) {
			seen[r.minor] = append(seen[r.minor], in.EvalType)
		}
	})
	wanted := []int32{0, 100, 101, 200, 201, 202, 203, 204, 205, 206, 207, 208, 300, 301}
	added := map[string][]int32{
		"4.0": {209, 210, 211, 212},
		"4.1": {213, 214, 215, 216, 250, 251, 252, 253, 302},
		"4.2": {217, 254},
	}
	for _, minor := range protocol.Minors() {
		wanted = append(wanted, added[minor]...)
		assert.ElementsMatch(t, wanted, seen[minor], "PySpark %s", minor)
	}
}

func FuzzParseInit(f *testing.F) {
	for _, r := range recordings(f) {
		f.Add(uint8(slices.Index(protocol.Minors(), r.minor)), r.in) //nolint:gosec // few
	}
	f.Fuzz(func(t *testing.T, minor uint8, in []byte) {
		d, err := protocol.ForVersion(protocol.Minors()[int(minor)%len(protocol.Minors())] + ".0")
		require.NoError(t, err)
		parsed, rest, err := d.ParseInit(in)
		if err != nil {
			assert.Nil(t, parsed)
			return
		}
		assert.Equal(t, in, append(d.AppendInit(nil, parsed), rest...))
	})
}
