package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/env"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

// onA is the argument list of the column a.
var onA = []Argument{{Offset: 0}}

// works asserts that a healthy task runs in the env.
func works(t *testing.T, e *env.Env) {
	t.Helper()
	it, err := job(t, e, 200, "long", onA, "functions:double").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	got, err := collect(t, it)
	require.NoError(t, err)
	assert.Equal(t, [][]int64{{2, 4, 6, 8, 10}}, got)
}

func TestFailuresOfTheFunction(t *testing.T) {
	e := newEnv(t, "4.2")
	for _, test := range []struct {
		name, returnType, reference string
		evalType                    int32
		code                        status.Code
		message                     string
		details                     map[string]string
	}{
		{"raises", "long", "functions:fail", 200, status.PythonException, "ValueError: a deliberate error",
			map[string]string{"python.traceback": "in fail", "worker.pid": "", "task.partition": "7"}},
		{"raises what no UTF-8 can say", "long", "functions:fail_unspeakably", 200, status.PythonException,
			"cannot be encoded", map[string]string{"worker.stderr_tail": "half a pair"}},
		{"missing module", "long", "no_such_module:f", 200, status.PythonException, "no_such_module", nil},
		{"missing attribute", "long", "functions:no_such_function", 200, status.PythonException, "no_such_function",
			nil},
		{"no callable", "long", "functions:__doc__", 200, status.PythonException, "functions:__doc__", nil},
		{"decorated for another type", "long", "functions:decorated", 250, status.PythonException,
			"functions:decorated", nil},
		{"exits", "long", "functions:exit_three", 200, status.WorkerExited, "status 3",
			map[string]string{"worker.exit_status": "3", "worker.stderr_tail": "about to leave", "worker.peak_rss": "",
				"task.partition": "7"}},
		{"exits, its channel stays open", "long", "functions:leave_a_daemon_behind", 200, status.WorkerExited,
			"status 4", map[string]string{"worker.exit_status": "4"}},
		{"killed", "long", "functions:kill_itself", 200, status.WorkerExited, "SIGKILL",
			map[string]string{"worker.signal": "9"}},
		{"segfault", "long", "functions:segfault", 200, status.WorkerExited, "SIGSEGV",
			map[string]string{"worker.signal": "11", "worker.python_stack": "in segfault"}},
		{"other type than declared", "a long", "functions:wrong_type", 207, status.PythonException,
			`column "a": int32, declared int64`, map[string]string{"result.actual": `"integer"`,
				"result.declared": `"long"`}},
		{"too many columns declared", "a long, b long, c long", "functions:map_arrow", 207, status.PythonException,
			"2 columns, declared 3", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			arguments := onA
			if test.evalType == 207 {
				arguments = nil
			}
			it, err := job(t, e, test.evalType, test.returnType, arguments, test.reference).Compute(numbers(t).Input(),
				Task{Partition: 7})
			require.NoError(t, err)
			defer it.Close()
			_, err = collect(t, it)
			require.Error(t, err)
			assert.Equal(t, test.code, status.CodeOf(err), err.Error())
			assert.Contains(t, err.Error(), test.message)
			assert.NotContains(t, err.Error(), "\n", "messages are one line")
			for key, part := range test.details {
				assert.Contains(t, status.From(err).Details, key)
				assert.Contains(t, status.From(err).Details[key], part)
			}
			again, err2 := it.NextArrow(-1, new(cdata.Array), nil)
			assert.Equal(t, test.code, again, "the error is final")
			assert.Equal(t, err, err2)
			works(t, e)
		})
	}
}

func TestInterpretersThatCannotServe(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
		return path
	}
	good := testenv.Python(t, "4.2")
	for _, test := range []struct {
		name, python string
		timeout      string
		code         status.Code
		message      string
	}{
		{"does not exist", "/no/such/python", "", status.Spawn, "no such file"},
		{"not on PATH", "no-such-python", "", status.Spawn, "not found on PATH"},
		{"no Python", "/bin/ls", "", status.Spawn, "/bin/ls"},
		{"no program", script("text", "nothing"), "", status.Spawn, "text"},
		{"without PySpark", script("bare", "#!/bin/sh\nexec "+good+" -S \"$@\"\n"), "", status.Spawn, "PySpark"},
		{"old PySpark", script("old", "#!/bin/sh\nPYTHONPATH="+oldPySpark(t)+" exec "+good+" -S \"$@\"\n"), "",
			status.Spawn, "3.4.1"},
		{"new PySpark", script("new", "#!/bin/sh\nPYTHONPATH="+fakePySpark(t, "9.9.0")+" exec "+good+" -S \"$@\"\n"),
			"", status.Spawn, "pyspark.worker"},
		{"silent", script("silent", "#!/bin/sh\nexec sleep 1000\n"), "300ms", status.Spawn,
			"udfrunner.worker.startTimeout"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pairs := []config.Pair{{Key: "spark.pyspark.python", Value: test.python}}
			if test.timeout != "" {
				pairs = append(pairs, config.Pair{Key: "udfrunner.worker.startTimeout", Value: test.timeout})
			}
			e := newEnv(t, "4.2", pairs...)
			it, err := job(t, e, 200, "long", onA, "functions:double").Compute(numbers(t).Input(), Task{})
			require.NoError(t, err)
			defer it.Close()
			start := time.Now()
			_, err = collect(t, it)
			assert.Less(t, time.Since(start), 5*time.Second)
			require.Error(t, err)
			assert.Equal(t, test.code, status.CodeOf(err), err.Error())
			assert.Contains(t, err.Error(), test.message)
			assert.NotContains(t, err.Error(), "\n")
			assert.Less(t, len(err.Error()), 500, "whatever the program printed")
		})
	}
}

