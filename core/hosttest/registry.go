package hosttest

import "sync"

// registry has the Go values behind the numbers and pointers that callbacks get.
type registry[K comparable, T any] struct{ values sync.Map }

func (r *registry[K, T]) store(key K, value *T) { r.values.Store(key, value) }

func (r *registry[K, T]) load(key K) *T {
	value, _ := r.values.Load(key)
	return value.(*T) //nolint:forcetypeassert // nothing else is stored
}

func (r *registry[K, T]) remove(key K) { r.values.Delete(key) }
