package runner

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/config"
	"udfrunner/core/hostcall"
	"udfrunner/core/hosttest"
	"udfrunner/core/protocol"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

var (
	hostDataOnce  sync.Once
	hostDataCases map[string][]byte
	errHostData   error
)

// hostData is a case of testdata/hostdata.py, an IPC stream.
func hostData(t *testing.T, name string) []byte {
	t.Helper()
	interpreter := testenv.Python(t, "4.2")
	hostDataOnce.Do(func() {
		directory := t.TempDir()
		command := exec.Command(interpreter, "testdata/hostdata.py", directory) //nolint:gosec // a test's own
		if errHostData = command.Run(); errHostData != nil {
			return
		}
		hostDataCases = map[string][]byte{}
		files, _ := filepath.Glob(directory + "/*.arrows")
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".arrows")
			hostDataCases[name], errHostData = os.ReadFile(file)
		}
	})
	require.NoError(t, errHostData)
	require.Contains(t, hostDataCases, strings.ReplaceAll(name, "/", "-"))
	return hostDataCases[strings.ReplaceAll(name, "/", "-")]
}

// kindOfInput makes an input of an IPC stream.
type kindOfInput func(t *testing.T, ipc []byte) hostcall.Input

func asStream(t *testing.T, ipc []byte) hostcall.Input {
	input := hosttest.StreamOf(t, ipc).Input()
	input.Keys = 1
	return input
}

func asMessages(t *testing.T, ipc []byte) hostcall.Input {
	input := hosttest.NewRecords(t, hosttest.OK(messagesOf(t, ipc)...)).Input()
	input.Keys = 1
	return input
}

func asGroups(t *testing.T, ipc []byte) hostcall.Input {
	input := hosttest.NewGroups(t, []*hosttest.Stream{hosttest.StreamOf(t, ipc)}).Input()
	input.Keys = 1
	return input
}

func asPairs(t *testing.T, ipc []byte) hostcall.Input {
	input := hosttest.NewGroups(t, []*hosttest.Stream{hosttest.StreamOf(t, ipc), hosttest.StreamOf(t, ipc)}).Input()
	input.Keys = 1
	return input
}

// messagesOf are the messages of an IPC stream without its end.
func messagesOf(t *testing.T, ipc []byte) (messages [][]byte) {
	t.Helper()
	d := arrowio.NewDecoder(arrowio.DecoderOptions{})
	stream := arrowtest.Bytes{Left: ipc}
	for {
		begun := stream.Taken
		step, _, err := d.Next(stream.Take)
		require.NoError(t, err)
		if step.Kind == arrowio.StepEnd {
			return messages
		}
		messages = append(messages, ipc[begun:stream.Taken])
	}
}

// getsGroups says whether a runner's functions get groups, by the keys of their input.
func getsGroups(t *testing.T, r Computer) bool {
	t.Helper()
	of, ok := r.(interface{ family() protocol.Family })
	require.True(t, ok)
	switch of.family() {
	case protocol.RDD, protocol.BatchEval, protocol.ArrowEval, protocol.MapInBatch, protocol.TableFunctionEval:
		return false
	}
	return true
}

// computed is a task over an input that has a key, which is taken away where the functions get no groups.
func computed(t *testing.T, r Computer, input hostcall.Input) *Iterator {
	t.Helper()
	if !getsGroups(t, r) {
		input.Keys = 0
	}
	it, err := r.Compute(input, Task{})
	require.NoError(t, err)
	return it
}

// content reads a task's results to the end.
func content(t *testing.T, r Computer, input hostcall.Input) (*arrowio.Schema, [][]any) {
	t.Helper()
	it := computed(t, r, input)
	defer it.Close()
	c, err := arrowtest.Read(slices.Concat(readAll(t, it)...), false)
	require.NoError(t, err)
	defer c.Release()
	var rows [][]any
	for _, batch := range c.Batches {
		rows = append(rows, arrowtest.Rows(c.Schema, batch)...)
	}
	return c.Schema, rows
}

// refusal is the error of a task that fails.
func refusal(t *testing.T, r Computer, input hostcall.Input) error {
	t.Helper()
	it := computed(t, r, input)
	defer it.Close()
	_, err := collect(t, it)
	require.Error(t, err)
	return err
}

// functionKind is a kind of function that says what it sees.
type functionKind struct {
	evalType  int32
	reference string
	returns   string
	columns   bool // its arguments are the columns
	input     kindOfInput
}

