package conformance

import (
	"archive/zip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"udfrunner/core/protocol"
)

// Pickles of the values of the recorded jobs' broadcast variables (recording/jobs.py).
var (
	firstValue  = []byte("\x80\x04}\x8c\x01aK\x01s.")   // {"a": 1}
	secondValue = []byte("\x80\x04](K\x01K\x02K\x03e.") // [1, 2, 3]
	udfValue    = []byte("\x80\x04K\x02.")              // 2
	included    = []byte("VALUE = 40\n")                // every include
)

// Located is the case with the files that its host has in a directory, in place of the recorded ones, whose paths
// were normalised. Cases with one directory can share workers.
func (c Case) Located(t testing.TB, dir string) Case {
	t.Helper()
	in := *c.Init
	if in.FilesDir != "" {
		in.FilesDir = dir
	}
	for _, include := range in.Includes {
		file, err := os.Create(filepath.Join(dir, include))
		require.NoError(t, err)
		archive := zip.NewWriter(file)
		module, err := archive.Create(strings.TrimSuffix(include, ".zip") + ".py")
		require.NoError(t, err)
		_, err = module.Write(included)
		require.NoError(t, err)
		require.NoError(t, archive.Close())
		require.NoError(t, file.Close())
	}
	values := c.values()
	in.Broadcasts = slices.Clone(in.Broadcasts)
	for i := range in.Broadcasts {
		b := &in.Broadcasts[i]
		if b.Drop || in.BroadcastServer != nil {
			continue
		}
		b.Path = filepath.Join(dir, strconv.FormatInt(b.ID, 10))
		require.NoError(t, os.WriteFile(b.Path, values[b.ID], 0o600))
	}
	c.Init = &in
	return c
}

// values are the pickles of the broadcast variables that a case sends, by id: the two of the job "broadcast" were made
// one after the other.
func (c *Case) values() map[int64][]byte {
	values := map[int64][]byte{}
	sent := slices.DeleteFunc(slices.Clone(c.Init.Broadcasts), func(b protocol.Broadcast) bool { return b.Drop })
	slices.SortFunc(sent, func(a, b protocol.Broadcast) int { return int(a.ID - b.ID) })
	for i, b := range sent {
		switch {
		case !strings.HasPrefix(c.Name, "broadcast"):
			values[b.ID] = udfValue
		case len(sent) == 2 && i == 0:
			values[b.ID] = firstValue
		default:
			values[b.ID] = secondValue
		}
	}
	return values
}

// Served is the case, located, with the servers that its host has running, and their addresses in place of the
// recorded ones.
func (c Case) Served(t testing.TB, dir string) Case {
	t.Helper()
	if job, again := strings.CutSuffix(c.Name, ".1"); again && strings.HasPrefix(job, "broadcast") {
		// The job's second task: its worker had both variables, and was told to drop the first alone.
		in := *c.Init
		dropped := slices.IndexFunc(in.Broadcasts, func(b protocol.Broadcast) bool { return b.Drop })
		require.GreaterOrEqual(t, dropped, 0)
		in.Broadcasts = []protocol.Broadcast{{ID: in.Broadcasts[dropped].ID + 1}}
		c.Init = &in
	}
	c = c.Located(t, dir)
	in := c.Init
	if s := in.BroadcastServer; s != nil {
		var ids []int64
		for _, b := range in.Broadcasts {
			if !b.Drop {
				ids = append(ids, b.ID)
			}
		}
		run := serve(t, s.Path != "", s.Secret, broadcastValues(ids, c.values()))
		//nolint:gosec // a port
		in.BroadcastServer = &protocol.Server{Port: int32(run.port), Secret: s.Secret, Path: run.path}
	}
	if in.Context.Barrier {
		run := serve(t, in.Context.BarrierPath != "", in.Context.Secret, barrier)
		in.Context.BarrierPort, in.Context.BarrierPath = int32(run.port), run.path //nolint:gosec // a port
	}
	in.EvalConf = slices.Clone(in.EvalConf)
	for i := range in.EvalConf {
		entry := &in.EvalConf[i]
		if entry.Key != protocol.EvalConfStateServer {
			continue
		}
		run := serve(t, strings.HasPrefix(entry.Value, "/"), "", serveState)
		if entry.Value = run.path; run.path == "" {
			entry.Value = strconv.Itoa(run.port)
		}
	}
	return c
}
