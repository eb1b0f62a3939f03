package runner

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/env"
	"udfrunner/core/hosttest"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

var supportedMinors = protocol.Minors()

// job is a runner of one chain of functions by reference.
func job(t *testing.T, e *env.Env, evalType int32, returnType string, arguments []Argument,
	references ...string) Computer {
	t.Helper()
	var chain []Function
	for _, reference := range references {
		chain = append(chain, Function{Reference: reference, ReturnType: returnType})
	}
	r, err := New(e, evalType, [][]Function{chain}, [][]Argument{arguments}, Options{})
	require.NoError(t, err)
	return r
}

// numbers are the two columns a and b that tests compute on, in two batches.
func numbers(t *testing.T) *hosttest.Stream {
	t.Helper()
	return hosttest.NewStream(t,
		[]hosttest.Column{{Name: "a", Values: []int64{1, 2, 3}}, {Name: "b", Values: []int64{10, 20, 30}}},
		[]hosttest.Column{{Name: "a", Values: []int64{4, 5}}, {Name: "b", Values: []int64{40, 50}}})
}

func TestEvalTypes(t *testing.T) {
	for _, minor := range supportedMinors {
		e := newEnv(t, minor)
		for _, test := range []struct {
			name       string
			evalType   int32
			returnType string
			arguments  []Argument
			references []string
			want       [][]int64
		}{
			{"arrow batched", 101, "long", []Argument{{Offset: 0}, {Offset: 1}}, []string{"functions:add"},
				[][]int64{{11, 22, 33, 44, 55}}},
			{"scalar pandas", 200, "long", []Argument{{Offset: 0}, {Offset: 1}}, []string{"functions:add"},
				[][]int64{{11, 22, 33, 44, 55}}},
			{"keywords", 200, "long", []Argument{{Offset: 0}, {Offset: 1, Name: "y"}}, []string{"functions:add"},
				[][]int64{{11, 22, 33, 44, 55}}},
			{"chain", 200, "long", []Argument{{Offset: 0}, {Offset: 1}}, []string{"functions:add", "functions:double"},
				[][]int64{{22, 44, 66, 88, 110}}},
			{"decorated", 200, "long", []Argument{{Offset: 1}}, []string{"functions:decorated"},
				[][]int64{{110, 120, 130, 140, 150}}},
			{"scalar pandas iterator", 204, "long", []Argument{{Offset: 1}}, []string{"functions:iter_double"},
				[][]int64{{20, 40, 60, 80, 100}}},
			{"map in pandas", 205, "a long, b long", nil, []string{"functions:map_pandas"},
				[][]int64{{2, 4}, {20, 40}}},
			{"map in arrow", 207, "a long, b long", nil, []string{"functions:map_arrow"},
				[][]int64{{2, 3, 4, 5}, {20, 30, 40, 50}}},
			{"scalar arrow", 250, "long", []Argument{{Offset: 0}}, []string{"functions:negate_arrow"},
				[][]int64{{-1, -2, -3, -4, -5}}},
			{"scalar arrow iterator", 251, "long", []Argument{{Offset: 0}}, []string{"functions:iter_negate"},
				[][]int64{{-1, -2, -3, -4, -5}}},
		} {
			t.Run(minor+" "+test.name, func(t *testing.T) {
				r := job(t, e, test.evalType, test.returnType, test.arguments, test.references...)
				it, err := r.Compute(numbers(t).Input(), Task{})
				require.NoError(t, err)
				defer it.Close()
				got, err := collect(t, it)
				dialect, unknown := protocol.ForVersion(minor)
				require.NoError(t, unknown)
				if dialect.Check(&protocol.Init{EvalType: it.runner.EvalType.ID, Chains: it.runner.Chains}) != nil {
					assert.Equal(t, status.NotSupported, status.CodeOf(err), "what the version lacks is refused: %v",
						err)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, test.want, got)
			})
		}
	}
}
