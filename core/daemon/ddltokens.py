"""The tokens of Spark's DDL: SqlBaseLexer as far as types go, in the words of core/sqltype."""

from __future__ import annotations

import json
import re


class Problem(Exception):
    """What is wrong with a text, and at which of its characters (None: no certain one)."""

    def __init__(self, at: int | None, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


class Token:
    """A token: its kind (word, quoted, literal, symbol or end), its text, and where it begins.

    A word is an identifier without quotes, a keyword or a number; quoted is an identifier in
    backquotes, literal a string; both texts are without quotes and escapes.
    """

    __slots__ = ("at", "kind", "text")

    def __init__(self, kind: str, text: str, at: int) -> None:
        self.kind = kind
        self.text = text
        self.at = at

    def symbol(self, text: str) -> bool:
        """Whether the token is this character."""
        return self.kind == "symbol" and self.text == text

    def keyword(self, text: str) -> bool:
        """Whether the token is an unquoted word, in any case."""
        return self.kind == "word" and fold(self.text) == text

    def __str__(self) -> str:
        if self.kind == "end":
            return "the end"
        if self.kind == "quoted":
            return f"`{self.text}`"
        if self.kind == "literal":
            return f"the string {quote(self.text)}"
        return quote(self.text)


def quote(text: str) -> str:
    """The text in double quotes, for messages of one line."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


_FOLDED = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ\u0131\u017f", "abcdefghijklmnopqrstuvwxyzis")


def fold(word: str) -> str:
    """A word in lower case as far as keywords go.

    Spark compares in upper case, so that the two letters whose upper case is ASCII count as well
    (UpperCaseCharStream).
    """
    return word.translate(_FOLDED)


# The characters of SqlBaseLexer.WS.
_SPACES = (
    "\t\n\f\r\v \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u202f\u205f\u3000"
)
_TOKEN = re.compile(
    rf"""
        (?P<space>[{_SPACES}]+ | --(?:\\\n|[^\r\n])*)
      | (?P<comment>/\*(?!\+))
      | (?P<raw>[rR](?:'[^']*'|"[^"]*"))
      | (?P<literal>'(?:[^'\\]|\\.|'')*'(?!')|"(?:[^"\\]|\\.|"")*"(?!"))
      | (?P<open>[rR]?['"])
      | (?P<quoted>`(?:[^`]|``)*`(?!`))
      | (?P<backquote>`)
      | (?P<word>(?:[^\W\d]|[0-9])+)
      | (?P<symbol>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*(?!\+)|\*/")


def scan(text: str) -> list[Token]:
    """The tokens of DDL, the last being the end. Comments are left out."""
    tokens = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None  # a symbol is any character
        kind = match.lastgroup or ""
        found = match.group()
        if kind == "comment":
            at = _comment_end(text, at)
            continue
        if kind == "open":
            raise Problem(at, "expected a closing quote of the string that begins here")
        if kind == "backquote":
            raise Problem(at, "expected a closing ` of the name that begins here")
        if kind == "word":
            found = _word(found)
            if not found:
                kind, found = "symbol", text[at]
        if kind == "raw":
            tokens.append(Token("literal", found[2:-1], at))
        elif kind == "literal":
            tokens.append(Token("literal", _unescape(found[1:-1], found[0]), at))
        elif kind == "quoted":
            tokens.append(Token("quoted", found[1:-1].replace("``", "`"), at))
        elif kind != "space":
            tokens.append(Token(kind, found, at))
        at += len(match.group()) if kind != "word" and kind != "symbol" else len(found)
    tokens.append(Token("end", "", len(text)))
    return tokens


def _word(text: str) -> str:
    """The part of it that is letters in Unicode's sense, ASCII digits and _."""
    for i, char in enumerate(text):
        if not (char == "_" or "0" <= char <= "9" or char.isalpha()):
            return text[:i]
    return text


def _comment_end(text: str, begin: int) -> int:
    """Where a comment in /* and */ ends, in which others may stand."""
    depth = 0
    for match in _COMMENT.finditer(text, begin):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    raise Problem(begin, "expected a closing */ of the comment that begins here")


_ESCAPE = re.compile(
    r"""''|""|\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([01][0-7]{2})|(.))""", re.DOTALL
)
_ESCAPED = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_ESCAPED.update({"%": "\\%", "_": "\\_"})  # stay escaped, for LIKE
_SURROGATE = re.compile("[\ud800-\udfff]")


def _unescape(text: str, quotes: str) -> str:
    """Spark's SparkParserUtils.unescapeSQLString.

    As there, escapes name UTF-16 code units, of which two may make one character; one that has no
    partner is a question mark, as the JVM encodes it.
    """

    def one(match: re.Match[str]) -> str:
        if match.group()[0] != "\\":
            return quotes if match.group()[0] == quotes else match.group()
        unit, point, octal, char = match.groups()
        if unit:
            return chr(int(unit, 16))
        if point:
            return _code_point(int(point, 16))
        if octal:
            return chr(int(octal, 8))
        return _ESCAPED.get(char, char)

    found = _ESCAPE.sub(one, text)
    if _SURROGATE.search(found):
        found = found.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        found = _SURROGATE.sub("?", found)
    return found


def _code_point(n: int) -> str:
    """What Spark makes of a code point, beyond U+10FFFF too."""
    if n < 0x10000:
        return chr(n)
    n -= 0x10000
    return chr((n >> 10) + 0xD800 & 0xFFFF) + chr((n & 0x3FF) + 0xDC00)
