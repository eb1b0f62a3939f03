package arrowio_test

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/status"
)

// A schema of the C data interface as text: a line for each struct, parents first, of format, name, flags, n_children,
// whether it has a dictionary (its line follows those of the children), and the value of its metadata, with tabs in
// between.

func schemaText(b *strings.Builder, s *cdata.Schema) {
	metadata := ""
	if s.Metadata != nil {
		metadata = "some"
	}
	fmt.Fprintf(b, "%s\t%s\t%d\t%d\t%t\t%s\n", text(s.Format), text(s.Name), s.Flags, s.NChildren, s.Dictionary != nil,
		metadata)
	for _, child := range unsafe.Slice(s.Children, s.NChildren) {
		schemaText(b, child)
	}
	if s.Dictionary != nil {
		schemaText(b, s.Dictionary)
	}
}

func text(p *byte) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}

// schemaOf is the schema of a text, whatever it says: what is missing is NULL, or 0. Only its pointers are good.
func schemaOf(lines *[]string) *cdata.Schema {
	if len(*lines) == 0 {
		return nil
	}
	parts := append(strings.Split((*lines)[0], "\t"), "", "", "", "", "")
	*lines = (*lines)[1:]
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(parts[i], 10, 64)
		return n
	}
	s := &cdata.Schema{Flags: number(2), NChildren: min(number(3), int64(len(*lines))), Release: 1}
	if !strings.HasPrefix(parts[0], "NULL") {
		s.Format = cText(parts[0])
	}
	if !strings.HasPrefix(parts[1], "NULL") {
		s.Name = cText(parts[1])
	}
	if s.NChildren > 0 {
		children := make([]*cdata.Schema, s.NChildren)
		for i := range children {
			children[i] = schemaOf(lines)
		}
		s.Children = unsafe.SliceData(children)
	}
	if parts[4] == "true" {
		s.Dictionary = schemaOf(lines)
	}
	if parts[5] != "" {
		metadata := binary.NativeEndian.AppendUint32(nil, 1)
		for _, part := range []string{"key", parts[5]} {
			//nolint:gosec // short
			metadata = append(binary.NativeEndian.AppendUint32(metadata, uint32(len(part))), part...)
		}
		s.Metadata = unsafe.SliceData(metadata)
	}
	return s
}

// FuzzImportSchema reads schemas of the C data interface. What is accepted must come back as it is, and have an encoder
// and a name that an error text can show.
func FuzzImportSchema(f *testing.F) {
	all, _ := streams(f)
	for _, seeds := range []map[string][]byte{all, recorded(f)} {
		for _, stream := range seeds {
			content, err := arrowtest.Read(stream, false)
			if err != nil {
				continue // a seed of FuzzDecoder that is not a whole stream
			}
			b := newBlocks()
			var out cdata.Schema
			require.NoError(f, content.Schema.Export(b.Functions, &out))
			var lines strings.Builder
			schemaText(&lines, &out)
			f.Add(lines.String())
			releaseSchema(&out)
			content.Release()
		}
	}
	f.Add("+s\t\t0\t1\n+us:0,1\tu\t2\t2\ni\ta\nu\tb")
	f.Add("+s\t\t0\t1\nd:38,-3,256\td\t2\t0\tfalse\tvalue")
	f.Add("+s\t\t0\t1\nc\tx\t3\t0\ttrue\ntsu:Europe/Berlin\tNULL")
	f.Fuzz(func(t *testing.T, lines string) {
		list := strings.Split(lines, "\n")
		schema, err := arrowio.ImportSchema(schemaOf(&list))
		if err != nil {
			require.Equal(t, status.Host, status.CodeOf(err), "%v", err)
			return
		}
		for i := range schema.Fields {
			require.NotEmpty(t, schema.Fields[i].Type.String())
		}
		b := newBlocks()
		var out cdata.Schema
		require.NoError(t, schema.Export(b.Functions, &out))
		again, err := arrowio.ImportSchema(&out)
		require.NoError(t, err)
		require.Equal(t, schema, again)
		releaseSchema(&out)
		b.requireReleased(t)
		_, err = arrowio.NewEncoder(schema, arrowio.EncoderOptions{})
		require.NoError(t, err)
	})
}
