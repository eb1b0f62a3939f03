"""What pickled functions see of Arrow data: what they see in real Spark.

The texts of SEEN are what a function says in Spark 3.5 and 4.3, on workers with TZ=Asia/Tokyo and
a session with America/New_York, of a column made by Spark SQL.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import TESTS, Leaks, interpreter, is_older
from value_functions import each_seen

import udfrunner
from udfrunner import Env, EvalType, InvalidArgument, Runner

UTC = dt.timezone.utc
NOON = dt.datetime(2024, 7, 2, 16, 0, 0, 500000, tzinfo=UTC)
CLOCK = dt.datetime(2024, 7, 2, 12, 0, 0, 500000)
ZONED = pa.timestamp("us", "America/New_York")

#: Column and what Spark's worker says of its one value; a pair is (before 4.1, from 4.1 on).
SEEN: dict[str, tuple[pa.Array, str | tuple[str, str]]] = {
    "boolean": (pa.array([True]), "bool:True"),
    "tinyint": (pa.array([3], pa.int8()), "int:3"),
    "float": (pa.array([1.1], pa.float32()), "float:1.100000023841858"),
    "double": (pa.array([1.5]), "float:1.5"),
    "decimal": (pa.array([Decimal("1.500")]), "Decimal:Decimal('1.500')"),
    "zero": (pa.array([Decimal(0)], pa.decimal128(38, 18)), "Decimal:Decimal('0E-18')"),
    "string": (pa.array(["x"]), "str:'x'"),
    "binary": (
        pa.array([b"\0\xff"]),
        ("bytearray:bytearray(b'\\x00\\xff')", "bytes:b'\\x00\\xff'"),
    ),
    "date": (pa.array([dt.date(2024, 1, 2)]), "date:datetime.date(2024, 1, 2)"),
    "timestamp": (
        pa.array([NOON], ZONED),
        "datetime:datetime.datetime(2024, 7, 3, 1, 0, 0, 500000)",
    ),
    "old timestamp": (
        pa.array([dt.datetime(1900, 1, 1, 5, tzinfo=UTC)], ZONED),
        "datetime:datetime.datetime(1900, 1, 1, 14, 0)",
    ),
    "timestamp_ntz": (
        pa.array([CLOCK], pa.timestamp("us")),
        "datetime:datetime.datetime(2024, 7, 2, 12, 0, 0, 500000)",
    ),
    "interval": (
        pa.array([dt.timedelta(days=1, seconds=7384, microseconds=500000)], pa.duration("us")),
        "timedelta:datetime.timedelta(days=1, seconds=7384, microseconds=500000)",
    ),
    "array": (pa.array([[1, None]]), "[int:1, NoneType:None]"),
    "array of timestamps": (
        pa.array([[dt.datetime(2024, 7, 2, 16, tzinfo=UTC)]], pa.list_(ZONED)),
        "[datetime:datetime.datetime(2024, 7, 3, 1, 0)]",
    ),
    "map": (
        pa.array([[("b", 1), ("a", 2), ("cc", 3)]], pa.map_(pa.string(), pa.int32())),
        "{str:'cc': int:3, str:'a': int:2, str:'b': int:1}",
    ),
    "map of ints": (
        pa.array([[(10, 1), (5, 2), (300, 3), (17, 4), (33, 5)]], pa.map_(pa.int32(), pa.int32())),
        "{int:17: int:4, int:33: int:5, int:10: int:1, int:300: int:3, int:5: int:2}",
    ),
    "map of longs": (
        pa.array([[(100000000000, 1), (5, 2)]], pa.map_(pa.int64(), pa.int32())),
        "{int:100000000000: int:1, int:5: int:2}",
    ),
    "map of doubles": (
        pa.array([[(1.5, 1), (0.25, 2), (-3.0, 3)]], pa.map_(pa.float64(), pa.int32())),
        "{float:1.5: int:1, float:0.25: int:2, float:-3.0: int:3}",
    ),
    "map of decimals": (
        pa.array(
            [[(Decimal("1.50"), 1), (Decimal("2.25"), 2), (Decimal("-3.00"), 3)]],
            pa.map_(pa.decimal128(3, 2), pa.int32()),
        ),
        "{Decimal:Decimal('1.50'): int:1, Decimal:Decimal('2.25'): int:2, "
        "Decimal:Decimal('-3.00'): int:3}",
    ),
    "map of dates": (
        pa.array([[(dt.date(2024, 1, 1), b"\1")]], pa.map_(pa.date32(), pa.binary())),
        (
            "{date:datetime.date(2024, 1, 1): bytearray:bytearray(b'\\x01')}",
            "{date:datetime.date(2024, 1, 1): bytes:b'\\x01'}",
        ),
    ),
    "map of structs": (
        pa.array([[({"a": 1}, 2)]], pa.map_(pa.struct([("a", pa.int32())]), pa.int32())),
        "{Row(a=int:1): int:2}",
    ),
    "struct": (
        pa.array([{"a": 1, "b": [{"c": dt.date(2024, 1, 1)}]}]),
        "Row(a=int:1, b=[Row(c=date:datetime.date(2024, 1, 1))])",
    ),
    "struct with equal names": (
        pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]),
        "Row(a=int:1, a=int:2)",
    ),
}

#: The same of types that only later versions have.
SEEN_SINCE: dict[str, tuple[str, pa.Array, str]] = {
    "time": (
        "4.1",
        pa.array([dt.time(12, 30, 0, 123456)]),
        "time:datetime.time(12, 30, 0, 123456)",
    ),
    "array of times": (
        "4.1",
        pa.array([[dt.time(12, 30, 0, 123456)]]),
        "[time:datetime.time(12, 30, 0, 123456)]",
    ),
    "variant": (
        "4.0",
        pa.array(
            [{"value": b"\x02\x01\x00\x00\x02\x0c\x01", "metadata": b"\x01\x01\x00\x01a"}],
            pa.struct(
                [
                    pa.field("value", pa.binary()),
                    pa.field("metadata", pa.binary(), metadata={"variant": "true"}),
                ]
            ),
        ),
        "VariantVal:VariantVal(bytearray(b'\\x02\\x01\\x00\\x00\\x02\\x0c\\x01'), "
        "bytearray(b'\\x01\\x01\\x00\\x01a'))",
    ),
}

#: Types that Spark does not have, and the type that they become.
BECOMES: dict[str, tuple[pa.Array, pa.Array]] = {
    "uint8": (pa.array([200, None], pa.uint8()), pa.array([200, None], pa.int16())),
    "uint16": (pa.array([65535, None], pa.uint16()), pa.array([65535, None], pa.int32())),
    "uint32": (pa.array([2**32 - 1, None], pa.uint32()), pa.array([2**32 - 1, None])),
    "uint64": (
        pa.array([2**64 - 1, None], pa.uint64()),
        pa.array([Decimal(2**64 - 1), None], pa.decimal128(20, 0)),
    ),
    "float16": (
        pa.array(np.array([1.5, 2.0], np.float16)),
        pa.array([1.5, 2.0], pa.float32()),
    ),
    "string_view": (pa.array(["é", None], pa.string_view()), pa.array(["é", None])),
    "large_string": (pa.array(["é", None], pa.large_string()), pa.array(["é", None])),
    "binary_view": (pa.array([b"a", None], pa.binary_view()), pa.array([b"a", None])),
    "fixed_size_binary": (pa.array([b"ab", None], pa.binary(2)), pa.array([b"ab", None])),
    "date64": (
        pa.array([dt.date(2024, 1, 2), None], pa.date64()),
        pa.array([dt.date(2024, 1, 2), None]),
    ),
    "timestamp[s]": (
        pa.array([dt.datetime(2024, 7, 2), None], pa.timestamp("s")),
        pa.array([dt.datetime(2024, 7, 2), None], pa.timestamp("us")),
    ),
    "timestamp[ns, zone]": (
        pa.array([NOON, None], pa.timestamp("ns", "Europe/Paris")),
        pa.array([NOON, None], pa.timestamp("us", "UTC")),
    ),
    "duration[ns]": (
        pa.array([dt.timedelta(seconds=1), None], pa.duration("ns")),
        pa.array([dt.timedelta(seconds=1), None], pa.duration("us")),
    ),
    "decimal256": (
        pa.array([Decimal("1.50"), None], pa.decimal256(38, 2)),
        pa.array([Decimal("1.50"), None], pa.decimal128(38, 2)),
    ),
    "negative scale": (
        pa.array([Decimal(1200), None], pa.decimal128(5, -2)),
        pa.array([Decimal(1200), None], pa.decimal128(7, 0)),
    ),
    "dictionary": (pa.array(["a", None, "a"]).dictionary_encode(), pa.array(["a", None, "a"])),
    "run-end encoded": (
        pc.run_end_encode(pa.array(["a", "a", None])),
        pa.array(["a", "a", None]),
    ),
    "list_view": (
        pa.array([["1", "2"], None, ["3"]], pa.list_view(pa.string())),
        pa.array([["1", "2"], None, ["3"]]),
    ),
    "dictionary of views": (
        pa.DictionaryArray.from_arrays(
            pa.array([0, None, 1, 0], pa.int8()), pa.array(["a", "b"], pa.string_view())
        ),
        pa.array(["a", None, "b", "a"]),
    ),
    "runs of views": (
        pa.RunEndEncodedArray.from_arrays(
            [2, 3, 4], pa.array([b"a", None, b"b"], pa.binary_view())
        ),
        pa.array([b"a", b"a", None, b"b"]),
    ),
    "list of dictionaries": (
        pa.array([["a"], None, ["b", None]], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        pa.array([["a"], None, ["b", None]]),
    ),
    "fixed_size_list": (
        pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2)),
        pa.array([[1, 2], None, [3, 4]]),
    ),
    "uuid": (
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16))),
        pa.array([b"0" * 16]),
    ),
}


def said(env: Env, column: pa.Array, function: str = "seen") -> list[Any]:
    """What a function says of a column's values."""
    table = pa.table({"a": column})
    out = udfrunner.apply(
        f"value_functions:{function}",
        table,
        "a",
        kind="batched",
        return_type="string",
        env=env,
        includes=[TESTS],
    )
    return out.to_pylist()


