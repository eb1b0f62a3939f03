package sqltype

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	end     tokenKind = iota
	word              // an identifier without quotes, a keyword or a number
	quoted            // an identifier in backquotes
	literal           // a string in quotes
	symbol            // one character
)

type token struct {
	kind tokenKind
	text string // unquoted
	at   int    // byte offset
}

func (t token) String() string {
	switch t.kind {
	case end:
		return "the end"
	case quoted:
		return "`" + t.text + "`"
	case literal:
		return "the string " + strconv.Quote(t.text)
	}
	return strconv.Quote(t.text)
}

func (t token) is(s string) bool { return t.kind == symbol && t.text == s }

// keyword says whether the token is an unquoted word, in any case.
func (t token) keyword(s string) bool { return t.kind == word && fold(t.text) == s }

// fold is a word in lower case as far as keywords go. Spark compares in upper case, so that the two letters whose
// upper case is ASCII count as well (UpperCaseCharStream).
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case r == 'ı':
			return 'i'
		case r == 'ſ':
			return 's'
		}
		return r
	}, s)
}

// problem is an error at a byte offset of the text.
type problem struct {
	at      int
	message string
}

func (p *problem) Error() string { return p.message }

func problemAt(at int, format string, args ...any) *problem {
	return &problem{at: at, message: fmt.Sprintf(format, args...)}
}

// spaces are the characters of SqlBaseLexer.WS.
const spaces = "\t\n\f\r\v \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005" +
	"\u2006\u2007\u2008\u2009\u200a\u2028\u202f\u205f\u3000"

// scan splits DDL into tokens as Spark's SqlBaseLexer does, the last being the end. Comments are left out.
func scan(s string) ([]token, *problem) {
	var tokens []token
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case strings.ContainsRune(spaces, r):
			i += size
		case strings.HasPrefix(s[i:], "--"):
			i += lineComment(s[i:])
		case strings.HasPrefix(s[i:], "/*") && !strings.HasPrefix(s[i:], "/*+"): // which begins a hint
			n, ok := blockComment(s[i:])
			if !ok {
				return nil, problemAt(i, "expected a closing */ of the comment that begins here")
			}
			i += n
		case r == '\'' || r == '"' || rawLiteral(s[i:]):
			content, n, ok := stringLiteral(s[i:])
			if !ok {
				return nil, problemAt(i, "expected a closing quote of the string that begins here")
			}
			tokens = append(tokens, token{kind: literal, text: content, at: i})
			i += n
		case wordRune(r):
			n := strings.IndexFunc(s[i:], func(r rune) bool { return !wordRune(r) })
			if n < 0 {
				n = len(s) - i
			}
			tokens = append(tokens, token{kind: word, text: s[i : i+n], at: i})
			i += n
		case r == '`':
			name, n, ok := backquoted(s[i:])
			if !ok {
				return nil, problemAt(i, "expected a closing ` of the name that begins here")
			}
			tokens = append(tokens, token{kind: quoted, text: name, at: i})
			i += n
		default:
			tokens = append(tokens, token{kind: symbol, text: s[i : i+size], at: i})
			i += size
		}
	}
	return append(tokens, token{kind: end, at: len(s)}), nil
}

func wordRune(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || unicode.IsLetter(r)
}

// lineComment is the size of a comment from "--" to the end of its line. A backslash before a line feed takes the next
// line in.
func lineComment(s string) int {
	for i := 2; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "\\\n"):
			i++
		case s[i] == '\r' || s[i] == '\n':
			return i // what ends the line is a space
		}
	}
	return len(s)
}

// blockComment is the size of a comment in /* and */, in which others may stand.
func blockComment(s string) (size int, ok bool) {
	depth := 1
	for i := 2; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "/*") && !strings.HasPrefix(s[i:], "/*+"):
			depth++
			i++
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i++
			if depth == 0 {
				return i + 1, true
			}
		}
	}
	return 0, false
}

// backquoted reads a name in backquotes, in which two stand for one.
func backquoted(s string) (name string, size int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '`' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '`' {
			b.WriteByte('`')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}
