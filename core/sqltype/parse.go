package sqltype

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"udfrunner/core/status"
)

// Parse reads a type from text in any form that PySpark takes as a return type: Spark's JSON, a type's name
// ("bigint", "array<map<string,int>>", in any case and with Spark's aliases), or a list of columns
// ("a int, b string NOT NULL COMMENT 'x'"), which is a struct. As in pyspark.sql.types._parse_datatype_string a
// text that can be read as columns is: "decimal int" is a column. TIMESTAMP is the type with the
// session's time zone (spark.sql.timestampType is not looked at).
//
// Errors are INVALID_ARGUMENT and name the text, the position and what was expected.
func Parse(s string) (Type, error) {
	if !utf8.ValidString(s) {
		return Type{}, invalid(s, "not valid UTF-8")
	}
	trimmed := strings.TrimSpace(s)
	switch {
	case trimmed == "":
		return Type{}, invalid(s, "empty; expected a type, columns or JSON")
	case trimmed[0] == '{' || trimmed[0] == '"':
		return parseJSON(s)
	}
	tokens, err := scan(s)
	if err != nil {
		return Type{}, invalidAt(s, err)
	}
	columns := parser{tokens: tokens}
	asColumns, columnsErr := columns.columnList()
	if columnsErr == nil {
		return asColumns, nil
	}
	single := parser{tokens: tokens}
	asType, typeErr := single.only()
	if typeErr == nil {
		return asType, nil
	}
	if looksLikeColumns(tokens) && columnsErr.at >= typeErr.at {
		typeErr = columnsErr
	}
	return Type{}, invalidAt(s, typeErr)
}

