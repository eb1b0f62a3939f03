"""Spark's DDL type strings, parsed without a JVM.

PySpark parses DDL with a Spark session only. The parser here makes Spark's JSON form of a type
(``DataType.jsonValue()``), from which PySpark makes its ``DataType`` by itself. The daemon's
workers and the Python package share this file: it imports nothing of either but its neighbours.

It is core/sqltype in Python, with the same answers to the same texts: what changes here changes
there. Names of functions are the same, and so is what errors say.
"""

from __future__ import annotations

import re
from typing import Any

from . import ddltokens, typejson
from .ddltokens import Problem, Token, fold, quote
from .typejson import JsonType

__all__ = ["JsonType", "parse_type"]

_PRIMITIVES = {
    "void": "void",
    "boolean": "boolean",
    "tinyint": "byte",
    "byte": "byte",
    "smallint": "short",
    "short": "short",
    "int": "integer",
    "integer": "integer",
    "bigint": "long",
    "long": "long",
    "float": "float",
    "real": "float",
    "double": "double",
    "binary": "binary",
    "date": "date",
    "variant": "variant",
}
_TYPES = (
    "boolean, tinyint, smallint, int, bigint, float, double, decimal, string, char, varchar, "
    "binary, date, time, timestamp, timestamp_ntz, interval, void, variant, geometry, geography, "
    "array, map or struct"
)
# Numbers of Spark's lexer (INTEGER_VALUE, EXPONENT_VALUE and the typed literals): no names.
_NUMERAL = re.compile(r"\d+([lsy]|(e\d+)?(f|d|bd)?)", re.ASCII | re.IGNORECASE)


