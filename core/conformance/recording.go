// Package conformance holds the library to what real Spark says to PySpark workers: it replays the recorded task
// streams of core/protocol/recording through runners, on workers of the recorded version.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package conformance

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/protocol"
)

// Case is a recorded task: what Spark sent, and what the worker answered.
type Case struct {
	Minor, Name string
	// Partial tasks failed, or left input unread: their streams end where the worker stopped.
	Partial  bool
	Dialect  *protocol.Dialect
	EvalType *protocol.EvalType
	Init     *protocol.Init
	// Data is the data section with the end of the task behind it, Answer all that the worker sent.
	Data, Answer []byte
}

// Cases are all recorded tasks, by version and name.
func Cases(t testing.TB) []Case {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testdata(), "*", "*.in"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	slices.Sort(files)
	cases := make([]Case, len(files))
	for i, in := range files {
		cases[i] = read(t, in)
	}
	return cases
}

// testdata is the directory of the recordings.
func testdata() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "protocol", "recording", "testdata")
}

func read(t testing.TB, file string) Case {
	t.Helper()
	in, err := os.ReadFile(file)
	require.NoError(t, err)
	answer, err := os.ReadFile(strings.TrimSuffix(file, ".in") + ".out")
	require.NoError(t, err)
	name, partial := strings.CutSuffix(strings.TrimSuffix(filepath.Base(file), ".in"), ".partial")
	c := Case{Minor: filepath.Base(filepath.Dir(file)), Name: name, Partial: partial, Answer: answer}
	c.Dialect, err = protocol.ForVersion(c.Minor + ".0")
	require.NoError(t, err)
	c.Init, c.Data, err = c.Dialect.ParseInit(in)
	require.NoError(t, err, file)
	c.EvalType, err = protocol.EvalTypeByID(c.Init.EvalType)
	require.NoError(t, err)
	return c
}

// Section is a data section taken apart.
type Section struct {
	// Records of pickled data.
	Records [][]byte
	// Groups of Arrow streams: of one each, of two for cogroups, or only one where the input is one stream.
	Groups [][][]byte
	// Ended says that the section and the task have their ends.
	Ended bool
}

// Split takes a data section apart as the dialect frames it.
func Split(t testing.TB, d *protocol.Dialect, e *protocol.EvalType, data []byte) Section {
	t.Helper()
	var s Section
	take := func(n int) []byte {
		require.LessOrEqual(t, n, len(data), "the data section ends within a part")
		taken := data[:n]
		data = data[n:]
		return taken
	}
	number := func() int { return int(int32(binary.BigEndian.Uint32(take(4)))) } //nolint:gosec // as it was written
	grouping := d.Grouping(e)
	switch {
	case e.Framing == protocol.Pickled:
		for n := number(); n != protocol.EndOfDataSection; n = number() {
			s.Records = append(s.Records, take(n))
		}
	case grouping == protocol.StreamPerGroup, grouping == protocol.StreamPair:
		for n := number(); n != 0; n = number() {
			var group [][]byte
			for range n {
				group = append(group, take(streamSize(t, data)))
			}
			s.Groups = append(s.Groups, group)
		}
	default:
		s.Groups = [][][]byte{{take(streamSize(t, data))}}
	}
	s.Ended = bytes.Equal(data, protocol.EndOfTask)
	return s
}

// streamSize is the size of the Arrow stream that data begins with.
func streamSize(t testing.TB, data []byte) int {
	t.Helper()
	size := 0
	for _, message := range messages(t, data) {
		size += len(message)
	}
	return size
}

// messages takes an Arrow stream apart: the schema, batches, the end.
func messages(t testing.TB, stream []byte) [][]byte {
	t.Helper()
	list, ended, err := whole(stream)
	require.NoError(t, err)
	require.True(t, ended, "the stream's end")
	return list
}

// Whole is how many whole messages data, the start of an Arrow stream, has: its schema, batches, the end.
func Whole(data []byte) int {
	list, _, _ := whole(data) // the error is where the rest begins
	return len(list)
}

// whole is the whole messages of an Arrow stream up to its end, or up to the first that is not whole.
func whole(stream []byte) (list [][]byte, ended bool, err error) {
	d := arrowio.NewDecoder(arrowio.DecoderOptions{})
	in := &arrowtest.Bytes{Left: stream}
	for len(in.Left) > 0 {
		start := in.Taken
		step, _, err := d.Next(in.Take)
		if err != nil {
			return list, false, err
		}
		list = append(list, stream[start:in.Taken])
		if step.Kind == arrowio.StepEnd {
			return list, true, nil
		}
	}
	return list, false, nil
}

// Uneven says that Spark brought initial states together with rows, in batches whose columns have different lengths, as
// it did before 4.2. That is not valid Arrow: a host brings them as it does to 4.2.
func (c *Case) Uneven() bool {
	initial := c.EvalType.ID == protocol.SQLTransformWithStatePandasInitStateUDF ||
		c.EvalType.ID == protocol.SQLTransformWithStatePythonRowInitStateUDF
	return initial && c.Dialect.Grouping(c.EvalType) == protocol.KeyPerBatch
}
