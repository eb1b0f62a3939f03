package protocol_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

func TestDialectsCheckTasks(t *testing.T) {
	keyword := []protocol.Chain{{Arguments: []protocol.Argument{{Name: "x"}}}}
	table := func(f protocol.TableFunction) protocol.Init { return protocol.Init{EvalType: 300, TableFunction: &f} }
	state := func(address string) protocol.Init {
		return protocol.Init{EvalType: 211,
			EvalConf: []protocol.Entry{{Key: protocol.EvalConfStateServer, Value: address}}}
	}
	tables := func(offsets string) protocol.Init {
		return protocol.Init{EvalType: 302,
			EvalConf: []protocol.Entry{{Key: protocol.EvalConfTableArguments, Value: offsets}}}
	}
	socket := &protocol.Server{Path: "/tmp/s"}
	for _, test := range []struct {
		minor   string
		in      protocol.Init
		code    status.Code
		message string
	}{
		{"3.5", protocol.Init{EvalType: 200}, status.OK, ""},
		{"4.0", protocol.Init{EvalType: 200, Chains: keyword}, status.OK, ""},
		{"4.1", protocol.Init{EvalType: 250, Chains: keyword}, status.OK, ""},
		{"4.3", protocol.Init{EvalType: 254}, status.OK, ""},
		{"9.9", protocol.Init{EvalType: 254, Profiler: "perf", BroadcastServer: socket}, status.OK, ""},
		{"4.0", protocol.Init{EvalType: 250}, status.NotSupported,
			"eval type 250 (SQL_SCALAR_ARROW_UDF) needs PySpark 4.1, the worker has 4.0"},
		{"4.1", protocol.Init{EvalType: 254}, status.NotSupported, "needs PySpark 4.2, the worker has 4.1"},
		{
			"3.5", protocol.Init{EvalType: 200, Chains: keyword}, status.NotSupported,
			`keyword argument "x": eval type 200 (SQL_SCALAR_PANDAS_UDF) of PySpark 3.5 takes none, PySpark 4.0 is ` +
				`needed`,
		},
		{"4.0", protocol.Init{EvalType: 207, Chains: keyword}, status.NotSupported,
			"eval type 207 (SQL_MAP_ARROW_ITER_UDF) takes none"},
		{"4.3", protocol.Init{EvalType: 204, Chains: keyword}, status.NotSupported,
			"takes none in any version of PySpark, the worker has 4.3"},
		{"3.5", table(protocol.TableFunction{Arguments: keyword[0].Arguments}), status.NotSupported,
			"PySpark 4.0 is needed"},
		{"4.0", table(protocol.TableFunction{Arguments: keyword[0].Arguments}), status.OK, ""},
		{"3.5", table(protocol.TableFunction{}), status.OK, ""},
		{
			"3.5", table(protocol.TableFunction{PartitionChildren: []int32{0}}), status.NotSupported,
			"partition columns of a table function needs PySpark 4.0, the worker of eval type 300 (SQL_TABLE_UDF) " +
				"has 3.5",
		},
		{"3.5", table(protocol.TableFunction{Analyzed: []byte{}}), status.NotSupported,
			"analyze result of a table function needs PySpark 4.0"},
		{"3.5", table(protocol.TableFunction{Name: "f"}), status.OK, ""}, // for messages only: it is not sent
		{"4.0", table(protocol.TableFunction{PartitionChildren: []int32{0}, Analyzed: []byte{1}, Name: "f"}), status.OK,
			""},
		{"3.5", protocol.Init{EvalType: 200, Profiler: "perf"}, status.NotSupported,
			"a UDF profiler needs PySpark 4.0"},
		{"4.0", protocol.Init{EvalType: 200, Profiler: "perf"}, status.OK, ""},
		{"4.0", protocol.Init{BroadcastServer: socket}, status.NotSupported,
			"broadcast server with a Unix socket needs PySpark 4.1"},
		{"4.0", protocol.Init{BroadcastServer: &protocol.Server{Port: 1, Secret: "s"}}, status.OK, ""},
		{"4.1", protocol.Init{BroadcastServer: socket}, status.OK, ""},
		{"4.0", protocol.Init{Context: protocol.Context{BarrierPath: "/b"}}, status.NotSupported,
			"barrier server with a Unix socket needs PySpark 4.1"},
		{"4.0", state("/tmp/s"), status.NotSupported, "state server with a Unix socket needs PySpark 4.1"},
		{"4.0", state("4040"), status.OK, ""},
		{"4.1", state("/tmp/S"), status.OK, ""},
		{"4.2", state("/tmp/S"), status.NotSupported, `"/tmp/S" has capital letters`},
		{"4.2", state("/tmp/s"), status.OK, ""},
		{"4.2", state("65536"), status.InvalidArgument, `state_server_socket_port "65536", must be`},
		{"4.1", tables(""), status.OK, ""},
		{"4.1", tables("0,12"), status.OK, ""},
		{"4.1", tables("0,-1"), status.InvalidArgument, `table_arg_offsets "0,-1", must be`},
		{"4.1", protocol.Init{EvalType: 5}, status.InvalidArgument, "eval type 5 is not one of PySpark's"},
	} {
		dialect, err := protocol.ForVersion(test.minor)
		require.NoError(t, err)
		err = dialect.Check(&test.in)
		assert.Equal(t, test.code, status.CodeOf(err), "%s %v: %v", test.minor, test.in, err)
		if test.message != "" {
			assert.ErrorContains(t, err, test.message)
		}
	}
}