// looksLikeColumns says whether something other than a type's parameters follows the first word: the error of reading
// the text as columns is then the better one, if that got as far.
func looksLikeColumns(tokens []token) bool {
	return len(tokens) > 2 && !tokens[1].is("<") && !tokens[1].is("(")
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
		f, err := p.field()
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

// numeral matches words that Spark's lexer takes as numbers (INTEGER_VALUE, EXPONENT_VALUE and the typed
// literals): they are no names.
var numeral = regexp.MustCompile(`(?i)^\d+(e\d+)?(l|s|y|f|d|bd)?$`)

func (p *parser) name() (string, *problem) {
	t := p.peek()
	switch {
	case t.kind == quoted && t.text == "", t.kind != word && t.kind != quoted:
		return "", problemAt(t.at, "expected a column name, found %v", t)
	case t.kind == word && numeral.MatchString(t.text):
		return "", problemAt(t.at, "expected a column name, found the number %s (a name like this needs backquotes)", t.text)
	case t.kind == word && strings.IndexFunc(t.text, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0:
		// QueryParsingErrors.invalidIdentifierError
		return "", problemAt(t.at, "the name %s needs backquotes: it has characters other than letters a-z, digits and _", t.text)
	}
	p.next++
	return t.text, nil
}

// field reads `name [:] type [NOT NULL] [COMMENT 'text']`.
func (p *parser) field() (Field, *problem) {
	name, err := p.name()
	if err != nil {
		return Field{}, err
	}
	p.accept(":")
	if p.peek().kind == end || p.peek().is(",") {
		return Field{}, problemAt(p.peek().at, "expected a type for column %q, found %v", name, p.peek())
	}
	t, err := p.dataType()
	if err != nil {
		return Field{}, err
	}
	f := Field{Name: name, Type: t, Nullable: true}
	if p.acceptWord("not") {
		if !p.acceptWord("null") {
			return Field{}, problemAt(p.peek().at, "expected NULL after NOT of column %q, found %v", name, p.peek())
		}
		f.Nullable = false
	}
	if p.acceptWord("comment") {
		comment := p.take()
		if comment.kind != literal {
			return Field{}, problemAt(comment.at, "expected a string after COMMENT of column %q, found %v", name, comment)
		}
		f.Metadata = f.Metadata.with("comment", str(comment.text))
	}
	return f, nil
}

// ddlKinds are the names of types without parameters, all of Spark's aliases.
var ddlKinds = map[string]Kind{
	"void": Null, "boolean": Boolean, "tinyint": Byte, "byte": Byte, "smallint": Short, "short": Short,
	"int": Integer, "integer": Integer, "bigint": Long, "long": Long, "float": Float, "real": Float,
	"double": Double, "binary": Binary, "date": Date, "timestamp": Timestamp, "timestamp_ltz": Timestamp,
	"timestamp_ntz": TimestampNTZ, "variant": Variant,
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
	name := strings.ToLower(t.text)
	if kind, ok := ddlKinds[name]; ok {
		return Type{Kind: kind}, nil
	}
	switch name {
	case "string":
		return p.stringType()
	case "decimal", "dec", "numeric":
		return p.decimal(t)
	case "char", "character":
		return p.sized(t, "char", true)
	case "varchar":
		return p.sized(t, "varchar", true)
	case "time":
		return p.sized(t, "time", false)
	case "interval":
		return p.interval()
	case "array":
		return p.array()
	case "map":
		return p.mapType()
	case "struct":
		return p.structType()
	case "geometry", "geography":
		return Type{}, problemAt(t.at, "%s types are not supported", name)
	}
	return Type{}, problemAt(t.at, "unknown type %v", t)
}

// collationName is as jsonCollated has it.
var collationName = regexp.MustCompile(`^\w+$`)

// stringType reads [COLLATE name], the name with or without its catalog and schema.
func (p *parser) stringType() (Type, *problem) {
	if !p.acceptWord("collate") {
		return Type{Kind: String}, nil
	}
	for {
		t := p.take()
		if t.kind != word && t.kind != quoted || t.text == "" {
			return Type{}, problemAt(t.at, "expected a collation after COLLATE, found %v", t)
		}
		if p.accept(".") {
			continue
		}
		name := t.text
		if !collationName.MatchString(name) { // no other can be said in JSON
			return Type{}, problemAt(t.at, "expected a collation of ASCII letters, digits and _ after COLLATE, found %v", t)
		}
		// Spark's own collations have one spelling; those of ICU locales mix cases.
		if upper := strings.ToUpper(name); strings.HasPrefix(upper, "UTF8") || strings.HasPrefix(upper, "UNICODE") {
			name = upper
		}
		if name == DefaultCollation {
			name = ""
		}
		return Type{Kind: String, Collation: name}, nil
	}
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

func (p *parser) sized(of token, kind string, required bool) (Type, *problem) {
	list, err := p.numbers(of, 1)
	if err != nil {
		return Type{}, err
	}
	if list == nil && required {
		return Type{}, problemAt(of.at, "%s needs a length, as in %s(10)", of.text, of.text)
	}
	if list == nil {
		list = []string{strconv.Itoa(maxTimePrecision)}
	}
	return checked(of)(lengthType(kind, list[0]))
}

func (p *parser) interval() (Type, *problem) {
	from := p.peek()
	if from.kind != word || intervalField(from.text) < 0 {
		return Type{Kind: CalendarInterval}, nil
	}
	p.next++
	var to string
	at := p.peek()
	if p.acceptWord("to") {
		t := p.take()
		if t.kind != word || intervalField(t.text) < 0 || strings.EqualFold(t.text, from.text) {
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
		f, err := p.field()
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
	if err != nil || scaleErr != nil || p > MaxPrecision || s > p || s < -MaxPrecision {
		return Type{}, fmt.Errorf("decimal(%s,%s): expected a precision up to %d and a scale up to the precision",
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

func intervalField(name string) int {
	for i, n := range intervalNames {
		if strings.EqualFold(n, name) {
			return i
		}
	}
	return -1
}

// intervalType is the type of the fields from .. to; to "" is from.
func intervalType(from, to string) (Type, error) {
	if to == "" {
		to = from
	}
	t := Type{Kind: DayTimeInterval, Start: IntervalField(intervalField(from)), End: IntervalField(intervalField(to))}
	if t.Start <= Month {
		t.Kind = YearMonthInterval
	}
	if t.Start > t.End || t.Start <= Month && t.End > Month {
		return Type{}, fmt.Errorf("interval %s to %s: expected year to month, or two of day, hour, minute and second in this order",
			strings.ToLower(from), strings.ToLower(to))
	}
	return t, nil
}
