package runner

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/config"
	"udfrunner/core/hosttest"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
)

func offsets(values ...int32) []Argument {
	list := make([]Argument, len(values))
	for i, v := range values {
		list[i].Offset = v
	}
	return list
}

// keyed is a batch of columns k and v.
func keyed(rows ...[2]int64) []hosttest.Column {
	k, v := hosttest.Column{Name: "k"}, hosttest.Column{Name: "v"}
	for _, row := range rows {
		k.Values, v.Values = append(k.Values, row[0]), append(v.Values, row[1])
	}
	return []hosttest.Column{k, v}
}

// sortedRows are the groups 1, 2, 3, 4 and 5, of which 2 and 4 lie in several batches.
func sortedRows(t *testing.T) *hosttest.Stream {
	return hosttest.NewStream(t,
		keyed([2]int64{1, 1}, [2]int64{1, 2}, [2]int64{2, 3}),
		keyed(),
		keyed([2]int64{2, 4}, [2]int64{2, 5}, [2]int64{3, 6}, [2]int64{4, 7}),
		keyed([2]int64{4, 8}),
		keyed([2]int64{4, 9}, [2]int64{5, 10}))
}

// sameGroups are these groups by a callback: of one batch, of several, of one with none of its rows in it.
func sameGroups(t *testing.T) *hosttest.Groups {
	one := func(batches ...[]hosttest.Column) []*hosttest.Stream {
		return []*hosttest.Stream{hosttest.NewStream(t, batches...)}
	}
	return hosttest.NewGroups(t,
		one(keyed([2]int64{1, 1}, [2]int64{1, 2})),
		one(keyed([2]int64{2, 3}), keyed(), keyed([2]int64{2, 4}, [2]int64{2, 5})),
		one(keyed([2]int64{3, 6})),
		one(keyed([2]int64{4, 7}), keyed([2]int64{4, 8}), keyed([2]int64{4, 9})),
		one(keyed([2]int64{5, 10})))
}

func TestGroups(t *testing.T) {
	sums := [][]int64{{1, 2, 3, 4, 5}, {2, 3, 1, 3, 1}, {3, 12, 6, 24, 10}}
	totals := [][]int64{{3, 12, 6, 24, 10}}
	onV := offsets(1)
	const rows = "k long, n long, s long"
	for _, minor := range supportedMinors {
		e := newEnv(t, minor)
		dialect, err := protocol.ForVersion(minor)
		require.NoError(t, err)
		for _, test := range []struct {
			name       string
			evalType   int32
			returnType string
			arguments  []Argument
			reference  string
			want       [][]int64
		}{
			{"pandas", 201, rows, nil, "functions:sum_pandas", sums},
			{"pandas with key", 201, rows, nil, "functions:sum_keyed", sums},
			{"pandas with Spark's offsets", 201, rows, offsets(4, 1, 0, 0, 1), "functions:sum_keyed", sums},
			{"arrow", 209, rows, nil, "functions:sum_arrow", sums},
			{"arrow iterator", 215, rows, nil, "functions:sum_batches", sums},
			{"pandas iterator", 216, rows, nil, "functions:sum_frames", sums},
			{"pandas aggregate", 202, "long", onV, "functions:total_pandas", totals},
			{"arrow aggregate", 252, "long", onV, "functions:total_arrow", totals},
			{"pandas aggregate iterator", 217, "long", onV, "functions:total_iter", totals},
			{"arrow aggregate iterator", 254, "long", onV, "functions:total_iter_arrow", totals},
			{"pandas window", 203, "long", onV, "functions:total_pandas",
				[][]int64{{3, 3, 12, 12, 12, 6, 24, 24, 24, 10}}},
			{"decorated aggregate as window", 203, "long", onV, "functions:decorated_total",
				[][]int64{{3, 3, 12, 12, 12, 6, 24, 24, 24, 10}}},
			{"arrow window", 253, "long", onV, "functions:total_arrow",
				[][]int64{{3, 3, 12, 12, 12, 6, 24, 24, 24, 10}}},
		} {
			r := job(t, e, test.evalType, test.returnType, test.arguments, test.reference)
			evalType, err := protocol.EvalTypeByID(test.evalType)
			require.NoError(t, err)
			check := func(t *testing.T, it *Iterator, err error) {
				require.NoError(t, err)
				defer it.Close()
				got, err := collect(t, it)
				if dialect.Check(&protocol.Init{EvalType: evalType.ID}) != nil {
					assert.Equal(t, status.NotSupported, status.CodeOf(err), "what the version lacks is refused: %v",
						err)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, test.want, got)
				assert.True(t, it.pump.reader.Result().Reusable)
			}
			t.Run(minor+" sorted "+test.name, func(t *testing.T) {
				input := sortedRows(t).Input()
				input.Keys = 1
				it, err := r.Compute(input, Task{})
				check(t, it, err)
			})
			t.Run(minor+" given "+test.name, func(t *testing.T) {
				input := sameGroups(t).Input()
				input.Keys = 1
				it, err := r.Compute(input, Task{})
				check(t, it, err)
			})
		}
	}
}

