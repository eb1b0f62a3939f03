// Package crashes holds what becomes of a task whose worker ends, or never begins, in all the ways that are known: a
// table of real causes, each with the error that it must end as. docs/crashes.md is made from it.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package crashes

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
	"udfrunner/core/runner"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

// crash is a row of the table: a task, what happens to it, and the error with which it must end.
type crash struct {
	// what happens, for the page.
	what string
	// function of testdata/crashes.py, "double" if empty; or a pickle.
	function string
	pickle   []byte
	// settings of the task's runner; nil is the env's.
	settings func(s *scene) []config.Pair
	// own is what a row needs of an env of its own.
	own []config.Pair
	// begun waits for the function to have begun, then the test does something to the task.
	begun func(s *scene)
	// before does something before the task.
	before func(s *scene)
	task   runner.Task
	// input breaks the task's input.
	input func(*hosttest.Stream)

	code    status.Code
	cause   status.Cause
	message string            // part of it
	details map[string]string // key → part of its value
}

// scene is a task being run.
type scene struct {
	t   *testing.T
	e   *env.Env
	it  *runner.Iterator
	dir string // where functions say that they have begun, and modules of rows are
	pid int    // of the worker, once it said so
	// mend, if set, is called after the task: the next one then works again.
	mend func()
}

// patience is for what takes a moment, on a busy machine too.
const patience = 2 * time.Minute

// newScene makes an env.
func newScene(t *testing.T, pairs ...config.Pair) *scene {
	t.Helper()
	hosttest.CheckLeaks(t)
	modules, err := filepath.Abs("testdata")
	require.NoError(t, err)
	dir := t.TempDir()
	pairs = append([]config.Pair{
		{Key: config.PythonExecutable, Value: testenv.Python(t, "4.2")},
		{Key: config.ExecutorEnv + "PYTHONPATH", Value: modules + ":" + dir},
		{Key: config.ExecutorEnv + "CRASHES_DIR", Value: dir},
	}, pairs...)
	e, err := env.New(pairs, os.Environ(), hostmem.Default())
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return &scene{t: t, e: e, dir: dir}
}

// daemon is the process id of the env's daemon.
func (s *scene) daemon() int {
	f, err := s.e.Factory(s.e.Config())
	require.NoError(s.t, err)
	return f.DaemonPID()
}

// runner is a task's runner with a function and settings of its own.
func (s *scene) runner(function runner.Function, pairs ...config.Pair) runner.Computer {
	conf := s.e.Config()
	for _, p := range pairs {
		var err error
		conf, err = conf.With(p.Key, p.Value)
		require.NoError(s.t, err)
	}
	function.ReturnType = "long"
	r, err := runner.New(s.e, 200, [][]runner.Function{{function}}, [][]runner.Argument{{{Offset: 0}}},
		runner.Options{Config: conf})
	require.NoError(s.t, err)
	return r
}

func numbers(t *testing.T) *hosttest.Stream {
	t.Helper()
	return hosttest.NewStream(t, []hosttest.Column{{Name: "a", Values: []int64{1, 2, 3}}},
		[]hosttest.Column{{Name: "a", Values: []int64{4, 5}}})
}

// collect reads a task to its end.
func collect(it *runner.Iterator) (values []int64, err error) {
	for {
		out := new(cdata.Array)
		code, err := it.NextArrow(patience.Milliseconds(), out, nil)
		if err != nil || code != status.OK {
			if code == status.TimedOut {
				err = status.New(status.Unknown, "no end within %v", patience)
			}
			return values, err
		}
		column := unsafe.Slice(out.Children, 1)[0]
		values = append(values, unsafe.Slice((*int64)(unsafe.Slice(column.Buffers, 2)[1]), column.Length)...)
		purego.SyscallN(out.Release, uintptr(unsafe.Pointer(out)))
	}
}

// works asserts that a healthy task runs in the env.
func (s *scene) works(t *testing.T) {
	t.Helper()
	it, err := s.runner(runner.Function{Reference: "crashes:double"}).Compute(numbers(t).Input(), runner.Task{})
	require.NoError(t, err)
	defer it.Close()
	got, err := collect(it)
	require.NoError(t, err)
	assert.Equal(t, []int64{2, 4, 6, 8, 10}, got)
}

