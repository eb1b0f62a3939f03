package protocol

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"udfrunner/core/pyspark"
)

// TestEvalTypesAreByNumber: they are found by halving.
func TestEvalTypesAreByNumber(t *testing.T) {
	for i, e := range EvalTypes() {
		assert.Same(t, e, row(e.ID))
		if i > 0 {
			assert.Greater(t, e.ID, EvalTypes()[i-1].ID)
		}
	}
	assert.Same(t, &unknown, row(1))
}

// TestGroupingsAreByRelease: the last one that a release has counts.
func TestGroupingsAreByRelease(t *testing.T) {
	for _, e := range EvalTypes() {
		for i, g := range e.groups {
			assert.GreaterOrEqual(t, g.from, e.since, "%s", e.Name)
			if i > 0 {
				assert.Greater(t, g.from, e.groups[i-1].from, "%s", e.Name)
			}
		}
		if e.Keywords {
			assert.NotEqual(t, pyspark.V35, e.keywordFlag, "%s: keywords need a release", e.Name)
		}
	}
}

func TestNumbersOfAFamily(t *testing.T) {
	assert.Equal(t, "300 to 302", TableFunctionEval.Numbers())
	assert.Equal(t, "101, 200, 204, 250, 251", ArrowEval.Numbers())
}
