package runner

import (
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/datasection"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

// processOf runs a task that answers with its worker's process id.
func processOf(t *testing.T, r Computer) int64 {
	t.Helper()
	it, err := r.Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	got, err := collect(t, it)
	require.NoError(t, err)
	return got[0][0]
}

func TestWorkerIsReused(t *testing.T) {
	e := newEnv(t, "4.2")
	r := job(t, e, 200, "long", onA, "functions:process_id")
	first := processOf(t, r)
	assert.Equal(t, first, processOf(t, r))

	elsewhere := filepath.Join(t.TempDir(), "elsewhere.zip")
	require.NoError(t, os.WriteFile(elsewhere, nil, 0o600))
	other, err := New(e, 200, [][]Function{{{Reference: "functions:process_id", ReturnType: "long"}}},
		[][]Argument{onA},
		Options{Includes: []string{elsewhere}})
	require.NoError(t, err)
	assert.NotEqual(t, first, processOf(t, other), "other includes must not meet the first ones' sys.path")

	off := newEnv(t, "4.2", config.Pair{Key: "spark.python.worker.reuse", Value: "false"})
	r = job(t, off, 200, "long", onA, "functions:process_id")
	first = processOf(t, r)
	assert.NotEqual(t, first, processOf(t, r))
}

func TestUnreadInputIsSuccessWithoutReuse(t *testing.T) {
	e := newEnv(t, "4.2")
	before := processOf(t, job(t, e, 200, "long", onA, "functions:process_id"))
	it, err := job(t, e, 207, "a long, b long", nil, "functions:take_one").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	got, err := collect(t, it)
	require.NoError(t, err)
	assert.Equal(t, [][]int64{{1, 2, 3}, {10, 20, 30}}, got)
	assert.NotEqual(t, before, processOf(t, job(t, e, 200, "long", onA, "functions:process_id")))
}

func TestTaskContextReachesTheFunction(t *testing.T) {
	for _, minor := range supportedMinors {
		e := newEnv(t, minor)
		it, err := job(t, e, 200, "long", onA, "functions:partition").Compute(numbers(t).Input(), Task{
			Partition: 5, Attempt: 2, Properties: []config.Pair{{Key: "a\"b", Value: "é\n"}},
			Resources: []Resource{{Name: "gpu", Addresses: []string{"0", "1"}}},
		})
		require.NoError(t, err)
		got, err := collect(t, it)
		it.Close()
		require.NoError(t, err)
		assert.Equal(t, []int64{5002, 5002, 5002, 5002, 5002}, got[0])
	}
}

// start begins a task whose function never returns, and waits until its worker has it.
func start(t *testing.T, r Computer, task Task) *Iterator {
	t.Helper()
	it, err := r.Compute(numbers(t).Input(), task)
	require.NoError(t, err)
	deadline := time.Now().Add(patience)
	for it.pump.writer.Sent() == 0 {
		require.True(t, time.Now().Before(deadline), "the input was not sent")
		code, err := it.NextArrow(1, new(cdata.Array), nil)
		require.NoError(t, err)
		require.Equal(t, status.TimedOut, code)
	}
	return it
}

func TestCancelEndsTheCallInFlight(t *testing.T) {
	e := newEnv(t, "4.2")
	r := job(t, e, 200, "long", onA, "functions:sleep_forever")
	it := start(t, r, Task{})
	time.AfterFunc(10*time.Millisecond, func() { it.Cancel("enough\nof it") })
	code, err := it.NextArrow(-1, new(cdata.Array), nil)
	assert.Equal(t, status.Cancelled, code)
	assert.Contains(t, err.Error(), "enough")
	it.Cancel("again")
	code, _ = it.NextArrow(0, new(cdata.Array), nil)
	assert.Equal(t, status.Cancelled, code)
	assert.Equal(t, status.Cancelled, it.Err().Code)
	it.Close()
	it.Close()
	works(t, e)
}

func TestDeadlineEndsTheTask(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e)
	it, err := job(t, e, 200, "long", onA, "functions:sleep_forever").Compute(numbers(t).Input(), Task{DeadlineMS: 200})
	require.NoError(t, err)
	defer it.Close()
	_, err = collect(t, it)
	assert.Equal(t, status.Deadline, status.CodeOf(err))
	assert.Contains(t, err.Error(), "200 ms")
}

func TestDeadlinesOfAgesAreNone(t *testing.T) {
	e := newEnv(t, "4.2")
	for _, ms := range []int64{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64/1_000_000 + 1, 18446744073710} {
		it, err := job(t, e, 200, "long", onA, "functions:double").Compute(numbers(t).Input(), Task{DeadlineMS: ms})
		require.NoError(t, err)
		_, err = collect(t, it)
		it.Close()
		require.NoError(t, err, ms)
	}
}

