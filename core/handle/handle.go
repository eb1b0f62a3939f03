// Package handle maps the opaque handles of the C ABI to Go objects. A handle is an
// id of kind, generation and slot: a stale, foreign or made-up one is found
// out and never dereferenced. No handle is given twice.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package handle

import (
	"sync"

	"udfrunner/core/status"
)

// ID is a handle's bits: magic (16) | kind (4) | generation (20) | slot (24), never zero.
type ID uint64

// Kind tells handles of different objects apart.
type Kind uint8

const (
	magic       = 0x7d55
	slotBits    = 24
	genBits     = 20
	kindBits    = 4
	maxSlots    = 1 << slotBits
	genMask     = 1<<genBits - 1
	kindMask    = 1<<kindBits - 1
	genShift    = slotBits
	kindShift   = slotBits + genBits
	magicShift  = kindShift + kindBits
	slotMaskAll = maxSlots - 1
)

type entry[T any] struct {
	generation uint32
	used       bool
	value      T
}

// Table holds the objects of one kind. Its zero value is not usable; see NewTable.
// All methods are safe from any thread and wait only for each other.
type Table[T any] struct {
	mu      sync.RWMutex
	kind    Kind
	name    string
	entries []entry[T]
	free    []uint32
}

// NewTable makes a table of one kind (1 to 15); name is the kind's in error messages.
func NewTable[T any](kind Kind, name string) *Table[T] {
	return &Table[T]{kind: kind, name: name}
}

// Add stores value and returns its handle.
func (t *Table[T]) Add(value T) (ID, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var slot uint32
	if n := len(t.free); n > 0 {
		slot, t.free = t.free[n-1], t.free[:n-1]
	} else {
		if len(t.entries) == maxSlots {
			return 0, status.New(status.NoMemory, "%s handle: all of %d slots are open or used up, no more are allowed",
				t.name, maxSlots)
		}
		slot = uint32(len(t.entries)) //nolint:gosec // below maxSlots
		t.entries = append(t.entries, entry[T]{generation: 1})
	}
	e := &t.entries[slot]
	e.used, e.value = true, value
	return ID(magic)<<magicShift | ID(t.kind)<<kindShift | ID(e.generation)<<genShift | ID(slot), nil
}

// Get returns the object of a handle, or InvalidHandle naming what is wrong with it.
func (t *Table[T]) Get(id ID) (T, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e, err := t.find(id)
	if err != nil {
		var none T
		return none, err
	}
	return e.value, nil
}

// Remove makes a handle stale and returns its object; of several callers one gets it.
func (t *Table[T]) Remove(id ID) (T, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var none T
	e, err := t.find(id)
	if err != nil {
		return none, err
	}
	value := e.value
	e.value, e.used = none, false
	if e.generation == genMask {
		return value, nil // a further use would be a handle that was there before: the slot has served
	}
	e.generation++
	t.free = append(t.free, uint32(id&slotMaskAll))
	return value, nil
}

// All returns the objects stored now.
func (t *Table[T]) All() []T {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var all []T
	for i := range t.entries {
		if t.entries[i].used {
			all = append(all, t.entries[i].value)
		}
	}
	return all
}

func (t *Table[T]) find(id ID) (*entry[T], error) {
	switch {
	case id == 0:
		return nil, status.New(status.InvalidHandle, "%s handle is NULL", t.name)
	case id>>magicShift != magic:
		return nil, status.New(status.InvalidHandle, "%s handle 0x%x was not made by this library", t.name, uint64(id))
	case Kind(id>>kindShift&kindMask) != t.kind:
		return nil, status.New(status.InvalidHandle, "handle 0x%x is of another kind, not a %s", uint64(id), t.name)
	}
	slot := int(id & slotMaskAll)
	if slot >= len(t.entries) {
		return nil, status.New(status.InvalidHandle, "%s handle 0x%x was not made by this library", t.name, uint64(id))
	}
	e := &t.entries[slot]
	if !e.used || e.generation != uint32(id>>genShift&genMask) {
		return nil, status.New(status.InvalidHandle, "%s handle 0x%x is stale: it was closed before", t.name,
			uint64(id))
	}
	return e, nil
}
