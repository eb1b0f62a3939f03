package arrowio_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
	"udfrunner/core/testenv"
)

// equivalent is a stream and the schema that it is declared to have.
type equivalent struct {
	stream   []byte
	declared *arrowio.Schema
}

var (
	equivalentsOnce sync.Once
	equivalentsOf   map[string]equivalent
	errEquivalents  error
)

// equivalents is pyarrow's streams of types that stand for one Spark type; names of those that do not begin with
// "refused".
func equivalents(t testing.TB) map[string]equivalent {
	t.Helper()
	interpreter := testenv.Python(t, "4.2")
	require.FileExists(t, "testdata/equivalents.py") // So that Go's test cache tracks it.
	equivalentsOnce.Do(func() { errEquivalents = loadEquivalents(interpreter) })
	require.NoError(t, errEquivalents)
	return equivalentsOf
}

func loadEquivalents(interpreter string) error {
	directory, err := os.MkdirTemp("", "arrowio")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	command := exec.Command(interpreter, "testdata/equivalents.py", "write", directory) //nolint:gosec // of the tests
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return err
	}
	files, err := filepath.Glob(directory + "/*.arrows")
	if err != nil {
		return err
	}
	equivalentsOf = map[string]equivalent{}
	for _, file := range files {
		stem := strings.TrimSuffix(file, ".arrows")
		var found equivalent
		if found.stream, err = os.ReadFile(file); err != nil {
			return err
		}
		declared, err := os.ReadFile(stem + ".declared")
		if err != nil {
			return err
		}
		size := binary.LittleEndian.Uint32(declared[4:])
		found.declared, err = arrowio.ParseSchema(declared[arrowio.PrefixSize : arrowio.PrefixSize+size])
		if err != nil {
			return err
		}
		equivalentsOf[filepath.Base(stem)] = found
	}
	return nil
}

// compareEquivalents has pyarrow compare streams that Go wrote with the declared types' data.
func compareEquivalents(t *testing.T, streams map[string][]byte) {
	t.Helper()
	directory := t.TempDir()
	for name, stream := range streams {
		require.NoError(t, os.WriteFile(filepath.Join(directory, name+".arrows"), stream, 0o600))
	}
	out, err := testenv.Command(t, "4.2", "testdata/equivalents.py", "compare", directory).CombinedOutput()
	require.NoError(t, err, "%s", out)
	compared, err := strconv.Atoi(strings.TrimSpace(string(out)))
	require.NoError(t, err)
	require.Greater(t, compared, len(streams), "batches compared")
}

// messages decodes a stream into one of the messages that Take returns.
func messages(t testing.TB, d *arrowio.Decoder, b *blocks, stream []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	err := feed(d, stream, func(arrowio.Step, *arrowio.Batch) error {
		if !d.Ready() {
			return nil
		}
		if out.Len() == 0 {
			out.Write(d.Start())
		}
		block, data, err := d.Take()
		out.Write(data)
		b.Release(block)
		return err
	})
	require.NoError(t, err)
	out.Write(arrowio.EndOfStream)
	return out.Bytes()
}

func TestEquivalentTypesAreConverted(t *testing.T) {
	t.Parallel()
	out := map[string][]byte{}
	for name, c := range equivalents(t) {
		if strings.HasPrefix(name, "refused") {
			continue
		}
		inStruct := wrapped(t, c.stream)
		for way, unwrap := range map[string]bool{"columns": false, "struct": true} {
			stream := c.stream
			if unwrap {
				stream = inStruct
			}
			b := newBlocks()
			opt := arrowio.DecoderOptions{Memory: b.Functions, UnwrapStruct: unwrap, Declared: c.declared,
				Convert: true}
			d := arrowio.NewDecoder(opt)
			decoded := arrays(t, d, stream)
			require.NoError(t, d.Schema().EqualTypes(c.declared), name)
			d.Close()
			out[name+"@arrays~"+way] = encode(t, throughC(t, d.Schema(), b), arrowio.EncoderOptions{}, decoded...)
			for _, a := range decoded {
				release(a)
			}
			opt.Messages, opt.Spare = true, 16
			d = arrowio.NewDecoder(opt)
			out[name+"@messages~"+way] = messages(t, d, b, stream)
			d.Close()
			b.requireReleased(t)
		}
	}
	compareEquivalents(t, out)
}

