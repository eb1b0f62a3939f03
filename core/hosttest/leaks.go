package hosttest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"udfrunner/core/safego"
)

// leakWait is how long processes, goroutines and descriptors may take to go after a test.
const leakWait = 15 * time.Second

// CheckLeaks fails the test if it leaves goroutines of the library, descriptors or child processes behind. Call
// it before anything that the test cleans up.
func CheckLeaks(t testing.TB) {
	t.Helper()
	startPoller()
	goroutines, fds, children := safego.Running(), descriptors(), childProcesses()
	t.Cleanup(func() {
		var left string
		deadline := time.Now().Add(leakWait)
		for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
			left = leaks(goroutines, fds, children)
			if left == "" || time.Now().After(deadline) {
				break
			}
			timer := time.NewTimer(wait)
			<-timer.C
		}
		require.Empty(t, left, "left behind")
	})
}

// startPoller has the runtime make the descriptors of its poller, which it keeps for ever: the first pipe does.
var startPoller = sync.OnceFunc(func() {
	if r, w, err := os.Pipe(); err == nil {
		_ = r.Close()
		_ = w.Close()
	}
})

func leaks(goroutines int64, fds, children map[string]string) string {
	var left []string
	if n := safego.Running(); n > goroutines {
		left = append(left, fmt.Sprintf("%d goroutines", n-goroutines))
	}
	left = append(left, added("descriptor", fds, descriptors())...)
	left = append(left, added("child", children, childProcesses())...)
	return strings.Join(left, ", ")
}

func added(what string, before, now map[string]string) []string {
	var list []string
	for key, name := range now {
		if _, ok := before[key]; !ok {
			list = append(list, what+" "+key+" "+name)
		}
	}
	return list
}

func descriptors() map[string]string {
	found := map[string]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		target, err := os.Readlink("/proc/self/fd/" + entry.Name())
		// The runtime keeps its poller and pidfds' helpers forever.
		if err == nil && !strings.Contains(target, "[eventpoll]") && !strings.HasPrefix(target, "/proc/") {
			found[entry.Name()] = target
		}
	}
	return found
}

func childProcesses() map[string]string {
	found := map[string]string{}
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, pid := range strings.Fields(string(text)) {
			name, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			found[pid] = strings.ReplaceAll(string(name[:min(len(name), 40)]), "\x00", " ")
		}
	}
	return found
}
