package sqltype

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// collationsKey is the metadata entry that holds the collations of a field's strings, so that readers
// older than Spark 4.0 see plain strings.
const collationsKey = "__COLLATIONS"

// JSON is the type as PySpark's DataType.json() prints it, byte for byte: compact, keys sorted, ASCII. It
// is what pyspark.sql.types._parse_datatype_json_string and Spark's DataType.fromJson read.
func (t Type) JSON() string {
	var b strings.Builder
	t.value().write(&b, compact)
	return b.String()
}

func (t Type) value() *value {
	switch t.Kind {
	case Array:
		return objectOf(member{"type", str("array")}, member{"elementType", t.Element.value()},
			member{"containsNull", truth(t.HasNull)})
	case Map:
		return objectOf(member{"type", str("map")}, member{"keyType", t.Key.value()},
			member{"valueType", t.Value.value()}, member{"valueContainsNull", truth(t.HasNull)})
	case Struct:
		fields := &value{kind: array}
		for _, f := range t.Fields {
			fields.items = append(fields.items, f.value())
		}
		return objectOf(member{"type", str("struct")}, member{"fields", fields})
	case UserDefined:
		return t.udt
	}
	return str(t.jsonName())
}

func (f Field) value() *value {
	meta, kind := f.Metadata, f.Type
	if c := (&value{kind: object}); collectCollations(f.Type, f.Name, c) {
		meta, kind = meta.with(collationsKey, c), withoutCollations(f.Type)
	}
	if meta.object == nil {
		meta.object = &value{kind: object}
	}
	return objectOf(member{"name", str(f.Name)}, member{"type", kind.value()}, member{"nullable", truth(f.Nullable)},
		member{"metadata", meta.object})
}

// collectCollations adds the collations of a field's strings, by path, and says whether there are any. Fields
// of nested structs hold their own.
func collectCollations(t Type, path string, into *value) bool {
	switch t.Kind {
	case Array:
		collectCollations(*t.Element, path+".element", into)
	case Map:
		collectCollations(*t.Key, path+".key", into)
		collectCollations(*t.Value, path+".value", into)
	case String:
		if t.collated() {
			provider := "icu"
			if strings.HasPrefix(t.Collation, "UTF8") {
				provider = "spark"
			}
			into.set(path, str(provider+"."+t.Collation))
		}
	}
	return len(into.keys) > 0
}

func withoutCollations(t Type) Type {
	switch t.Kind {
	case Array:
		e := withoutCollations(*t.Element)
		t.Element = &e
	case Map:
		k, v := withoutCollations(*t.Key), withoutCollations(*t.Value)
		t.Key, t.Value = &k, &v
	case String:
		t.Collation = ""
	}
	return t
}

func str(s string) *value { return &value{kind: text, text: s} }
func truth(b bool) *value { return &value{kind: boolean, text: strconv.FormatBool(b)} }

// member is a member of a JSON object.
type member struct {
	key   string
	value *value
}

func objectOf(members ...member) *value {
	o := &value{kind: object}
	for _, m := range members {
		o.set(m.key, m.value)
	}
	return o
}

// parseJSON reads a type from Spark's JSON.
func parseJSON(s string) (Type, error) {
	v, err := parseValue(s)
	if err != nil {
		return Type{}, invalid(s, "%v", err)
	}
	t, err := jsonType(v, place{}, nil)
	if err != nil {
		return Type{}, invalid(s, "%v", err)
	}
	return t, nil
}

// place is where in a type a JSON value stands: a path of JSON keys for messages, the path by which
// collations name it, and its depth.
type place struct {
	keys      string
	collation string
	depth     int
}

func (p place) child(key, collation string) place {
	c := place{keys: p.keys + "." + key, depth: p.depth + 1, collation: collation}
	if p.collation != "" {
		c.collation = p.collation + "." + collation
	}
	return c
}

func (p place) errorf(format string, args ...any) error {
	keys := "$" + p.keys
	if r := []rune(keys); len(r) > shown {
		keys = "..." + string(r[len(r)-shown:])
	}
	return fmt.Errorf("at %s: %w", keys, fmt.Errorf(format, args...))
}

func jsonType(v *value, at place, collations *value) (Type, error) {
	if at.depth > maxDepth {
		return Type{}, at.errorf("types nested deeper than %d", maxDepth)
	}
	switch v.kind {
	case text:
		return jsonNamed(v.text, at, collations)
	case object:
		return jsonNested(v, at, collations)
	}
	return Type{}, at.errorf("expected a type's name or object, found %s", v.kind)
}

func jsonNested(v *value, at place, collations *value) (Type, error) {
	kind := v.get("type")
	if kind == nil || kind.kind != text {
		return Type{}, at.errorf(`expected a "type" that is "array", "map", "struct" or "udt"`)
	}
	switch kind.text {
	case "array":
		element, err := jsonChild(v, "elementType", "element", at, collations)
		if err != nil {
			return Type{}, err
		}
		hasNull, err := jsonBool(v, "containsNull", at)
		return Type{Kind: Array, Element: &element, HasNull: hasNull}, err
	case "map":
		key, err := jsonChild(v, "keyType", "key", at, collations)
		if err != nil {
			return Type{}, err
		}
		val, err := jsonChild(v, "valueType", "value", at, collations)
		if err != nil {
			return Type{}, err
		}
		hasNull, err := jsonBool(v, "valueContainsNull", at)
		return Type{Kind: Map, Key: &key, Value: &val, HasNull: hasNull}, err
	case "struct":
		return jsonStruct(v, at)
	case "udt":
		stored, err := jsonChild(v, "sqlType", "", place{keys: at.keys, depth: at.depth}, nil)
		return Type{Kind: UserDefined, Element: &stored, udt: v}, err
	}
	return Type{}, at.errorf(`expected a "type" that is "array", "map", "struct" or "udt", found %q`, kind.text)
}

