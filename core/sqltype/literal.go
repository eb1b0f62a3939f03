package sqltype

import (
	"strings"
	"unicode/utf16"
)

// rawLiteral says whether s begins with a string without escapes, as in r'a\b'.
func rawLiteral(s string) bool {
	return len(s) > 1 && (s[0] == 'r' || s[0] == 'R') && (s[1] == '\'' || s[1] == '"')
}

// stringLiteral reads a string in single or double quotes: a doubled quote stands for one, backslashes escape. In a raw
// string neither does anything.
func stringLiteral(s string) (content string, size int, ok bool) {
	if rawLiteral(s) {
		n := strings.IndexByte(s[2:], s[1])
		if n < 0 {
			return "", 0, false
		}
		return s[2 : 2+n], n + 3, true
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] != s[0]:
		case i+1 < len(s) && s[i+1] == s[0]:
			i++
		default:
			return unescape([]rune(s[1:i]), rune(s[0])), i + 1, true
		}
	}
	return "", 0, false
}

// unescape is Spark's SparkParserUtils.unescapeSQLString. As there, escapes name UTF-16 code units, of which two may
// make one character; one that has no partner is a question mark, as the JVM encodes it.
func unescape(s []rune, quote rune) string {
	var units []uint16
	for i := 0; i < len(s); i++ {
		if i+1 == len(s) || s[i] != '\\' && (s[i] != quote || s[i+1] != quote) {
			units = utf16.AppendRune(units, s[i])
			continue
		}
		i++ // at what is escaped
		if s[i-1] == quote {
			units = append(units, uint16(quote)) //nolint:gosec // a quote
			continue
		}
		if n, ok := digits(s[i:], 'u', 4); ok {
			units = append(units, uint16(n)) //nolint:gosec // four digits
			i += 4
		} else if n, ok := digits(s[i:], 'U', 8); ok {
			units = appendCodePoint(units, n)
			i += 8
		} else if n, ok := octal(s[i:]); ok {
			units = append(units, n)
			i += 2
		} else {
			units = append(units, escaped(s[i])...)
		}
	}
	runes := utf16.Decode(units)
	for i, at := 0, 0; i < len(runes); i++ {
		if runes[i] == '\uFFFD' && units[at] != 0xFFFD {
			runes[i] = '?'
		}
		at += utf16.RuneLen(runes[i])
	}
	return string(runes)
}

// digits reads the hexadecimal digits of \u or \U.
func digits(s []rune, letter rune, count int) (n uint32, ok bool) {
	if len(s) < 1+count || s[0] != letter {
		return 0, false
	}
	for _, r := range s[1 : 1+count] {
		switch {
		case '0' <= r && r <= '9':
			n = n<<4 | uint32(r-'0')
		case 'a' <= r && r <= 'f':
			n = n<<4 | uint32(r-'a'+10)
		case 'A' <= r && r <= 'F':
			n = n<<4 | uint32(r-'A'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

// appendCodePoint appends what Spark makes of a code point, beyond U+10FFFF too.
func appendCodePoint(units []uint16, n uint32) []uint16 {
	if n < 0x10000 {
		return append(units, uint16(n))
	}
	n -= 0x10000
	return append(units, uint16(n>>10+0xD800), uint16(n&0x3FF+0xDC00)) //nolint:gosec // as Java does
}

// octal reads the three digits of \000 to \177.
func octal(s []rune) (n uint16, ok bool) {
	if len(s) < 3 || s[0] < '0' || s[0] > '1' || s[1] < '0' || s[1] > '7' || s[2] < '0' || s[2] > '7' {
		return 0, false
	}
	return uint16(s[0]-'0')<<6 | uint16(s[1]-'0')<<3 | uint16(s[2]-'0'), true //nolint:gosec // digits
}

// escaped is what a backslash before r stands for.
func escaped(r rune) []uint16 {
	switch r {
	case '0':
		return []uint16{0}
	case 'b':
		return []uint16{'\b'}
	case 'n':
		return []uint16{'\n'}
	case 'r':
		return []uint16{'\r'}
	case 't':
		return []uint16{'\t'}
	case 'Z':
		return []uint16{0x1A}
	case '%', '_': // stay escaped, for LIKE
		return []uint16{'\\', uint16(r)}
	}
	return utf16.AppendRune(nil, r)
}
