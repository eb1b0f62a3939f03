"""Every Arrow type with sample values, and the column of real Spark whose answers hold for it.

Values are those of core/conformance/values/columns.py: three that are not null, one, a null, one
that holds nulls where its type may; so a column has two groups of three rows.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from conftest import is_older
from pyspark.sql.types import VariantVal

#: Rows of the first group.
GROUP = 3


@dataclass(frozen=True)
class Column:
    """A sample column.

    Attributes:
        name: of the type, for people; unique.
        array: six values.
        spark: the column of real Spark that it stands for, as functions that see pandas or Python
            objects get it; None where Spark has no such type.
        since: the PySpark that introduced Spark's type.
        sent: whether Spark sends this Arrow type, zones aside.
        kinds: of functions that see pandas or Python objects those that get it, with the PySpark
            from which on; none means all.
    """

    name: str
    array: pa.Array
    spark: str | None
    since: str = "3.5"
    sent: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)

    def taken(self, kind: str, minor: str) -> bool:
        """Whether functions of a kind that see pandas or Python objects can have it."""
        if self.spark is None or is_older(minor, self.since):
            return False
        return not self.kinds or (kind in self.kinds and not is_older(minor, self.kinds[kind]))


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Five values and the null before the last."""
    return nulls_below(pa.array([*values[:4], None, values[4]], kind))


def nulls_below(array: pa.Array) -> pa.Array:
    """The array with nulls in the children of null structs, as Spark's StructWriter has them;
    what is there is seen: pandas gets floats for integers where some are null."""
    kind = array.type
    if pa.types.is_struct(kind):
        children = [nulls_below(child) for child in array.flatten()]
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())
    if pa.types.is_list(kind):
        values = nulls_below(array.values)
        return pa.ListArray.from_arrays(array.offsets, values, type=kind, mask=array.is_null())
    if pa.types.is_map(kind):
        parts = array.offsets, nulls_below(array.keys), nulls_below(array.items)
        return pa.MapArray.from_arrays(*parts, type=kind, mask=array.is_null())
    return array


_DAYS = [datetime.date(*day) for day in [(2024, 7, 1), (1970, 1, 1), (1850, 1, 1), (2024, 2, 29)]]
_DAYS.append(datetime.date(1969, 12, 31))
#: Moments in microseconds, and those in whole seconds.
_MOMENTS = [1719835200000001, 0, -3786825600000000, 1705320000000000, -1]
_SECONDS = [1719835200, 0, -3786825600, 1705320000, -1]
_SPANS = [86400000001, 0, -86400000000, 43200000000, 1000000]
_WHOLE_SPANS = [86400, 0, -86400, 43200, 1]
_CLOCKS = [45296000789, 0, 86399999999, 3723000000, 14706000000]
_WHOLE_CLOCKS = [45296, 0, 86399, 3723, 14706]
_SMALL = [1, 0, 255, 2, 3]
_FLOATS = [1.5, 0.0, float("nan"), float("inf"), 0.5]
_DOUBLES = [1.5, 0.0, float("nan"), float("-inf"), 1e300]
_TEXTS = ["a", "é😀", "", "b", "a longer text than views hold"]
_BYTES = [b"a", b"\x00\xff", b"", b"b", b"c"]
_PAIRS = [b"ab", b"\x00\xff", b"\x00\x00", b"bc", b"cd"]
_LISTS: list[Any] = [[1, 2], [], [3], [4], [5, None]]
_FIXED: list[Any] = [[1, 2], [0, -1], [3, 4], [5, 6], [7, None]]
_UNSIGNED_LONGS = [1, 18446744073709551615, 0, 2, 3]


def _decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


_PRICES = _decimals("1.25", "-99999999.99", "0", "1", "2.50")
_SHORT_PRICES = _decimals("1.25", "-9999999.99", "0", "1", "2.50")
_LONG_DECIMALS = _decimals("1.000000000000000001", "-12345678901234567890", "0", "1", "2.5")
_PAIR = pa.struct([("a", pa.int32()), ("b", pa.string())])
_INT_MAP = pa.map_(pa.string(), pa.int32())
_NAIVE = pa.timestamp("us")
_AWARE = pa.timestamp("us", "UTC")


def _list(kind: pa.DataType) -> pa.DataType:
    """A list whose child is named as Spark names it."""
    return pa.list_(pa.field("element", kind))