@pytest.fixture(scope="module")
def version_env(minor: str, warm: None) -> Iterator[Env]:
    """conftest's, whose workers have TZ=Asia/Tokyo."""
    before = Leaks()
    conf = {"spark.pyspark.python": str(interpreter(minor)), "spark.executorEnv.TZ": "Asia/Tokyo"}
    with Env(conf) as env:
        yield env
    before.check()


@pytest.mark.parametrize("name", SEEN)
def test_values_are_those_of_spark(minor: str, version_env: Env, name: str) -> None:
    column, text = SEEN[name]
    if isinstance(text, tuple):
        text = text[0] if is_older(minor, "4.1") else text[1]
    nothing = pa.nulls(1, column.type)
    # Also behind another value, and in a list and a struct.
    both = pa.concat_arrays([nothing, column])
    assert said(version_env, both) == ["NoneType:None", text]
    assert said(version_env, both[1:]) == [text]
    listed = pa.ListArray.from_arrays(pa.array([0, 0, 2]), both)
    assert said(version_env, listed) == ["[]", f"[NoneType:None, {text}]"]
    struct = pa.StructArray.from_arrays([both], ["f"], mask=pa.array([True, False]))
    assert said(version_env, struct) == ["NoneType:None", f"Row(f={text})"]


@pytest.mark.parametrize("name", SEEN_SINCE)
def test_later_types(minor: str, version_env: Env, name: str) -> None:
    since, column, text = SEEN_SINCE[name]
    if is_older(minor, since):
        with pytest.raises(InvalidArgument, match=r"^column a.* of type .* eval type 100"):
            said(version_env, column)
        return
    assert said(version_env, column) == [text]


