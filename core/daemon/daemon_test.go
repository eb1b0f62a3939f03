package daemon_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/daemon"
	"udfrunner/core/protocol"
	"udfrunner/core/testenv"
)

func TestPacketsCarryEveryModule(t *testing.T) {
	var bundle []byte
	packets := daemon.Packets()
	for i, packet := range packets {
		assert.LessOrEqual(t, len(packet), daemon.PacketLimit)
		assert.Equal(t, i == len(packets)-1, packet[0] == '.', "only the last packet says so")
		bundle = append(bundle, packet[1:]...)
	}
	var state struct {
		Sources map[string]string `json:"sources"`
	}
	require.NoError(t, json.Unmarshal(bundle, &state))

	files, err := filepath.Glob("*.py")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		if file == "bootstrap.py" {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		name := strings.TrimSuffix(daemon.Package+"."+strings.TrimSuffix(file, ".py"), ".__init__")
		assert.Equal(t, string(text), state.Sources[name], name)
	}
	assert.Len(t, state.Sources, len(files)-1)
}

func TestDaemonStartsFromWhatIsEmbedded(t *testing.T) {
	ours, theirs := socketPair(t)
	command := testenv.Command(t, "4.2", "-c", daemon.Bootstrap())
	command.Dir = t.TempDir()
	command.Stdin = theirs
	command.Stderr = os.Stderr
	require.NoError(t, command.Start())
	require.NoError(t, theirs.Close())
	t.Cleanup(func() { _ = command.Process.Kill() })

	for _, packet := range daemon.Packets() {
		_, err := ours.Write(packet)
		require.NoError(t, err)
	}
	start, err := json.Marshal(map[string]any{
		"op": "start", "protocol": daemon.Protocol, "zygote": false,
		"modules": []string{}, "minimum_pyspark": "3.5",
	})
	require.NoError(t, err)
	_, err = ours.Write(start)
	require.NoError(t, err)

	require.NoError(t, ours.SetReadDeadline(time.Now().Add(20*time.Second)))
	packet := make([]byte, daemon.PacketLimit)
	n, err := ours.Read(packet)
	require.NoError(t, err)
	var ready struct {
		Op      string `json:"op"`
		PID     int    `json:"pid"`
		PySpark string `json:"pyspark"`
	}
	require.NoError(t, json.Unmarshal(packet[:n], &ready))
	assert.Equal(t, "ready", ready.Op)
	assert.Equal(t, command.Process.Pid, ready.PID)
	assert.True(t, strings.HasPrefix(ready.PySpark, "4.2."), ready.PySpark)

	require.NoError(t, ours.Close())
	assert.NoError(t, command.Wait(), "a closed control socket ends the daemon with status 0")
}

// TestPython runs the daemon's own tests: all of them with the newest PySparks, the essential
// ones with the others.
func TestPython(t *testing.T) {
	for _, minor := range protocol.Minors() {
		t.Run(minor, func(t *testing.T) {
			t.Parallel()
			arguments := []string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"}
			if minor != "4.2" && minor != "4.3" {
				arguments = append(arguments, "-m", "essential")
			}
			output, err := testenv.Command(t, minor, arguments...).CombinedOutput()
			require.NoError(t, err, "%s", output)
		})
	}
}

func socketPair(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, syscall.SetNonblock(pair[0], true))
	ours, theirs = os.NewFile(uintptr(pair[0]), "control"), os.NewFile(uintptr(pair[1]), "control")
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	return ours, theirs
}
