"""Timestamps around the changes of clocks, flat and nested, in the zones of many a host."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import recorded_values  # noqa: F401 - finds the room
from arrow_types import Column, nulls_below

import columns  # isort: skip - of the room

#: Rows of a column of ``columns.ZONED``; the last but one is null.
ROWS = 16


def _microseconds(text: str) -> int:
    moment = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    return (moment - _EPOCH) // datetime.timedelta(microseconds=1)


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_FLAT = [*map(_microseconds, columns.INSTANTS), _microseconds("1850-01-01 00:00:00")]
_NESTED = [*map(_microseconds, columns.NESTED_INSTANTS)]


def _rows(values: Sequence[int], wrap: Callable[[int], Any]) -> list[Any]:
    """Rows as the recorder lays them out."""
    filled = [values[row] if row < len(values) else values[0] for row in range(ROWS - 1)]
    return [*map(wrap, filled[:-1]), None, wrap(filled[-1])]


def _list(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", kind))


def _columns(zone: str, unit: str) -> list[Column]:
    """The recorded columns with a zone and a unit that a host has them in."""
    aware, naive = pa.timestamp(unit, zone), pa.timestamp(unit)
    scale = {"us": 1, "ns": 1000}[unit]
    day = datetime.date(2024, 7, 1)
    made: dict[str, tuple[pa.DataType, Sequence[int], Callable[[int], Any]]] = {
        "timestamp": (aware, _FLAT, lambda t: t * scale),
        "timestamp_ntz": (naive, _FLAT, lambda t: t * scale),
        "array<timestamp>": (_list(aware), _NESTED, lambda t: [t * scale, None]),
        "array<timestamp_ntz>": (_list(naive), _NESTED, lambda t: [t * scale, None]),
        "map<string,timestamp>": (
            pa.map_(pa.string(), aware),
            _NESTED,
            lambda t: [("k", t * scale)],
        ),
        "struct<t:timestamp,n:timestamp_ntz,d:date>": (
            pa.struct([("t", aware), ("n", naive), ("d", pa.date32())]),
            _NESTED,
            lambda t: (t * scale, t * scale, day),
        ),
        "array<struct<t:timestamp>>": (
            _list(pa.struct([("t", aware)])),
            _NESTED,
            lambda t: [(t * scale,)],
        ),
        "struct<s:array<timestamp>>": (
            pa.struct([("s", _list(aware))]),
            _NESTED,
            lambda t: ([t * scale],),
        ),
    }
    return [
        Column(
            f"{name} in {zone}, {unit}",
            nulls_below(pa.array(_rows(values, wrap), kind)),
            name,
            sent=unit == "us",
        )
        for name, (kind, values, wrap) in made.items()
    ]


#: The recorded columns as hosts have them.
COLUMNS = [
    *_columns("UTC", "us"),
    *_columns("Europe/Paris", "us"),
    *_columns("America/New_York", "us"),
    *_columns("Asia/Tokyo", "ns"),
]
