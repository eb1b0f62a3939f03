package sqltype

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"udfrunner/core/status"
)

// Parse reads a type from text in any form that PySpark takes as a return type: Spark's JSON, a type's name
// ("bigint", "array<map<string,int>>", in any case and with Spark's aliases), or a list of columns
// ("a int, b string NOT NULL COMMENT 'x'"), which is a struct. It takes what
// pyspark.sql.types._parse_datatype_string of Spark 4.3 takes, for workers of all versions: a text that can be read
// as columns is ("decimal int" is a column), and an empty one is a struct without fields. TIMESTAMP is the type
// with the session's time zone (spark.sql.timestampType is not looked at), and types nest at most 200 deep.
//
// Errors are INVALID_ARGUMENT and name the text, the position and what was expected.
func Parse(s string) (Type, error) {
	if !utf8.ValidString(s) {
		return Type{}, invalid(s, "not valid UTF-8")
	}
	if trimmed := strings.TrimLeft(s, " \t\n\r"); trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '"') {
		return parseJSON(s)
	}
	tokens, err := scan(s)
	if err != nil {
		return Type{}, invalidAt(s, err)
	}
	// The order and the last of the ways is that of PythonSQLUtils.ddlToJson.
	columns := parser{tokens: tokens}
	if t, err := columns.columnList(); err == nil {
		return t, nil
	}
	single := parser{tokens: tokens}
	t, typeErr := single.only()
	if typeErr == nil {
		return t, nil
	}
	if t, ok := asStruct(s); ok {
		return t, nil
	}
	columns = parser{tokens: tokens, colons: true}
	_, columnsErr := columns.columnList()
	switch {
	case columnsErr == nil:
		// A comment takes the ">" that is put behind it.
		return Type{}, invalid(s, "expected a line break after the comment at its end, or columns without colons")
	case looksLikeColumns(tokens) && columnsErr.at >= typeErr.at:
		typeErr = columnsErr
	}
	return Type{}, invalidAt(s, typeErr)
}

// asStruct reads the text as the inside of "struct<...>", where names may have colons behind them. Being put there as
// text matters to comments, and to control characters around it (String.trim of Java).
func asStruct(s string) (Type, bool) {
	control := func(r rune) bool { return r <= ' ' }
	tokens, err := scan("struct<" + strings.TrimFunc(s, control) + ">")
	if err != nil {
		return Type{}, false
	}
	inside := parser{tokens: tokens}
	t, err := inside.only()
	return t, err == nil
}

// looksLikeColumns says whether something other than a type's parameters follows the first word: the error of reading
// the text as columns is then the better one, if that got as far.
func looksLikeColumns(tokens []token) bool {
	return len(tokens) > 2 && !tokens[1].is("<") && (!tokens[1].is("(") || tokens[2].kind == literal)
}

// shown is how much of a bad text a message repeats.
const shown = 300

func invalid(s, format string, args ...any) error {
	if r := []rune(s); len(r) > shown {
		s = string(r[:shown]) + "..."
	}
	return status.New(status.InvalidArgument, "type %q: %s", s, fmt.Sprintf(format, args...))
}

func invalidAt(s string, p *problem) error {
	return invalid(s, "at character %d: %s", utf8.RuneCountInString(s[:p.at])+1, p.message)
}

// parser is a recursive descent over the tokens of DDL, the grammar of Spark's DataTypeParser.
type parser struct {
	tokens []token
	next   int
	depth  int
	colons bool // a column list may have colons
}

func (p *parser) peek() token { return p.tokens[p.next] }

func (p *parser) take() token {
	t := p.tokens[p.next]
	if t.kind != end {
		p.next++
	}
	return t
}

// accept takes the symbol if it is next.
func (p *parser) accept(s string) bool {
	if p.peek().is(s) {
		p.next++
		return true
	}
	return false
}

func (p *parser) acceptWord(s string) bool {
	if p.peek().keyword(s) {
		p.next++
		return true
	}
	return false
}

func (p *parser) expect(s, where string) *problem {
	if !p.accept(s) {
		return problemAt(p.peek().at, "expected %q %s, found %v", s, where, p.peek())
	}
	return nil
}

// only reads one type and the end.
func (p *parser) only() (Type, *problem) {
	t, err := p.dataType()
	if err == nil && p.peek().kind != end {
		err = problemAt(p.peek().at, "expected the end after the type %s, found %v", t, p.peek())
	}
	return t, err
}

// columnList reads columns and the end.
func (p *parser) columnList() (Type, *problem) {
	t := Type{Kind: Struct}
	for {
		f, err := p.field(p.colons)
		if err != nil {
			return Type{}, err
		}
		t.Fields = append(t.Fields, f)
		if p.peek().kind == end {
			return t, nil
		}
		if !p.accept(",") {
			return Type{}, problemAt(p.peek().at, `expected "," or the end after column %q, found %v`, f.Name, p.peek())
		}
	}
}

