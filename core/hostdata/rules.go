package hostdata

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"udfrunner/core/arrowio"
	"udfrunner/core/status"
)

// Rules say what Spark would have sent to a worker for a host's columns (ArrowUtils.toArrowSchema).
type Rules struct {
	// Function names the kind of function in errors, as "eval type 200 (SQL_SCALAR_PANDAS_UDF)".
	Function string
	// SeesArrow says that the function gets Arrow data as it is. Its types stay, but for the time zone. Others get
	// pandas or Python objects made of the types that Spark has.
	SeesArrow bool
	// SeesObjects says that it gets Python objects that PyArrow makes: those of calendar intervals pandas does not
	// know.
	SeesObjects bool
	// Minor is the worker's PySpark, as "4.2".
	Minor string
	// PyArrow is the worker's, as "18.1.0", "" where that is not known. A column with a type that it lacks is for
	// functions that see Arrow data what it is for others.
	PyArrow string
	// TimeZone is spark.sql.session.timeZone, the zone of every timestamp that has one.
	TimeZone string
	// LargeVarTypes is spark.sql.execution.arrow.useLargeVarTypes: views become large strings and binaries.
	LargeVarTypes bool
}

// Schema is the schema of what Spark would have sent for columns of schema s: s itself where that is what the host has.
// Nullability and names stay. A type that Spark has no type for is INVALID_ARGUMENT, naming the column, the type and
// what to do.
func (r *Rules) Schema(s *arrowio.Schema) (*arrowio.Schema, error) {
	fields, err := r.fields(s.Fields, nil)
	if err != nil {
		return nil, err
	}
	if unchanged(fields, s.Fields) {
		return s, nil
	}
	return &arrowio.Schema{Fields: fields, Metadata: s.Metadata}, nil
}

// path is where in a schema a type stands.
type path struct {
	parent *path
	name   string
}

func (p *path) String() string {
	var names []string
	for ; p != nil; p = p.parent {
		names = append(names, p.name)
	}
	slices.Reverse(names)
	return strings.Join(names, ".")
}

// unchanged says whether two lists are one.
func unchanged(a, b []arrowio.Field) bool { return len(a) == 0 || &a[0] == &b[0] }

// fields is what becomes of columns or children: the list itself where nothing changes.
func (r *Rules) fields(fields []arrowio.Field, at *path) ([]arrowio.Field, error) {
	out := fields
	for i := range fields {
		f, err := r.field(&fields[i], &path{at, fields[i].Name})
		if err != nil {
			return nil, err
		}
		if f == &fields[i] {
			continue
		}
		if unchanged(out, fields) {
			out = slices.Clone(fields)
		}
		out[i] = *f
	}
	return out, nil
}

func (r *Rules) field(f *arrowio.Field, at *path) (*arrowio.Field, error) {
	t, err := r.typ(f.Type, at)
	if err != nil {
		return nil, err
	}
	metadata := f.Metadata
	if !r.SeesArrow && slices.ContainsFunc(metadata, isExtension) {
		metadata = slices.DeleteFunc(slices.Clone(metadata), isExtension)
	}
	if t == f.Type && len(metadata) == len(f.Metadata) {
		return f, nil
	}
	out := &arrowio.Field{Name: f.Name, Type: t, Nullable: f.Nullable, Metadata: metadata}
	if f.Type.ID == arrowio.RunEndEncoded && t.ID != arrowio.RunEndEncoded {
		out.Nullable = f.Nullable || f.Type.Children[1].Nullable // its nulls are among the values
	}
	return out, nil
}

// isExtension says whether an entry of a field's metadata makes it one of an extension type.
func isExtension(entry arrowio.KeyValue) bool {
	return strings.HasPrefix(entry.Key, "ARROW:extension:")
}

// typ is what becomes of a type: the type itself where nothing changes.
func (r *Rules) typ(t *arrowio.Type, at *path) (*arrowio.Type, error) {
	if r.SeesArrow && r.reads(t) {
		return r.labelled(t, at)
	}
	form, known := forms[t.ID]
	if !known || form.to == nil || !reaches(r.Minor, form.since) {
		return nil, r.refuse(t, at, form.instead)
	}
	switch t.ID {
	case arrowio.Dictionary:
		return r.typ(t.Value, at)
	case arrowio.RunEndEncoded:
		return r.typ(t.Children[1].Type, at)
	}
	out := form.to(r, t)
	if out == nil {
		return nil, r.refuse(t, at, form.instead)
	}
	children, err := r.fields(t.Children, at)
	if err != nil {
		return nil, err
	}
	if out != t || !unchanged(children, t.Children) {
		changed := *out
		changed.Children = children
		out = &changed
	}
	return out, nil
}

// reads says whether the worker's PyArrow has a type, and all that it is made of: where not it raises a KeyError of the
// type's number.
func (r *Rules) reads(t *arrowio.Type) bool {
	major, _, _ := strings.Cut(r.PyArrow, ".")
	version, err := strconv.Atoi(major)
	return err != nil || known(t, version)
}

func known(t *arrowio.Type, pyArrow int) bool {
	if pyArrow < forms[t.ID].pyArrow || t.Value != nil && !known(t.Value, pyArrow) {
		return false
	}
	return !slices.ContainsFunc(t.Children, func(f arrowio.Field) bool { return !known(f.Type, pyArrow) })
}

// labelled is a type with the session's time zone in all its timestamps that have one.
func (r *Rules) labelled(t *arrowio.Type, at *path) (*arrowio.Type, error) {
	switch t.ID {
	case arrowio.Timestamp:
		return zoned(r, t), nil
	case arrowio.Dictionary:
		value, err := r.labelled(t.Value, at)
		if err != nil || value == t.Value {
			return t, err
		}
		out := *t
		out.Value = value
		return &out, nil
	}
	children, err := r.fields(t.Children, at)
	if err != nil || unchanged(children, t.Children) {
		return t, err
	}
	out := *t
	out.Children = children
	return &out, nil
}

func (r *Rules) refuse(t *arrowio.Type, at *path, instead string) error {
	if since := forms[t.ID].since; since != "" && !reaches(r.Minor, since) {
		instead += ", or use PySpark " + since + " or later"
	}
	lacking := "PySpark " + r.Minor
	if r.SeesArrow {
		lacking = "PyArrow " + r.PyArrow
	}
	return status.New(status.InvalidArgument, "column %q: %s has no type for %s, which %s needs; %s", at, lacking,
		shown(t), r.Function, instead)
}

// maxShown bounds how much of a type an error shows.
const maxShown = 200

func shown(t *arrowio.Type) string {
	text := t.String()
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "..."
	}
	return text
}

// reaches says whether a minor is at least another one; any is at least "".
func reaches(minor, since string) bool {
	return since == "" || slices.Compare(release(minor), release(since)) >= 0
}

func release(minor string) (list []int) {
	for part := range strings.SplitSeq(minor, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			panic(fmt.Sprintf("hostdata: minor %q", minor))
		}
		list = append(list, n)
	}
	return list
}
