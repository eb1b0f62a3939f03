package arrowio

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
	"unsafe"

	"udfrunner/core/cdata"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

// ImportSchema reads a struct schema of the C data interface: its children become the columns.
// Everything is copied; s is not released. Dictionaries are numbered from 0. What is not
// allowed is a HOST error.
func ImportSchema(s *cdata.Schema) (*Schema, error) {
	if s == nil || s.Release == 0 {
		return nil, status.New(status.Host, "schema is NULL or released")
	}
	in := &schemaImport{}
	root, err := in.field(s, nil, maxNesting+1)
	if err != nil {
		return nil, err
	}
	if root.Type.ID != Struct {
		return nil, status.New(status.Host, "schema is %s, must be a struct of the columns", root.Type)
	}
	schema := &Schema{Fields: root.Type.Children, Metadata: root.Metadata}
	if err := schema.validate(); err != nil {
		return nil, status.New(status.Host, "%w", err)
	}
	return schema, nil
}

// ImportField reads one field, of any type, as ImportSchema reads a struct of columns.
func ImportField(s *cdata.Schema) (*Field, error) {
	if s == nil || s.Release == 0 {
		return nil, status.New(status.Host, "schema is NULL or released")
	}
	f, err := (&schemaImport{}).field(s, nil, maxNesting+1)
	if err != nil {
		return nil, err
	}
	if err := (&Schema{Fields: []Field{*f}}).validate(); err != nil {
		return nil, status.New(status.Host, "%w", err)
	}
	return f, nil
}

type schemaImport struct{ dictionaries int64 }

func (in *schemaImport) field(s *cdata.Schema, at *place, depth int) (*Field, error) {
	if depth == 0 {
		return nil, status.New(status.Host, "column %q: nested deeper than %d levels", at, maxNesting)
	}
	if s.Release == 0 {
		return nil, status.New(status.Host, "column %q: schema is released", at)
	}
	if s.Format == nil {
		return nil, status.New(status.Host, "column %q: format is NULL", at)
	}
	t, err := parseFormat(cString(s.Format))
	if err != nil {
		return nil, status.New(status.Host, "column %q: %w", at, err)
	}
	f := &Field{Type: t, Nullable: s.Flags&cdata.FlagNullable != 0}
	if s.Name != nil {
		f.Name = cString(s.Name)
		if !utf8.ValidString(f.Name) {
			return nil, status.New(status.Host, "column %q: name is not UTF-8", at)
		}
	}
	if f.Metadata, err = importMetadata(s.Metadata, at); err != nil {
		return nil, err
	}
	t.KeysSorted = t.ID == Map && s.Flags&cdata.FlagMapKeysSorted != 0
	if err := in.children(s, t, at, depth); err != nil {
		return nil, err
	}
	if s.Dictionary == nil {
		return f, nil
	}
	value, err := in.field(s.Dictionary, at.child("dictionary"), depth-1)
	if err != nil {
		return nil, err
	}
	f.Type = &Type{
		ID: Dictionary, Index: t, Value: value.Type, DictionaryID: in.dictionaries,
		Ordered: s.Flags&cdata.FlagDictionaryOrdered != 0,
	}
	in.dictionaries++
	return f, nil
}

func (in *schemaImport) children(s *cdata.Schema, t *Type, at *place, depth int) error {
	want, fixed := childCount(t.ID)
	if s.NChildren < 0 || s.NChildren > math.MaxInt32 || fixed && s.NChildren != int64(want) {
		return status.New(status.Host, "column %q: n_children is %d for format %q", at, s.NChildren, cString(s.Format))
	}
	if s.NChildren == 0 {
		return nil
	}
	if s.Children == nil {
		return status.New(status.Host, "column %q: children is NULL", at)
	}
	const believed = 1024 // n_children costs no memory before the children were seen
	t.Children = make([]Field, 0, min(s.NChildren, believed))
	for i := range int(s.NChildren) {
		child := *(**cdata.Schema)(unsafe.Add(unsafe.Pointer(s.Children), i*int(unsafe.Sizeof(uintptr(0)))))
		if child == nil {
			return status.New(status.Host, "column %q: child %d is NULL", at, i)
		}
		name := ""
		if child.Name != nil {
			name = cString(child.Name)
		}
		f, err := in.field(child, at.child(name), depth-1)
		if err != nil {
			return err
		}
		t.Children = append(t.Children, *f)
	}
	return nil
}

// importMetadata decodes int32 n, then n keys and values, each an int32 length and bytes.
func importMetadata(p *byte, at *place) ([]KeyValue, error) {
	if p == nil {
		return nil, nil
	}
	next := unsafe.Pointer(p)
	number := func() int32 {
		n := int32(binary.NativeEndian.Uint32(unsafe.Slice((*byte)(next), 4))) //nolint:gosec // the same bits
		next = unsafe.Add(next, 4)
		return n
	}
	n := number()
	if n < 0 {
		return nil, status.New(status.Host, "column %q: metadata with %d entries", at, n)
	}
	var entries []KeyValue
	for range n {
		var texts [2]string
		for i := range texts {
			size := number()
			if size < 0 {
				return nil, status.New(status.Host, "column %q: metadata text of %d bytes", at, size)
			}
			texts[i] = string(unsafe.Slice((*byte)(next), size))
			next = unsafe.Add(next, size)
		}
		entries = append(entries, KeyValue{texts[0], texts[1]})
	}
	return entries, nil
}

