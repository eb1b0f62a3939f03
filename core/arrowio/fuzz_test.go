package arrowio_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// recorded is the streams in what real Spark and its workers sent each other, one of each schema.
func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../protocol/recording/testdata/*/*")
	require.NoError(t, err)
	found := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		marker := bytes.Repeat([]byte{0xff}, 4)
		for at := bytes.Index(data, marker); at >= 0; {
			size := 1
			if content, err := arrowtest.Read(data[at:], false); err == nil {
				var types []string
				for i := range content.Schema.Fields {
					types = append(types, content.Schema.Fields[i].Type.String())
				}
				found[strings.Join(types, ", ")] = data[at : at+content.Size]
				size = content.Size
				content.Release()
			}
			next := bytes.Index(data[at+size:], marker)
			if next < 0 {
				break
			}
			at += size + next
		}
	}
	require.Greater(t, len(found), 10, "streams in the recordings")
	return found
}

// FuzzDecoder feeds streams that were changed at will. What the decoder accepts must lie within its memory, value by
// value, and be sound enough for the encoder, which checks arrays by other means, to take it, whole, in slices and
// joined. It takes no more memory than the bytes that it read stand for, and nothing may leak.
func FuzzDecoder(f *testing.F) {
	all, _ := streams(f)
	for _, seeds := range []map[string][]byte{all, recorded(f)} {
		for _, stream := range seeds {
			if len(stream) < 16<<10 {
				f.Add(stream)
			}
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, opt := range []arrowio.DecoderOptions{{}, {UnwrapStruct: true}, {Messages: true}} {
			fuzzOwned(t, stream, opt)
		}
		fuzzBorrowed(t, stream)
	})
}

// fuzzOwned decodes into the decoder's memory.
func fuzzOwned(t *testing.T, stream []byte, opt arrowio.DecoderOptions) {
	b := newBlocks()
	alloc, size := b.Alloc, uintptr(len(stream))
	b.Alloc = func(n uintptr) unsafe.Pointer {
		// Nested dictionaries are copied for each of their uses, of which metadata can name many.
		require.LessOrEqual(t, n, 4096+64*size+size*size/8, "bytes allocated for a stream of %d", size)
		if n > 1<<26 {
			return nil
		}
		return alloc(n)
	}
	opt.Memory = b.Functions
	d := arrowio.NewDecoder(opt)
	requireNoFault(t, feed(d, stream, func(step arrowio.Step, _ *arrowio.Batch) error {
		switch {
		case opt.Messages:
			block, _, err := d.Take()
			b.Release(block)
			return err
		case step.Kind == arrowio.StepBatch:
			encodeAgain(t, d, b)
		}
		return nil
	}))
	d.Close()
	b.requireReleased(t)
}

// fuzzBorrowed decodes in place and passes batches on, whole, in slices and joined.
func fuzzBorrowed(t *testing.T, stream []byte) {
	d := arrowio.NewDecoder(arrowio.DecoderOptions{})
	var e *arrowio.Encoder
	var cutter *arrowio.Cutter
	var sides *arrowio.Sides
	var appended int64
	pass := func(b *arrowio.Batch) {
		if e == nil {
			var err error
			e, err = arrowio.NewEncoder(d.Schema(), arrowio.EncoderOptions{WrapStruct: true})
			require.NoError(t, err)
			if cutter, err = arrowio.NewCutter(d.Schema(), min(1, len(d.Schema().Fields))); err != nil {
				cutter = nil
			}
			if sides, err = arrowio.NewSides(d.Schema(), [2]int{1, 0}); err != nil {
				sides = nil
			}
		}
		_, err := e.Batch(b)
		require.NoError(t, err)
		require.NoError(t, e.LoadBatch(b))
	}
	requireNoFault(t, borrow(d, stream, func(b *arrowio.Batch) {
		pass(b)
		n := b.Length()
		for _, rows := range [][2]int64{{0, n}, {0, n / 2}, {n / 2, n}, {n - min(n, 1), n}} {
			_, err := e.Slice(rows[0], rows[1])
			require.NoError(t, err)
		}
		if appended+n < 1<<20 { // Columns of nulls, or of nothing, have any number of rows.
			require.NoError(t, e.Append(0, n/2))
			require.NoError(t, e.Append(n/2, n))
			appended += n
		}
		if cutter != nil && !cutter.Dictionaries() && n < 1<<20 {
			_, _, err := cutter.CutBatch(b)
			require.NoError(t, err)
		}
		if sides != nil {
			cutSides(t, sides, e)
		}
	}, pass))
	if e != nil {
		joinFuzzed(t, e, appended)
	}
}

// cutSides cuts what was loaded, and encodes the pieces.
func cutSides(t *testing.T, sides *arrowio.Sides, e *arrowio.Encoder) {
	pieces, err := sides.Cut(e.Loaded())
	if err != nil {
		require.Equal(t, status.Host, status.CodeOf(err), "%v", err)
		return
	}
	from := int64(0)
	for _, piece := range pieces {
		require.Less(t, from, piece.To)
		_, err := e.SliceSide(from, piece.To, piece.Side)
		require.NoError(t, err)
		from = piece.To
	}
	require.Equal(t, e.Loaded().Length, from)
}

// joinFuzzed joins what was appended, and requires that a decoder takes it.
func joinFuzzed(t *testing.T, e *arrowio.Encoder, appended int64) {
	e.Restart()
	messages, err := e.Joined()
	if err != nil {
		require.Equal(t, status.NotSupported, status.CodeOf(err), "%v", err)
		return
	}
	var joined bytes.Buffer
	joined.Write(e.Start())
	write(&joined, messages...)
	joined.Write(arrowio.EndOfStream)
	var rows int64
	again := arrowio.NewDecoder(arrowio.DecoderOptions{UnwrapStruct: true})
	require.NoError(t, borrow(again, joined.Bytes(), func(b *arrowio.Batch) { rows += b.Length() },
		func(*arrowio.Batch) {}))
	require.Equal(t, appended, rows)
}

func requireNoFault(t *testing.T, err error) {
	t.Helper()
	if code := status.CodeOf(err); code == status.Internal || code == status.Host {
		t.Fatal(err)
	}
}

func encodeAgain(t *testing.T, d *arrowio.Decoder, b *blocks) {
	var a cdata.Array
	var schema cdata.Schema
	if err := d.Export(&a, &schema); err != nil {
		require.Equal(t, status.NoMemory, status.CodeOf(err))
		return
	}
	requireSound(t, b, d.Schema(), &a)
	imported, err := arrowio.ImportSchema(&schema)
	if err == nil { // Names need not be UTF-8 in IPC.
		e, err := arrowio.NewEncoder(imported, arrowio.EncoderOptions{})
		require.NoError(t, err)
		_, err = e.Array(&a)
		require.NoError(t, err)
		e.Restart()
		require.NoError(t, e.Load(&a))
		if a.Length < 1<<20 {
			require.NoError(t, e.Append(0, a.Length/2))
			require.NoError(t, e.Append(a.Length/2, a.Length))
			if _, err := e.Joined(); err != nil {
				require.Equal(t, status.NotSupported, status.CodeOf(err), "%v", err)
			}
		}
	}
	releaseSchema(&schema)
	release(&a)
}