func TestCoGroups(t *testing.T) {
	for _, minor := range supportedMinors {
		e := newEnv(t, minor)
		for evalType, reference := range map[int32]string{206: "functions:both_pandas", 210: "functions:both_arrow"} {
			if evalType == 210 && minor == "3.5" {
				continue
			}
			t.Run(minor+" "+reference, func(t *testing.T) {
				r := job(t, e, evalType, "n long, m long, s long", nil, reference)
				left := hosttest.NewStream(t, keyed([2]int64{1, 1}), keyed([2]int64{1, 2}))
				right := hosttest.NewStream(t, keyed([2]int64{1, 30}))
				lonely := hosttest.NewStream(t, keyed([2]int64{2, 4}))
				empty := hosttest.NewStream(t, keyed())
				none := hosttest.NewStream(t, keyed())
				none.Step = nil
				other := hosttest.NewStream(t, keyed([2]int64{3, 5}))
				input := hosttest.NewGroups(t, []*hosttest.Stream{left, right}, []*hosttest.Stream{lonely, empty},
					[]*hosttest.Stream{none, other}).Input()
				input.Keys = 1
				it, err := r.Compute(input, Task{})
				require.NoError(t, err)
				defer it.Close()
				got, err := collect(t, it)
				require.NoError(t, err)
				assert.Equal(t, [][]int64{{2, 1, 0}, {1, 0, 1}, {33, 4, 5}}, got)
			})
		}
	}
}

func TestWindowBounds(t *testing.T) {
	window := func(begin, end, v []int64) []hosttest.Column {
		return []hosttest.Column{
			{Name: "begin", Values: begin}, {Name: "end", Values: end}, {Name: "v", Values: v},
		}
	}
	for _, minor := range supportedMinors {
		t.Run(minor, func(t *testing.T) {
			e := newEnv(t, minor)
			conf, err := e.Config().With(config.WindowBounds, "bounded,unbounded")
			require.NoError(t, err)
			f := Function{Reference: "functions:total_pandas", ReturnType: "long"}
			r, err := New(e, 203, [][]Function{{f}, {f}}, [][]Argument{offsets(0, 1, 2), offsets(2)},
				Options{Config: conf})
			require.NoError(t, err)
			stream := hosttest.NewStream(t, window([]int64{0, 0, 1}, []int64{2, 3, 3}, []int64{1, 20, 300}))
			it, err := r.Compute(stream.Input(), Task{})
			require.NoError(t, err)
			defer it.Close()
			got, err := collect(t, it)
			require.NoError(t, err)
			assert.Equal(t, [][]int64{{21, 321, 320}, {321, 321, 321}}, got)
		})
	}
}

