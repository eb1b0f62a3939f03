package hostcall_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/cdata"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
	"udfrunner/core/status"
)

func oneValue(t *testing.T, value int64) *hosttest.Stream {
	t.Helper()
	return hosttest.NewStream(t, []hosttest.Column{{Name: "a", Values: []int64{value}}})
}

// moveGroups takes over a source; its input is released at the test's end.
func moveGroups(t *testing.T, host *hosttest.Groups) *hostcall.GroupSource {
	t.Helper()
	in := host.Input()
	require.NoError(t, in.Check())
	g, err := hostcall.MoveGroups(hostmem.Default(), &in)
	require.NoError(t, err)
	return g
}

// valuesOf reads a stream of one-row batches.
func valuesOf(t *testing.T, s *hostcall.Stream) []int64 {
	t.Helper()
	schema, err := s.Schema()
	require.NoError(t, err)
	schema.Release()
	var values []int64
	for {
		a, err := s.Next()
		if err != nil {
			require.ErrorIs(t, err, hostcall.ErrDone)
			return values
		}
		column := *a.C.Children
		values = append(values, *(*int64)(unsafe.Slice(column.Buffers, 2)[1]))
		a.Release()
	}
}

func TestGroupsAreGivenAndReleasedOneByOne(t *testing.T) {
	first, second := oneValue(t, 1), oneValue(t, 2)
	host := hosttest.NewGroups(t, []*hosttest.Stream{first}, []*hosttest.Stream{second})
	asked := 0
	host.Step = func(i int) hosttest.Answer {
		asked++
		if asked == 2 {
			assert.Equal(t, 1, i)
			return hosttest.Answer{Code: status.NeedInput}
		}
		return hosttest.Answer{}
	}
	g := moveGroups(t, host)
	group, err := g.Next(1)
	require.NoError(t, err)
	require.Len(t, group, 1)
	assert.Equal(t, []int64{1}, valuesOf(t, group[0]))
	group[0].Release()
	group[0].Release()
	assert.EqualValues(t, 1, first.Released.Load())
	assert.Zero(t, host.Released.Load(), "a group's stream does not release the input")
	_, err = g.Next(1)
	require.ErrorIs(t, err, hostcall.ErrAgain)
	group, err = g.Next(1)
	require.NoError(t, err)
	_, err = g.Next(1)
	require.ErrorIs(t, err, hostcall.ErrDone)
	g.Release()
	g.Release()
	assert.EqualValues(t, 1, host.Released.Load())
	assert.Equal(t, []int64{2}, valuesOf(t, group[0]), "a group may outlive its input")
	group[0].Release()
}

func TestGroupsOfTwo(t *testing.T) {
	left, right := oneValue(t, 10), oneValue(t, 20)
	g := moveGroups(t, hosttest.NewGroups(t, []*hosttest.Stream{left, right}))
	defer g.Release()
	group, err := g.Next(2)
	require.NoError(t, err)
	require.Len(t, group, 2)
	group[1].Release()
	assert.Zero(t, left.Released.Load(), "each is released on its own")
	assert.Equal(t, []int64{10}, valuesOf(t, group[0]))
	group[0].Release()
}

func TestGroupsThatWereNotAskedForAreTheHosts(t *testing.T) {
	g := moveGroups(t, hosttest.NewGroups(t, []*hosttest.Stream{oneValue(t, 1)}))
	g.Release()
}

func TestGroupsFail(t *testing.T) {
	for message, answer := range map[string]hosttest.Answer{
		"input callback: shuffle block lost": {Code: status.IO, Message: "shuffle\nblock lost"},
		"input callback: CANCELLED":          {Code: status.Cancelled},
		"input callback answered 7, must be OK (0), DONE (1), AGAIN (3) or a negative code": {Code: 7},
	} {
		host := hosttest.NewGroups(t, []*hosttest.Stream{oneValue(t, 1)})
		host.Step = func(int) hosttest.Answer { return answer }
		g := moveGroups(t, host)
		_, err := g.Next(1)
		assert.Equal(t, status.Host, status.CodeOf(err))
		require.EqualError(t, err, message)
		g.Release()
	}
	host := hosttest.NewGroups(t)
	g := moveGroups(t, host)
	defer g.Release()
	for _, n := range []int{0, 3} {
		_, err := g.Next(n)
		assert.Equal(t, status.Internal, status.CodeOf(err))
	}
	assert.Zero(t, host.Calls.Load())
}

func TestUnfilledStreamsReleaseTheOthers(t *testing.T) {
	for message, change := range map[string]func(*cdata.Stream){
		"answered OK with stream 1 of 2 not filled; the end of input is " +
			"DONE": func(s *cdata.Stream) { *s = cdata.Stream{} },
		"gave stream 1 of 2 without get_schema or get_next": func(s *cdata.Stream) { s.GetNext = 0 },
	} {
		left, right := oneValue(t, 1), oneValue(t, 2)
		host := hosttest.NewGroups(t, []*hosttest.Stream{left, right})
		var gone []cdata.Stream
		host.Mangle = func(_ int, streams []cdata.Stream) {
			gone = []cdata.Stream{streams[1]}
			change(&streams[1])
		}
		g := moveGroups(t, host)
		_, err := g.Next(2)
		assert.Equal(t, status.Host, status.CodeOf(err))
		require.ErrorContains(t, err, message)
		assert.EqualValues(t, 1, left.Released.Load(), "what was filled is released")
		if right.Released.Load() == 0 {
			right.C = gone[0]
			right.Discard()
		}
		g.Release()
	}
}

func TestGroupsWithoutMemoryAreNotAskedFor(t *testing.T) {
	mem := *hostmem.Default()
	left := 1
	mem.Alloc = func(size uintptr) unsafe.Pointer {
		if left--; left < 0 {
			return nil
		}
		return hostmem.Default().Alloc(size)
	}
	host := hosttest.NewGroups(t, []*hosttest.Stream{oneValue(t, 1)}, []*hosttest.Stream{oneValue(t, 2)})
	in := host.Input()
	g, err := hostcall.MoveGroups(&mem, &in)
	require.NoError(t, err)
	group, err := g.Next(1)
	require.NoError(t, err)
	group[0].Release()
	_, err = g.Next(1)
	assert.Equal(t, status.NoMemory, status.CodeOf(err))
	assert.EqualValues(t, 1, host.Calls.Load())
	g.Release()
	_, err = hostcall.MoveGroups(&mem, &in)
	assert.Equal(t, status.NoMemory, status.CodeOf(err))
}
