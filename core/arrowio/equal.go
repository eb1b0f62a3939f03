package arrowio

import (
	"fmt"
	"slices"
)

// EqualTypes compares the schema with a declared one, column by column, and returns nil or an error that
// names the first column that differs and both types. Names of columns, nullability, metadata
// and the names of list items, map entries and run ends do not matter, those of struct and union
// children do. Nor does the time zone of a timestamp that has one, which is a label: the instants are the same. Sorted
// keys and ordered dictionaries matter only where they are declared.
func (s *Schema) EqualTypes(declared *Schema) error { return s.match(declared, exactly) }

// matching is what a type may differ in from the declared one.
type matching uint8

const (
	// exactly asks for the declared type, by the rules of EqualTypes.
	exactly matching = iota
	// equivalently accepts every Arrow type of the declared one's Spark type that a converter turns into it.
	equivalently
)

// match compares the schema with a declared one, which holds no dictionaries where rule is equivalently.
func (s *Schema) match(declared *Schema, rule matching) error {
	if len(s.Fields) != len(declared.Fields) {
		return fmt.Errorf("%d columns, declared %d", len(s.Fields), len(declared.Fields))
	}
	for i := range s.Fields {
		at := &place{name: declared.Fields[i].Name}
		if err := matchTypes(at, s.Fields[i].Type, declared.Fields[i].Type, rule); err != nil {
			return err
		}
	}
	return nil
}

func matchTypes(at *place, t, declared *Type, rule matching) error {
	if rule == equivalently && t.ID == Dictionary && movable(declared) {
		return matchTypes(at.child("dictionary"), t.Value, declared, rule)
	}
	equal := equalParameters(t, declared) || rule == equivalently && equivalent(t, declared)
	if equal && t.ID == Dictionary && t.Index.ID == declared.Index.ID {
		return matchTypes(at.child("dictionary"), t.Value, declared.Value, rule)
	}
	named := t.ID == Struct || t.ID == SparseUnion || t.ID == DenseUnion
	for i := 0; equal && named && i < len(t.Children); i++ {
		equal = t.Children[i].Name == declared.Children[i].Name
	}
	if !equal || t.ID == Dictionary {
		return fmt.Errorf("column %q: %s, declared %s", at, t, declared)
	}
	if !t.ID.isMovable() {
		rule = exactly
	}
	for i := range t.Children {
		want := &declared.Children[i]
		if err := matchTypes(at.child(want.Name), t.Children[i].Type, want.Type, rule); err != nil {
			return err
		}
	}
	return nil
}

func equalParameters(t, declared *Type) bool {
	return t.ID == declared.ID && t.Unit == declared.Unit && (t.TimeZone == "") == (declared.TimeZone == "") &&
		t.Precision == declared.Precision && t.Scale == declared.Scale && t.Size == declared.Size &&
		(t.KeysSorted || !declared.KeysSorted) && (t.Ordered || !declared.Ordered) &&
		slices.Equal(t.TypeIDs, declared.TypeIDs) && len(t.Children) == len(declared.Children)
}

// families are the types whose values are the same and lie differently, each under the name of its first. Spark itself
// reads string and large_string, and their likes of bytes, as one type (ArrowUtils.fromArrowType); the others are
// newer than it.
var families = [numTypeIDs]TypeID{
	String: String, LargeString: String, StringView: String,
	Binary: Binary, LargeBinary: Binary, BinaryView: Binary,
	List: List, LargeList: List, ListView: List, LargeListView: List, FixedSizeList: List,
}

// equivalent says whether the types, children aside, are different forms of one Spark type.
func equivalent(t, declared *Type) bool {
	if families[t.ID] == Null || families[t.ID] != families[declared.ID] || declared.ID == FixedSizeList {
		return false
	}
	return t.ID != ListView && t.ID != LargeListView || movable(declared)
}

// isMovable says whether a converter can pick single values of a type, children aside.
func (id TypeID) isMovable() bool {
	return id != SparseUnion && id != DenseUnion && id != RunEndEncoded && id != Dictionary
}

func movable(t *Type) bool {
	return t.ID.isMovable() && !slices.ContainsFunc(t.Children, func(f Field) bool { return !movable(f.Type) })
}

// hasDictionary says whether there is a dictionary among the types.
func hasDictionary(fields []Field) bool {
	return slices.ContainsFunc(fields, func(f Field) bool {
		return f.Type.ID == Dictionary || hasDictionary(f.Type.Children)
	})
}
