package runner

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"udfrunner/core/protocol"
)

func TestEveryFamilyHasItsRow(t *testing.T) {
	used := map[protocol.Family]bool{}
	for _, e := range protocol.EvalTypes() {
		used[e.Family] = true
		row := families[e.Family]
		if assert.NotNil(t, row, e.Name) {
			assert.NotNil(t, row.functions, e.Name)
			assert.NotNil(t, row.runner, e.Name)
			assert.Equal(t, e.Family == protocol.TableFunctionEval, row.functions.table(), e.Name)
			assert.Equal(t, e.NeedsReturnType(), row.functions.typed(), e.Name)
		}
	}
	assert.Len(t, families, len(used), "a row that no eval type has")
}