func exportMetadata(entries []KeyValue) []byte {
	if len(entries) == 0 {
		return nil
	}
	out := appendCount(nil, len(entries))
	for _, entry := range entries {
		out = append(appendCount(out, len(entry.Key)), entry.Key...)
		out = append(appendCount(out, len(entry.Value)), entry.Value...)
	}
	return out
}

// Export writes the schema as a struct schema of the C data interface to out, whose old content is
// ignored. Everything out points to lies in one block of f, to which each struct holds a
// reference. Out of memory is NO_MEMORY.
func (s *Schema) Export(f *hostmem.Functions, out *cdata.Schema) error {
	if err := s.validate(); err != nil {
		return status.New(status.InvalidArgument, "%w", err)
	}
	root := Field{Type: &Type{ID: Struct, Children: s.Fields}, Metadata: s.Metadata}
	ex := &schemaExport{functions: f}
	ex.measure(&root)
	size := ex.structs*unsafe.Sizeof(cdata.Schema{}) + ex.pointers*unsafe.Sizeof(uintptr(0)) + ex.text
	ex.block = f.Alloc(size)
	if ex.block == nil {
		return status.New(status.NoMemory, "no memory for a schema of %d bytes", size)
	}
	clear(hostmem.Bytes(ex.block, 0, size))
	ex.nextStruct = hostmem.Payload(ex.block)
	ex.nextPointer = unsafe.Add(ex.nextStruct, ex.structs*unsafe.Sizeof(cdata.Schema{}))
	ex.nextText = unsafe.Add(ex.nextPointer, ex.pointers*unsafe.Sizeof(uintptr(0)))
	// The block's first reference is the root's, which lies in the caller's memory.
	if ex.structs > 0 {
		f.Retain(ex.block, fromSize(ex.structs))
	}
	clear(unsafe.Slice((*byte)(unsafe.Pointer(out)), unsafe.Sizeof(*out)))
	ex.write(&root, out)
	return nil
}

// schemaExport counts the structs, child pointers and bytes of text of a schema, then writes them into one block.
type schemaExport struct {
	functions                         *hostmem.Functions
	structs, pointers, text           uintptr
	block                             unsafe.Pointer
	nextStruct, nextPointer, nextText unsafe.Pointer
}

func (ex *schemaExport) measure(f *Field) {
	ex.text += uintptr(len(f.Type.format()) + 1 + len(f.Name) + 1 + len(exportMetadata(f.Metadata)))
	if f.Type.ID == Dictionary {
		ex.structs++
		ex.measure(&Field{Type: f.Type.Value})
	}
	ex.structs += uintptr(len(f.Type.Children))
	ex.pointers += uintptr(len(f.Type.Children))
	for i := range f.Type.Children {
		ex.measure(&f.Type.Children[i])
	}
}

func (ex *schemaExport) write(f *Field, out *cdata.Schema) {
	out.Format = ex.cString(f.Type.format())
	out.Name = ex.cString(f.Name)
	if metadata := exportMetadata(f.Metadata); metadata != nil {
		out.Metadata = ex.bytes(metadata)
	}
	if f.Nullable {
		out.Flags |= cdata.FlagNullable
	}
	if f.Type.KeysSorted {
		out.Flags |= cdata.FlagMapKeysSorted
	}
	out.Release = ex.functions.ReleaseSchema
	out.PrivateData = ex.block
	if f.Type.ID == Dictionary {
		if f.Type.Ordered {
			out.Flags |= cdata.FlagDictionaryOrdered
		}
		out.Dictionary = ex.child()
		ex.write(&Field{Type: f.Type.Value, Nullable: true}, out.Dictionary)
		return
	}
	n := len(f.Type.Children)
	if n == 0 {
		return
	}
	out.NChildren = int64(n)
	out.Children = (**cdata.Schema)(ex.nextPointer)
	children := unsafe.Slice(out.Children, n)
	ex.nextPointer = unsafe.Add(ex.nextPointer, uintptr(n)*unsafe.Sizeof(uintptr(0)))
	for i := range children {
		children[i] = ex.child()
		ex.write(&f.Type.Children[i], children[i])
	}
}

func (ex *schemaExport) child() *cdata.Schema {
	child := (*cdata.Schema)(ex.nextStruct)
	ex.nextStruct = unsafe.Add(ex.nextStruct, unsafe.Sizeof(*child))
	return child
}

func (ex *schemaExport) cString(text string) *byte {
	p := ex.bytes([]byte(text))
	ex.nextText = unsafe.Add(ex.nextText, 1)
	return p
}

func (ex *schemaExport) bytes(b []byte) *byte {
	p := (*byte)(ex.nextText)
	copy(unsafe.Slice(p, len(b)), b)
	ex.nextText = unsafe.Add(ex.nextText, len(b))
	return p
}

// cString copies a NUL-terminated text.
func cString(p *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}
