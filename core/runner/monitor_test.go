package runner

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

// stack asks until the stack shows a function. Asked without a pause a worker gets nowhere, and CPython's faulthandler,
// which reads frames that are being made, once in thousands of answers crashes.
func stack(t *testing.T, it *Iterator, function string) string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		text, code, err := it.Stack(patience)
		require.NoError(t, err)
		require.Equal(t, status.OK, code)
		if strings.Contains(text, "in "+function) {
			return text
		}
		require.True(t, time.Now().Before(deadline), text)
		<-time.After(10 * time.Millisecond)
	}
}

func TestStackOfARunningTask(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e) // the second task of its worker
	for _, function := range []string{"sleep_forever", "spin_in_c"} {
		it := start(t, job(t, e, 200, "long", onA, "functions:"+function), Task{})
		text := stack(t, it, function)
		assert.Equal(t, 1, strings.Count(text, "most recent call first"), "one answer, whole: %s", text)
		assert.True(t, strings.HasSuffix(text, "\n"), text)
		done := make(chan string)
		for range 4 { // at once
			go func() {
				text, _, err := it.Stack(patience)
				assert.NoError(t, err)
				done <- text
			}()
		}
		for range 4 {
			assert.Equal(t, 1, strings.Count(<-done, "most recent call first"))
		}

		hosttest.Signal(t, it.lease.held().PID(), unix.SIGSTOP)
		_, code, err := it.Stack(20 * time.Millisecond)
		require.NoError(t, err)
		assert.Equal(t, status.TimedOut, code)
		it.Close()
		_, _, err = it.Stack(0)
		assert.Equal(t, status.InvalidState, status.CodeOf(err))
	}
}

func TestStackOfATaskWithoutWorker(t *testing.T) {
	e := newEnv(t, "4.2")
	it, err := job(t, e, 200, "long", onA, "functions:double").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	_, code, err := it.Stack(0)
	require.NoError(t, err)
	assert.Equal(t, status.TimedOut, code, "its daemon has just been begun")
	it.Close()
}

func TestStackOfAStockWorker(t *testing.T) {
	stock := newEnv(t, "4.2", config.Pair{Key: "spark.python.daemon.module", Value: "pyspark.daemon"})
	it := start(t, job(t, stock, 200, "long", onA, "functions:sleep_forever"), Task{})
	defer it.Close()
	_, _, err := it.Stack(patience)
	assert.Equal(t, status.NotSupported, status.CodeOf(err))
}

func TestDeadlineShowsWhereTheFunctionWas(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e)
	it, err := job(t, e, 200, "long", onA, "functions:spin_in_c").Compute(numbers(t).Input(), Task{DeadlineMS: 500})
	require.NoError(t, err)
	defer it.Close()
	_, err = collect(t, it)
	assert.Equal(t, status.Deadline, status.CodeOf(err))
	details := status.From(err).Details
	assert.Contains(t, details["worker.python_stack"], "in spin_in_c")
	assert.NotEmpty(t, details["worker.pid"])
	works(t, e)
}

// Asking harms nobody, whatever instruction the worker is at.
func TestStacksOfABusyFunction(t *testing.T) {
	e := newEnv(t, "4.2")
	it := start(t, job(t, e, 200, "long", onA, "functions:keep_calling"), Task{})
	defer it.Close()
	asked := 0
	for begin := time.Now(); time.Since(begin) < 3*time.Second; asked++ {
		stack, code, err := it.Stack(patience)
		require.NoError(t, err, "asked %d times", asked)
		require.Equal(t, status.OK, code)
		require.NotEmpty(t, stack)
	}
	assert.Greater(t, asked, 50)
}

func TestIdleTimeoutIsLogged(t *testing.T) {
	e := newEnv(t, "4.2", config.Pair{Key: "spark.python.worker.idleTimeoutSeconds", Value: "1"})
	it := start(t, job(t, e, 200, "long", onA, "functions:sleep_forever"), Task{Partition: 3})
	defer it.Close()
	code, err := it.NextArrow(1500, new(cdata.Array), nil)
	require.NoError(t, err)
	assert.Equal(t, status.TimedOut, code, "the task goes on")
	found := false
	for deadline := time.Now().Add(patience); !found && time.Now().Before(deadline); {
		for _, l := range logOf(t, e) {
			found = found || l.Stream == "udfrunner" && l.Partition == 3 &&
				strings.Contains(l.Text, "no data from worker "+strconv.Itoa(it.lease.held().PID())+" for 1s")
		}
	}
	assert.True(t, found)
}