@pytest.mark.parametrize("name", BECOMES)
def test_other_types_are_made_into_sparks(minor: str, version_env: Env, name: str) -> None:
    column, spark = BECOMES[name]
    assert column.type != spark.type
    for start in (0, 1):
        assert said(version_env, column[start:]) == said(version_env, spark[start:])
    assert said(version_env, pa.StructArray.from_arrays([column], ["f"])) == said(
        version_env, pa.StructArray.from_arrays([spark], ["f"])
    )


@pytest.mark.parametrize(
    ("column", "parts"),
    [
        (pa.array([1], pa.timestamp("ns")), ["column a:", "timestamp[ns]", "lose data: 1"]),
        (pa.array([[1]], pa.list_(pa.duration("ns"))), ["column a.element:", "duration[ns]"]),
        (
            pa.array([{"b": None}], pa.struct([("b", pa.decimal256(39, 2))])),
            ["column a.b of type decimal256(39, 2)", "eval type 100", "38 digits"],
        ),
        (
            pa.array([None], pa.month_day_nano_interval()),
            ["column a of type month_day_nano_interval", "eval type 100", "cast it"],
        ),
        (
            pa.array([[None]], pa.list_(pa.decimal256(60, 50))),
            ["column a.element of type decimal256(60, 50)", "38 digits"],
        ),
        (
            pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
            ["column a of type sparse_union", "eval type 100"],
        ),
    ],
)
def test_what_spark_cannot_hold_is_one_error(
    shared_env: Env, column: pa.Array, parts: list[str]
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        said(shared_env, column)
    message = caught.value.message
    assert [part for part in parts if part not in message] == [], message
    assert "\n" not in message


def test_many_rows_in_batches(shared_env: Env) -> None:
    numbers = [None if i % 7 == 0 else i for i in range(20_000)]
    column = pa.chunked_array([pa.array(numbers[:5000]), pa.array(numbers[5000:])])
    out = udfrunner.apply(
        "value_functions:same",
        pa.table({"a": column, "unused": column}),
        "a",
        kind="batched",
        return_type="long",
        env=shared_env,
        includes=[TESTS],
        workers=2,
    )
    assert out.to_pylist() == numbers


def test_objects_of_a_dictionary_are_each_rows_own(shared_env: Env) -> None:
    table = pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array([[1], [2]]))})
    out = udfrunner.apply(
        "value_functions:longer",
        table,
        "a",
        kind="batched",
        return_type="int",
        env=shared_env,
        includes=[TESTS],
    )
    assert out.to_pylist() == [2, 2]