func TestOtherTypesAreRefused(t *testing.T) {
	t.Parallel()
	var seen int
	for name, c := range equivalents(t) {
		exactly := arrowio.DecoderOptions{Memory: hostmem.Default(), Declared: c.declared}
		convert := exactly
		convert.Convert = true
		host := convert
		host.Fault = status.Host
		nothing := func(arrowio.Step, *arrowio.Batch) error { return nil }
		check := func(opt arrowio.DecoderOptions, code status.Code) {
			d := arrowio.NewDecoder(opt)
			defer d.Close()
			err := feed(d, c.stream, nothing)
			assert.ErrorContains(t, err, ", declared ", name)
			assert.Equal(t, code, status.CodeOf(err), name)
		}
		if strings.HasPrefix(name, "refused") {
			seen++
			check(convert, status.PythonException)
			check(host, status.Host)
		}
		plain := arrowio.NewDecoder(arrowio.DecoderOptions{})
		size, _, err := plain.Prefix(c.stream[:arrowio.PrefixSize])
		require.NoError(t, err)
		_, err = plain.Metadata(c.stream[arrowio.PrefixSize : arrowio.PrefixSize+size])
		require.NoError(t, err)
		if plain.Schema().EqualTypes(c.declared) != nil {
			check(exactly, status.PythonException)
		}
	}
	assert.Greater(t, seen, 20)
}

// inBlock says whether a buffer lies in the array's own block, at which offset of the payload.
func inBlock(a *cdata.Array, buffer int) uintptr {
	p := unsafe.Slice(a.Buffers, a.NBuffers)[buffer]
	return uintptr(p) - uintptr(hostmem.Payload(a.PrivateData))
}

// TestWhatIsAsDeclaredIsNotCopied looks at where buffers lie: what came first in the body is still there.
func TestWhatIsAsDeclaredIsNotCopied(t *testing.T) {
	t.Parallel()
	text, large := typeOf(arrowio.String), typeOf(arrowio.LargeString)
	item, view := typeOf(arrowio.List, itemsOfInts), typeOf(arrowio.ListView, itemsOfInts)
	source := &arrowio.Schema{Fields: []arrowio.Field{field("n", int32Type), field("s", large), field("l", view)}}
	declared := &arrowio.Schema{Fields: []arrowio.Field{field("n", int32Type), field("s", text), field("l", item)}}
	numbers, data := make([]int32, 1000), bytes.Repeat([]byte("x"), 5000)
	offsets, starts, sizes := make([]int64, 1001), make([]int32, 1000), make([]int32, 1000)
	for i := range sizes {
		offsets[i+1], starts[i], sizes[i] = int64(i+1)*5, int32(i), 1
	}
	root := build(column{length: 1000, buffers: []any{nil}, children: []column{
		{length: 1000, buffers: []any{nil, numbers}},
		{length: 1000, buffers: []any{nil, offsets, data}},
		{length: 1000, buffers: []any{nil, starts, sizes},
			children: []column{{length: 1000, buffers: []any{nil, numbers}}}},
	}})
	stream := encode(t, source, arrowio.EncoderOptions{}, root)
	b := newBlocks()
	d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: b.Functions, Declared: declared, Convert: true})
	got := arrays(t, d, stream)[0]
	var bodies int
	for _, size := range b.made {
		if size > 1<<14+4 {
			bodies++
		}
	}
	assert.Equal(t, 1, bodies, "blocks: the body's was large enough for what was converted")
	children := unsafe.Slice(got.Children, got.NChildren)
	const body = 4000 + 8008 + 5000 + 4000 + 4000 + 4000
	assert.EqualValues(t, 0, inBlock(children[0], 1))
	assert.EqualValues(t, 4000+8008, inBlock(children[1], 2), "texts stay")
	assert.GreaterOrEqual(t, inBlock(children[1], 1), uintptr(body), "offsets are new")
	assert.GreaterOrEqual(t, inBlock(children[2], 1), uintptr(body), "offsets are new")
	assert.EqualValues(t, body-4000, inBlock(*children[2].Children, 1), "items stay")
	release(got)
	d.Close()
	b.requireReleased(t)
}