func TestCloseDuringACall(t *testing.T) {
	e := newEnv(t, "4.2")
	it := start(t, job(t, e, 200, "long", onA, "functions:sleep_forever"), Task{})
	inCall := make(chan struct{})
	time.AfterFunc(10*time.Millisecond, func() { close(inCall) })
	go func() {
		<-inCall
		it.Close()
	}()
	code, _ := it.NextArrow(-1, new(cdata.Array), nil)
	assert.Equal(t, status.Cancelled, code)
	code, _ = it.NextArrow(0, new(cdata.Array), nil)
	assert.Equal(t, status.InvalidHandle, code)
}

func TestConcurrentUseIsRefused(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e)
	stream := numbers(t)
	var it *Iterator
	var inner status.Code
	stream.Step = func(i int) unix.Errno {
		if i == 0 {
			inner, _ = it.NextArrow(0, new(cdata.Array), nil)
		}
		return 0
	}
	var err error
	it, err = job(t, e, 200, "long", onA, "functions:double").Compute(stream.Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	got, err := collect(t, it)
	require.NoError(t, err, "the iterator goes on")
	assert.Equal(t, status.InvalidState, inner)
	assert.Equal(t, [][]int64{{2, 4, 6, 8, 10}}, got)
}

func TestOneWayOfReading(t *testing.T) {
	e := newEnv(t, "4.2")
	it, err := job(t, e, 200, "long", onA, "functions:double").Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	_, err = collect(t, it)
	require.NoError(t, err)
	var chunk datasection.Chunk
	code, _ := it.Next(0, &chunk)
	assert.Equal(t, status.InvalidState, code)
	assert.Equal(t, status.InvalidState, status.CodeOf(it.Export()))
}

func TestDestroyedEnvCancels(t *testing.T) {
	e := newEnv(t, "4.2")
	r := job(t, e, 200, "long", onA, "functions:sleep_forever")
	it := start(t, r, Task{})
	defer it.Close()
	e.Close()
	assert.True(t, e.Wait(10*time.Second))
	code, _ := it.NextArrow(-1, new(cdata.Array), nil)
	assert.Equal(t, status.Cancelled, code)
	stream := numbers(t)
	_, err := r.Compute(stream.Input(), Task{})
	assert.Equal(t, status.Cancelled, status.CodeOf(err))
	stream.Discard()
}

func TestBuilderCancelAndClose(t *testing.T) {
	e := newEnv(t, "4.2")
	b, err := NewBuilder(e, 200)
	require.NoError(t, err)
	require.NoError(t, b.AddFunction([]Function{{Reference: "functions:sleep_forever", ReturnType: "long"}}, onA))
	first, err := b.Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer first.Close()
	b.Cancel("all of them")
	_, err = collect(t, first)
	assert.Equal(t, status.Cancelled, status.CodeOf(err))
	assert.Equal(t, status.InvalidState, status.CodeOf(b.Set("spark.task.cpus", "2")), "fixed by the first compute")

	second, err := b.Compute(numbers(t).Input(), Task{})
	require.NoError(t, err, "later computes work")
	defer second.Close()
	b.Close()
	_, err = collect(t, second)
	assert.Equal(t, status.Cancelled, status.CodeOf(err))
	assert.Empty(t, b.tasks)
}

