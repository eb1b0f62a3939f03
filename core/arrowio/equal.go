package arrowio

import (
	"fmt"
	"slices"
)

// EqualTypes compares the schema with a declared one, column by column, and returns nil or an error that
// names the first column that differs and both types. Names of columns, nullability, metadata
// and the names of list items, map entries and run ends do not matter, those of struct and union
// children do. Sorted keys and ordered dictionaries matter only where they are declared.
func (s *Schema) EqualTypes(declared *Schema) error {
	if len(s.Fields) != len(declared.Fields) {
		return fmt.Errorf("%d columns, declared %d", len(s.Fields), len(declared.Fields))
	}
	for i := range s.Fields {
		at := &place{name: declared.Fields[i].Name}
		if err := equalTypes(at, s.Fields[i].Type, declared.Fields[i].Type); err != nil {
			return err
		}
	}
	return nil
}

func equalTypes(at *place, t, declared *Type) error {
	equal := equalParameters(t, declared)
	if equal && t.ID == Dictionary && t.Index.ID == declared.Index.ID {
		return equalTypes(at.child("dictionary"), t.Value, declared.Value)
	}
	named := t.ID == Struct || t.ID == SparseUnion || t.ID == DenseUnion
	for i := 0; equal && named && i < len(t.Children); i++ {
		equal = t.Children[i].Name == declared.Children[i].Name
	}
	if !equal || t.ID == Dictionary {
		return fmt.Errorf("column %q: %s, declared %s", at, t, declared)
	}
	for i := range t.Children {
		want := &declared.Children[i]
		if err := equalTypes(at.child(want.Name), t.Children[i].Type, want.Type); err != nil {
			return err
		}
	}
	return nil
}

func equalParameters(t, declared *Type) bool {
	return t.ID == declared.ID && t.Unit == declared.Unit && t.TimeZone == declared.TimeZone &&
		t.Precision == declared.Precision && t.Scale == declared.Scale && t.Size == declared.Size &&
		(t.KeysSorted || !declared.KeysSorted) && (t.Ordered || !declared.Ordered) &&
		slices.Equal(t.TypeIDs, declared.TypeIDs) && len(t.Children) == len(declared.Children)
}
