package hosttest

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// DocumentedMembers are the names that include/udfrunner.h lists below the first line that holds a text: one per line,
// each followed by its meaning. The test runs in a room's directory.
func DocumentedMembers(t *testing.T, below string) []string {
	t.Helper()
	header, err := os.ReadFile("../../include/udfrunner.h")
	require.NoError(t, err)
	_, block, found := strings.Cut(string(header), below)
	require.True(t, found, "the header has no %q", below)
	block, _, _ = strings.Cut(block, "\\since")
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^ \*   ([a-z_.]+)  `).FindAllStringSubmatch(block, -1) {
		names = append(names, m[1])
	}
	return slices.Sorted(slices.Values(names))
}

// JSONMembers are the members that encoding/json gives values of a struct type, sorted; those of a member that is an
// object or a list of objects follow its name and a dot, and a list's name is there too.
func JSONMembers(of reflect.Type) []string {
	var names []string
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		inner := field.Type
		if inner.Kind() == reflect.Slice {
			names = append(names, name)
			inner = inner.Elem()
		}
		switch {
		case field.Anonymous:
			names = append(names, JSONMembers(field.Type)...)
		case inner.Kind() == reflect.Struct:
			for _, member := range JSONMembers(inner) {
				names = append(names, name+"."+member)
			}
		case field.Type.Kind() != reflect.Slice:
			names = append(names, name)
		}
	}
	return slices.Sorted(slices.Values(names))
}
