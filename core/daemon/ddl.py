"""Spark's DDL type strings, parsed without a JVM.

PySpark parses DDL with a Spark session only. The parser here makes Spark's JSON form of a type
(``DataType.jsonValue()``), from which PySpark makes its ``DataType`` by itself. The daemon's
workers and the Python package share this file: it imports nothing of either.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: A type in Spark's JSON form: a name, or an object for array, map and struct.
JsonType = str | dict[str, Any]

_PRIMITIVES = {
    "boolean": "boolean",
    "byte": "byte",
    "tinyint": "byte",
    "short": "short",
    "smallint": "short",
    "int": "integer",
    "integer": "integer",
    "long": "long",
    "bigint": "long",
    "float": "float",
    "real": "float",
    "double": "double",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_ltz": "timestamp",
    "timestamp_ntz": "timestamp_ntz",
    "string": "string",
    "binary": "binary",
    "void": "void",
    "null": "void",
    "variant": "variant",
}
_DECIMAL = ("decimal", "dec", "numeric")
_INTERVALS = {"year": 0, "month": 1, "day": 2, "hour": 3, "minute": 4, "second": 5}
_MAX_PRECISION = 38

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>`(?:[^`]|``)+`)
      | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<word>\w+)
      | (?P<symbol>[<>(),:])
    )""",
    re.VERBOSE,
)


def parse_type(text: str) -> JsonType:
    """Parses a type in DDL (``"array<int>"``, ``"a long, b string"``) or JSON form.

    A list of columns is a struct. Raises ValueError, naming the text and what is wrong with it,
    where the text is neither.
    """
    stripped = text.strip()
    if stripped.startswith(("{", '"')):
        try:
            value = json.loads(stripped)
        except ValueError as error:
            raise ValueError(f"return type {text!r}: no JSON: {error}") from error
        if not isinstance(value, (str, dict)):
            raise ValueError(f"return type {text!r}: no type in JSON form")
        return value
    return _Parser(text).parse()


