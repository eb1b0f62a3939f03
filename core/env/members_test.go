package env

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"udfrunner/core/hosttest"
)

func TestStatsAreTheHeaders(t *testing.T) {
	assert.Equal(t, hosttest.DocumentedMembers(t, `* Members, where "tasks.done"`),
		hosttest.JSONMembers(reflect.TypeFor[stats]()))
}
