"""Python values that functions return, by declared type: what Spark makes of them.

A value's name is the Python expression that makes it, in the worker.
"""

from __future__ import annotations

import datetime
import decimal
from typing import Any
from zoneinfo import ZoneInfo

#: Declared types, with the PySpark that introduced one where that is later than 3.5.
TYPES = {
    "boolean": "",
    "tinyint": "",
    "smallint": "",
    "int": "",
    "bigint": "",
    "float": "",
    "double": "",
    "decimal(10,2)": "",
    "decimal(38,18)": "",
    "string": "",
    "binary": "",
    "date": "",
    "timestamp": "",
    "timestamp_ntz": "",
    "interval day to second": "",
    "time(6)": "4.1",
    "void": "",
    "variant": "4.0",
    "array<int>": "",
    "array<struct<a:int,b:string>>": "",
    "map<string,int>": "",
    "struct<a:int,b:string>": "",
}

VALUES = [
    "None",
    "True",
    "False",
    "0",
    "1",
    "-1",
    "300",
    "2**31",
    "2**63",
    "1.5",
    "1e20",
    "float('nan')",
    "float('inf')",
    "Decimal('1.005')",
    "Decimal('1E+30')",
    "'1'",
    "'1.5'",
    "'true'",
    "'a'",
    "'é😀'",
    "'2024-07-01'",
    "b'a'",
    "b'\\xff'",
    "bytearray(b'a')",
    "date(2024, 7, 1)",
    "datetime(2024, 7, 1, 12, 0, 0, 1)",
    "timedelta(days=1, microseconds=1)",
    "time(12, 34, 56, 789)",
    "[]",
    "[1, 2]",
    "[1, None]",
    "[{'a': 1, 'b': 'x'}]",
    "[(1, 'x')]",
    "[Row(a=1, b='x')]",
    "(1, 'x')",
    "(1, 2)",
    "{}",
    "{'a': 1}",
    "{'a': 1, 'b': 'x'}",
    "{'b': 'x', 'a': 1}",
    "{'a': None}",
    "Row(a=1, b='x')",
    "Row(b='x', a=1)",
    "Row(x=1, y='x')",
    "Row(a=None, b=None)",
    "array.array('i', [1, 2])",
    "{1, 2}",
]

#: Values that the JVM does not know, whatever type is declared: those are asked of a few.
FOREIGN_VALUES = [
    "datetime(2024, 7, 1, 12, tzinfo=timezone.utc)",
    "np.int64(1)",
    "np.float64(1.5)",
    "np.array([1, 2])",
    "np.datetime64('2024-07-01T12:00:00')",
    "pd.Timestamp('2024-07-01 12:00:00')",
    "pd.NaT",
    "object",
]
FOREIGN_TYPES = ["int", "string", "array<int>"]

#: For functions whose results PySpark's worker itself makes into Arrow data, so that a host sees none of it.
ARROW_TYPES = TYPES
ARROW_VALUES = [
    v
    for v in VALUES + FOREIGN_VALUES
    if v
    not in (
        "False",
        "0",
        "-1",
        "1e20",
        "float('inf')",
        "'1.5'",
        "'true'",
        "'é😀'",
        "b'\\xff'",
        "bytearray(b'a')",
        "[1, None]",
        "[{'a': 1, 'b': 'x'}]",
        "[(1, 'x')]",
        "[Row(a=1, b='x')]",
        "(1, 2)",
        "{'a': 1}",
        "{'b': 'x', 'a': 1}",
        "{'a': None}",
        "Row(b='x', a=1)",
        "Row(x=1, y='x')",
        "Row(a=None, b=None)",
        "np.datetime64('2024-07-01T12:00:00')",
        "pd.NaT",
        "array.array('i', [1, 2])",
        "{1, 2}",
        "object",
    )
]