// awaitBegin serves the task until its function says that it has begun.
func (s *scene) awaitBegin() {
	file := filepath.Join(s.dir, "begun")
	for deadline := time.Now().Add(patience); ; {
		require.True(s.t, time.Now().Before(deadline), "the function did not begin")
		code, err := s.it.NextArrow(2, new(cdata.Array), nil)
		text, missing := os.ReadFile(file)
		if missing == nil {
			s.pid, missing = strconv.Atoi(string(text))
			require.NoError(s.t, missing)
			require.NoError(s.t, os.Remove(file))
			return
		}
		require.NoError(s.t, err)
		require.Equal(s.t, status.TimedOut, code)
	}
}

// identity is the task that every row runs, but for its own settings.
func identity(task runner.Task) runner.Task {
	task.Partition, task.Attempt, task.Stage, task.TaskAttemptID = 7, 1, 3, 1234
	return task
}

// run runs a row's task, asserts its end, and that the next task works.
func (c *crash) run(t *testing.T, s *scene) {
	s.t, s.it, s.pid = t, nil, 0
	_ = os.Remove(filepath.Join(s.dir, "begun"))
	if c.before != nil {
		c.before(s)
	}
	var pairs []config.Pair
	if c.settings != nil {
		pairs = c.settings(s)
	}
	function := runner.Function{Pickle: c.pickle}
	if c.pickle == nil {
		function.Reference = "crashes:" + c.name()
	}
	input := numbers(t)
	if c.input != nil {
		c.input(input)
	}
	var err error
	s.it, err = s.runner(function, pairs...).Compute(input.Input(), identity(c.task))
	require.NoError(t, err)
	defer s.it.Close()
	if c.begun != nil {
		s.awaitBegin()
		c.begun(s)
	}
	values, err := collect(s.it)
	c.check(t, s, values, err)
	if c.code == status.OK { // once more, on the same worker
		it, err := s.runner(function, pairs...).Compute(numbers(t).Input(), identity(c.task))
		require.NoError(t, err)
		defer it.Close()
		values, err := collect(it)
		c.check(t, s, values, err)
	}
	if s.mend != nil {
		s.mend()
	}
	s.works(t)
	s.it.Close()
	if s.pid != 0 {
		assert.Eventually(t, func() bool { return unix.Kill(-s.pid, 0) == unix.ESRCH }, patience, time.Millisecond,
			"nothing of the worker's process group is left")
	}
}

func (c *crash) name() string {
	if c.function == "" {
		return "double"
	}
	return c.function
}

func (c *crash) check(t *testing.T, s *scene, values []int64, err error) {
	t.Helper()
	if c.code == status.OK {
		require.NoError(t, err)
		assert.Equal(t, []int64{2, 4, 6, 8, 10}, values)
		return
	}
	require.Error(t, err)
	e := status.From(err)
	t.Logf("%s %s: %s %v", e.Code, status.CauseOf(err), e.Message, e.Details)
	assert.Equal(t, c.code, e.Code, e.Message)
	assert.Equal(t, c.cause, status.CauseOf(err))
	assert.Contains(t, e.Message, c.message)
	assert.NotContains(t, e.Message, "\n", "messages are one line")
	assert.Less(t, len(e.Message), 500)
	for key, want := range map[string]string{"task.partition": "7", "task.attempt": "1", "task.stage": "3",
		"task.id": "1234"} {
		assert.Equal(t, want, e.Details[key], key)
	}
	if _, expected := c.details["worker.python_stack"]; !expected {
		assert.NotContains(t, e.Details, "worker.python_stack", "of another worker")
	}
	for key, part := range c.details {
		assert.Contains(t, e.Details, key)
		assert.Contains(t, e.Details[key], part, key)
	}
	if s.pid != 0 && e.Details["worker.pid"] != "" {
		assert.Equal(t, strconv.Itoa(s.pid), e.Details["worker.pid"])
	}
	again, err := s.it.NextArrow(0, new(cdata.Array), nil)
	assert.Equal(t, c.code, again, "the error is final")
	assert.Equal(t, e, status.From(err))
}

func TestCrashes(t *testing.T) {
	for _, group := range groups {
		t.Run(group.title, func(t *testing.T) {
			shared := newScene(t, group.settings...)
			shared.works(t)
			for i := range group.crashes {
				c := &group.crashes[i]
				t.Run(c.what, func(t *testing.T) {
					s := shared
					if c.own != nil {
						s = newScene(t, append(group.settings[:len(group.settings):len(group.settings)], c.own...)...)
					}
					c.run(t, s)
				})
			}
		})
	}
}