func TestIdleTimeoutKills(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e) // the idle worker is one that has imported what the function needs
	r, err := New(e, 200, [][]Function{{{Reference: "functions:sleep_forever", ReturnType: "long"}}},
		[][]Argument{onA}, limited(t, e, "spark.python.worker.idleTimeoutSeconds", "1",
			"spark.python.worker.killOnIdleTimeout", "true"))
	require.NoError(t, err)
	it := start(t, r, Task{})
	defer it.Close()
	_, err = it.NextArrow(-1, new(cdata.Array), nil)
	assert.Equal(t, status.WorkerExited, status.CodeOf(err))
	assert.Equal(t, status.CauseIdleTimeout, status.CauseOf(err))
	assert.Contains(t, err.Error(), "for 1s")
	assert.Contains(t, status.From(err).Details["worker.python_stack"], "in sleep_forever")
	works(t, e)
}

// A host that takes its time must not cost a worker its life.
func TestAHostThatIsSlowIsNotIdleness(t *testing.T) {
	e := newEnv(t, "4.2", config.Pair{Key: "spark.python.worker.idleTimeoutSeconds", Value: "60"},
		config.Pair{Key: "spark.python.worker.killOnIdleTimeout", Value: "true"})
	it, err := job(t, e, 200, "long", onA, "functions:double").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	out := new(cdata.Array)
	code, err := it.NextArrow(patience.Milliseconds(), out, nil)
	require.NoError(t, err)
	require.Equal(t, status.OK, code)
	release(out)
	looked := make(chan struct{})
	watch := it.lease.idle
	assert.Zero(t, watch.since.Load(), "the host is waited for")
	watch.limit = time.Millisecond
	go func() {
		defer close(looked)
		for range 50 {
			watch.look()
		}
	}()
	<-looked
	assert.Zero(t, watch.count.Load())
	watch.stop() // a worker on a busy machine may need longer than that
	_, err = collect(t, it)
	require.NoError(t, err)
}

func TestMemoryLimit(t *testing.T) {
	limit := config.Pair{Key: "udfrunner.worker.memory.limit", Value: "150m"}
	e := newEnv(t, "4.2", limit)
	works(t, e)
	for _, function := range []string{"take_memory", "take_memory_in_a_child"} {
		it, err := job(t, e, 200, "long", onA, "functions:"+function).Compute(numbers(t).Input(), Task{Stage: 8})
		require.NoError(t, err)
		_, err = collect(t, it)
		it.Close()
		assert.Equal(t, status.NoMemory, status.CodeOf(err), "%v", err)
		assert.Equal(t, status.CauseMemoryLimit, status.CauseOf(err))
		assert.Contains(t, err.Error(), "allowed are 157286400 (udfrunner.worker.memory.limit)")
		details := status.From(err).Details
		assert.Equal(t, "8", details["task.stage"])
		assert.Contains(t, details["worker.python_stack"], "in "+function)
		works(t, e)
	}
	// What the zygote has imported, and what a task gave back, do not count.
	it, err := job(t, newEnv(t, "4.2", limit), 200, "long", onA, "functions:double").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	_, err = collect(t, it)
	require.NoError(t, err)
}

// logLine is what tests read of a log line.
type logLine struct {
	PID       int    `json:"pid"`
	Stream    string `json:"stream"`
	Partition int    `json:"partition"`
	Task      int64  `json:"task"`
	Text      string `json:"text"`
	Continues bool   `json:"continues"`
	Dropped   int64  `json:"dropped_lines"`
}

// logOf takes the lines that are there, after waiting for the first.
func logOf(t *testing.T, e *env.Env) []logLine {
	t.Helper()
	text, code, err := e.Log().Next(patience, 16<<20)
	require.NoError(t, err)
	require.Equal(t, status.OK, code)
	return logLines(t, text)
}

func logLines(t *testing.T, text []byte) []logLine {
	t.Helper()
	var lines []logLine
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
		var l logLine
		require.NoError(t, json.Unmarshal([]byte(line), &l), line)
		lines = append(lines, l)
	}
	return lines
}