class _Parser:
    """Recursive descent over the tokens of one DDL text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        self._next = 0
        end = 0
        stripped = text.rstrip()
        while end < len(stripped):
            match = _TOKEN.match(stripped, end)
            if match is None:
                raise self._error(f"unexpected {stripped[end:].strip()[:1]!r}")
            kind = match.lastgroup or ""
            self._tokens.append((kind, match.group(kind)))
            end = match.end()

    def parse(self) -> JsonType:
        if not self._tokens:
            raise self._error("it is empty")
        if self._is_column_list():
            fields = self._fields(None)
            parsed: JsonType = {"type": "struct", "fields": fields}
        else:
            parsed = self._type()
        if self._next < len(self._tokens):
            raise self._error(f"unexpected {self._tokens[self._next][1]!r}")
        return parsed

    def _is_column_list(self) -> bool:
        """Whether the text is columns: a name, then a colon or the first word of a type."""
        kind, first = self._tokens[0]
        if len(self._tokens) == 1:
            return False
        second_kind, second = self._tokens[1]
        if second == ":":
            return True
        if kind == "word" and first.lower() in ("interval", "string", "double"):
            follower = second.lower()
            if follower in _INTERVALS and first.lower() == "interval":
                return False
            if follower in ("collate", "precision"):
                return False
        return second_kind == "word"

    def _error(self, problem: str) -> ValueError:
        return ValueError(
            f"return type {self._text!r}: {problem}; Spark DDL such as 'long', 'array<int>' or "
            "'a long, b string' is allowed"
        )

    def _peek(self) -> str:
        if self._next < len(self._tokens):
            kind, value = self._tokens[self._next]
            return value.lower() if kind == "word" else value
        return ""

    def _take(self, *allowed: str) -> str:
        value = self._peek()
        if value not in allowed:
            found = repr(value) if value else "the end"
            raise self._error(f"expected {' or '.join(map(repr, allowed))}, found {found}")
        self._next += 1
        return value

    def _name(self) -> str:
        if self._next >= len(self._tokens):
            raise self._error("expected a column name, found the end")
        kind, value = self._tokens[self._next]
        self._next += 1
        if kind == "quoted":
            return value[1:-1].replace("``", "`")
        if kind != "word":
            raise self._error(f"expected a column name, found {value!r}")
        return value

    def _number(self) -> int:
        value = self._peek()
        if not value.isdecimal():
            raise self._error(f"expected a number, found {value!r}")
        self._next += 1
        return int(value)

    def _fields(self, end: str | None) -> list[dict[str, Any]]:
        fields = [self._field()]
        while self._peek() == ",":
            self._next += 1
            fields.append(self._field())
        if end is not None:
            self._take(end)
        return fields

    def _field(self) -> dict[str, Any]:
        name = self._name()
        if self._peek() == ":":
            self._next += 1
        field: dict[str, Any] = {
            "name": name,
            "type": self._type(),
            "nullable": True,
            "metadata": {},
        }
        if self._peek() == "not":
            self._next += 1
            self._take("null")
            field["nullable"] = False
        if self._peek() == "comment":
            self._next += 1
            if self._next >= len(self._tokens) or self._tokens[self._next][0] != "text":
                raise self._error("expected a quoted comment")
            comment = self._tokens[self._next][1]
            self._next += 1
            field["metadata"] = {"comment": re.sub(r"\\(.)", r"\1", comment[1:-1])}
        return field

    def _type(self) -> JsonType:
        if self._next >= len(self._tokens):
            raise self._error("expected a type, found the end")
        kind, value = self._tokens[self._next]
        word = value.lower()
        self._next += 1
        if kind != "word":
            raise self._error(f"expected a type, found {value!r}")
        if word in _DECIMAL:
            return self._decimal()
        if word in ("char", "character", "varchar"):
            return self._sized("varchar" if word == "varchar" else "char")
        if word == "time":
            return self._time()
        if word == "interval":
            return self._interval()
        if word == "array":
            self._take("<")
            element = self._type()
            self._take(">")
            return {"type": "array", "elementType": element, "containsNull": True}
        if word == "map":
            return self._map()
        if word == "struct":
            self._take("<")
            if self._peek() == ">":
                self._next += 1
                return {"type": "struct", "fields": []}
            return {"type": "struct", "fields": self._fields(">")}
        if word not in _PRIMITIVES:
            raise self._error(f"{value!r} is no type")
        if word == "double" and self._peek() == "precision":
            self._next += 1
        if word == "string" and self._peek() == "collate":
            self._next += 1
            return f"string collate {self._name()}"
        return _PRIMITIVES[word]

    def _map(self) -> JsonType:
        self._take("<")
        key = self._type()
        self._take(",")
        value = self._type()
        self._take(">")
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}

    def _decimal(self) -> str:
        precision, scale = 10, 0
        if self._peek() == "(":
            self._next += 1
            precision = self._number()
            if self._take(",", ")") == ",":
                scale = self._number()
                self._take(")")
        if not 0 < precision <= _MAX_PRECISION or scale > precision:
            raise self._error(
                f"decimal({precision},{scale}): a precision of 1 to {_MAX_PRECISION} and a scale "
                "up to it are allowed"
            )
        return f"decimal({precision},{scale})"

    def _sized(self, name: str) -> str:
        self._take("(")
        size = self._number()
        self._take(")")
        return f"{name}({size})"

    def _time(self) -> str:
        precision = 6
        if self._peek() == "(":
            self._next += 1
            precision = self._number()
            self._take(")")
        return f"time({precision})"

    def _interval(self) -> str:
        first = self._take(*_INTERVALS)
        if self._peek() != "to":
            return f"interval {first}"
        self._next += 1
        last = self._take(*_INTERVALS)
        year_month = _INTERVALS[first] <= 1
        if _INTERVALS[last] <= _INTERVALS[first] or year_month != (_INTERVALS[last] <= 1):
            raise self._error(f"'interval {first} to {last}' is no type")
        return f"interval {first} to {last}"
