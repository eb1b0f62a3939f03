package sqltype

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// numeral matches words that Spark's lexer takes as numbers (INTEGER_VALUE, EXPONENT_VALUE and the typed
// literals): they are no names.
var numeral = regexp.MustCompile(`^\d+([lsyLSY]|([eE]\d+)?([fdFD]|[bB][dD])?)$`)

// name reads the name of a column.
func (p *parser) name() (string, *problem) {
	t := p.peek()
	parts, err := p.nameParts("column name")
	if err == nil && len(parts) != 1 {
		err = problemAt(t.at, "expected a single name in identifier(...), found %q", strings.Join(parts, "."))
	}
	if err == nil && p.peek().is("-") {
		// QueryParsingErrors.invalidIdentifierError
		err = problemAt(t.at, "a name with - needs backquotes, as in `a-b`")
	}
	if err != nil {
		return "", err
	}
	return parts[0], nil
}

// nameParts reads one name, or identifier('name'), which may have several parts. All of Spark's keywords are names.
func (p *parser) nameParts(what string) ([]string, *problem) {
	t := p.peek()
	switch {
	case t.kind == word && p.tokens[p.next+1].is("(") && t.keyword("identifier"):
		return p.identifierClause(what)
	case t.kind != word && t.kind != quoted:
		return nil, problemAt(t.at, "expected a %s, found %v", what, t)
	case t.kind == word && numeral.MatchString(t.text):
		return nil, problemAt(t.at, "expected a %s, found the number %s (a name like this needs backquotes)",
			what, t.text)
	case t.kind == word && strings.IndexFunc(t.text, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0:
		// QueryParsingErrors.invalidIdentifierError
		return nil, problemAt(t.at,
			"the name %s needs backquotes: it has characters other than letters a-z, digits and _", t.text)
	}
	p.next++
	return []string{t.text}, nil
}

// multipartName reads names with dots between them.
func (p *parser) multipartName(what string) ([]string, *problem) {
	var parts []string
	for {
		more, err := p.nameParts(what)
		if err != nil {
			return nil, err
		}
		parts = append(parts, more...)
		if !p.accept(".") {
			return parts, nil
		}
	}
}

// identifierClause reads identifier('a.`b`'), whose string is a name with parts.
func (p *parser) identifierClause(what string) ([]string, *problem) {
	p.depth++
	defer func() { p.depth-- }()
	p.next += 2
	at := p.peek().at
	content, err := p.strings("in identifier(...)")
	if err != nil {
		return nil, err
	}
	if err := p.expect(")", "after the string of identifier"); err != nil {
		return nil, err
	}
	inner := parser{depth: p.depth}
	if p.depth > maxDepth {
		return nil, problemAt(at, "identifier nested deeper than %d", maxDepth)
	}
	if inner.tokens, err = scan(content); err == nil {
		var parts []string
		if parts, err = inner.multipartName(what); err == nil && inner.peek().kind == end {
			return parts, nil
		}
	}
	return nil, problemAt(at, "expected a name in identifier(...), found %q", content)
}

// strings reads strings in quotes, which are one.
func (p *parser) strings(where string) (string, *problem) {
	if t := p.peek(); t.kind != literal {
		return "", problemAt(t.at, "expected a string %s, found %v", where, t)
	}
	var b strings.Builder
	for p.peek().kind == literal {
		b.WriteString(p.take().text)
	}
	return b.String(), nil
}