func TestLinesAreTheTasks(t *testing.T) {
	e := newEnv(t, "4.2")
	r := job(t, e, 200, "long", onA, "functions:say")
	for partition := range int32(20) { // mostly on one worker
		it, err := r.Compute(numbers(t).Input(), Task{Partition: partition, TaskAttemptID: 100 + int64(partition)})
		require.NoError(t, err)
		_, err = collect(t, it)
		it.Close()
		require.NoError(t, err)
		seen := map[string]int{} // two batches, two lines
		for seen["stdout"] < 2 || seen["stderr"] < 2 {
			for _, l := range logOf(t, e) {
				if l.Text == "partition "+strconv.Itoa(int(partition))+" ends here" && l.Stream == "stdout" ||
					l.Text == "to stderr" && l.Stream == "stderr" {
					seen[l.Stream]++
				}
				assert.EqualValues(t, partition, l.Partition)
				assert.EqualValues(t, 100+partition, l.Task)
				assert.Positive(t, l.PID)
			}
		}
	}
}

func TestChattyTaskIsNotHeldUp(t *testing.T) {
	e := newEnv(t, "4.2", config.Pair{Key: "udfrunner.log.rate", Value: "100k"},
		config.Pair{Key: "udfrunner.log.buffer", Value: "64k"})
	for range 2 {
		it, err := job(t, e, 200, "long", onA, "functions:shout").Compute(numbers(t).Input(), Task{})
		require.NoError(t, err)
		_, err = collect(t, it)
		it.Close()
		require.NoError(t, err)
	}
	counts := e.Log().Counts()
	assert.GreaterOrEqual(t, counts.Lines, int64(80_000))
	assert.Greater(t, counts.DroppedLines, int64(70_000))
	text, _, err := e.Log().Next(0, 16<<20)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(text), 80<<10)
}

func TestLinesToAFileOfTheHost(t *testing.T) {
	path := t.TempDir() + "/workers.log"
	byPath := newEnv(t, "4.2", config.Pair{Key: "udfrunner.log.file", Value: path})
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	require.NoError(t, err)
	byDescriptor := newEnv(t, "4.2", config.Pair{Key: "udfrunner.log.descriptor", Value: strconv.Itoa(int(file.Fd()))})
	require.NoError(t, file.Close())
	for _, e := range []*env.Env{byPath, byDescriptor} {
		it, err := job(t, e, 200, "long", onA, "functions:long_line").Compute(numbers(t).Input(), Task{})
		require.NoError(t, err)
		_, err = collect(t, it)
		require.NoError(t, err)
		it.Close()
		e.Close()
	}
	long := strings.Repeat("y", 40_000)
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(path)
		if err != nil || !strings.HasSuffix(string(text), "\n") {
			return false
		}
		var all string
		for _, l := range logLines(t, text) {
			if l.Stream == "stdout" {
				all += l.Text
				assert.Equal(t, len(l.Text) == 16<<10, l.Continues)
			}
		}
		// Two batches in each env; what has no end is ended by what follows, or by the worker's end.
		return all == strings.Repeat(long+"without an end", 4)
	}, patience, time.Millisecond, "lines of two envs in %s", path)

	_, err = env.New([]config.Pair{{Key: "udfrunner.log.file", Value: "/no/such/dir/log"}}, nil, nil)
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	assert.ErrorContains(t, err, `udfrunner.log.file "/no/such/dir/log": no such file or directory`)
	_, err = env.New([]config.Pair{{Key: "udfrunner.log.descriptor", Value: "987"}}, nil, nil)
	assert.ErrorContains(t, err, "udfrunner.log.descriptor 987: bad file descriptor")
}

func TestWhatATaskUsed(t *testing.T) {
	e := newEnv(t, "4.2")
	for range 2 {
		it, err := job(t, e, 200, "long", onA, "functions:take_memory_for_a_while").Compute(numbers(t).Input(), Task{})
		require.NoError(t, err)
		_, err = collect(t, it)
		require.NoError(t, err)
		text, err := it.Result("metrics")
		require.NoError(t, err)
		it.Close()
		var m metrics
		require.NoError(t, json.Unmarshal(text, &m))
		assert.Greater(t, m.CPUMS, 5.0, "200 MB are written")
		assert.Less(t, m.CPUMS, 2*m.ElapsedMS)
		assert.Greater(t, m.PeakRSS, int64(200<<20))
		assert.Less(t, m.PeakRSS, int64(1<<30))
	}
}
