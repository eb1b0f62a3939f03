package hostcall

import (
	"unsafe"

	"github.com/ebitengine/purego"

	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// maxStreams is the streams of a group at most: two are cogrouped.
const maxStreams = 2

// group is what a groups callback fills.
type group struct {
	streams [maxStreams]cdata.Stream
	message uintptr
}

// GroupSource is a host's groups callback.
type GroupSource struct {
	mem *hostmem.Functions
	// block holds the group that the next call fills; nil where the one before has it.
	block     unsafe.Pointer
	nextGroup uintptr
	ctx       uintptr
	ended     inputRelease
	gate      gate
	released  bool
}

// MoveGroups takes over an input of kind Groups.
func MoveGroups(mem *hostmem.Functions, in *Input) (*GroupSource, error) {
	block, err := alloc(mem, unsafe.Sizeof(group{}))
	if err != nil {
		return nil, err
	}
	return &GroupSource{mem: mem, block: block, nextGroup: in.NextGroup, ctx: in.Ctx,
		ended: inputRelease{in.Release, in.Ctx}, gate: in.Interrupted}, nil
}

// Next calls the callback for the next group's n streams, 1 or 2, which the caller owns: each is to be released,
// before or after the input. It answers ErrDone, ErrAgain or a Host error, as Source.Next.
func (g *GroupSource) Next(n int) ([]*Stream, error) {
	if n < 1 || n > maxStreams {
		return nil, status.New(status.Internal, "a group of %d streams, must be 1 or 2", n)
	}
	if err := g.gate.check(); err != nil {
		return nil, err
	}
	if g.block == nil {
		block, err := alloc(g.mem, unsafe.Sizeof(group{}))
		if err != nil {
			return nil, err
		}
		g.block = block
	}
	out := (*group)(hostmem.Payload(g.block))
	clear(hostmem.Bytes(g.block, 0, unsafe.Sizeof(*out)))
	r, _, _ := purego.SyscallN(g.nextGroup, g.ctx, uintptr(unsafe.Pointer(out)), uintptr(n),
		uintptr(unsafe.Pointer(&out.message)))
	if err := answer(r, out.message); err != nil {
		return nil, err
	}
	if err := checkGroup(out.streams[:n]); err != nil {
		for i := range out.streams[:n] {
			releaseStream(&out.streams[i])
		}
		return nil, err
	}
	streams := make([]*Stream, n)
	for i := range streams {
		streams[i] = &Stream{mem: g.mem, block: g.block, c: &out.streams[i], gate: g.gate}
	}
	g.mem.Retain(g.block, int64(n-1))
	g.block = nil
	return streams, nil
}

func checkGroup(streams []cdata.Stream) error {
	for i := range streams {
		switch s := &streams[i]; {
		case s.Release == 0:
			return status.New(status.Host,
				"input callback answered OK with stream %d of %d not filled; the end of input is DONE", i, len(streams))
		case s.GetSchema == 0 || s.GetNext == 0:
			return status.New(status.Host, "input callback gave stream %d of %d without get_schema or get_next", i,
				len(streams))
		}
	}
	return nil
}

// Release calls the input's release; further calls do nothing. Streams that Next returned are the caller's still.
func (g *GroupSource) Release() {
	if g.released {
		return
	}
	g.released = true
	if g.block != nil {
		g.mem.Release(g.block)
		g.block = nil
	}
	g.ended.call()
}
