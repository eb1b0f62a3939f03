package cstruct

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
)

// grown is a struct to which two later versions appended a member each.
type grown struct {
	size   uint64
	first  int64
	second uintptr
	third  int64
}

// layout is what the middle one of the three versions knows of it.
var layout = Layout{Name: "grown", First: unsafe.Offsetof(grown{}.second), Size: unsafe.Offsetof(grown{}.third)}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		given  grown
		copied bool
		second uintptr
		wrong  string
	}{
		"version 1.0":      {given: grown{size: 16, first: 1, second: 0xbad}, copied: true},
		"the same version": {given: grown{size: 24, first: 1, second: 2, third: 0xbad}, second: 2},
		"a later version":  {given: grown{size: 32, first: 1, second: 2}, second: 2},
		"a later version's member": {given: grown{size: 32, first: 1, third: 1 << 8},
			wrong: "byte 25 of 32 is set, this version knows 24"},
		"nothing":                       {given: grown{}, wrong: "size is 0, sizeof the struct is 24"},
		"less than version 1.0":         {given: grown{size: 8}, wrong: "size is 8"},
		"half a member":                 {given: grown{size: 20}, wrong: "size is 20"},
		"garbage":                       {given: grown{size: 1 << 40}, wrong: "size is 1099511627776"},
		"more than a version will have": {given: grown{size: maxSize + 8}, wrong: "size is 4104"},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.given
			p := unsafe.Pointer(&c.given)
			known, size, err := layout.Read(p)
			if c.wrong != "" {
				assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
				assert.ErrorContains(t, err, "grown: ")
				assert.ErrorContains(t, err, c.wrong)
				return
			}
			require.NoError(t, err)
			assert.EqualValues(t, c.given.size, size)
			assert.Equal(t, c.copied, known != p)
			got := unsafe.Slice((*uint64)(known), layout.Size/word)
			assert.Equal(t, []uint64{c.given.size, 1, uint64(c.second)}, got)
			assert.Equal(t, before, c.given, "the host's struct is not written to")
		})
	}
}