func oldPySpark(t *testing.T) string { return fakePySpark(t, "3.4.1") }

// fakePySpark is a directory with a package that calls itself a version of PySpark.
func fakePySpark(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"pyspark/__init__.py": "__version__ = '" + version + "'\n",
		"pyspark/version.py":  "__version__: str = '" + version + "'\n",
		"pyspark-" + version + ".dist-info/METADATA": "Metadata-Version: 2.1\nName: pyspark\nVersion: " + version +
			"\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func TestFailuresOfTheInput(t *testing.T) {
	e := newEnv(t, "4.2")
	breaks := func(change func(*hosttest.Stream)) *hosttest.Stream {
		s := numbers(t)
		change(s)
		return s
	}
	for _, test := range []struct {
		name    string
		stream  func() *hosttest.Stream
		message string
	}{
		{"get_schema fails", func() *hosttest.Stream {
			return breaks(func(s *hosttest.Stream) { s.SchemaError = unix.EIO })
		}, "no schema today"},
		{"get_next fails", func() *hosttest.Stream {
			return breaks(func(s *hosttest.Stream) {
				s.Step = func(i int) unix.Errno { return []unix.Errno{0, unix.EIO}[i] }
			})
		}, "no batch today"},
		{"negative length", func() *hosttest.Stream {
			return breaks(func(s *hosttest.Stream) { s.Mangle = func(_ int, a *cdata.Array) { a.Length = -1 } })
		}, "length"},
		{"too few columns", func() *hosttest.Stream {
			return breaks(func(s *hosttest.Stream) { s.Mangle = func(_ int, a *cdata.Array) { a.NChildren = 1 } })
		}, "n_children is 1, must be 2"},
		{"column without a buffer", func() *hosttest.Stream {
			return breaks(func(s *hosttest.Stream) {
				s.Mangle = func(_ int, a *cdata.Array) {
					unsafe.Slice(unsafe.Slice(a.Children, 2)[1].Buffers, 2)[1] = nil
				}
			})
		}, `"b"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			it, err := job(t, e, 200, "long", onA, "functions:double").Compute(test.stream().Input(), Task{})
			require.NoError(t, err)
			defer it.Close()
			_, err = collect(t, it)
			require.Error(t, err)
			assert.Equal(t, status.Host, status.CodeOf(err), err.Error())
			assert.Contains(t, err.Error(), test.message)
			works(t, e)
		})
	}
}

func TestWrongColumnCount(t *testing.T) {
	e := newEnv(t, "4.2")
	it, err := job(t, e, 200, "long", []Argument{{Offset: 2}}, "functions:double").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	_, err = collect(t, it)
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	assert.Contains(t, err.Error(), "argument offset 2, the input has 2 columns")
	works(t, e)
}

func TestConstructorRefuses(t *testing.T) {
	hosttest.CheckLeaks(t)
	e, err := env.New(nil, os.Environ(), hostmem.Default())
	require.NoError(t, err)
	defer e.Close()
	f := Function{Reference: "functions:double", ReturnType: "long"}
	rows := Function{Reference: "functions:double", ReturnType: "a long"}
	one := [][]Argument{onA}
	for _, test := range []struct {
		name     string
		evalType int32
		chains   [][]Function
		offsets  [][]Argument
		code     status.Code
		message  string
	}{
		{"eval type", 42, [][]Function{{f}}, one, status.InvalidArgument, "eval type 42"},
		{"grouped map of no struct", 201, [][]Function{{f}}, [][]Argument{nil}, status.InvalidArgument,
			"must be a struct"},
		{"grouped map with two functions", 201, [][]Function{{f}, {f}}, [][]Argument{nil, nil}, status.InvalidArgument,
			"takes one"},
		{"offsets that are too few", 201, [][]Function{{rows}}, [][]Argument{offsets(4, 1, 0)}, status.InvalidArgument,
			"expected for each side"},
		{"more keys than columns", 201, [][]Function{{rows}}, [][]Argument{offsets(2, 3, 0)}, status.InvalidArgument,
			"expected for each side"},
		{"one side of a cogroup", 206, [][]Function{{rows}}, [][]Argument{offsets(3, 1, 0, 1)}, status.InvalidArgument,
			"are of 1 inputs, expected 2"},
		{"state without offsets", 208, [][]Function{{rows}}, [][]Argument{nil}, status.InvalidArgument, "expected"},
		{"RDD function by name", 0, [][]Function{{{Reference: "a:b"}}}, [][]Argument{nil}, status.InvalidArgument,
			"is a pickle of"},
		{"RDD function with arguments", 0, [][]Function{{{Pickle: []byte("\x80\x04N.")}}}, one, status.InvalidArgument,
			"takes none"},
		{"table function of no struct", 300, [][]Function{{f}}, one, status.InvalidArgument, "must be a struct"},
		{"table for a scalar", 200, [][]Function{{{Reference: "a:b", ReturnType: "long", Table: &TableFunction{}}}},
			one, status.InvalidArgument, "300 to 302"},
		{"unequal counts", 200, [][]Function{{f}, {f}}, one, status.InvalidArgument,
			"2 chains of functions but 1 lists"},
		{"no chains", 200, nil, nil, status.InvalidArgument, "no functions"},
		{"empty chain", 200, [][]Function{{}}, one, status.InvalidArgument, "chain 0"},
		{"two chains for an iterator", 204, [][]Function{{f}, {f}}, [][]Argument{onA, onA}, status.InvalidArgument,
			"takes one"},
		{"neither pickle nor reference", 200, [][]Function{{{ReturnType: "long"}}}, one, status.InvalidArgument,
			"without a pickle or a reference"},
		{"both", 200, [][]Function{{{Reference: "a:b", Pickle: []byte("\x80\x04."), ReturnType: "long"}}}, one,
			status.InvalidArgument, "one of them"},
		{"no pickle", 200, [][]Function{{{Pickle: []byte("garbage"), ReturnType: "long"}}}, one, status.InvalidArgument,
			"pickle"},
		{"reference", 200, [][]Function{{{Reference: "functions.double", ReturnType: "long"}}}, one,
			status.InvalidArgument, "functions.double"},
		{"return type", 200, [][]Function{{{Reference: "a:b", ReturnType: "longer"}}}, one, status.InvalidArgument,
			"longer"},
		{"no return type", 200, [][]Function{{{Reference: "a:b"}}}, one, status.InvalidArgument, "no return type"},
		{"map of no struct", 207, [][]Function{{{Reference: "a:b", ReturnType: "long"}}}, [][]Argument{nil},
			status.InvalidArgument, "must be a struct"},
		{"map with arguments", 207, [][]Function{{{Reference: "a:b", ReturnType: "a long"}}},
			[][]Argument{{{Offset: 1}}}, status.InvalidArgument, "takes none"},
		{"negative offset", 200, [][]Function{{f}}, [][]Argument{{{Offset: -1}}}, status.InvalidArgument, "offset -1"},
		{"repeated keyword", 200, [][]Function{{f}}, [][]Argument{{{Name: "x"}, {Name: "x"}}}, status.InvalidArgument,
			`"x" is given twice`},
		{"positional after keyword", 200, [][]Function{{f}}, [][]Argument{{{Name: "x"}, {Offset: 1}}},
			status.InvalidArgument, "positional"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(e, test.evalType, test.chains, test.offsets, Options{})
			require.Error(t, err)
			assert.Equal(t, test.code, status.CodeOf(err), err.Error())
			assert.Contains(t, err.Error(), test.message)
		})
	}
}

func TestComputeRefuses(t *testing.T) {
	e := newEnv(t, "4.2")
	r := job(t, e, 200, "long", onA, "functions:double")
	for name, test := range map[string]struct {
		task    Task
		message string
	}{
		"partition": {Task{Partition: -1}, "partition -1"},
		"cpus":      {Task{CPUs: -1}, "cpus -1"},
		"deadline":  {Task{DeadlineMS: -5}, "deadline_ms -5"},
		"port 0":    {Task{Barrier: true}, "barrier port 0 of a task without a barrier path, allowed are 1 to 65535"},
		"port -1":   {Task{Barrier: true, BarrierPort: -1}, "barrier port -1"},
		"port 2^16": {Task{Barrier: true, BarrierPort: 1 << 16}, "barrier port 65536"},
	} {
		stream := numbers(t)
		_, err := r.Compute(stream.Input(), test.task)
		assert.Equal(t, status.InvalidArgument, status.CodeOf(err), name)
		assert.ErrorContains(t, err, test.message)
		assert.NotZero(t, stream.C.Release, "the input stays the host's")
		stream.Discard()
	}
}

func TestKeysNeedGroups(t *testing.T) {
	e := newEnv(t, "4.2")
	for evalType, reference := range map[int32]string{100: "functions:double", 200: "functions:double",
		205: "functions:map_pandas"} {
		returnType := "long"
		if evalType == 205 {
			returnType = "a long"
		}
		stream := numbers(t)
		input := stream.Input()
		if evalType == 100 {
			input = hostcall.Input{Kind: hostcall.Records, Next: 1} // which nobody calls
		}
		input.Keys = 2
		_, err := job(t, e, evalType, returnType, onA, reference).Compute(input, Task{})
		stream.Discard()
		assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
		assert.ErrorContains(t, err, fmt.Sprintf("input keys 2 for eval type %d (", evalType))
		assert.ErrorContains(t, err, "has no groups; allowed is 0")
	}
}
