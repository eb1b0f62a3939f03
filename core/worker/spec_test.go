package worker

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two tasks share a factory where all that its processes are made of is the same: each field of a program is in its
// key.
func TestKeyHasEachField(t *testing.T) {
	keys := map[string]string{(&Program{}).Key(): "nothing"}
	add := func(key, name string) {
		assert.Empty(t, keys[key], name)
		keys[key] = name
	}
	program := reflect.TypeFor[Program]()
	for i := range program.NumField() {
		var p Program
		name := program.Field(i).Name
		switch value := reflect.ValueOf(&p).Elem().Field(i); value.Kind() {
		case reflect.String:
			value.SetString("x")
		case reflect.Bool:
			value.SetBool(true)
		case reflect.Uint8:
			value.SetUint(1)
		case reflect.Int64:
			value.SetInt(1)
		case reflect.Slice:
			value.Set(reflect.ValueOf([]string{"x", "y"}))
			add(p.Key(), name)
			value.Set(reflect.ValueOf([]string{"x,y"}))
		default:
			require.Fail(t, "how is it set?", name)
		}
		add(p.Key(), name)
	}
}

// A field of a spec is one of its program or of its policy, or the same for all factories of an env.
func TestSpecHasNoFieldsBesideProgramAndPolicy(t *testing.T) {
	shared := []string{"Program", "Policy", "Warm", "Check", "Log", "Probes"}
	spec := reflect.TypeFor[Spec]()
	for i := range spec.NumField() {
		assert.Contains(t, shared, spec.Field(i).Name, "is it in the key?")
	}
}