def parse_type(text: str) -> JsonType:
    """Parses a type in DDL (``"array<int>"``, ``"a long, b string"``) or JSON form.

    Takes what ``pyspark.sql.types._parse_datatype_string`` of Spark 4.3 takes, whatever the
    PySpark here: a text that can be read as columns is, as a struct, and an empty one is a struct
    without fields. Types nest at most 200 deep. Raises ValueError, naming the text, the position
    and what was expected.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _invalid(text, "not valid UTF-8") from None
    try:
        if text.lstrip(" \t\n\r").startswith(("{", '"')):
            return typejson.parse(text)
        return _parse(text)
    except Problem as problem:
        where = "" if problem.at is None else f"at character {problem.at + 1}: "
        raise _invalid(text, where + problem.message) from None


def _invalid(text: str, problem: str) -> ValueError:
    shown = text if len(text) <= 300 else text[:300] + "..."
    return ValueError(f"return type {shown!r}: {problem}")


def _parse(text: str) -> JsonType:
    """The order and the last of the ways are those of PythonSQLUtils.ddlToJson."""
    tokens = ddltokens.scan(text)
    try:
        return _Parser(tokens).column_list()
    except Problem:
        pass
    try:
        return _Parser(tokens).only()
    except Problem as problem:
        type_problem = problem
    try:
        return _as_struct(text)
    except Problem:
        pass
    try:
        _Parser(tokens, colons=True).column_list()
    except Problem as problem:
        if _looks_like_columns(tokens) and (problem.at or 0) >= (type_problem.at or 0):
            raise
        raise type_problem from None
    # A comment takes the ">" that is put behind it.
    raise Problem(
        None, "expected a line break after the comment at its end, or columns without colons"
    )


def _as_struct(text: str) -> JsonType:
    """The text as the inside of "struct<...>", where names may have colons behind them.

    Being put there as text matters to comments, and to control characters around it
    (String.trim of Java).
    """
    control = "".join(map(chr, range(33)))
    return _Parser(ddltokens.scan(f"struct<{text.strip(control)}>")).only()


def _looks_like_columns(tokens: list[Token]) -> bool:
    """Whether something other than a type's parameters follows the first word.

    The error of reading the text as columns is then the better one, if that got as far.
    """
    if len(tokens) <= 2 or tokens[1].symbol("<"):
        return False
    return not tokens[1].symbol("(") or tokens[2].kind == "literal"


class _Parser:
    """Recursive descent over the tokens of DDL, the grammar of Spark's DataTypeParser."""

    def __init__(self, tokens: list[Token], depth: int = 0, colons: bool = False) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = depth
        self._colons = colons  # a column list may have colons

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def _accept(self, symbol: str) -> bool:
        accepted = self._peek().symbol(symbol)
        self._next += accepted
        return accepted

    def _accept_word(self, keyword: str) -> bool:
        accepted = self._peek().keyword(keyword)
        self._next += accepted
        return accepted

    def _expected(self, what: str) -> Problem:
        token = self._peek()
        return Problem(token.at, f"expected {what}, found {token}")

    def _expect(self, symbol: str, where: str) -> None:
        if not self._accept(symbol):
            raise self._expected(f"{quote(symbol)} {where}")

    def _expect_words(self, *words: str) -> None:
        for word in words:
            if not self._accept_word(word):
                raise self._expected(word.upper())

    def only(self) -> JsonType:
        """One type and the end."""
        found = self._type()
        if self._peek().kind != "end":
            raise self._expected(f"the end after the type {typejson.simple(found)}")
        return found

    def column_list(self) -> JsonType:
        """Columns and the end."""
        fields = []
        while True:
            fields.append(self._field(self._colons))
            if self._peek().kind == "end":
                return {"type": "struct", "fields": fields}
            if not self._accept(","):
                raise self._expected(f'"," or the end after column {quote(fields[-1]["name"])}')

    def _field(self, colon: bool) -> dict[str, Any]:
        name = self._name()
        if colon:
            self._accept(":")
        if self._peek().kind == "end" or self._peek().symbol(","):
            raise self._expected(f"a type for column {quote(name)}")
        field: dict[str, Any] = {
            "name": name,
            "type": self._type(),
            "nullable": True,
            "metadata": {},
        }
        if self._accept_word("not") or self._accept("!"):
            if not self._accept_word("null"):
                raise self._expected(f"NULL after NOT of column {quote(name)}")
            field["nullable"] = False
        if self._accept_word("comment"):
            field["metadata"] = {"comment": self._strings(f"after COMMENT of column {quote(name)}")}
        return field

    def _name(self) -> str:
        at = self._peek().at
        parts = self._name_parts("column name")
        if len(parts) != 1:
            joined = quote(".".join(parts))
            raise Problem(at, f"expected a single name in identifier(...), found {joined}")
        if self._peek().symbol("-"):  # QueryParsingErrors.invalidIdentifierError
            raise Problem(at, "a name with - needs backquotes, as in `a-b`")
        return parts[0]

    def _name_parts(self, what: str) -> list[str]:
        """One name, or identifier('name'), which may have several parts.

        All of Spark's keywords are names.
        """
        token = self._peek()
        if token.keyword("identifier") and self._tokens[self._next + 1].symbol("("):
            return self._identifier_clause(what)
        if token.kind not in ("word", "quoted"):
            raise self._expected(f"a {what}")
        if token.kind == "word" and _NUMERAL.fullmatch(token.text):
            raise Problem(
                token.at,
                f"expected a {what}, found the number {token.text} (a name like this needs "
                "backquotes)",
            )
        if token.kind == "word" and not token.text.isascii():
            # QueryParsingErrors.invalidIdentifierError
            raise Problem(
                token.at,
                f"the name {token.text} needs backquotes: it has characters other than letters "
                "a-z, digits and _",
            )
        self._next += 1
        return [token.text]

    def _multipart_name(self, what: str) -> list[str]:
        parts = self._name_parts(what)
        while self._accept("."):
            parts += self._name_parts(what)
        return parts

    def _identifier_clause(self, what: str) -> list[str]:
        """identifier('a.`b`'), whose string is a name with parts."""
        self._next += 2
        at = self._peek().at
        content = self._strings("in identifier(...)")
        self._expect(")", "after the string of identifier")
        if self._depth + 1 > typejson.MAX_DEPTH:
            raise Problem(at, f"identifier nested deeper than {typejson.MAX_DEPTH}")
        try:
            inner = _Parser(ddltokens.scan(content), self._depth + 1)
            parts = inner._multipart_name(what)
            if inner._peek().kind == "end":
                return parts
        except Problem:
            pass
        raise Problem(at, f"expected a name in identifier(...), found {quote(content)}")

    def _strings(self, where: str) -> str:
        """Strings in quotes, which are one."""
        if self._peek().kind != "literal":
            raise self._expected(f"a string {where}")
        found = ""
        while self._peek().kind == "literal":
            found += self._take().text
        return found

    def _type(self) -> JsonType:
        self._depth += 1
        try:
            return self._type_here()
        finally:
            self._depth -= 1

    def _type_here(self) -> JsonType:
        token = self._take()
        if self._depth > typejson.MAX_DEPTH:
            raise Problem(token.at, f"types nested deeper than {typejson.MAX_DEPTH}")
        if token.kind != "word":
            raise Problem(token.at, f"expected a type, found {token}")
        name = fold(token.text)
        if name in _PRIMITIVES:
            return _PRIMITIVES[name]
        if name == "string":
            collation = self._collation()
            return "string" if collation in ("", "UTF8_BINARY") else f"string collate {collation}"
        if name in ("timestamp", "timestamp_ltz", "timestamp_ntz"):
            return self._timestamp(token)
        if name in ("decimal", "dec", "numeric"):
            return self._decimal(token)
        if name in ("char", "character", "varchar"):
            return self._sized(token, "varchar" if name == "varchar" else "char")
        if name == "time":
            return self._time(token)
        if name == "interval":
            return self._interval()
        if name == "array":
            return self._array()
        if name == "map":
            return self._map()
        if name == "struct":
            return self._struct()
        if name in ("geometry", "geography"):
            return self._spatial(token)
        raise Problem(token.at, f"unknown type {token}: expected {_TYPES}")

    def _collation(self) -> str:
        """[COLLATE name], the name with or without its catalog and schema."""
        if not self._accept_word("collate"):
            return ""
        at = self._peek().at
        parts = self._multipart_name("collation after COLLATE")
        if len(parts) == 3 and [fold(part) for part in parts[:2]] == ["system", "builtin"]:
            parts = parts[2:]
        name = typejson.collation_name(parts[0]) if len(parts) == 1 else None
        if name is None:
            raise Problem(
                at,
                f"unknown collation {quote('.'.join(parts))}: expected UTF8_BINARY or UTF8_LCASE "
                "(with _RTRIM or not), UNICODE or a locale such as de or en_USA (with _CI, _AI "
                "and _RTRIM or not)",
            )
        return name

    def _numbers(self, of: Token, most: int) -> list[str]:
        """ "(n)" or "(n, m)", or nothing."""
        if not self._accept("("):
            return []
        numbers: list[str] = []
        while True:
            token = self._take()
            if token.kind != "word" or token.text.strip("0123456789"):
                raise Problem(token.at, f"expected a number in {of.text}(...), found {token}")
            numbers.append(token.text)
            if len(numbers) < most and self._accept(","):
                continue
            self._expect(")", f"after the numbers of {of.text}")
            return numbers

    def _decimal(self, of: Token) -> str:
        numbers = self._numbers(of, 2)
        numbers += ["10", "0"][len(numbers) :]  # DecimalType.USER_DEFAULT
        return typejson.decimal_type(of.at, *numbers)

    def _sized(self, of: Token, kind: str) -> str:
        """CHAR and VARCHAR. PySpark has no collations of theirs, but the text may have."""
        numbers = self._numbers(of, 1)
        if not numbers:
            raise Problem(of.at, f"{of.text} needs a length, as in {of.text}(10)")
        found = typejson.length_type(of.at, kind, numbers[0])
        self._collation()
        return found

    def _time(self, of: Token) -> str:
        numbers = self._numbers(of, 1) or ["6"]
        found = typejson.length_type(of.at, "time", numbers[0])
        if self._accept_word("without"):
            self._expect_words("time", "zone")
        return found

    def _timestamp(self, of: Token) -> str:
        """The types of timestamps, whose only precision is 6, and what may follow TIMESTAMP."""
        name = fold(of.text)
        numbers = self._numbers(of, 1)
        if numbers and numbers[0].lstrip("0") != "6":
            raise Problem(of.at, f"{of.text}({numbers[0]}): expected no precision but 6")
        if name == "timestamp_ntz":
            return "timestamp_ntz"
        if name == "timestamp" and self._accept_word("without"):
            self._expect_words("time", "zone")
            return "timestamp_ntz"
        if name == "timestamp" and self._accept_word("with"):
            self._expect_words("local", "time", "zone")
        return "timestamp"

    def _interval(self) -> str:
        fields = typejson.INTERVAL_FIELDS
        first = self._peek()
        if first.kind != "word" or fold(first.text) not in fields:
            return "interval"
        self._next += 1
        start = last = fold(first.text)
        at = self._peek().at
        if self._accept_word("to"):
            token = self._take()
            last = fold(token.text)
            if token.kind != "word" or last not in fields or last == start:
                raise Problem(
                    token.at, f"expected a field smaller than {first} after TO, found {token}"
                )
        return typejson.interval_type(at, start, last)

    def _array(self) -> JsonType:
        self._expect("<", "after array")
        element = self._type()
        self._expect(">", "after the element type of array")
        return {"type": "array", "elementType": element, "containsNull": True}

    def _map(self) -> JsonType:
        self._expect("<", "after map")
        key = self._type()
        self._expect(",", "after the key type of map")
        value = self._type()
        self._expect(">", "after the value type of map")
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}

    def _struct(self) -> JsonType:
        self._expect("<", "after struct")
        fields: list[dict[str, Any]] = []
        if self._accept(">"):
            return {"type": "struct", "fields": fields}
        while True:
            fields.append(self._field(True))
            if self._accept(">"):
                return {"type": "struct", "fields": fields}
            if not self._accept(","):
                raise self._expected(f'"," or ">" after column {quote(fields[-1]["name"])}')

    def _spatial(self, of: Token) -> str:
        """The "(srid)" or "(any)" of GEOMETRY and GEOGRAPHY."""
        kind = fold(of.text)
        allowed = "0, 3857, 4326 or any" if kind == "geometry" else "4326 or any"
        self._expect("(", f"after {of.text}, as in {of.text}(4326)")
        srid = self._take()
        system = typejson.ANY_SYSTEM
        if not srid.keyword("any"):
            digits = srid.kind == "word" and not srid.text.strip("0123456789")
            number = srid.text.lstrip("0") or "0" if digits else ""
            system = typejson.SYSTEMS.get(number, "")
        found = typejson.spatial_type(kind, system)
        if found is None:
            raise Problem(srid.at, f"expected {allowed} in {of.text}(...), found {srid}")
        self._expect(")", f"after the SRID of {of.text}")
        return found