// field reads `name [:] type [NOT NULL] [COMMENT 'text']`.
func (p *parser) field(colon bool) (Field, *problem) {
	name, err := p.name()
	if err != nil {
		return Field{}, err
	}
	if colon {
		p.accept(":")
	}
	if p.peek().kind == end || p.peek().is(",") {
		return Field{}, problemAt(p.peek().at, "expected a type for column %q, found %v", name, p.peek())
	}
	t, err := p.dataType()
	if err != nil {
		return Field{}, err
	}
	f := Field{Name: name, Type: t, Nullable: true}
	if p.acceptWord("not") || p.accept("!") {
		if !p.acceptWord("null") {
			return Field{}, problemAt(p.peek().at, "expected NULL after NOT of column %q, found %v", name, p.peek())
		}
		f.Nullable = false
	}
	if p.acceptWord("comment") {
		comment, err := p.strings(fmt.Sprintf("after COMMENT of column %q", name))
		if err != nil {
			return Field{}, err
		}
		f.Metadata = f.Metadata.with("comment", str(comment))
	}
	return f, nil
}

// typeNames are what a text may name, for messages.
const typeNames = "boolean, tinyint, smallint, int, bigint, float, double, decimal, string, char, varchar, " +
	"binary, date, time, timestamp, timestamp_ntz, interval, void, variant, geometry, geography, array, map or struct"

// ddlKinds are the names of types without parameters, all of Spark's aliases.
var ddlKinds = map[string]Kind{
	"void": Null, "boolean": Boolean, "tinyint": Byte, "byte": Byte, "smallint": Short, "short": Short,
	"int": Integer, "integer": Integer, "bigint": Long, "long": Long, "float": Float, "real": Float,
	"double": Double, "binary": Binary, "date": Date, "variant": Variant,
}

func (p *parser) dataType() (Type, *problem) {
	p.depth++
	defer func() { p.depth-- }()
	t := p.take()
	if p.depth > maxDepth {
		return Type{}, problemAt(t.at, "types nested deeper than %d", maxDepth)
	}
	if t.kind != word {
		return Type{}, problemAt(t.at, "expected a type, found %v", t)
	}
	name := fold(t.text)
	if kind, ok := ddlKinds[name]; ok {
		return Type{Kind: kind}, nil
	}
	switch name {
	case "string":
		return p.stringType()
	case "timestamp", "timestamp_ltz", "timestamp_ntz":
		return p.timestamp(t)
	case "decimal", "dec", "numeric":
		return p.decimal(t)
	case "char", "character":
		return p.sized(t, "char")
	case "varchar":
		return p.sized(t, "varchar")
	case "time":
		return p.time(t)
	case "interval":
		return p.interval()
	case "array":
		return p.array()
	case "map":
		return p.mapType()
	case "struct":
		return p.structType()
	case "geometry", "geography":
		return p.spatial(t)
	}
	return Type{}, problemAt(t.at, "unknown type %v: expected %s", t, typeNames)
}

func (p *parser) stringType() (Type, *problem) {
	collation, err := p.collation()
	if collation == DefaultCollation {
		collation = ""
	}
	return Type{Kind: String, Collation: collation}, err
}

// numbers reads "(n)" or "(n, m)", or nothing.
func (p *parser) numbers(of token, most int) ([]string, *problem) {
	if !p.accept("(") {
		return nil, nil
	}
	var list []string
	for {
		t := p.take()
		if t.kind != word || strings.Trim(t.text, "0123456789") != "" {
			return nil, problemAt(t.at, "expected a number in %s(...), found %v", of.text, t)
		}
		list = append(list, t.text)
		if len(list) < most && p.accept(",") {
			continue
		}
		return list, p.expect(")", "after the numbers of "+of.text)
	}
}

func (p *parser) decimal(of token) (Type, *problem) {
	list, err := p.numbers(of, 2)
	if err != nil {
		return Type{}, err
	}
	// DecimalType.USER_DEFAULT is decimal(10,0).
	list = append(list, []string{"10", "0"}[len(list):]...)
	return checked(of)(decimalType(list[0], list[1]))
}

// sized reads CHAR and VARCHAR. PySpark has no collations of theirs, but the text may have.
func (p *parser) sized(of token, kind string) (Type, *problem) {
	list, err := p.numbers(of, 1)
	if err != nil {
		return Type{}, err
	}
	if list == nil {
		return Type{}, problemAt(of.at, "%s needs a length, as in %s(10)", of.text, of.text)
	}
	t, err := checked(of)(lengthType(kind, list[0]))
	if err == nil {
		_, err = p.collation()
	}
	return t, err
}

func (p *parser) time(of token) (Type, *problem) {
	list, err := p.numbers(of, 1)
	if err != nil {
		return Type{}, err
	}
	if list == nil {
		list = []string{strconv.Itoa(defaultTimePrecision)}
	}
	t, err := checked(of)(lengthType("time", list[0]))
	if err == nil && p.acceptWord("without") {
		err = p.expectWords("time", "zone")
	}
	return t, err
}

