package handle

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
)

func TestHandleLife(t *testing.T) {
	table := NewTable[string](3, "runner")
	id, err := table.Add("a")
	require.NoError(t, err)
	require.NotZero(t, id)
	got, err := table.Get(id)
	require.NoError(t, err)
	assert.Equal(t, "a", got)
	assert.Equal(t, []string{"a"}, table.All())

	removed, err := table.Remove(id)
	require.NoError(t, err)
	assert.Equal(t, "a", removed)
	assert.Empty(t, table.All())

	again, err := table.Add("b")
	require.NoError(t, err)
	assert.NotEqual(t, id, again, "a freed slot comes back under another handle")
	_, err = table.Get(id)
	assert.Equal(t, status.InvalidHandle, status.CodeOf(err))
	assert.Contains(t, err.Error(), "stale")
}

func TestForeignHandlesAreRefused(t *testing.T) {
	runners, envs := NewTable[int](3, "runner"), NewTable[int](1, "env")
	id, err := envs.Add(7)
	require.NoError(t, err)
	for name, bad := range map[string]ID{
		"NULL": 0, "another kind": id, "made up": 0xdeadbeef, "a pointer": 0x7fff12345678,
		"slot never used": ID(magic)<<magicShift | 3<<kindShift | 1<<genShift | 99,
	} {
		for _, use := range []func(ID) (int, error){runners.Get, runners.Remove} {
			_, err := use(bad)
			assert.Equal(t, status.InvalidHandle, status.CodeOf(err), name)
		}
	}
	_, err = envs.Get(id)
	assert.NoError(t, err, "refusals change nothing")
}

func TestOneOfManyRemovers(t *testing.T) {
	table := NewTable[int](1, "env")
	for range 200 {
		id, err := table.Add(1)
		require.NoError(t, err)
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if _, err := table.Remove(id); err == nil {
					mu.Lock()
					won++
					mu.Unlock()
				}
			}()
		}
		wg.Wait()
		require.Equal(t, 1, won)
	}
}

// With the race detector, an object that is looked up while others come and go.
func TestGetWhileOthersAreAdded(t *testing.T) {
	table := NewTable[int](1, "env")
	kept, err := table.Add(7)
	require.NoError(t, err)
	begun, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		close(begun)
		for i := range 10_000 { // the table's memory moves
			id, err := table.Add(i)
			assert.NoError(t, err)
			if i%2 == 0 {
				_, err = table.Remove(id)
				assert.NoError(t, err)
			}
		}
	}()
	<-begun
	for range 10_000 { // nothing but Get itself may order these before or behind what the other does
		got, err := table.Get(kept)
		if err != nil || got != 7 {
			require.Fail(t, "another object", "%d %v", got, err)
		}
	}
	<-done
}

// A handle names one object forever, however many come and go.
func TestStaleHandlesStayStale(t *testing.T) {
	table := NewTable[int](1, "env")
	first, err := table.Add(0)
	require.NoError(t, err)
	_, err = table.Remove(first)
	require.NoError(t, err)
	for i := range 1<<genBits + 10 {
		id, err := table.Add(i)
		if err != nil || id == first {
			require.FailNow(t, "the stale handle lives", "after %d objects: %v", i, err)
		}
		if _, err = table.Remove(id); err != nil {
			require.NoError(t, err)
		}
	}
	_, err = table.Get(first)
	assert.Equal(t, status.InvalidHandle, status.CodeOf(err))
	assert.Len(t, table.entries, 2, "a slot serves until its generations are used up")
}
