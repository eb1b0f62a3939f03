package hosttest_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/hostcall"
	"udfrunner/core/hostmem"
	"udfrunner/core/hosttest"
)

// answer is the Arrow stream in what a worker once answered.
func answer(t *testing.T, recording string) []byte {
	t.Helper()
	data, err := os.ReadFile("../protocol/recording/testdata/" + recording + ".out")
	require.NoError(t, err)
	at := bytes.Index(data, []byte{0xff, 0xff, 0xff, 0xfa, 0xff, 0xff, 0xff, 0xff})
	require.Positive(t, at+1, "start of an Arrow stream")
	content, err := arrowtest.Read(data[at+4:], false)
	require.NoError(t, err)
	content.Release()
	return data[at+4 : at+4+content.Size]
}

// replay reads a host's stream as a task does, and writes what it gave as IPC.
func replay(t *testing.T, host *hosttest.Stream, opt arrowio.EncoderOptions) []byte {
	t.Helper()
	in := host.Input()
	s, err := hostcall.MoveStream(hostmem.Default(), &in)
	require.NoError(t, err)
	defer s.Release()
	c, err := s.Schema()
	require.NoError(t, err)
	schema, err := arrowio.ImportSchema(c.C)
	c.Release()
	require.NoError(t, err)
	e, err := arrowio.NewEncoder(schema, opt)
	require.NoError(t, err)
	out := bytes.NewBuffer(bytes.Clone(e.Start()))
	for {
		a, err := s.Next()
		if err != nil {
			require.ErrorIs(t, err, hostcall.ErrDone)
			out.Write(arrowio.EndOfStream)
			return out.Bytes()
		}
		messages, err := e.Array(a.C)
		require.NoError(t, err)
		for _, m := range messages {
			out.Write(m.Header)
			out.Write(bytes.Join(m.Body, nil))
		}
		a.Release()
	}
}

func TestRecordedDataAsAHostsStream(t *testing.T) {
	for _, recording := range []string{"3.5/apply_in_pandas", "4.1/arrow_scalar", "4.3/udf_default"} {
		ipc := answer(t, recording)
		host := hosttest.StreamOf(t, ipc)
		again := replay(t, host, arrowio.EncoderOptions{})
		assert.True(t, hosttest.EqualIPC(t, ipc, again), recording)
		assert.Positive(t, host.Peak.Load())
	}
	ipc := answer(t, "4.2/map_in_arrow")
	again := replay(t, hosttest.UnwrappedStreamOf(t, ipc), arrowio.EncoderOptions{WrapStruct: true})
	want, err := arrowtest.Read(ipc, true)
	require.NoError(t, err)
	defer want.Release()
	got, err := arrowtest.Read(again, true)
	require.NoError(t, err)
	defer got.Release()
	hosttest.EqualContent(t, want, got)
}

func TestBatchesThatNobodyAskedForAreReleased(t *testing.T) {
	ipc := answer(t, "4.1/arrow_scalar")
	unread, ended := hosttest.StreamOf(t, ipc), hosttest.StreamOf(t, ipc)
	unread.Discard()
	ended.End()
	content := replay(t, ended, arrowio.EncoderOptions{})
	got, err := arrowtest.Read(content, false)
	require.NoError(t, err)
	assert.Empty(t, got.Batches)
}

// failures counts what a comparison complains of.
type failures struct {
	testing.TB
	count int
}

func (f *failures) Helper() {}

func (f *failures) Errorf(string, ...any) { f.count++ }

// oneColumn is a stream of one batch of one column.
func oneColumn(t *testing.T, name string, values ...int64) []byte {
	t.Helper()
	return replay(t, hosttest.NewStream(t, []hosttest.Column{{Name: name, Values: values}}), arrowio.EncoderOptions{})
}

func TestEqualIPCSeesDifferences(t *testing.T) {
	one := oneColumn(t, "a", 1, 2)
	truncated := one[:len(one)-len(arrowio.EndOfStream)-8]
	for name, other := range map[string][]byte{
		"value": oneColumn(t, "a", 1, 3), "rows": oneColumn(t, "a", 1), "name": oneColumn(t, "b", 1, 2),
		"batches": append(bytes.Clone(one[:len(one)-len(arrowio.EndOfStream)]), one[len(schemaOf(t, one)):]...),
		"end":     truncated,
	} {
		f := &failures{TB: t}
		assert.False(t, hosttest.EqualIPC(f, one, other), name)
		assert.Equal(t, 1, f.count, name)
	}
	assert.True(t, hosttest.EqualIPC(t, one, oneColumn(t, "a", 1, 2)))
}

// schemaOf is the stream's first message.
func schemaOf(t *testing.T, stream []byte) []byte {
	t.Helper()
	size, _, err := arrowio.NewDecoder(arrowio.DecoderOptions{}).Prefix(stream[:arrowio.PrefixSize])
	require.NoError(t, err)
	return stream[:arrowio.PrefixSize+size]
}

// A stream whose arrays a test changes still gets them back.
func TestMangledArraysAreReleased(t *testing.T) {
	host := hosttest.StreamOf(t, answer(t, "4.1/arrow_scalar"))
	host.Mangle = func(_ int, a *cdata.Array) { a.Length = -1 }
	in := host.Input()
	s, err := hostcall.MoveStream(hostmem.Default(), &in)
	require.NoError(t, err)
	a, err := s.Next()
	require.NoError(t, err)
	assert.EqualValues(t, -1, a.C.Length)
	assert.EqualValues(t, 1, host.Live.Load())
	a.Release()
	s.Release()
}

func TestValuesOfTypesAndNulls(t *testing.T) {
	ipc := hosttest.IPCOf(t,
		[]hosttest.Values{{"k", []any{nil, "a"}}, {"v", []any{int64(1), nil}}, {"f", []any{-0.5, nil}},
			{"n", []any{nil, nil}}},
		[]hosttest.Values{{"k", []any{"bc"}}, {"v", []any{int64(-3)}}, {"f", []any{nil}}, {"n", []any{nil}}})
	again := replay(t, hosttest.StreamOf(t, ipc), arrowio.EncoderOptions{})
	content, err := arrowtest.Read(again, false)
	require.NoError(t, err)
	defer content.Release()
	assert.Equal(t, [][][]any{
		{{nil, int64(1), "-0.5", nil}, {"a", nil, nil, nil}}, {{"bc", int64(-3), nil, nil}},
	}, content.Rows())
	var types []string
	for _, f := range content.Schema.Fields {
		types = append(types, f.Name+" "+f.Type.String())
	}
	assert.Equal(t, []string{"k string", "v int64", "f double", "n null"}, types)
}