func TestInputIsReleasedOnceWritten(t *testing.T) {
	e := newEnv(t, "4.2")
	values := make([]int64, 100_000)
	var batches [][]hosttest.Column
	for range 50 {
		batches = append(batches, []hosttest.Column{{Name: "a", Values: values}})
	}
	stream := hosttest.NewStream(t, batches...)
	it, err := job(t, e, 250, "long", onA, "functions:negate_arrow").Compute(stream.Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	got, err := collect(t, it)
	require.NoError(t, err)
	assert.Len(t, got[0], 50*len(values))
	assert.LessOrEqual(t, stream.Peak.Load(), int64(2), "batches of the host that were held at once")
	assert.Zero(t, stream.Live.Load())
}

func TestAgainAndEventFD(t *testing.T) {
	e := newEnv(t, "4.2")
	works(t, e)
	stream := numbers(t)
	var open atomic.Bool
	stream.Step = func(i int) unix.Errno {
		if i > 0 && !open.Load() {
			return unix.EAGAIN
		}
		return 0
	}
	it, err := job(t, e, 200, "long", onA, "functions:double").Compute(stream.Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	fd, err := it.EventFD()
	require.NoError(t, err)
	again := 0
	var got []int64
	for done := false; !done; {
		require.True(t, polls(t, fd, patience), "progress was possible, and the descriptor did not say so")
		out := new(cdata.Array)
		code, err := it.NextArrow(0, out, nil)
		require.NoError(t, err)
		switch code {
		case status.OK:
			got = append(got, columns(t, out)[0]...)
			if len(got) == 3 {
				open.Store(true) // the first batch came back while the host had no second one
			}
		case status.NeedInput:
			again++
			if len(got) < 3 {
				continue // the worker has the first batch: its output makes the descriptor ready
			}
		case status.Done:
			done = true
		default:
			require.Equal(t, status.TimedOut, code)
		}
	}
	assert.Equal(t, []int64{2, 4, 6, 8, 10}, got)
	assert.Positive(t, again)
	assert.True(t, polls(t, fd, 0), "the end is level-triggered")
}

func polls(t *testing.T, fd int, within time.Duration) bool {
	t.Helper()
	for {
		//nolint:gosec // a descriptor
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(within.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		require.NoError(t, err)
		return n == 1
	}
}

// readChunks reads a task to its end as bytes.
func readAll(t *testing.T, it *Iterator) (records [][]byte) {
	t.Helper()
	for {
		var c datasection.Chunk
		code, err := it.Next(patience.Milliseconds(), &c)
		require.NoError(t, err)
		if code == status.Done {
			return records
		}
		require.Equal(t, status.OK, code)
		data := unsafe.Slice((*byte)(c.Data), c.Size)
		offsets := unsafe.Slice((*uint64)(c.Offsets), c.N+1)
		require.Zero(t, offsets[0])
		require.Equal(t, c.Size, offsets[c.N])
		for i := range c.N {
			records = append(records, append([]byte(nil), data[offsets[i]:offsets[i+1]]...))
		}
		hostmem.Default().Release(c.Block)
	}
}

func TestArrowBytesThereAndBack(t *testing.T) {
	e := newEnv(t, "4.2")
	for _, evalType := range []int32{250, 207} {
		returnType, arguments, function := "long", onA, "functions:negate_arrow"
		if evalType == 207 {
			returnType, arguments, function = "a long, b long", nil, "functions:map_arrow"
		}
		r := job(t, e, evalType, returnType, arguments, function)
		// The results of one task, as bytes, are the input of a second one.
		first, err := r.Compute(numbers(t).Input(), Task{})
		require.NoError(t, err)
		messages := readAll(t, first)
		first.Close()
		require.Len(t, messages, 3, "a schema and two batches")

		source := hosttest.NewRecords(t, hosttest.Answer{Code: status.NeedInput}, hosttest.OK(messages[0]),
			hosttest.OK(messages[1:]...))
		second, err := r.Compute(source.Input(), Task{})
		require.NoError(t, err)
		code, err := second.NextArrow(-1, new(cdata.Array), nil)
		require.NoError(t, err)
		require.Equal(t, status.NeedInput, code)
		got, err := collect(t, second)
		second.Close()
		require.NoError(t, err)
		if evalType == 250 {
			assert.Equal(t, [][]int64{{1, 2, 3, 4, 5}}, got)
		} else {
			assert.Equal(t, [][]int64{{2, 3, 4, 5}, {20, 30, 40, 50}}, got)
		}
	}
}

func TestEmptyInputHasASchema(t *testing.T) {
	e := newEnv(t, "4.2")
	stream := numbers(t)
	stream.Step = func(int) unix.Errno { stream.End(); return 0 }
	it, err := job(t, e, 200, "long", onA, "functions:double").Compute(stream.Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	assert.Len(t, readAll(t, it), 1, "the schema message")
}

func TestManyTasksAtOnce(t *testing.T) {
	e := newEnv(t, "4.2")
	r := job(t, e, 200, "long", onA, "functions:double")
	var wg sync.WaitGroup
	var arrays [4][]*cdata.Array
	var failures [4]error
	for i := range arrays {
		stream := numbers(t)
		it, err := r.Compute(stream.Input(), Task{})
		require.NoError(t, err)
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer it.Close()
			for code := status.OK; code == status.OK; {
				out := new(cdata.Array)
				if code, failures[i] = it.NextArrow(patience.Milliseconds(), out, nil); code == status.OK {
					arrays[i] = append(arrays[i], out)
				}
			}
		}()
	}
	wg.Wait()
	for i := range arrays {
		require.NoError(t, failures[i])
		var got []int64
		for _, a := range arrays[i] {
			got = append(got, columns(t, a)[0]...)
		}
		assert.Equal(t, []int64{2, 4, 6, 8, 10}, got)
	}
}
