package hostdata

import (
	"fmt"
	"slices"

	"udfrunner/core/arrowio"
	"udfrunner/core/status"
)

// kind is how the values of a column are converted.
type kind uint8

const (
	borrow  kind = iota // only as they are
	nothing             // nulls without buffers
	bools
	numbers // of fixed width
	texts
	lists
	structs
	indices // of a dictionary, whose values are put in their place
	runs    // whose values are repeated
)

// conversion is a column, or a child of one, as the host has it and as Spark does.
type conversion struct {
	from, to *arrowio.Type
	at       string // with dots between names
	// same says that values which follow each other are borrowed, with all their children.
	same   bool
	kind   kind
	reader *arrowio.Reader
	// result reads what is made: of lists and texts, Width is the one of its offsets.
	result   *arrowio.Reader
	kernel   *kernel
	children []*conversion
	// ends reads the run ends of runs. Their values, and a dictionary's, are the only child.
	ends *arrowio.Reader
}

// newConversion finds the conversion of a pair of types. Scattered values are some of an array, in any order: they
// are copied even where the types are the same.
func newConversion(from, to *arrowio.Type, at string, scattered bool) (*conversion, error) {
	v := &conversion{from: from, to: to, at: at, same: sameLayout(from, to)}
	v.reader, v.result = arrowio.NewReader(from), arrowio.NewReader(to)
	if v.same && !scattered {
		return v, nil
	}
	err := v.find(scattered)
	if err == nil && v.kind == borrow {
		err = status.New(status.InvalidArgument, "column %q: %s has no conversion to %s", at, from, to)
	}
	return v, err
}

func (v *conversion) find(scattered bool) (err error) {
	from, to := v.from, v.to
	switch {
	case from.ID == arrowio.Dictionary && to.ID != arrowio.Dictionary:
		v.kind = indices
		return v.child(from.Value, to, v.at, true)
	case from.ID == arrowio.RunEndEncoded && to.ID != arrowio.RunEndEncoded:
		v.kind = runs
		v.ends = arrowio.NewReader(from.Children[0].Type)
		return v.child(from.Children[1].Type, to, v.at, true)
	case from.ID == arrowio.Null && to.ID == arrowio.Null:
		v.kind = nothing
	case from.ID == arrowio.Bool && to.ID == arrowio.Bool:
		v.kind = bools
	case from.ID == arrowio.Struct && to.ID == arrowio.Struct && len(from.Children) == len(to.Children):
		v.kind = structs
		for i := range from.Children {
			at := v.at + "." + from.Children[i].Name
			if err := v.child(from.Children[i].Type, to.Children[i].Type, at, scattered); err != nil {
				return err
			}
		}
	case from.ID == arrowio.Map && to.ID == arrowio.Map:
		v.kind = lists
		return v.entries()
	case isList(from.ID) && (to.ID == arrowio.List || to.ID == arrowio.LargeList):
		v.kind = lists
		return v.child(from.Children[0].Type, to.Children[0].Type, v.at+".element", true)
	case isText(from.ID) && (to.ID == arrowio.String || to.ID == arrowio.LargeString),
		isBinary(from.ID) && (to.ID == arrowio.Binary || to.ID == arrowio.LargeBinary):
		v.kind = texts
	default:
		if v.kernel = kernelOf(from, to); v.kernel != nil {
			v.kind = numbers
		}
	}
	return nil
}

func (v *conversion) child(from, to *arrowio.Type, at string, scattered bool) error {
	child, err := newConversion(from, to, at, scattered)
	v.children = append(v.children, child)
	return err
}

// entries finds the conversion of a map's keys and values, whose struct is no part of their names.
func (v *conversion) entries() error {
	from, to := v.from.Children[0].Type, v.to.Children[0].Type
	e := &conversion{from: from, to: to, at: v.at, same: sameLayout(from, to), kind: structs}
	e.reader, e.result = arrowio.NewReader(from), arrowio.NewReader(to)
	v.children = append(v.children, e)
	for i, name := range []string{".key", ".value"} {
		if err := e.child(from.Children[i].Type, to.Children[i].Type, v.at+name, true); err != nil {
			return err
		}
	}
	return nil
}

// buffers is the number of buffers of what is made.
func (v *conversion) buffers() int {
	switch v.kind {
	case texts:
		return 3
	case structs:
		return 1
	}
	return 2
}

// malformed is the error of an array that the host made wrong.
func (v *conversion) malformed(err error) error {
	return status.New(status.Host, "input array: column %q: %w", v.at, err)
}

// malformedf is malformed of a text.
func (v *conversion) malformedf(format string, args ...any) error {
	return v.malformed(fmt.Errorf(format, args...))
}

func isText(id arrowio.TypeID) bool {
	return id == arrowio.String || id == arrowio.LargeString || id == arrowio.StringView
}

func isBinary(id arrowio.TypeID) bool {
	return id == arrowio.Binary || id == arrowio.LargeBinary || id == arrowio.BinaryView ||
		id == arrowio.FixedSizeBinary
}

func isList(id arrowio.TypeID) bool {
	switch id {
	case arrowio.List, arrowio.LargeList, arrowio.ListView, arrowio.LargeListView, arrowio.FixedSizeList:
		return true
	}
	return false
}

// sameLayout says whether arrays of the types are the same but for labels.
func sameLayout(from, to *arrowio.Type) bool {
	if from.ID != to.ID || from.Unit != to.Unit || from.Size != to.Size || from.Scale != to.Scale ||
		from.Precision > to.Precision || len(from.Children) != len(to.Children) ||
		!slices.Equal(from.TypeIDs, to.TypeIDs) {
		return false
	}
	if from.ID == arrowio.Dictionary && (from.Index.ID != to.Index.ID || !sameLayout(from.Value, to.Value)) {
		return false
	}
	for i := range from.Children {
		if !sameLayout(from.Children[i].Type, to.Children[i].Type) {
			return false
		}
	}
	return true
}
