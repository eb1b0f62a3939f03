package datasection

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/config"
	"udfrunner/core/protocol"
)

func columns(n int, id arrowio.TypeID) *arrowio.Schema {
	s := &arrowio.Schema{}
	for range n {
		s.Fields = append(s.Fields, arrowio.Field{Name: "c", Type: &arrowio.Type{ID: id}})
	}
	return s
}

func offsets(list ...int32) (arguments []protocol.Argument) {
	for _, offset := range list {
		arguments = append(arguments, protocol.Argument{Offset: offset})
	}
	return arguments
}

func TestCheckGrouped(t *testing.T) {
	two := []*arrowio.Schema{columns(2, arrowio.Int64)}
	pair := []*arrowio.Schema{columns(2, arrowio.Int64), columns(3, arrowio.Int64)}
	structs := []*arrowio.Schema{columns(2, arrowio.Struct)}
	for _, test := range []struct {
		name      string
		layout    Layout
		arguments []protocol.Argument
		keys      int
		schemas   []*arrowio.Schema
		added     []protocol.Argument
		err       string
	}{
		{"columns", Layout{}, offsets(0, 1), 0, two, nil, ""},
		{"a column too many", Layout{}, offsets(0, 2), 0, two, nil,
			"chain 0: argument offset 2, the input has 2 columns"},
		{"more keys than columns", Layout{}, nil, 3, two, nil, "input keys 3, the input has 2 columns"},
		{"whole rows", Layout{Arguments: WholeRows}, offsets(7), 0, two, nil, ""},
		{"key lists", Layout{Arguments: KeyLists}, offsets(3, 1, 0, 1), 1, two, nil, ""},
		{"no such column", Layout{Arguments: KeyLists}, offsets(3, 1, 0, 2), 1, two, nil, "argument offset 2"},
		{"none given", Layout{Arguments: KeyLists}, nil, 1, two, offsets(4, 1, 0, 0, 1), ""},
		{"none given for a pair", Layout{Arguments: KeyLists}, nil, 1, pair, offsets(4, 1, 0, 0, 1, 5, 1, 0, 0, 1, 2),
			""},
		{"the right side's", Layout{Arguments: KeyLists}, offsets(2, 1, 0, 2, 1, 3), 1, pair, nil,
			"argument offset 3, the input has 3"},
		{"fields of states", Layout{Arguments: KeyLists, States: true}, offsets(3, 1, 8, 9), 0, structs, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, err := protocol.EvalTypeByID(protocol.SQLScalarPandasUDF)
			require.NoError(t, err)
			f := &Functions{EvalType: e, Layout: test.layout, Chains: []protocol.Chain{{Arguments: test.arguments}}}
			added, err := f.checkGrouped(test.keys, test.schemas...)
			if test.err != "" {
				assert.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.added, added.Arguments)
		})
	}
}

func TestNoGroupsNeedsArgumentsAllTheSame(t *testing.T) {
	f := &Functions{Layout: Layout{Arguments: KeyLists}, Chains: make([]protocol.Chain, 1)}
	assert.Equal(t, offsets(1, 0, 1, 0), f.noGroups(2).Arguments, "two sides without a column")
	f.Layout = Layout{}
	assert.Nil(t, f.noGroups(1).Arguments)
}

func TestLimitsOfGroups(t *testing.T) {
	conf, err := config.New([]config.Pair{{Key: config.ArrowMaxRecords, Value: "3"}}, "LANG=C")
	require.NoError(t, err)
	for _, test := range []struct {
		minor    string
		evalType int32
		layout   Layout
		rows     int64
	}{
		{"4.0", protocol.SQLGroupedMapPandasUDF, Layout{}, 0}, // a group is a batch
		{"4.2", protocol.SQLGroupedMapPandasUDF, Layout{}, 3},
		{"4.0", protocol.SQLCogroupedMapPandasUDF, Layout{}, 0},
		{"4.2", protocol.SQLCogroupedMapPandasUDF, Layout{}, 3},
		{"4.2", protocol.SQLGroupedMapPandasUDFWithState, Layout{Uncut: true}, 0},
	} {
		e, err := protocol.EvalTypeByID(test.evalType)
		require.NoError(t, err)
		d, err := protocol.ForVersion(test.minor + ".0")
		require.NoError(t, err)
		f := &Functions{Conf: conf, EvalType: e, Layout: test.layout}
		assert.Equal(t, test.rows, f.groupLimits(d).rows, "%s in %s", e.Name, test.minor)
	}
}