// TestOffsetsThatAreTooLarge has batches that are small, or that are never touched, with values of 2 GiB.
func TestOffsetsThatAreTooLarge(t *testing.T) {
	t.Parallel()
	const tooMany = math.MaxInt32 + 1
	nulls := field("item", typeOf(arrowio.Null))
	text, list := typeOf(arrowio.String), typeOf(arrowio.List, nulls)
	le := binary.LittleEndian
	longs := func(values ...uint64) (out []byte) {
		for _, v := range values {
			out = le.AppendUint64(out, v)
		}
		return out
	}
	views := make([]byte, 16*(1<<11))
	for i := 0; i < len(views); i += 16 {
		le.PutUint32(views[i:], 1<<20)
	}
	lists := make([]byte, 8*(1<<11)) // the sizes, after offsets of 0
	for i := len(lists) / 2; i < len(lists); i += 4 {
		le.PutUint32(lists[i:], 1<<21)
	}
	tests := map[string]struct {
		from, to *arrowio.Type
		r        raw
		size     int64 // of the body, if larger than its bytes
		want     string
	}{
		"large_string": {
			typeOf(arrowio.LargeString), text,
			raw{length: 1, nodes: pairs{{1, 0}}, buffers: pairs{{0, 0}, {0, 16}, {16, tooMany}},
				body: longs(0, tooMany)},
			16 + tooMany,
			`more than 2147483647 bytes in a batch's large_string, declared string: yield smaller batches or ` +
				`declare large_string`,
		},
		"large_binary as view": {
			typeOf(arrowio.LargeBinary), typeOf(arrowio.BinaryView),
			raw{length: 1, nodes: pairs{{1, 0}}, buffers: pairs{{0, 0}, {0, 16}, {16, tooMany}},
				body: longs(0, tooMany)},
			16 + tooMany, `large_binary, declared binary_view: yield smaller batches or declare large_binary`,
		},
		"string_view": {
			typeOf(arrowio.StringView), text,
			raw{length: 1 << 11, nodes: pairs{{1 << 11, 0}}, buffers: pairs{{0, 0}, {0, 1 << 15}, {1 << 15, 1 << 20}},
				variadic: []int64{1}, body: views},
			1<<15 + 1<<20, `more than 2147483647 bytes in a batch's string_view, declared string`,
		},
		"large_list": {
			typeOf(arrowio.LargeList, nulls), list,
			raw{length: 1, nodes: pairs{{1, 0}, {tooMany, tooMany}}, buffers: pairs{{0, 0}, {0, 16}},
				body: longs(0, tooMany)},
			0, `more than 2147483647 items in a batch's large_list, declared list: yield smaller batches or declare ` +
				`large_list`,
		},
		"overlapping list_view": {
			typeOf(arrowio.ListView, nulls), list,
			raw{length: 1 << 11, nodes: pairs{{1 << 11, 0}, {1 << 21, 1 << 21}}, buffers: pairs{{0, 0}, {0, 1 << 13},
				{1 << 13, 1 << 13}}, body: lists},
			0, `more than 2147483647 items in a batch's list_view, declared list`,
		},
		"fixed_size_list": {
			&arrowio.Type{ID: arrowio.FixedSizeList, Size: 1 << 20, Children: []arrowio.Field{nulls}}, list,
			raw{length: 1 << 11, nodes: pairs{{1 << 11, 0}, {1 << 31, 0}}, buffers: pairs{{0, 0}}},
			0, `more than 2147483647 items in a batch's fixed_size_list, declared list`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, messages := range []bool{false, true} {
				d := arrowio.NewDecoder(arrowio.DecoderOptions{
					Memory: hostmem.Default(), Declared: columnOf(test.to), Convert: true, Messages: messages,
				})
				e, err := arrowio.NewEncoder(columnOf(test.from), arrowio.EncoderOptions{})
				require.NoError(t, err)
				_, err = d.Metadata(e.Start()[arrowio.PrefixSize:])
				require.NoError(t, err)
				test.r.size = test.size
				_, err = d.Metadata(test.r.metadata())
				require.NoError(t, err)
				body, err := d.Body()
				require.NoError(t, err)
				copy(body, test.r.body)
				_, err = d.Finish()
				require.Error(t, err)
				assert.Contains(t, err.Error(), `column "x": `)
				assert.Contains(t, err.Error(), test.want)
				assert.Equal(t, status.PythonException, status.CodeOf(err))
				d.Close()
			}
		})
	}
}