// arguments are all columns of an IPC stream but the key, where the function has them.
func (k *functionKind) arguments(t *testing.T, ipc []byte) (list []Argument) {
	t.Helper()
	host, err := arrowtest.Read(ipc, false)
	require.NoError(t, err)
	defer host.Release()
	for i := int32(1); k.columns && int(i) < len(host.Schema.Fields); i++ {
		list = append(list, offsets(i)...)
	}
	return list
}

var functionKinds = []functionKind{
	{200, "seen:see_pandas", "string", true, asStream},
	{200, "seen:see_pandas", "string", true, asMessages},
	{205, "seen:see_frames", "seen string", false, asStream},
	{201, "seen:see_frame", "seen string", false, asStream},
	{201, "seen:see_frame", "seen string", false, asMessages},
	{201, "seen:see_frame", "seen string", false, asGroups},
	{206, "seen:see_both", "seen string", false, asPairs},
	{202, "seen:see_all", "string", true, asGroups},
	{101, "seen:see_objects", "string", true, asStream},
	{207, "seen:see_batches", "seen string", false, asStream},
	{209, "seen:see_table", "seen string", false, asGroups},
	{250, "seen:see_arrow", "string", true, asMessages},
}

// kindsOf are those that a minor has.
func kindsOf(minor string) (kinds []functionKind) {
	since := map[int32]string{209: "4.0", 250: "4.1"}
	for _, k := range functionKinds {
		if since[k.evalType] <= minor {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

func sessionIn(t *testing.T, e envOf, zone string) Options {
	conf, err := e.Config().With(config.SessionTimeZone, zone)
	require.NoError(t, err)
	return Options{Config: conf}
}

type envOf interface{ Config() *config.Config }

// TestZonesAreTheSessions has functions say what they see of timestamps labelled with another zone than the session's:
// the same as of those that Spark would have sent, and in columns the clock of the session's zone.
func TestZonesAreTheSessions(t *testing.T) {
	for _, minor := range supportedMinors {
		e := newEnv(t, minor)
		for _, zone := range []string{"UTC", "Europe/Paris", "America/New_York"} {
			location, err := time.LoadLocation(zone)
			require.NoError(t, err)
			for _, k := range kindsOf(minor) {
				f := Function{Reference: k.reference, ReturnType: k.returns}
				arguments := [][]Argument{k.arguments(t, hostData(t, "seen UTC"))}
				r, err := New(e, k.evalType, [][]Function{{f}}, arguments, sessionIn(t, e, zone))
				require.NoError(t, err)
				_, spark := content(t, r, k.input(t, hostData(t, "seen "+zone)))
				for _, other := range []string{"Asia/Tokyo", "+05:30", "UTC"} {
					_, seen := content(t, r, k.input(t, hostData(t, "seen "+other)))
					assert.Equal(t, spark, seen, "%s, %d in a session in %s, data in %s", minor, k.evalType, zone,
						other)
				}
				if k.evalType == 200 {
					for i, text := range []string{"2024-03-10T06:59:59Z", "2024-03-10T07:00:00Z",
						"2024-11-03T04:30:00Z"} {
						at, err := time.Parse(time.RFC3339, text)
						require.NoError(t, err)
						assert.Contains(t, strings.Split(textOf(t, spark[i]), ";")[0],
							at.In(location).Format("2006-01-02T15:04:05"))
					}
				}
				if k.evalType == 250 || k.evalType == 207 {
					assert.Contains(t, spark[0][0], "timestamp[us, tz="+zone+"]")
				}
			}
		}
	}
}

// TestInstantsComeBack has functions give back timestamps labelled with another zone than the session's: the host gets
// the same instants, labelled as it declared.
func TestInstantsComeBack(t *testing.T) {
	kinds := []functionKind{
		{200, "seen:same", "timestamp", true, asStream},
		{101, "seen:same", "timestamp", true, asStream},
		{205, "seen:same_batches", "", false, asStream},
		{201, "seen:same", "", false, asGroups},
		{206, "seen:same_left", "", false, asPairs},
		{207, "seen:same_batches", "", false, asStream},
		{209, "seen:same", "", false, asStream},
		{250, "seen:same", "timestamp", true, asMessages},
	}
	for _, minor := range supportedMinors {
		e := newEnv(t, minor)
		ipc := hostData(t, "instants Asia/Tokyo")
		host, err := arrowtest.Read(ipc, false)
		require.NoError(t, err)
		want := arrowtest.Rows(host.Schema, host.Batches[0])
		columns := host.Schema.Fields
		host.Release()
		for _, k := range kinds {
			if minor < map[int32]string{209: "4.0", 250: "4.1"}[k.evalType] {
				continue
			}
			zones := []string{"UTC", "Europe/Paris", "America/New_York"}
			if k.evalType == 209 {
				// Its worker wants results in UTC, in Spark, too: RESULT_COLUMN_TYPES_MISMATCH in other sessions.
				zones = zones[:1]
			}
			for _, zone := range zones {
				declared := &arrowio.Field{Type: &arrowio.Type{ID: arrowio.Struct, Children: columns}}
				ddl := "k long, t timestamp, l array<timestamp>, s struct<t: timestamp, i: long>, m map<string, " +
					"timestamp>"
				expected := want
				var arguments []Argument
				if k.columns {
					arguments = offsets(1)
					declared, ddl, expected = &columns[1], "timestamp", nil
					for _, row := range want {
						expected = append(expected, []any{row[1]})
					}
				}
				for name, f := range map[string]Function{
					"DDL":   {Reference: k.reference, ReturnType: ddl},
					"Arrow": {Reference: k.reference, ReturnField: declared},
				} {
					r, err := New(e, k.evalType, [][]Function{{f}}, [][]Argument{arguments}, sessionIn(t, e, zone))
					require.NoError(t, err)
					schema, rows := content(t, r, k.input(t, ipc))
					assert.Equal(t, expected, rows, "%s, %d in a session in %s, declared as %s", minor, k.evalType,
						zone, name)
					if name == "Arrow" {
						at := len(schema.Fields) / 2 // of 5 columns the third, a list, of 1 the only one
						assert.Equal(t, declaredAt(declared, at), schema.Fields[at].Type, "%s, %d", minor, k.evalType)
					}
				}
			}
		}
	}
}

func declaredAt(f *arrowio.Field, i int) *arrowio.Type {
	if f.Type.ID == arrowio.Struct {
		return f.Type.Children[i].Type
	}
	return f.Type
}

// textOf is the first value of a row, a text.
func textOf(t *testing.T, row []any) string {
	t.Helper()
	text, ok := row[0].(string)
	require.True(t, ok, "%T", row[0])
	return text
}

// equalTexts compares rows of one text, value by value: a failure names the first that differs.
func equalTexts(t *testing.T, want, got [][]any) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		expected, actual := strings.Split(textOf(t, want[i]), "; "), strings.Split(textOf(t, got[i]), "; ")
		require.Len(t, actual, len(expected))
		for j := range expected {
			require.Equal(t, expected[j], actual[j], "row %d, column %d", i, j)
		}
	}
}

// TestForeignTypes has functions say what they see of types that Spark has no such type for: the same as of those that
// Spark would have sent.
func TestForeignTypes(t *testing.T) {
	for _, minor := range supportedMinors {
		e := newEnv(t, minor)
		for _, data := range []string{"types", "clocks"} {
			if data == "clocks" && minor < "4.1" {
				continue
			}
			foreign, spark := hostData(t, data+" foreign"), hostData(t, data+" spark")
			for _, k := range kindsOf(minor) {
				if k.evalType == 207 || k.evalType == 209 || k.evalType == 250 {
					continue // see Arrow
				}
				t.Run(minor+" "+data+" "+k.reference, func(t *testing.T) {
					f := Function{Reference: k.reference, ReturnType: k.returns}
					r, err := New(e, k.evalType, [][]Function{{f}}, [][]Argument{k.arguments(t, spark)}, Options{})
					require.NoError(t, err)
					_, want := content(t, r, k.input(t, spark))
					_, seen := content(t, r, k.input(t, foreign))
					equalTexts(t, want, seen)
				})
			}
		}
	}
}

// TestArrowFunctionsSeeTheHostsTypes has an Arrow function say what types it sees: the host's, but for zones.
func TestArrowFunctionsSeeTheHostsTypes(t *testing.T) {
	foreign := hostData(t, "types foreign")
	host, err := arrowtest.Read(foreign, false)
	require.NoError(t, err)
	defer host.Release()
	e := newEnv(t, "4.3")
	r := job(t, e, 250, "string", (&functionKind{columns: true}).arguments(t, foreign), "seen:see_types")
	for _, input := range []kindOfInput{asStream, asMessages} {
		_, rows := content(t, r, input(t, foreign))
		seen := textOf(t, rows[0])
		for _, want := range []string{
			"string_view; binary_view; fixed_size_binary[16]; dictionary<values=string, indices=int32, ordered=0>",
			"run_end_encoded<run_ends: int32, values: string>; uint8; uint16; uint32; uint64; halffloat; date64[ms]; " +
				"decimal32(9, 2)",
			"extension<arrow.uuid>; timestamp[s]; timestamp[s, tz=UTC]; duration[s]",
		} {
			assert.Contains(t, seen, want)
		}
	}
}

// TestKeysAreConverted cuts groups where keys change that come as types that Spark has no such type for.
func TestKeysAreConverted(t *testing.T) {
	for _, minor := range supportedMinors {
		e := newEnv(t, minor)
		r := job(t, e, 201, "n long", nil, "functions:count_rows")
		for _, name := range []string{"view", "dictionary", "runs", "uint8"} {
			for _, input := range []kindOfInput{asStream, asMessages} {
				_, rows := content(t, r, input(t, hostData(t, "key "+name)))
				assert.Equal(t, [][]any{{int64(3)}, {int64(2)}, {int64(1)}}, rows, "%s %s", minor, name)
			}
		}
	}
}

// TestGroupsHaveOneSchema gives groups whose columns are the first one's in another order, which would be taken by
// position.
func TestGroupsHaveOneSchema(t *testing.T) {
	e := newEnv(t, "4.2")
	r := job(t, e, 201, "k long, n long, s long", nil, "functions:sum_pandas")
	turned := keyed([2]int64{2, 3})
	slices.Reverse(turned)
	input := hosttest.NewGroups(t, []*hosttest.Stream{hosttest.NewStream(t, keyed([2]int64{1, 1}))},
		[]*hosttest.Stream{hosttest.NewStream(t, turned)}).Input()
	input.Keys = 1
	err := refusal(t, r, input)
	assert.Equal(t, status.Host, status.CodeOf(err))
	assert.ErrorContains(t, err, `input group 1, stream 0: column 0 is "v", in the first group "k"`)

	first, second := hosttest.StreamOf(t, hostData(t, "seen UTC")), hosttest.StreamOf(t, hostData(t, "seen Asia/Tokyo"))
	zones := hosttest.NewGroups(t, []*hosttest.Stream{first}, []*hosttest.Stream{second}).Input()
	zones.Keys = 1
	_, rows := content(t, job(t, e, 201, "seen string", nil, "seen:see_frame"), zones)
	assert.Equal(t, rows[:len(rows)/2], rows[len(rows)/2:], "a zone is a label")
}

// TestMessagesHaveOneSchema gives messages of two streams one after the other.
func TestMessagesHaveOneSchema(t *testing.T) {
	e := newEnv(t, "4.2")
	r := job(t, e, 200, "string", offsets(1), "seen:see_pandas")
	both := append(messagesOf(t, hostData(t, "seen UTC")), messagesOf(t, hostData(t, "plain"))...)
	err := refusal(t, r, hosttest.NewRecords(t, hosttest.OK(both...)).Input())
	assert.Equal(t, status.Host, status.CodeOf(err))
	assert.ErrorContains(t, err, "a stream has one Schema, first")
}

// TestValuesThatSparkCannotHold gives a timestamp that is lost in microseconds.
func TestValuesThatSparkCannotHold(t *testing.T) {
	e := newEnv(t, "4.2")
	r := job(t, e, 200, "string", offsets(0), "seen:see_pandas")
	for _, input := range []kindOfInput{asStream, asMessages} {
		err := refusal(t, r, input(t, hostData(t, "lost digits")))
		assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
		assert.ErrorContains(t, err, `column "t"`)
	}
}

func TestRefusedTypes(t *testing.T) {
	e := newEnv(t, "4.2")
	r := job(t, e, 200, "string", offsets(0), "seen:see_pandas")
	err := refusal(t, r, hosttest.StreamOf(t, hostData(t, "refused")).Input())
	assert.Equal(t, status.InvalidArgument, status.CodeOf(err))
	assert.ErrorContains(t, err,
		`column "s.i": PySpark 4.2 has no type for month_day_nano_interval, which eval type 200 `+
			`(SQL_SCALAR_PANDAS_UDF) needs; make it a struct of months, days and nanoseconds`)
}
