package runner

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/status"
)

func TestAddedChainCostsTheSameHoweverManyThereAre(t *testing.T) {
	e := newEnv(t, "4.2")
	chain := []Function{{Reference: "functions:double",
		ReturnType: "struct<x: array<long>, y: map<string, decimal(20, 2)>>"}}
	cost := func(before int) float64 {
		b, err := NewBuilder(e, 200)
		require.NoError(t, err)
		for range before {
			require.NoError(t, b.AddFunction(chain, onA))
		}
		return testing.AllocsPerRun(5, func() { require.NoError(t, b.AddFunction(chain, onA)) })
	}
	assert.Less(t, cost(200), 2*cost(1))
}

func TestAddFunctionRefuses(t *testing.T) {
	e := newEnv(t, "4.2")
	good := []Function{{Reference: "functions:map_arrow", ReturnType: "a long"}}
	b, err := NewBuilder(e, 207)
	require.NoError(t, err)
	for range 2 {
		err = b.AddFunction([]Function{{Reference: "functions:map_arrow", ReturnType: "a lon"}}, nil)
		assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
		assert.ErrorContains(t, err, "chain 0: ")
	}
	require.NoError(t, b.AddFunction(good, nil), "what was refused is not there")
	err = b.AddFunction(good, nil)
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	assert.ErrorContains(t, err, "2 chains of functions, eval type 207 (SQL_MAP_ARROW_ITER_UDF) takes one")
}