// TestNoMemoryToConvert lets each allocation fail in turn.
func TestNoMemoryToConvert(t *testing.T) {
	t.Parallel()
	c := equivalents(t)["dictionary of list_view and string_view to spark"]
	for _, messages := range []bool{false, true} {
		for failing := 0; ; failing++ {
			b := newBlocks()
			alloc, made := b.Alloc, 0
			b.Alloc = func(size uintptr) unsafe.Pointer {
				if made++; made > failing {
					return nil
				}
				return alloc(size)
			}
			d := arrowio.NewDecoder(arrowio.DecoderOptions{
				Memory: b.Functions, Declared: c.declared, Convert: true, Messages: messages,
			})
			err := feed(d, c.stream, func(arrowio.Step, *arrowio.Batch) error { return nil })
			d.Close()
			b.requireReleased(t)
			if err == nil {
				assert.Greater(t, failing, 5)
				break
			}
			require.Equal(t, status.NoMemory, status.CodeOf(err), "%v", err)
		}
	}
}

// FuzzConvert changes streams at will: what is accepted must be sound once it is converted.
func FuzzConvert(f *testing.F) {
	all := equivalents(f)
	for name, c := range all {
		if len(c.stream) < 32<<10 && !strings.HasPrefix(name, "refused") {
			f.Add(name, c.stream)
		}
	}
	f.Fuzz(func(t *testing.T, name string, stream []byte) {
		c, known := all[name]
		if !known {
			return
		}
		for _, messages := range []bool{false, true} {
			b := newBlocks()
			alloc := b.Alloc
			b.Alloc = func(size uintptr) unsafe.Pointer {
				if size > 1<<26 {
					return nil
				}
				return alloc(size)
			}
			d := arrowio.NewDecoder(arrowio.DecoderOptions{
				Memory: b.Functions, Messages: messages, Declared: c.declared, Convert: true,
			})
			err := feed(d, stream, func(arrowio.Step, *arrowio.Batch) error {
				switch {
				case !d.Ready():
				case messages:
					return decodeAgain(t, d, b)
				default:
					encodeAgain(t, d, b)
				}
				return nil
			})
			if code := status.CodeOf(err); code == status.Internal || code == status.Host {
				t.Fatal(err)
			}
			d.Close()
			b.requireReleased(t)
		}
	})
}

// decodeAgain takes a message, which must be one of the declared schema.
func decodeAgain(t *testing.T, d *arrowio.Decoder, b *blocks) error {
	block, data, err := d.Take()
	if err != nil {
		return err
	}
	defer b.Release(block)
	again := arrowio.NewDecoder(arrowio.DecoderOptions{})
	_, err = again.Metadata(d.Start()[arrowio.PrefixSize:])
	require.NoError(t, err)
	size, _, err := again.Prefix(data[:arrowio.PrefixSize])
	require.NoError(t, err)
	data = data[arrowio.PrefixSize:]
	step, err := again.Metadata(data[:size])
	require.NoError(t, err)
	require.EqualValues(t, len(data)-size, step.BodyLength)
	require.NoError(t, again.Borrow(data[size:]))
	_, err = again.Finish()
	require.NoError(t, err)
	return nil
}
