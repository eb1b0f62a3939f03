package hostmem

import (
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/cdata"
)

func TestReleaseOfATreeFreesItsBlockOnce(t *testing.T) {
	f := *Default()
	block := f.Alloc(1024)
	require.NotNil(t, block)
	assert.Zero(t, uintptr(block)%HeaderSize, "blocks are aligned to 64 bytes")
	clear(Bytes(block, 0, 1024))
	f.Retain(block, 1) // one to look at afterwards

	structs := (*[3]cdata.Array)(Payload(block))
	children := (*[2]*cdata.Array)(unsafe.Add(Payload(block), unsafe.Sizeof(*structs)))
	root, child, dictionary := &structs[0], &structs[1], &structs[2]
	for _, a := range []*cdata.Array{root, child, dictionary} {
		a.Release, a.PrivateData = f.ReleaseArray, block
	}
	f.Retain(block, 2)
	children[0] = child
	root.Children, root.NChildren, root.Dictionary = &children[0], 2, dictionary // a NULL child is skipped

	moved := *child // a consumer may move a child out of its parent
	child.Release = 0
	purego.SyscallN(root.Release, uintptr(unsafe.Pointer(root)))
	assert.Zero(t, root.Release)
	assert.Zero(t, dictionary.Release)
	assert.EqualValues(t, 2, *(*int64)(block), "the moved child and this test hold the block")
	purego.SyscallN(moved.Release, uintptr(unsafe.Pointer(&moved)))
	assert.EqualValues(t, 1, *(*int64)(block))
	f.Release(block)
}

func TestReleaseOfASchema(t *testing.T) {
	f := *Default()
	block := f.Alloc(512)
	clear(Bytes(block, 0, 512))
	f.Retain(block, 1)
	schema := (*cdata.Schema)(Payload(block))
	schema.Release, schema.PrivateData = f.ReleaseSchema, block
	purego.SyscallN(schema.Release, uintptr(unsafe.Pointer(schema)))
	assert.Zero(t, schema.Release)
	assert.EqualValues(t, 1, *(*int64)(block))
	f.Release(block)
}

func TestImpossibleSizeIsNil(t *testing.T) {
	assert.Nil(t, Default().Alloc(^uintptr(0)))
}