#: The Arrow types that Spark sends, by Spark's name.
SPARK_TYPES = {
    "void": pa.nulls(6),
    "boolean": _array([True, False, True, False, True], pa.bool_()),
    "tinyint": _array([1, -128, 127, 0, 2], pa.int8()),
    "smallint": _array([1, -32768, 32767, 0, 255], pa.int16()),
    "int": _array([1, -(2**31), 2**31 - 1, 0, 65535], pa.int32()),
    "bigint": _array([1, -(2**63), 2**63 - 1, 0, 4294967295], pa.int64()),
    "float": _array(_FLOATS, pa.float32()),
    "double": _array(_DOUBLES, pa.float64()),
    "decimal(10,2)": _array(_PRICES, pa.decimal128(10, 2)),
    "decimal(38,18)": _array(_LONG_DECIMALS, pa.decimal128(38, 18)),
    "string": _array(_TEXTS, pa.string()),
    "binary": _array(_BYTES, pa.binary()),
    "date": _array(_DAYS, pa.date32()),
    "timestamp": _array(_MOMENTS, _AWARE),
    "timestamp_ntz": _array(_MOMENTS, _NAIVE),
    "interval day to second": _array(_SPANS, pa.duration("us")),
    "time(6)": _array([each * 1000 for each in _CLOCKS], pa.time64("ns")),
    "array<int>": _array(_LISTS, _list(pa.int32())),
    "array<double>": _array([[1.5], [], [2.0, 3.0], [4.0], [None]], _list(pa.float64())),
    "array<boolean>": _array([[True], [], [False, True], [False], [None]], _list(pa.bool_())),
    "array<string>": _array([["a", "é"], [], [""], ["b"], ["c", None]], _list(pa.string())),
    "array<binary>": _array([[b"a"], [], [b""], [b"b"], [None, b"c"]], _list(pa.binary())),
    "array<decimal(10,2)>": _array(
        [_decimals("1.25"), [], _decimals("2"), _decimals("3"), [None, Decimal("4.5")]],
        _list(pa.decimal128(10, 2)),
    ),
    "array<date>": _array(
        [[_DAYS[0]], [], [_DAYS[1]], [_DAYS[2]], [None, _DAYS[3]]], _list(pa.date32())
    ),
    "array<interval day to second>": _array(
        [[_SPANS[0]], [], [_SPANS[2]], [_SPANS[3]], [None, _SPANS[4]]], _list(pa.duration("us"))
    ),
    "array<array<int>>": _array(
        [[[1, 2], []], [], [[3]], [[4]], [None, [5, None]]], _list(_list(pa.int32()))
    ),
    "array<struct<a:int,b:string>>": _array(
        [[(1, "x"), (2, "y")], [], [(3, "z")], [(4, "")], [None, (5, None)]], _list(_PAIR)
    ),
    "array<map<string,int>>": _array(
        [[[("a", 1)]], [], [[]], [[("b", 2)]], [None, [("c", None)]]],
        _list(_INT_MAP),
    ),
    "map<string,int>": _array(
        [[("a", 1), ("b", 2)], [], [("", 3)], [("c", 4)], [("d", None)]], _INT_MAP
    ),
    "map<int,array<string>>": _array(
        [[(1, ["a"])], [], [(2, [])], [(3, ["b"])], [(4, None), (5, [None])]],
        pa.map_(pa.int32(), _list(pa.string())),
    ),
    "map<string,struct<a:int,b:string>>": _array(
        [
            [("k", (1, "x"))],
            [],
            [("l", (2, "y"))],
            [("m", (3, "z"))],
            [("n", None), ("o", (None, None))],
        ],
        pa.map_(pa.string(), _PAIR),
    ),
    "struct<a:int,b:string>": _array([(1, "x"), (2, "y"), (3, ""), (4, "z"), (None, None)], _PAIR),
    "struct<a:double,b:decimal(10,2),c:binary>": _array(
        [
            (1.5, Decimal("1.25"), b"a"),
            (0.0, Decimal(0), b""),
            (2.0, Decimal(2), b"b"),
            (3.0, Decimal(3), b"c"),
            (None, None, None),
        ],
        pa.struct([("a", pa.float64()), ("b", pa.decimal128(10, 2)), ("c", pa.binary())]),
    ),
    "struct<x:array<int>,m:map<string,int>,s:struct<a:int>>": _array(
        [
            ([1], [("a", 1)], (1,)),
            ([], [], (2,)),
            ([2, 3], [("b", 2)], (3,)),
            ([4], [("c", 3)], (4,)),
            (None, None, None),
        ],
        pa.struct(
            [("x", _list(pa.int32())), ("m", _INT_MAP), ("s", pa.struct([("a", pa.int32())]))]
        ),
    ),
}


