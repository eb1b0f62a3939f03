package hosttest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/require"

	"udfrunner/core/cdata"
	"udfrunner/core/hostcall"
	"udfrunner/core/status"
)

// Groups is a groups callback that gives groups of streams, then Done.
type Groups struct {
	// Step, if set, is called by next_group before group i is given; an answer that is not OK is given in its place.
	Step func(i int) Answer
	// Mangle, if set, changes a group before it is given.
	Mangle func(i int, streams []cdata.Stream)
	// Given is the count of groups given, Calls that of the callback's calls.
	Given, Calls atomic.Int64
	// Released is the count of releases.
	Released atomic.Int64

	id     uintptr
	groups [][]*Stream
	text   []byte
}

var (
	groupSources registry[uintptr, Groups]
	nextGroup    = sync.OnceValue(func() uintptr { return purego.NewCallback(groupsNext) })
	endGroups    = sync.OnceValue(func() uintptr { return purego.NewCallback(groupsRelease) })
)

// NewGroups makes a source of groups, each of one stream, or of two for cogroup. Its test fails if it was not
// released exactly once; streams that were given are the library's to release, others are released with the source.
func NewGroups(t testing.TB, groups ...[]*Stream) *Groups {
	t.Helper()
	g := &Groups{id: lastID.Add(1), groups: groups}
	groupSources.store(g.id, g)
	t.Cleanup(func() {
		groupSources.remove(g.id)
		require.EqualValues(t, 1, g.Released.Load(), "releases of the input")
	})
	return g
}

// Input is the source as a task's input.
func (g *Groups) Input() hostcall.Input {
	return hostcall.Input{Kind: hostcall.Groups, NextGroup: nextGroup(), Release: endGroups(), Ctx: g.id}
}

func groupsNext(id uintptr, out *cdata.Stream, n int32, message *uintptr) uintptr {
	g := groupSources.load(id)
	g.Calls.Add(1)
	i := int(g.Given.Load())
	if g.Step != nil {
		if answer := g.Step(i); answer.Code != status.OK {
			return g.answer(answer, message)
		}
	}
	if i >= len(g.groups) {
		return uintptr(status.Done)
	}
	group := g.groups[i]
	if len(group) != int(n) {
		text := fmt.Sprintf("group %d has %d streams, asked for are %d", i, len(group), n)
		return g.answer(Answer{Code: status.InvalidArgument, Message: text}, message)
	}
	streams := unsafe.Slice(out, n)
	for i, s := range group {
		streams[i] = s.C
		s.C.Release = 0
	}
	g.Given.Add(1)
	if g.Mangle != nil {
		g.Mangle(i, streams)
	}
	return uintptr(status.OK)
}

func (g *Groups) answer(a Answer, message *uintptr) uintptr {
	if a.Message != "" {
		g.text = append([]byte(a.Message), 0)
		*message = uintptr(unsafe.Pointer(unsafe.SliceData(g.text)))
	}
	return uintptr(a.Code) //nolint:gosec // the same bits
}

func groupsRelease(id uintptr) uintptr {
	g := groupSources.load(id)
	for _, group := range g.groups[g.Given.Load():] {
		for _, s := range group {
			s.Discard()
		}
	}
	g.Released.Add(1)
	return 0
}