// timestamp reads the types of timestamps, whose only precision is 6, and what may follow TIMESTAMP.
func (p *parser) timestamp(of token) (Type, *problem) {
	list, err := p.numbers(of, 1)
	if err != nil {
		return Type{}, err
	}
	if list != nil && strings.TrimLeft(list[0], "0") != "6" {
		return Type{}, problemAt(of.at, "%s(%s): expected no precision but 6", of.text, list[0])
	}
	switch {
	case fold(of.text) == "timestamp_ntz":
		return Type{Kind: TimestampNTZ}, nil
	case fold(of.text) == "timestamp" && p.acceptWord("without"):
		return Type{Kind: TimestampNTZ}, p.expectWords("time", "zone")
	case fold(of.text) == "timestamp" && p.acceptWord("with"):
		return Type{Kind: Timestamp}, p.expectWords("local", "time", "zone")
	}
	return Type{Kind: Timestamp}, nil
}

func (p *parser) expectWords(words ...string) *problem {
	for _, w := range words {
		if !p.acceptWord(w) {
			return problemAt(p.peek().at, "expected %s, found %v", strings.ToUpper(w), p.peek())
		}
	}
	return nil
}

func (p *parser) interval() (Type, *problem) {
	from := p.peek()
	if from.kind != word || intervalField(from.text) == noField {
		return Type{Kind: CalendarInterval}, nil
	}
	p.next++
	var to string
	at := p.peek()
	if p.acceptWord("to") {
		t := p.take()
		if t.kind != word || intervalField(t.text) == noField || fold(t.text) == fold(from.text) {
			return Type{}, problemAt(t.at, "expected a field smaller than %v after TO, found %v", from, t)
		}
		to = t.text
	}
	return checked(at)(intervalType(from.text, to))
}

func (p *parser) array() (Type, *problem) {
	if err := p.expect("<", "after array"); err != nil {
		return Type{}, err
	}
	element, err := p.dataType()
	if err != nil {
		return Type{}, err
	}
	return ArrayOf(element), p.expect(">", "after the element type of array")
}

func (p *parser) mapType() (Type, *problem) {
	if err := p.expect("<", "after map"); err != nil {
		return Type{}, err
	}
	key, err := p.dataType()
	if err != nil {
		return Type{}, err
	}
	if err := p.expect(",", "after the key type of map"); err != nil {
		return Type{}, err
	}
	val, err := p.dataType()
	if err != nil {
		return Type{}, err
	}
	return MapOf(key, val), p.expect(">", "after the value type of map")
}

func (p *parser) structType() (Type, *problem) {
	if err := p.expect("<", "after struct"); err != nil {
		return Type{}, err
	}
	t := Type{Kind: Struct}
	if p.accept(">") {
		return t, nil
	}
	for {
		f, err := p.field(true)
		if err != nil {
			return Type{}, err
		}
		t.Fields = append(t.Fields, f)
		if p.accept(">") {
			return t, nil
		}
		if !p.accept(",") {
			return Type{}, problemAt(p.peek().at, `expected "," or ">" after column %q, found %v`, f.Name, p.peek())
		}
	}
}

// checked puts the position of a type's name to an error in its parameters.
func checked(of token) func(Type, error) (Type, *problem) {
	return func(t Type, err error) (Type, *problem) {
		if err != nil {
			return Type{}, problemAt(of.at, "%v", err)
		}
		return t, nil
	}
}

func decimalType(precision, scale string) (Type, error) {
	p, err := strconv.Atoi(precision)
	s, scaleErr := strconv.Atoi(scale)
	if err != nil || scaleErr != nil || p > MaxPrecision || s > p || s < 0 {
		return Type{}, fmt.Errorf("decimal(%s,%s): expected a precision up to %d and a scale from 0 to the precision",
			precision, scale, MaxPrecision)
	}
	return Type{Kind: Decimal, Precision: p, Scale: s}, nil
}

// lengthType is char(n), varchar(n) or time(n).
func lengthType(kind, length string) (Type, error) {
	n, err := strconv.ParseInt(length, 10, 32)
	if err != nil {
		return Type{}, fmt.Errorf("%s(%s): expected a length up to 2147483647", kind, length)
	}
	switch {
	case kind == "char":
		return Type{Kind: Char, Length: int(n)}, nil
	case kind == "varchar":
		return Type{Kind: Varchar, Length: int(n)}, nil
	case n > maxTimePrecision:
		return Type{}, fmt.Errorf("time(%s): expected a precision from 0 to %d", length, maxTimePrecision)
	}
	return Type{Kind: Time, Precision: int(n)}, nil
}

// noField is no field of an interval.
const noField = ^IntervalField(0)

func intervalField(name string) IntervalField {
	for i, n := range intervalNames {
		if n == fold(name) {
			return IntervalField(i)
		}
	}
	return noField
}

// intervalType is the type of the fields from .. to; to "" is from.
func intervalType(from, to string) (Type, error) {
	if to == "" {
		to = from
	}
	t := Type{Kind: DayTimeInterval, Start: intervalField(from), End: intervalField(to)}
	if t.Start <= Month {
		t.Kind = YearMonthInterval
	}
	if t.Start > t.End || t.Start <= Month && t.End > Month {
		return Type{}, fmt.Errorf("interval %s to %s: expected year to month, or two of day, hour, minute and second "+
			"in this order",
			strings.ToLower(from), strings.ToLower(to))
	}
	return t, nil
}