func TestForVersion(t *testing.T) {
	for version, minor := range map[string]string{"4.2.1": "4.2", "4.3.0.dev0": "4.3", "4.3": "4.3", "3.5.9": "3.5"} {
		d, err := protocol.ForVersion(version)
		require.NoError(t, err)
		assert.Equal(t, minor, d.Minor)
		assert.False(t, d.Tried)
	}
	for _, version := range []string{"3.4.1", "3.6.0", "2.7", "4", "", "four.two", "4.-1", "4.", "4.x", "-5.0"} {
		_, err := protocol.ForVersion(version)
		assert.Equal(t, status.NotSupported, status.CodeOf(err), version)
		assert.ErrorContains(t, err, "3.5, 4.0, 4.1, 4.2, 4.3")
	}
}

// A newer minor is spoken to as the newest known one, which itself stays as it is.
func TestForNewerVersion(t *testing.T) {
	minors := protocol.Minors()
	newest, err := protocol.ForVersion(minors[len(minors)-1])
	require.NoError(t, err)
	for version, minor := range map[string]string{"4.4.0": "4.4", "4.10.1.dev3": "4.10", "5.0": "5.0"} {
		d, err := protocol.ForVersion(version)
		require.NoError(t, err)
		assert.Equal(t, minor, d.Minor)
		assert.True(t, d.Tried)
		assert.Equal(t, newest.AppendInit(nil, example), d.AppendInit(nil, example))
		_, _, err = d.ParseInit(newest.AppendInit(nil, example)[1:])
		assert.ErrorContains(t, err, "PySpark "+minor)
	}
	again, err := protocol.ForVersion(newest.Minor)
	require.NoError(t, err)
	assert.False(t, again.Tried)
	assert.Equal(t, minors, protocol.Minors())
}

func TestEvalTypeByID(t *testing.T) {
	e, err := protocol.EvalTypeByID(207)
	require.NoError(t, err)
	assert.Equal(t, "SQL_MAP_ARROW_ITER_UDF", e.Name)
	for _, id := range []int32{-1, 1, 102, 218, 255, 303} {
		_, err = protocol.EvalTypeByID(id)
		assert.Equal(t, status.InvalidArgument, status.CodeOf(err), "eval type %d", id)
		assert.ErrorContains(t, err, "0, 100, 101, 200 to 217, 250 to 254, 300 to 302")
	}
}

// Each PySpark knows the eval types that the table gives it, by the same names and no others.
func TestEvalTypesArePySparks(t *testing.T) {
	const list = `
try:
    from pyspark.util import PythonEvalType
except ImportError: # 3.5
    from pyspark.rdd import PythonEvalType
print("\n".join(f"{value} {name}" for name, value in vars(PythonEvalType).items() if isinstance(value, int)))`
	for _, minor := range protocol.Minors() {
		out, err := testenv.Command(t, minor, "-c", list).Output()
		require.NoError(t, err)
		d, err := protocol.ForVersion(minor)
		require.NoError(t, err)
		theirs := strings.Split(strings.TrimSpace(string(out)), "\n")
		var ours []string
		for id := range int32(1000) {
			e, err := protocol.EvalTypeByID(id)
			if err == nil && d.Check(&protocol.Init{EvalType: id}) == nil {
				ours = append(ours, fmt.Sprint(e.ID, " ", e.Name))
			}
		}
		assert.ElementsMatch(t, theirs, ours, "PySpark %s", minor)
	}
}