def test_no_columns_and_large_values(shared_env: Env) -> None:
    runner = Runner(
        EvalType.BATCHED,
        [["value_functions:same"]],
        [[0]],
        "string",
        env=shared_env,
        includes=[TESTS],
    )
    texts = [letter * 3_000_000 for letter in "abc"]
    with runner, runner.compute_rows(pa.table({"a": texts})) as out:
        assert [(value[0], len(value)) for value in out] == [(t[0], 3_000_000) for t in texts]


def test_rows_of_rdds_have_names() -> None:
    """DataFrame.rdd."""
    table = pa.table({"a": [1, 2], "when": pa.array([NOON, None], ZONED)})
    with (
        Env({"spark.executorEnv.TZ": "Asia/Tokyo"}) as env,
        Runner(EvalType.NON_UDF, [[each_seen]], env=env, includes=[TESTS]) as runner,
        runner.compute_rows(table) as out,
    ):
        assert list(out) == [
            "Row(a=int:1, when=datetime:datetime.datetime(2024, 7, 3, 1, 0, 0, 500000))",
            "Row(a=int:2, when=NoneType:None)",
        ]


def test_bytearrays_by_configuration() -> None:
    """spark.sql.execution.pyspark.binaryAsBytes."""
    with Env({"spark.sql.execution.pyspark.binaryAsBytes": False}) as env:
        assert said(env, pa.array([b"a"])) == ["bytearray:bytearray(b'a')"]


def test_table_functions_see_the_same(minor: str, version_env: Env) -> None:
    runner = Runner(
        EvalType.TABLE,
        [["value_functions:Rows"]],
        [[0]],
        "a struct<b: timestamp>",
        env=version_env,
        includes=[TESTS],
    )
    column = pa.array([{"b": NOON}], pa.struct([("b", ZONED)]))
    with runner, runner.compute_rows(pa.table({"a": column})) as out:
        (rows,) = out
    local = dt.datetime.fromtimestamp(time.mktime(NOON.astimezone().timetuple()))
    assert rows == [((local.replace(microsecond=500000),),)]
    assert rows[0].a.__fields__ == ["b"]
