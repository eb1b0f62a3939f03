package runner

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/config"
	"udfrunner/core/hostcall"
	"udfrunner/core/hosttest"
)

// batchSizes has a function say how many rows its batches have.
func batchSizes(t *testing.T, r Computer, input hostcall.Input) []int64 {
	t.Helper()
	_, rows := content(t, r, input)
	var sizes []int64
	for _, row := range rows {
		if list, ok := row[0].([]any); ok {
			row = list
		}
		for _, n := range row {
			size, ok := n.(int64)
			require.True(t, ok, "%T", n)
			sizes = append(sizes, size)
		}
	}
	return sizes
}

func limited(t *testing.T, e envOf, pairs ...string) Options {
	t.Helper()
	conf := e.Config()
	for i := 0; i < len(pairs); i += 2 {
		var err error
		conf, err = conf.With(pairs[i], pairs[i+1])
		require.NoError(t, err)
	}
	return Options{Config: conf}
}

// TestBatchesAreCutAsSparkCuts compares batches with those that functions see in Spark 4.3 (3.5 where it says so), of
// DataFrames whose rows testdata/hostdata.py has.
func TestBatchesAreCutAsSparkCuts(t *testing.T) {
	const rows, bytes = config.ArrowMaxRecords, config.ArrowMaxBytes
	for _, test := range []struct {
		minor, data string
		evalType    int32
		reference   string
		pairs       []string
		want        []int64
	}{
		{"4.3", "plain", 207, "count_batches", nil, []int64{10}},
		{"4.3", "plain", 207, "count_batches", []string{rows, "4"}, []int64{4, 4, 2}},
		{"4.3", "plain", 207, "count_batches", []string{rows, "0"}, []int64{10}},
		{"4.3", "plain", 207, "count_batches", []string{rows, "-1"}, []int64{10}},
		{"4.3", "plain", 207, "count_batches", []string{bytes, "100"}, []int64{6, 4}},
		{"4.3", "plain", 207, "count_batches", []string{bytes, "40"}, []int64{2, 2, 2, 2, 2}},
		{"4.3", "plain", 207, "count_batches", []string{bytes, "100", rows, "5"}, []int64{5, 5}},
		{"4.3", "plain", 207, "count_batches", []string{bytes, "2147483647"}, []int64{10}},
		{"4.3", "wide", 207, "count_batches", []string{bytes, "300"}, []int64{4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2}},
		{"4.3", "wide", 207, "count_batches", []string{bytes, "1000"}, []int64{11, 10, 9, 9, 1}},
		{"4.3", "wide", 207, "count_batches", []string{bytes, "2000"}, []int64{22, 18}},
		{"4.3", "wide", 207, "count_batches", []string{bytes, "100000"}, []int64{40}},
		{"4.3", "plain", 215, "count_group", []string{rows, "4"}, []int64{4, 4, 2}},
		{"4.1", "plain", 215, "count_group", []string{rows, "4"}, []int64{4, 4, 2}},
		{"4.0", "plain", 209, "count_table", []string{rows, "4"}, []int64{10}},
		{"3.5", "plain", 207, "count_batches", []string{rows, "4"}, []int64{4, 4, 2}},
		{"3.5", "plain", 207, "count_batches", []string{bytes, "100"}, []int64{10}},
	} {
		t.Run(test.minor+" "+test.reference, func(t *testing.T) {
			e := newEnv(t, test.minor)
			returns := "n long"
			inputs := []kindOfInput{asStream, asMessages}
			if test.evalType != 207 {
				returns, inputs = "n array<long>", append(inputs, asGroups)
			}
			f := Function{Reference: "seen:" + test.reference, ReturnType: returns}
			r, err := New(e, test.evalType, [][]Function{{f}}, [][]Argument{nil}, limited(t, e, test.pairs...))
			require.NoError(t, err)
			for _, input := range inputs {
				assert.Equal(t, test.want, batchSizes(t, r, input(t, hostData(t, test.data))), "%v", test.pairs)
			}
		})
	}
}

// TestResultsComeInCutBatches has a scalar function give a column for each batch.
func TestResultsComeInCutBatches(t *testing.T) {
	e := newEnv(t, "4.2")
	f := Function{Reference: "seen:count_arrow", ReturnType: "long"}
	r, err := New(e, 250, [][]Function{{f}}, [][]Argument{offsets(1)}, limited(t, e, config.ArrowMaxRecords, "4"))
	require.NoError(t, err)
	for _, input := range []kindOfInput{asStream, asMessages} {
		it := computed(t, r, input(t, hostData(t, "plain")))
		defer it.Close()
		messages := readAll(t, it)
		assert.Len(t, messages, 1+3)
	}
	foreign := hosttest.StreamOf(t, hostData(t, "key view")).Input()
	keys, err := New(e, 250, [][]Function{{f}}, [][]Argument{offsets(0)}, limited(t, e, config.ArrowMaxRecords, "4"))
	require.NoError(t, err)
	assert.Equal(t, []int64{4, 4, 4, 4, 2, 2}, batchSizes(t, keys, foreign))
}

// TestInputType has an Arrow-optimized function say what it sees where the host says more of its input than Arrow can.
func TestInputType(t *testing.T) {
	const said = `{"type":"struct","fields":[{"name":"k","type":"integer","nullable":true,"metadata":{}},` +
		`{"name":"id","type":"long","nullable":true,"metadata":{}},` +
		`{"name":"x","type":{"type":"udt","pyClass":"seen.ShoutUDT","serializedClass":null,"sqlType":"string"},` +
		`"nullable":true,"metadata":{}}]}`
	for _, minor := range []string{"4.1", "4.2", "4.3"} {
		e := newEnv(t, minor)
		f := Function{Reference: "seen:see_objects", ReturnType: "string"}
		for name, options := range map[string]Options{
			"str('0')":   {},
			"Shout('0')": limited(t, e, config.EvalConf+"input_type", said),
		} {
			r, err := New(e, 101, [][]Function{{f}}, [][]Argument{offsets(2)}, options)
			require.NoError(t, err)
			_, rows := content(t, r, asStream(t, hostData(t, "plain")))
			assert.Equal(t, name, rows[0][0], minor)
		}
		r, err := New(e, 101, [][]Function{{f}}, [][]Argument{offsets(1)}, Options{})
		require.NoError(t, err)
		_, rows := content(t, r, asStream(t, hostData(t, "user-defined")))
		assert.Equal(t, "Shout('a')", rows[0][0], minor)
	}
}
