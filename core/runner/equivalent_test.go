package runner

import (
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"udfrunner/core/arrowio"
	"udfrunner/core/arrowio/arrowtest"
	"udfrunner/core/cdata"
	"udfrunner/core/config"
	"udfrunner/core/hostmem"
	"udfrunner/core/status"
)

const (
	mapInArrow  = 207
	described   = "name string, tags array<string>"
	missingText = "NULL"
)

// offsetAt is an offset of a string or list array, of the width that the format says.
func offsetAt(a *cdata.Array, wide bool, i int64) int64 {
	p := unsafe.Slice(a.Buffers, a.NBuffers)[1]
	if wide {
		return *(*int64)(unsafe.Add(p, i*8))
	}
	return int64(*(*int32)(unsafe.Add(p, i*4)))
}

// texts are the values of a string array.
func texts(a *cdata.Array, wide bool) []string {
	found := make([]string, a.Length)
	buffers := unsafe.Slice(a.Buffers, a.NBuffers)
	for i := range found {
		if isNull(a, int64(i)) {
			found[i] = missingText
			continue
		}
		start, end := offsetAt(a, wide, int64(i)), offsetAt(a, wide, int64(i)+1)
		found[i] = string(unsafe.Slice((*byte)(unsafe.Add(buffers[2], start)), end-start))
	}
	return found
}

func isNull(a *cdata.Array, i int64) bool {
	validity := *a.Buffers
	return validity != nil && *(*byte)(unsafe.Add(validity, i>>3))>>(i&7)&1 == 0
}

// person is a row of what the functions describe.
type person struct {
	name string
	tags []string
}

// people reads a batch and releases it.
func people(a *cdata.Array, wide bool) (found []person) {
	children := unsafe.Slice(a.Children, a.NChildren)
	names, items := texts(children[0], wide), texts(*children[1].Children, wide)
	for i, name := range names {
		start, end := offsetAt(children[1], false, int64(i)), offsetAt(children[1], false, int64(i)+1)
		found = append(found, person{name, items[start:end]})
	}
	release(a)
	return found
}

var everybody = []person{
	{"the name of number 1", []string{"the name of number 1"}},
	{missingText, []string{missingText, missingText}},
	{"the name of number 3", []string{"the name of number 3", missingText, "x"}},
	{"the name of number 4", []string{}},
	{"the name of number 5", []string{"the name of number 5"}},
}

// textColumns are the types of results declared in Spark's terms.
func textColumns(text arrowio.TypeID) *arrowio.Schema {
	item := arrowio.Field{Name: "element", Type: &arrowio.Type{ID: text}, Nullable: true}
	list := &arrowio.Type{ID: arrowio.List, Children: []arrowio.Field{item}}
	return &arrowio.Schema{Fields: []arrowio.Field{
		{Name: "name", Type: &arrowio.Type{ID: text}, Nullable: true}, {Name: "tags", Type: list, Nullable: true},
	}}
}

// collectPeople reads a task to its end as arrays, all of the columns' types.
func collectPeople(t *testing.T, it *Iterator, want *arrowio.Schema) (found []person) {
	t.Helper()
	for {
		var a cdata.Array
		var c cdata.Schema
		code, err := it.NextArrow(patience.Milliseconds(), &a, &c)
		require.NoError(t, err)
		if code == status.Done {
			return found
		}
		require.Equal(t, status.OK, code)
		schema, err := arrowio.ImportSchema(&c)
		require.NoError(t, err)
		purego.SyscallN(c.Release, uintptr(unsafe.Pointer(&c)))
		require.NoError(t, schema.EqualTypes(want))
		found = append(found, people(&a, want.Fields[0].Type.ID == arrowio.LargeString)...)
	}
}

// decodePeople reads the messages of a task to their end, by a decoder that wants the columns' types.
func decodePeople(t *testing.T, messages [][]byte, want *arrowio.Schema) (found []person) {
	t.Helper()
	d := arrowio.NewDecoder(arrowio.DecoderOptions{Memory: hostmem.Default(), Declared: want})
	defer d.Close()
	for _, m := range messages {
		message := arrowtest.Bytes{Left: m}
		step, _, err := d.Next(message.Take)
		require.NoError(t, err)
		require.Empty(t, message.Left)
		require.NotEqual(t, arrowio.StepDictionary, step.Kind, "a dictionary that no column needs")
		if step.Kind == arrowio.StepSchema {
			continue
		}
		var a cdata.Array
		require.NoError(t, d.Export(&a, nil))
		found = append(found, people(&a, want.Fields[0].Type.ID == arrowio.LargeString)...)
	}
	return found
}

func TestEquivalentResultsAreConverted(t *testing.T) {
	for _, minor := range supportedMinors {
		for _, large := range []struct {
			value string
			text  arrowio.TypeID
		}{{"false", arrowio.String}, {"true", arrowio.LargeString}} {
			e := newEnv(t, minor, config.Pair{Key: "spark.sql.execution.arrow.useLargeVarTypes", Value: large.value})
			want := textColumns(large.text)
			for _, made := range []string{"plain", "large", "views", "coded"} {
				t.Run(minor+" "+made+" as "+large.text.String(), func(t *testing.T) {
					r := job(t, e, mapInArrow, described, nil, "functions:describe_"+made)
					it, err := r.Compute(numbers(t).Input(), Task{})
					require.NoError(t, err)
					defer it.Close()
					assert.Equal(t, everybody, collectPeople(t, it, want))

					it, err = r.Compute(numbers(t).Input(), Task{})
					require.NoError(t, err)
					defer it.Close()
					assert.Equal(t, everybody, decodePeople(t, readAll(t, it), want))
				})
			}
		}
	}
}

func TestDeclaredArrowTypesAreExact(t *testing.T) {
	e := newEnv(t, "4.2")
	declared := arrowio.Field{Type: &arrowio.Type{ID: arrowio.Struct, Children: textColumns(arrowio.String).Fields}}
	compute := func(t *testing.T, made string) *Iterator {
		f := Function{Reference: "functions:describe_" + made, ReturnField: &declared}
		r, err := New(e, mapInArrow, [][]Function{{f}}, [][]Argument{nil}, Options{})
		require.NoError(t, err)
		it, err := r.Compute(numbers(t).Input(), Task{})
		require.NoError(t, err)
		return it
	}
	it := compute(t, "plain")
	defer it.Close()
	assert.Equal(t, everybody, collectPeople(t, it, textColumns(arrowio.String)))
	for made, want := range map[string]string{
		"large": `column "name": large_string, declared string`,
		"views": `column "name": string_view, declared string`,
		"coded": `column "name": dictionary<values=string, indices=int8, ordered=0>, declared string`,
	} {
		t.Run(made, func(t *testing.T) {
			it := compute(t, made)
			defer it.Close()
			_, err := collect(t, it)
			assert.Equal(t, status.PythonException, status.CodeOf(err))
			assert.ErrorContains(t, err, want)
		})
	}
}