#: Types and values that depend on zones.
ZONED_TYPES = [
    "date",
    "timestamp",
    "timestamp_ntz",
    "array<timestamp>",
    "struct<t:timestamp,n:timestamp_ntz>",
]
_MOMENTS = [
    "2024, 1, 15, 12",
    "2024, 7, 1, 12",
    # Both changes of Europe/Paris, which skip and repeat 02:00 to 03:00.
    "2024, 3, 31, 1, 59, 59",
    "2024, 3, 31, 2, 30",
    "2024, 3, 31, 3",
    "2024, 10, 27, 1, 59, 59",
    "2024, 10, 27, 2, 30",
    "2024, 10, 27, 2, 30, fold=1",
    "2024, 10, 27, 3",
    # Both of America/New_York.
    "2024, 3, 10, 1, 59, 59",
    "2024, 3, 10, 2, 30",
    "2024, 3, 10, 3",
    "2024, 11, 3, 0, 59, 59",
    "2024, 11, 3, 1, 30",
    "2024, 11, 3, 1, 30, fold=1",
    "2024, 11, 3, 2",
    # Long ago, when zones had seconds.
    "1850, 1, 1",
]
ZONED_VALUES = [
    *(f"datetime({moment})" for moment in _MOMENTS),
    *(f"datetime({moment}, tzinfo=timezone.utc)" for moment in _MOMENTS[:7]),
    "datetime(2024, 7, 1, 12, tzinfo=ZoneInfo('Asia/Tokyo'))",
    "datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo('Europe/Paris'))",
    "datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo('Europe/Paris'))",
    "date(2024, 7, 1)",
    "date(1850, 1, 1)",
    "pd.Timestamp('2024-07-01 12:00:00')",
    "pd.Timestamp('2024-07-01 12:00:00', tz='America/New_York')",
]

#: What the expressions may name; ``np``, ``pd`` and ``Row`` are added where they are imported.
NAMES: dict[str, Any] = {
    "date": datetime.date,
    "datetime": datetime.datetime,
    "time": datetime.time,
    "timedelta": datetime.timedelta,
    "timezone": datetime.timezone,
    "Decimal": decimal.Decimal,
    "ZoneInfo": ZoneInfo,
}


def wrapped(declared: str, expression: str) -> str:
    """The expression of a moment in the shape of a nested type."""
    if declared.startswith("array<"):
        return f"[{expression}]"
    if declared.startswith("struct<"):
        return f"({expression}, {expression})"
    return expression


def evaluate(expression: str) -> Any:
    """The value that an expression names."""
    if "np" not in NAMES:
        import array

        import numpy as np
        import pandas as pd
        from pyspark.sql import Row

        NAMES.update(array=array, np=np, pd=pd, Row=Row)
    return eval(expression, NAMES)


def rows(expressions: list[str]) -> Any:
    """A function (100, 101) of a row's number: the value of that row."""
    return lambda i: evaluate(expressions[i])


def series(expressions: list[str]) -> Any:
    """A pandas function (200) of rows' numbers, a Series of objects with their values."""

    def function(numbers: Any) -> Any:
        import numpy as np
        import pandas as pd

        values = np.empty(len(numbers), dtype=object)
        for place, number in enumerate(numbers):
            values[place] = evaluate(expressions[number])
        return pd.Series(values, dtype=object)

    return function


def handler(columns: list[list[str]]) -> type:
    """A table function's class (300), which yields a row with a value of each column."""

    class Handler:
        def eval(self, i):  # type: ignore[no-untyped-def]
            yield tuple(evaluate(expressions[i]) for expressions in columns)

    return Handler


def evaluated(expressions: Any) -> Any:
    """A pandas function (200) of expressions: a Series of objects with their values."""
    return series(list(expressions))(range(len(expressions)))


class Evaluated:
    """A table function (300) of an expression, which yields a row of its value."""

    def eval(self, expression):  # type: ignore[no-untyped-def]
        yield (evaluate(expression),)
