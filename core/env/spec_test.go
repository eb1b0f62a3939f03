package env

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/worker"
)

// Two tasks share a factory where all that its processes are made of is the same: each field of a spec is in its key, but
// those by which a running factory may serve both.
func TestSpecKeyHasEachField(t *testing.T) {
	shared := map[string]bool{
		"IdleTimeout": true, "MaxIdle": true, "Strict": true, "Spares": true, "Recycle": true, // what it does with idle workers
		"Check": true, "Warm": true, "Probes": true, "Log": true, // the same for all of an env
	}
	spec := reflect.TypeFor[worker.Spec]()
	for i := range spec.NumField() {
		field := spec.Field(i)
		var plain, other worker.Spec
		value := reflect.ValueOf(&other).Elem().Field(i)
		if shared[field.Name] {
			delete(shared, field.Name)
			continue
		}
		switch value.Kind() {
		case reflect.String:
			value.SetString("x")
		case reflect.Bool:
			value.SetBool(true)
		case reflect.Uint8:
			value.SetUint(1)
		case reflect.Int64:
			value.SetInt(1)
		case reflect.Slice:
			value.Set(reflect.ValueOf([]string{"x"}))
		default:
			require.Fail(t, "is it in the key?", field.Name)
		}
		assert.NotEqual(t, specKey(&plain), specKey(&other), field.Name)
	}
	assert.Empty(t, shared, "no such fields")
}
