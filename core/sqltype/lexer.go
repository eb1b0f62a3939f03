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
func (t token) keyword(s string) bool { return t.kind == word && strings.EqualFold(t.text, s) }

// problem is an error at a byte offset of the text.
type problem struct {
	at      int
	message string
}

func (p *problem) Error() string { return p.message }

func problemAt(at int, format string, args ...any) *problem {
	return &problem{at: at, message: fmt.Sprintf(format, args...)}
}

// scan splits DDL into tokens, the last being the end.
func scan(s string) ([]token, *problem) {
	var tokens []token
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsSpace(r):
			i += size
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
		case r == '\'' || r == '"':
			content, n, ok := stringLiteral(s[i:])
			if !ok {
				return nil, problemAt(i, "expected a closing %c of the string that begins here", r)
			}
			tokens = append(tokens, token{kind: literal, text: content, at: i})
			i += n
		default:
			tokens = append(tokens, token{kind: symbol, text: s[i : i+size], at: i})
			i += size
		}
	}
	return append(tokens, token{kind: end, at: len(s)}), nil
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

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

// stringLiteral reads a string in single or double quotes: a doubled quote stands for one, backslashes escape as in
// Spark's SparkParserUtils.unescapeSQLString.
func stringLiteral(s string) (content string, size int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); {
		switch {
		case s[i] == s[0] && i+1 < len(s) && s[i+1] == s[0]:
			b.WriteByte(s[0])
			i += 2
		case s[i] == s[0]:
			return b.String(), i + 1, true
		case s[i] == '\\' && i+1 < len(s):
			i += 1 + unescape(s[i+1:], &b)
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return "", 0, false
}

// unescape writes what a backslash before s stands for and returns how many bytes of s that took.
func unescape(s string, b *strings.Builder) int {
	if s[0] == 'u' && len(s) >= 5 {
		if n, err := strconv.ParseUint(s[1:5], 16, 16); err == nil {
			b.WriteRune(rune(n))
			return 5
		}
	}
	if s[0] == 'U' && len(s) >= 9 {
		if n, err := strconv.ParseUint(s[1:9], 16, 32); err == nil && n <= unicode.MaxRune {
			b.WriteRune(rune(n))
			return 9
		}
	}
	if len(s) >= 3 && s[0] <= '1' {
		if n, err := strconv.ParseUint(s[:3], 8, 8); err == nil {
			b.WriteRune(rune(n))
			return 3
		}
	}
	switch s[0] {
	case '0':
		b.WriteByte(0)
	case 'b':
		b.WriteByte('\b')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'Z':
		b.WriteByte(0x1A)
	case '%', '_': // stay escaped, for LIKE
		b.WriteByte('\\')
		b.WriteByte(s[0])
	default:
		b.WriteByte(s[0])
	}
	return 1
}