func TestTableFunctions(t *testing.T) {
	for _, minor := range supportedMinors {
		t.Run(minor, func(t *testing.T) {
			e := newEnv(t, minor)
			f := Function{Reference: "functions:Twice", ReturnType: "x long", Table: &TableFunction{Name: "twice"}}
			r, err := New(e, 301, [][]Function{{f}}, [][]Argument{offsets(0)}, Options{})
			require.NoError(t, err)
			it, err := r.Compute(hosttest.NewStream(t, []hosttest.Column{{Name: "a", Values: []int64{1, 2}}}).Input(),
				Task{})
			require.NoError(t, err)
			defer it.Close()
			got, err := collect(t, it)
			require.NoError(t, err)
			assert.Equal(t, [][]int64{{1, 10, 2, 20, -1}}, got)
		})
	}
}

func TestGroupsThatFail(t *testing.T) {
	e := newEnv(t, "4.2")
	r := job(t, e, 201, "k long, n long, s long", nil, "functions:fails_on_three")
	input := sortedRows(t).Input()
	input.Keys = 1
	it, err := r.Compute(input, Task{})
	require.NoError(t, err)
	_, err = collect(t, it)
	assert.Equal(t, status.PythonException, status.CodeOf(err))
	assert.Contains(t, err.Error(), "three")
	it.Close()

	groups := sameGroups(t)
	groups.Step = func(i int) hosttest.Answer {
		if i == 2 {
			return hosttest.Answer{Code: status.Unknown, Message: "no third group"}
		}
		return hosttest.OK()
	}
	it, err = r.Compute(groups.Input(), Task{})
	require.NoError(t, err)
	_, err = collect(t, it)
	assert.Equal(t, status.Host, status.CodeOf(err))
	assert.Contains(t, err.Error(), "no third group")
	it.Close()

	single := hosttest.NewGroups(t, []*hosttest.Stream{hosttest.NewStream(t, keyed([2]int64{1, 1}))})
	it, err = job(t, e, 206, "n long, m long, s long", nil, "functions:both_pandas").Compute(single.Input(), Task{})
	require.NoError(t, err)
	_, err = collect(t, it)
	assert.Equal(t, status.Host, status.CodeOf(err))
	assert.Contains(t, err.Error(), "group 0 has 1 streams, asked for are 2")
	assert.Equal(t, "206 (SQL_COGROUPED_MAP_PANDAS_UDF)", status.From(err).Details["task.eval_type"])
	it.Close()

	input = numbers(t).Input()
	input.Keys = 3
	it, err = r.Compute(input, Task{})
	require.NoError(t, err)
	_, err = collect(t, it)
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	assert.Contains(t, err.Error(), "input keys 3, the input has 2 columns")
	it.Close()
	works(t, e)
}

func TestNoGroups(t *testing.T) {
	for _, minor := range []string{"4.0", "4.2"} {
		e := newEnv(t, minor)
		r := job(t, e, 201, "k long, n long, s long", nil, "functions:sum_pandas")
		it, err := r.Compute(hosttest.NewGroups(t).Input(), Task{})
		require.NoError(t, err)
		got, err := collect(t, it)
		require.NoError(t, err)
		assert.Empty(t, got)
		it.Close()
		input := hosttest.NewStream(t, keyed()).Input()
		input.Keys = 1
		it, err = r.Compute(input, Task{})
		require.NoError(t, err)
		got, err = collect(t, it)
		require.NoError(t, err)
		assert.Empty(t, got)
		it.Close()
	}
}

// Workers before 4.2 want rows and initial states apart; the host brings them in two columns.
func TestInitialStatesNeedTwoColumns(t *testing.T) {
	e := newEnv(t, "4.0")
	r := job(t, e, 212, "k long", offsets(3, 1, 0, 1, 3, 1, 0, 1), "functions:sum_pandas")
	it, err := r.Compute(numbers(t).Input(), Task{})
	require.NoError(t, err)
	defer it.Close()
	_, err = collect(t, it)
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	assert.Contains(t, err.Error(), "expected two structs, of which each row has one")
}