_VARIANT = pa.struct(
    [
        pa.field("value", pa.binary(), False),
        pa.field("metadata", pa.binary(), False, {"variant": "true"}),
    ]
)


def _variants(*texts: str) -> list[Any]:
    """Variants as Spark sends them."""
    values = map(VariantVal.parseJson, texts)
    return [(each.value, each.metadata) for each in values]


def _dictionary(values: pa.Array) -> pa.Array:
    return values.dictionary_encode()


def _runs(values: pa.Array) -> pa.Array:
    """Run ends over values, one a run."""
    ends = pa.array(range(1, len(values) + 1), pa.int32())
    return pa.RunEndEncodedArray.from_arrays(ends, values)


def _extension(kind: Any, storage: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, storage)


def _union(mode: str) -> pa.Array:
    kinds, children = pa.array([0, 1] * 3, pa.int8()), [pa.array(range(6)), pa.array(["a"] * 6)]
    if mode == "sparse":
        return pa.UnionArray.from_sparse(kinds, children)
    return pa.UnionArray.from_dense(kinds, pa.array([0, 0, 1, 1, 2, 2], pa.int32()), children)


def _intervals() -> pa.Array:
    parts = [(14, 3, 0), (0, 0, 0), (0, 0, -1500000000), (0, -1, 0), (1, 0, 0)]
    return _array([pa.MonthDayNano(each) for each in parts], pa.month_day_nano_interval())


def _zoned(zone: str) -> pa.Array:
    return _array(_MOMENTS, pa.timestamp("us", zone))


_UUIDS = [uuid.UUID(digit * 32).bytes for digit in "01a2f"]

