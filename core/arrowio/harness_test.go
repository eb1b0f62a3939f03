package arrowio_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
	"udfrunner/core/testenv"
)

var (
	streamsOnce sync.Once
	streamsOf   map[string][]byte
	typesOf     map[string][]string
	errStreams  error
)

// streams is pyarrow's streams by case, and its names of the columns' types.
func streams(t testing.TB) (map[string][]byte, map[string][]string) {
	t.Helper()
	interpreter := testenv.Python(t, "4.2")
	require.FileExists(t, "testdata/streams.py") // So that Go's test cache tracks it.
	streamsOnce.Do(func() { errStreams = loadStreams(interpreter) })
	require.NoError(t, errStreams)
	return streamsOf, typesOf
}

func loadStreams(interpreter string) error {
	directory, err := os.MkdirTemp("", "arrowio")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	//nolint:gosec // of the tests
	if out, err := exec.Command(interpreter, "testdata/streams.py", "write", directory).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(directory, "types.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &typesOf); err != nil {
		return err
	}
	streamsOf = map[string][]byte{}
	for name := range typesOf {
		if streamsOf[name], err = os.ReadFile(filepath.Join(directory, name+".arrows")); err != nil {
			return err
		}
	}
	return nil
}

// compare has pyarrow read streams and compare them with its own data.
func compare(t *testing.T, streams map[string][]byte) {
	t.Helper()
	files := map[string][]byte{}
	for name, stream := range streams {
		files[name+".arrows"] = stream
	}
	require.Greater(t, compareFiles(t, "compare", files), len(streams)/2, "batches compared")
}

// compareFiles runs a command of streams.py over files, and returns how many batches it compared.
func compareFiles(t *testing.T, command string, files map[string][]byte) int {
	t.Helper()
	directory := t.TempDir()
	for name, data := range files {
		require.NoError(t, os.WriteFile(filepath.Join(directory, name), data, 0o600))
	}
	out, err := testenv.Command(t, "4.2", "testdata/streams.py", command, directory).CombinedOutput()
	require.NoError(t, err, "%s", out)
	compared, err := strconv.Atoi(strings.TrimSpace(string(out)))
	require.NoError(t, err)
	return compared
}

// blocks is hostmem's functions for Go, with memory full of garbage, guard bytes behind each
// block and a record of what is alive.
type blocks struct {
	*hostmem.Functions
	made map[unsafe.Pointer]uintptr // sizes
}

const guardSize = 64

var garbage = bytes.Repeat([]byte{0xA5}, 4096)

func newBlocks() *blocks {
	base := hostmem.Default()
	functions := *base
	b := &blocks{Functions: &functions, made: map[unsafe.Pointer]uintptr{}}
	functions.Alloc = func(size uintptr) unsafe.Pointer {
		block := base.Alloc(size + guardSize)
		for rest := hostmem.Bytes(block, 0, size+guardSize); len(rest) > 0; {
			rest = rest[copy(rest, garbage):]
		}
		// A reference of the test's own keeps the count readable.
		base.Retain(block, 1)
		b.made[block] = size
		return block
	}
	return b
}

// requireReleased checks that nobody but the test holds a block, and frees them.
func (b *blocks) requireReleased(t testing.TB) {
	t.Helper()
	for block, size := range b.made {
		require.Equal(t, garbage[:guardSize], hostmem.Bytes(block, size, guardSize), "written behind a block")
		require.Equal(t, int64(1), atomic.LoadInt64((*int64)(block)), "references left")
		b.Release(block)
	}
	clear(b.made)
}

func release(a *cdata.Array) {
	if a.Release != 0 {
		purego.SyscallN(a.Release, uintptr(unsafe.Pointer(a)))
	}
}

func releaseSchema(s *cdata.Schema) {
	if s.Release != 0 {
		purego.SyscallN(s.Release, uintptr(unsafe.Pointer(s)))
	}
}

// feed runs a stream through a decoder; each is called for every finished message.
func feed(d *arrowio.Decoder, stream []byte, each func(arrowio.Step, *arrowio.Batch) error) error {
	in := &arrowtest.Bytes{Left: stream}
	return run(d, in.Take, each)
}

// run is feed of what take returns.
func run(d *arrowio.Decoder, take func(int64) ([]byte, error), each func(arrowio.Step, *arrowio.Batch) error) error {
	for {
		step, batch, err := d.Next(take)
		if err != nil || step.Kind == arrowio.StepEnd {
			return err
		}
		if batch != nil {
			if err := each(step, batch); err != nil {
				return err
			}
		}
	}
}

// borrow is feed of a decoder without memory; each is called for record batches, dictionary for the others.
func borrow(d *arrowio.Decoder, stream []byte, each, dictionary func(*arrowio.Batch)) error {
	return feed(d, stream, func(step arrowio.Step, b *arrowio.Batch) error {
		if step.Kind == arrowio.StepBatch {
			each(b)
		} else {
			dictionary(b)
		}
		return nil
	})
}

// write appends messages to a stream.
func write(out *bytes.Buffer, messages ...arrowio.Message) {
	for _, m := range messages {
		out.Write(m.Header)
		var size int64
		for _, segment := range m.Body {
			out.Write(segment)
			size += int64(len(segment))
		}
		if size != m.BodyLength || size%8 != 0 || len(m.Header)%8 != 0 {
			panic(fmt.Sprintf("message of %d header and %d body bytes, said %d", len(m.Header), size, m.BodyLength))
		}
	}
}

// arrays decodes a stream into arrays, which the caller releases, and a schema.
func arrays(t testing.TB, d *arrowio.Decoder, stream []byte) []*cdata.Array {
	t.Helper()
	var found []*cdata.Array
	err := feed(d, stream, func(step arrowio.Step, _ *arrowio.Batch) error {
		if step.Kind != arrowio.StepBatch {
			return nil
		}
		a := &cdata.Array{}
		found = append(found, a)
		return d.Export(a, nil)
	})
	require.NoError(t, err)
	return found
}