func jsonChild(v *value, key, collation string, at place, collations *value) (Type, error) {
	child := v.get(key)
	if child == nil {
		return Type{}, at.errorf("expected an entry %q", key)
	}
	return jsonType(child, at.child(key, collation), collations)
}

func jsonBool(v *value, key string, at place) (bool, error) {
	b := v.get(key)
	if b == nil || b.kind != boolean {
		return false, at.errorf("expected an entry %q that is true or false", key)
	}
	return b.text == "true", nil
}

func jsonStruct(v *value, at place) (Type, error) {
	list := v.get("fields")
	if list == nil || list.kind != array {
		return Type{}, at.errorf(`expected an entry "fields" that is an array`)
	}
	t := Type{Kind: Struct, Fields: make([]Field, 0, len(list.items))}
	for i, item := range list.items {
		here := place{keys: at.keys + ".fields[" + strconv.Itoa(i) + "]", depth: at.depth}
		f, err := jsonField(item, here)
		if err != nil {
			return Type{}, err
		}
		t.Fields = append(t.Fields, f)
	}
	return t, nil
}

func jsonField(v *value, at place) (Field, error) {
	name := v.get("name")
	if name == nil || name.kind != text {
		return Field{}, at.errorf(`expected an object with an entry "name" that is a string`)
	}
	f := Field{Name: name.text, Nullable: true}
	var collations *value
	if m := v.get("metadata"); m != nil && m.kind != null {
		if m.kind != object {
			return Field{}, at.errorf(`expected an entry "metadata" that is an object, found %s`, m.kind)
		}
		f.Metadata, collations = Metadata{object: m}.without(collationsKey)
	}
	var err error
	if v.get("nullable") != nil {
		if f.Nullable, err = jsonBool(v, "nullable", at); err != nil {
			return Field{}, err
		}
	}
	kind := v.get("type")
	if kind == nil {
		return Field{}, at.errorf(`expected an entry "type"`)
	}
	f.Type, err = jsonType(kind, place{keys: at.keys + ".type", collation: f.Name, depth: at.depth + 1}, collations)
	return f, err
}

// jsonKinds are the type names that JSON knows without parameters.
var jsonKinds = func() map[string]Kind {
	kinds := map[string]Kind{}
	for kind, name := range names {
		kinds[name] = kind
	}
	return kinds
}()

const intervalWord = "year|month|day|hour|minute|second"

var (
	jsonDecimal  = regexp.MustCompile(`^decimal\(\s*(\d+)\s*,\s*(-?\d+)\s*\)$`)
	jsonLength   = regexp.MustCompile(`^(char|varchar|time)\(\s*(\d+)\s*\)$`)
	jsonInterval = regexp.MustCompile(`^interval (` + intervalWord + `)(?: to (` + intervalWord + `))?$`)
	jsonCollated = regexp.MustCompile(`^string\s+collate\s+(\w+)$`)
)

func jsonNamed(s string, at place, collations *value) (Type, error) {
	if kind, ok := jsonKinds[s]; ok {
		return jsonString(Type{Kind: kind}, at, collations)
	}
	if s == "decimal" {
		return Type{Kind: Decimal, Precision: 10}, nil
	}
	if m := jsonDecimal.FindStringSubmatch(s); m != nil {
		t, err := decimalType(m[1], m[2])
		if err != nil {
			return Type{}, at.errorf("%w", err)
		}
		return t, nil
	}
	if m := jsonLength.FindStringSubmatch(s); m != nil {
		t, err := lengthType(m[1], m[2])
		if err != nil {
			return Type{}, at.errorf("%w", err)
		}
		return t, nil
	}
	if m := jsonInterval.FindStringSubmatch(s); m != nil {
		t, err := intervalType(m[1], m[2])
		if err != nil {
			return Type{}, at.errorf("%w", err)
		}
		return t, nil
	}
	if m := jsonCollated.FindStringSubmatch(s); m != nil {
		if _, ok := collationName(m[1]); !ok {
			return Type{}, at.errorf("unknown collation %q", m[1])
		}
		return Type{Kind: String, Collation: m[1]}, nil
	}
	if t, ok, err := jsonSpatialType(s); ok {
		if err != nil {
			return Type{}, at.errorf("%w", err)
		}
		return t, nil
	}
	return Type{}, at.errorf("unknown type %q", s)
}

// jsonString gives a string the collation that its field's metadata names.
func jsonString(t Type, at place, collations *value) (Type, error) {
	c := collations.get(at.collation)
	if c == nil {
		return t, nil
	}
	provider, name, ok := strings.Cut(c.text, ".")
	if t.Kind != String || c.kind != text || !ok || provider != "icu" && provider != "spark" ||
		strings.Contains(name, ".") {
		return Type{}, at.errorf(`collation %q: expected "icu.NAME" or "spark.NAME" for a string`, c.text)
	}
	if _, ok := collationName(name); !ok {
		return Type{}, at.errorf("unknown collation %q", name)
	}
	t.Collation = name
	return t, nil
}