#: All of Arrow's types: those that Spark sends, and those that only hosts have.
COLUMNS = [
    *(
        Column(name, array, name, "4.1" if "time(" in name else "3.5", sent=True)
        for name, array in SPARK_TYPES.items()
    ),
    Column(
        "variant",
        _array(_variants("1.5", '{"a":[1,null]}', '"é😀"', "[]", "true"), _VARIANT),
        "variant",
        "4.0",
        sent=True,
    ),
    Column(
        "array<variant>",
        _array(
            [
                _variants("1"),
                _variants('"x"'),
                _variants("[2]", "3"),
                _variants("null"),
                [*_variants("4"), None],
            ],
            _list(_VARIANT),
        ),
        "array<variant>",
        "4.0",
        sent=True,
    ),
    Column("uint8", _array(_SMALL, pa.uint8()), "unsigned smallint"),
    Column("uint16", _array([1, 0, 65535, 2, 3], pa.uint16()), "unsigned int"),
    Column("uint32", _array([1, 0, 2**32 - 1, 2, 3], pa.uint32()), "unsigned bigint"),
    Column("uint64", _array(_UNSIGNED_LONGS, pa.uint64()), "decimal(20,0)"),
    Column("float16", _array([np.float16(each) for each in _FLOATS], pa.float16()), "float"),
    Column("decimal32(9,2)", _array(_SHORT_PRICES, pa.decimal32(9, 2)), "short decimal(9,2)"),
    Column("decimal64(10,2)", _array(_PRICES, pa.decimal64(10, 2)), "decimal(10,2)"),
    Column("decimal256(38,18)", _array(_LONG_DECIMALS, pa.decimal256(38, 18)), "decimal(38,18)"),
    Column("decimal256(60,2)", _array(_PRICES, pa.decimal256(60, 2)), None),
    Column("date64", _array(_DAYS, pa.date64()), "date"),
    Column("time32[s]", _array(_WHOLE_CLOCKS, pa.time32("s")), "whole time(6)", "4.1"),
    Column(
        "time32[ms]",
        _array([1000 * each for each in _WHOLE_CLOCKS], pa.time32("ms")),
        "whole time(6)",
        "4.1",
    ),
    Column("time64[us]", _array(_CLOCKS, pa.time64("us")), "time(6)", "4.1"),
    Column(
        "timestamp[s, Europe/Paris]",
        _array(_SECONDS, pa.timestamp("s", "Europe/Paris")),
        "whole timestamp",
    ),
    Column(
        "timestamp[ms, Asia/Tokyo]",
        _array([1000 * each for each in _SECONDS], pa.timestamp("ms", "Asia/Tokyo")),
        "whole timestamp",
    ),
    Column("timestamp[us, Europe/Paris]", _zoned("Europe/Paris"), "timestamp", sent=True),
    Column("timestamp[us, +05:30]", _zoned("+05:30"), "timestamp", sent=True),
    Column(
        "timestamp[ns, America/New_York]",
        _array([1000 * each for each in _MOMENTS], pa.timestamp("ns", "America/New_York")),
        "timestamp",
    ),
    Column("timestamp[s]", _array(_SECONDS, pa.timestamp("s")), "whole timestamp_ntz"),
    Column(
        "timestamp[ms]",
        _array([1000 * each for each in _SECONDS], pa.timestamp("ms")),
        "whole timestamp_ntz",
    ),
    Column(
        "timestamp[ns]",
        _array([1000 * each for each in _MOMENTS], pa.timestamp("ns")),
        "timestamp_ntz",
    ),
    Column("duration[s]", _array(_WHOLE_SPANS, pa.duration("s")), "whole interval day to second"),
    Column(
        "duration[ms]",
        _array([1000 * each for each in _WHOLE_SPANS], pa.duration("ms")),
        "whole interval day to second",
    ),
    Column(
        "duration[ns]",
        _array([1000 * each for each in _SPANS], pa.duration("ns")),
        "interval day to second",
    ),
    Column(
        "month_day_nano_interval",
        _intervals(),
        "interval",
        kinds={"101": "4.1", "301": "4.1"},
    ),
    Column("large_string", _array(_TEXTS, pa.large_string()), "string"),
    Column("string_view", _array(_TEXTS, pa.string_view()), "string"),
    Column("large_binary", _array(_BYTES, pa.large_binary()), "binary"),
    Column("binary_view", _array(_BYTES, pa.binary_view()), "binary"),
    Column("fixed_size_binary[2]", _array(_PAIRS, pa.binary(2)), "fixed binary"),
    Column("large_list", _array(_LISTS, pa.large_list(pa.int32())), "array<int>"),
    Column("list_view", _array(_LISTS, pa.list_view(pa.int32())), "array<int>"),
    Column("large_list_view", _array(_LISTS, pa.large_list_view(pa.int32())), "array<int>"),
    Column("fixed_size_list[2]", _array(_FIXED, pa.list_(pa.int32(), 2)), "fixed array<int>"),
    Column(
        "list<string_view>",
        _array([["a", "é"], [], [""], ["b"], ["c", None]], pa.list_(pa.string_view())),
        "array<string>",
    ),
    Column("dictionary of string", _dictionary(SPARK_TYPES["string"]), "string"),
    Column("dictionary of int32", _dictionary(SPARK_TYPES["int"]), "int"),
    Column(
        "dictionary of string_view",
        pa.DictionaryArray.from_arrays(
            pa.array([0, 1, 2, 3, None, 4], pa.int8()), pa.array(_TEXTS, pa.string_view())
        ),
        "string",
    ),
    Column("run ends of string", _runs(SPARK_TYPES["string"]), "string"),
    Column("run ends of int64", _runs(SPARK_TYPES["bigint"]), "bigint"),
    Column("sparse_union", _union("sparse"), None),
    Column("dense_union", _union("dense"), None),
    Column("arrow.uuid", _extension(pa.uuid(), _array(_UUIDS, pa.binary(16))), "uuid binary"),
    Column("arrow.json", _extension(pa.json_(), SPARK_TYPES["string"]), "string"),
    Column("arrow.bool8", _extension(pa.bool8(), SPARK_TYPES["tinyint"]), "tinyint"),
    Column(
        "arrow.opaque of int32",
        _extension(pa.opaque(pa.int32(), "thing", "vendor"), SPARK_TYPES["int"]),
        "int",
    ),
]


def comes_back(column: Column) -> str:
    """The Arrow type of a result of the Spark type that a column is, "" where none may be."""
    name = str(column.spark)
    if name == "interval":
        return ""
    if "variant" in name:
        return str(column.array.type)
    for each in (name, name.partition(" ")[2]):
        if each in SPARK_TYPES:
            return str(SPARK_TYPES[each].type).replace("tz=UTC", "session's zone")
    names = {"smallint": "int16", "int": "int32", "bigint": "int64"}
    last = name.rpartition(" ")[2]
    return names.get(last, last.replace("decimal", "decimal128").replace(",", ", "))
