package runner

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"udfrunner/core/hosttest"
)

func TestMetricsAreTheHeaders(t *testing.T) {
	assert.Equal(t, hosttest.DocumentedMembers(t, "* Members of the metrics"),
		hosttest.JSONMembers(reflect.TypeFor[metrics]()))
}
