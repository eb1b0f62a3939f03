package arrowio

import (
	"fmt"
	"slices"
)

// validate checks that every type of the schema has the children and parameters that its ID asks for.
func (s *Schema) validate() error {
	for i := range s.Fields {
		if err := s.Fields[i].validate(&place{name: s.Fields[i].Name}, maxNesting); err != nil {
			return err
		}
	}
	return nil
}

func (f *Field) validate(at *place, depth int) error {
	if f.Type == nil {
		return fmt.Errorf("column %q: no type", at)
	}
	return f.Type.validate(at, depth)
}

func (t *Type) validate(at *place, depth int) error {
	if depth == 0 {
		return fmt.Errorf("column %q: nested deeper than %d levels", at, maxNesting)
	}
	if problem := t.problem(); problem != "" {
		return fmt.Errorf("column %q: %s", at, problem)
	}
	if t.ID == Dictionary {
		return t.Value.validate(at.child("dictionary"), depth-1)
	}
	for i := range t.Children {
		child := &t.Children[i]
		if err := child.validate(at.child(child.Name), depth-1); err != nil {
			return err
		}
	}
	return nil
}

// problem says what is wrong with the type itself, children's types aside.
func (t *Type) problem() string {
	if t.ID >= numTypeIDs || t.Unit > Nanosecond {
		return fmt.Sprintf("unknown type %s, unit %s", t.ID, t.Unit)
	}
	if want, fixed := childCount(t.ID); fixed && len(t.Children) != want {
		return fmt.Sprintf("%s with %d children, must have %d", t.ID, len(t.Children), want)
	}
	switch t.ID {
	case Time32:
		if t.Unit > Millisecond {
			return fmt.Sprintf("time32 in %s, must be s or ms", t.Unit)
		}
	case Time64:
		if t.Unit < Microsecond {
			return fmt.Sprintf("time64 in %s, must be us or ns", t.Unit)
		}
	case Decimal32, Decimal64, Decimal128, Decimal256:
		if t.Precision < 1 || t.Precision > t.ID.maxPrecision() {
			return fmt.Sprintf("%s with precision %d, must be 1 to %d", t.ID, t.Precision, t.ID.maxPrecision())
		}
	case FixedSizeBinary, FixedSizeList:
		if t.Size < 0 {
			return fmt.Sprintf("%s of size %d", t.ID, t.Size)
		}
	case Map:
		if entries := t.Children[0].Type; entries == nil || entries.ID != Struct || len(entries.Children) != 2 {
			return "map whose child is not a struct of key and value"
		}
	case SparseUnion, DenseUnion:
		return t.unionProblem()
	case Dictionary:
		if t.Index == nil || t.Value == nil || !t.Index.ID.isInteger() {
			return "dictionary without an integer index type and a value type"
		}
		if t.Value.ID == Dictionary {
			return "dictionary whose values are themselves dictionary indices"
		}
	case RunEndEncoded:
		if ends := t.Children[0].Type; ends == nil || !ends.ID.isRunEnd() {
			return "run ends that are not int16, int32 or int64"
		}
	}
	return ""
}

func (t *Type) unionProblem() string {
	if len(t.TypeIDs) != len(t.Children) {
		return fmt.Sprintf("%s with %d children and %d type ids", t.ID, len(t.Children), len(t.TypeIDs))
	}
	for i, id := range t.TypeIDs {
		if id < 0 || slices.Contains(t.TypeIDs[:i], id) {
			return fmt.Sprintf("%s with type id %d negative or repeated", t.ID, id)
		}
	}
	return ""
}

// childCount is how many children a type has; fixed is false where any number may be.
func childCount(id TypeID) (n int, fixed bool) {
	switch id {
	case Struct, SparseUnion, DenseUnion:
		return 0, false
	case List, LargeList, ListView, LargeListView, FixedSizeList, Map:
		return 1, true
	case RunEndEncoded:
		return 2, true
	}
	return 0, true
}
