package worker

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFilesOfOOMKills(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"version 2", "0::/kubepods/pod1\n", []string{"/sys/fs/cgroup/kubepods/pod1/memory.events",
			"/sys/fs/cgroup/memory.events"}},
		{"version 1 beside 2", "3:cpu,cpuacct:/a\n2:memory:/a/b:c\n0::/\n", []string{
			"/sys/fs/cgroup/memory/a/b:c/memory.oom_control", "/sys/fs/cgroup/memory/memory.oom_control",
			"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory.events",
		}},
		{"without memory", "3:cpu:/a\nnonsense\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, oomFiles([]byte(test.text))) })
	}
}

func TestOOMKillsGrow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "memory.events")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write("low 0\noom 7\noom_kill 3\noom_group_kill 0\n")
	before, ok := readOOMKills(file)
	require.True(t, ok)
	assert.EqualValues(t, 3, before.count)
	write("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
	after, ok := readOOMKills(file)
	require.True(t, ok)
	write("oom_kill nonsense\n")
	_, ok = readOOMKills(file)
	assert.False(t, ok)
	require.NoError(t, os.Remove(file))
	_, ok = readOOMKills(file)
	assert.False(t, ok)
	for _, test := range []struct {
		before, after oomKills
		want          bool
	}{
		{before, after, true},
		{before, before, false},
		{oomKills{}, oomKills{}, false},
		{oomKills{}, after, false},
		{before, oomKills{}, false},
		{before, oomKills{"other", 0}, false},
		{before, oomKills{"other", 1}, true},
	} {
		assert.Equal(t, test.want, test.after.since(test.before), "%v after %v", test.after, test.before)
	}
}

// A worker that begins after another's death was looked into does not answer for that one's end.
func TestCountAfterADeathIsNotAnOldOne(t *testing.T) {
	old := oomKills{file: "old"}
	watch := oomWatch{last: old, read: time.Now().Add(time.Hour)} // not out of date for long
	require.Equal(t, old, watch.recent(os.Getpid()))
	now := watch.now(os.Getpid())
	require.NotEqual(t, old, now)
	assert.Equal(t, now, watch.recent(os.Getpid()))
}
