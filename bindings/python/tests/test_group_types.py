"""Grouped helpers: columns of every Arrow type, and keys that group as real Spark groups them."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import TESTS

import udfrunner
from udfrunner import Env, InvalidArgument
from udfrunner._gather import take
from udfrunner._sortable import sorted_groups

#: What real Spark groups by (record_groups.py).
SPARK: dict[str, dict[str, Any]] = json.loads((TESTS / "data" / "groups.json").read_text())["cases"]
LONG = "a text that is longer than twelve bytes"
TEXTS = ["b", None, LONG, "", "b", LONG]
POINT = pa.struct([("a", pa.string_view()), ("b", pa.int32())])


def rows_of(group: pa.Table) -> pa.Table:
    """The rows' numbers of a group."""
    import pyarrow as pa

    return pa.table({"rows": pa.array([group["v"].to_pylist()], pa.list_(pa.int32()))})


def numbers(v: pa.Array) -> Any:
    """The rows' numbers of a group, as an aggregate."""
    return v.to_pylist()


def grouped(env: Env, table: pa.Table, workers: int = 1) -> list[list[int]]:
    """The groups that map_groups makes, in the order of their first rows."""
    found = udfrunner.map_groups(rows_of, table, "k", "rows array<int>", workers=workers, env=env)
    assert found.num_rows or not table.num_rows
    return sorted(sorted(group) for group in found["rows"].to_pylist())


def aggregated(env: Env, table: pa.Table) -> list[list[int]]:
    """The groups that aggregate makes, in the order of their first rows."""
    found = udfrunner.aggregate(
        numbers, table, "k", "v", kind="arrow", return_type="array<int>", env=env
    )
    for key, group in zip(found["k"], found["numbers"].to_pylist(), strict=True):
        assert repr(key.as_py()) == repr(table["k"][group[0]].as_py()), "the key of its first row"
    return sorted(sorted(group) for group in found["numbers"].to_pylist())


def spark_table(name: str) -> pa.Table:
    return pa.ipc.open_stream(base64.b64decode(SPARK[name]["arrow"])).read_all()


#: The cases that PySpark itself has Arrow data and answers for.
SAME = [name for name, case in SPARK.items() if case["arrow"] and isinstance(case["map"], list)]


@pytest.mark.parametrize("name", SAME)
def test_groups_are_those_of_real_spark(shared_env: Env, name: str) -> None:
    table = spark_table(name)
    assert grouped(shared_env, table) == SPARK[name]["map"]
    rest = [[row for row in group if row] for group in SPARK[name]["map"]]
    found = grouped(shared_env, table.slice(1), workers=3)
    assert found == sorted(group for group in rest if group)
    if isinstance(SPARK[name]["aggregate"], list):
        assert aggregated(shared_env, table) == SPARK[name]["aggregate"]


def encodings(column: pa.ChunkedArray) -> Iterator[tuple[str, Any]]:
    """The same keys in all types of Arrow that hold them."""
    plain = column.combine_chunks()
    kind, types = plain.type, pa.types
    order = pa.array(range(len(plain)))
    if not types.is_null(kind):
        yield "dictionary", pa.DictionaryArray.from_arrays(order, plain)
        ends = pa.array(range(1, len(plain) + 1), pa.int32())
        yield "run ends", pa.RunEndEncodedArray.from_arrays(ends, plain)
    if types.is_string(kind):
        yield "view", plain.cast(pa.string_view())
        yield "large", plain.cast(pa.large_string())
        views = plain.cast(pa.string_view())
        yield "dictionary of views", pa.DictionaryArray.from_arrays(order, views)
    if types.is_binary(kind):
        yield "view", plain.cast(pa.binary_view())
        yield "large", plain.cast(pa.large_binary())
    if types.is_float32(kind):
        yield "half", plain.cast(pa.float16())
    if types.is_decimal(kind):
        for narrow in (pa.decimal32, pa.decimal64):
            if kind.precision <= (9 if narrow is pa.decimal32 else 18):
                yield "narrow", plain.cast(narrow(kind.precision, kind.scale))
        yield "wide", plain.cast(pa.decimal256(kind.precision, kind.scale))
    if types.is_list(kind):
        for make in (pa.large_list, pa.list_view, pa.large_list_view):
            yield str(make), pa.array(plain.to_pylist(), make(kind.value_type))
    if types.is_integer(kind) and kind != pa.int8():
        yield "time", plain.cast(pa.int64()).view(pa.timestamp("ns", "Asia/Tokyo"))
        yield "duration", plain.cast(pa.int64()).view(pa.duration("ns"))


@pytest.mark.parametrize("name", SAME)
def test_groups_of_other_encodings(shared_env: Env, name: str) -> None:
    table = spark_table(name)
    for encoding, column in encodings(table["k"]):
        other = table.set_column(0, "k", column)
        assert grouped(shared_env, other) == SPARK[name]["map"], encoding


def test_keys_of_unions_are_refused(shared_env: Env) -> None:
    """Spark has no such type."""
    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])
    for column in (union, pa.StructArray.from_arrays([union], ["x"])):
        for use in (grouped, aggregated):
            with pytest.raises(InvalidArgument, match=r"by 'k[.x]*': .*it is a union"):
                use(shared_env, pa.table({"k": column, "v": [1]}))


def test_maps_of_an_aggregates_key_are_sorted(shared_env: Env) -> None:
    """On all levels, and of equal maps one is the key, as since Spark 4.0."""
    entries = [[("b", 1), ("a", 2)], None, [("a", 2), ("b", 1)], [], [("a", None)], [("c", 1)]]
    maps = pa.array(entries, pa.map_(pa.string(), pa.int64())).slice(1)
    rows = pa.StructArray.from_arrays([maps], ["m"])
    lists = pa.ListArray.from_arrays(pa.array(range(6), pa.int32()), rows)
    sorted_one = [("a", 2), ("b", 1)]
    for column, wrap in (
        (maps, lambda m: m),
        (rows, lambda m: {"m": m}),
        (lists, lambda m: [{"m": m}]),
        (pa.chunked_array([maps.slice(0, 2), maps.slice(2)]), lambda m: m),
    ):
        table = pa.table({"k": column, "v": range(5)})
        twice = pa.concat_tables([table, pa.table({"k": table["k"], "v": range(5, 10)})])
        found = udfrunner.aggregate(
            numbers, twice, "k", "v", kind="arrow", return_type="array<int>", env=shared_env
        )
        keys = [wrap(m) for m in ([], sorted_one, [("a", None)], [("c", 1)], None)]
        rows_of_keys = [[2, 7], [1, 6], [3, 8], [4, 9], [0, 5]]
        assert found.to_pylist() == [
            {"k": key, "numbers": of} for key, of in zip(keys, rows_of_keys, strict=True)
        ]


def texts(count: int, distinct: int) -> pa.Array:
    values = [f"{'ä' * (i % 3)}{i * 7919 % distinct}" for i in range(count)]
    return pa.array([None if i % 100 == 3 else value for i, value in enumerate(values)])


@pytest.mark.parametrize("distinct", [7, 65_521])
@pytest.mark.parametrize("kind", ["string", "large_string", "binary", "string_view", "dictionary"])
def test_order_of_few_and_of_many_texts(kind: str, distinct: int) -> None:
    plain = texts(70_000, distinct)
    column = plain.dictionary_encode() if kind == "dictionary" else plain.cast(kind)
    chunks = pa.chunked_array([column.slice(0, 5), column.slice(5, 9_000), column.slice(9_005)])
    order, starts = sorted_groups(pa.table({"k": chunks}))
    keys = [(text is None, (text or "").encode()) for text in plain.to_pylist()]
    expected = sorted(range(len(keys)), key=lambda i: keys[i])
    assert order.to_pylist() == expected
    assert starts.to_pylist() == [
        at for at, i in enumerate(expected) if at == 0 or keys[i] != keys[expected[at - 1]]
    ]


def described(rows: pa.Table) -> pa.Table:
    """The values of x and their type, as the function sees them."""
    import pyarrow as pa

    values = [x.as_py() for x in rows["x"]]
    return pa.table({"text": [repr(values)], "type": [str(rows.schema.field("x").type)]})


def union(mode: str) -> pa.Array:
    codes = pa.array([0, 1, 0, 1, 0, 1], pa.int8())
    views = pa.array(TEXTS, pa.string_view())
    if mode == "sparse":
        return pa.UnionArray.from_sparse(codes, [pa.array(range(6)), views])
    offsets = pa.array([0, 0, 1, 1, 2, 2], pa.int32())
    return pa.UnionArray.from_dense(codes, offsets, [pa.array(range(3)), views])


DAY = datetime.date(2026, 11, 22)
LISTS = [["x", None], None, [], [LONG], [None], ["y"]]
COLUMNS: dict[str, pa.Array] = {
    "string_view": pa.array(TEXTS, pa.string_view()),
    "binary_view": pa.array([t and t.encode() for t in TEXTS], pa.binary_view()),
    "large_string": pa.array(TEXTS, pa.large_string()),
    "run ends": pc.run_end_encode(pa.array(["a", "a", None, None, "b", "b"])),
    "run ends of 16 bits": pc.run_end_encode(pa.array(TEXTS), run_end_type=pa.int16()),
    "dictionary": pa.array(TEXTS).dictionary_encode(),
    "dictionary of views": pa.DictionaryArray.from_arrays(
        pa.array([0, 1, None, 0, 1, 1], pa.int8()), pa.array(["x", LONG], pa.string_view())
    ),
    "list of views": pa.array(LISTS, pa.list_(pa.string_view())),
    "large list of views": pa.array(LISTS, pa.large_list(pa.string_view())),
    "list view": pa.array(LISTS, pa.list_view(pa.string())),
    "list view of views": pa.array(LISTS, pa.list_view(pa.string_view())),
    "large list view": pa.array(LISTS, pa.large_list_view(pa.string())),
    "fixed size list of views": pa.array(
        [["a", LONG], None, [None, ""], ["x", "y"], ["", None], [LONG, LONG]],
        pa.list_(pa.string_view(), 2),
    ),
    "map of views": pa.array(
        [[("a", LONG)], None, [], [("b", None), (LONG, "c")], [("", "")], []],
        pa.map_(pa.string_view(), pa.string_view()),
    ),
    "struct of views": pa.array(
        [{"a": t, "b": 1} for t in TEXTS[:4]] + [None, {"a": None, "b": None}], POINT
    ),
    "list of structs of views": pa.array(
        [[{"a": t, "b": 1}] for t in TEXTS[:4]] + [None, [None, {"a": None, "b": None}]],
        pa.list_(POINT),
    ),
    "sparse union of views": union("sparse"),
    "dense union of views": union("dense"),
    "uuid": pa.array([b"0" * 16, None, b"1" * 16] * 2, pa.uuid()),
    "null": pa.nulls(6),
    "float16": pa.array([1.5, None, 0, 2, 3, 4], pa.float32()).cast(pa.float16()),
    "decimal32": pa.array([Decimal("1.5"), None] * 3, pa.decimal32(5, 1)),
    "decimal256": pa.array([Decimal("1.5"), None] * 3, pa.decimal256(50, 1)),
    "uint64": pa.array([2**64 - 1, None] * 3, pa.uint64()),
    "time": pa.array([1, None] * 3, pa.time32("s")),
    "interval": pa.array([(1, 2, 3), None] * 3, pa.month_day_nano_interval()),
    "date64": pa.array([DAY, None] * 3, pa.date64()),
    "fixed size binary": pa.array([b"ab", None] * 3, pa.binary(2)),
}


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_every_type(shared_env: Env, name: str, pieces: int) -> None:
    column = COLUMNS[name]
    keys = [2, 1, 2, None, 1, 2]
    table = pa.table({"k": keys, "x": column})
    size = len(keys) // pieces
    table = pa.concat_tables(table.slice(i, size) for i in range(0, len(keys), size))
    found = udfrunner.map_groups(
        described, table, "k", "text string, type string", env=shared_env
    ).to_pylist()
    values = column.to_pylist()
    if name.startswith("run ends"):
        values = pc.run_end_decode(column).to_pylist()
    expected = [[values[i] for i, k in enumerate(keys) if k == key] for key in (1, 2, None)]
    assert found == [{"text": repr(each), "type": str(column.type)} for each in expected]


@pytest.mark.parametrize("name", COLUMNS)
def test_rows_of_every_type(name: str) -> None:
    column = COLUMNS[name]
    for array in (column, column.slice(1, 4), column.slice(6)):
        values = [array[i].as_py() for i in range(len(array))]
        for rows in ([], list(range(len(array)))[::-1], [0, 0, len(array) - 1] * bool(len(array))):
            found = take(array, pa.array(rows, pa.int64()))
            found.validate(full=True)
            assert found.type == array.type
            assert [found[i].as_py() for i in range(len(found))] == [values[i] for i in rows]


def test_cogroups_of_nested_keys_and_views(shared_env: Env) -> None:
    def both(key: Any, left: pa.Table, right: pa.Table) -> pa.Table:
        import pyarrow as pa

        of = [str(key[0].as_py()), left["x"].to_pylist(), right["y"].to_pylist()]
        return pa.table({"text": [repr(of)]})

    left = pa.table(
        {"x": pa.array(["a", LONG, "c"], pa.string_view()), "k": [[0.0], [float("nan")], None]}
    )
    right = pa.table(
        {"y": pa.array([1, 2, 3]), "k": [[-0.0], [2.0], None]},
    )
    found = udfrunner.map_cogroups(
        both, left, right, "k", "text string", kind="arrow", env=shared_env
    )
    assert [eval(row) for row in found["text"].to_pylist()] == [
        ["[0.0]", ["a"], [1]],
        ["[2.0]", [], [2]],
        ["[nan]", [LONG], []],
        ["None", ["c"], [3]],
    ]


def test_cogroups_of_encodings_of_one_key(shared_env: Env) -> None:
    left = pa.table({"k": pa.array(["a", "b"], pa.string_view()), "v": [1, 2]})
    sizes = "k string, l long, r long"
    for k in (
        pa.array(["b", "c"]),
        pa.array(["b", "c"]).dictionary_encode(),
        pc.run_end_encode(pa.array(["b", "c"])),
        pa.array(["b", "c"], pa.large_string()),
    ):
        found = udfrunner.map_cogroups(
            "group_functions:arrow_sizes",
            left,
            pa.table({"k": k}),
            "k",
            sizes,
            kind="arrow",
            env=shared_env,
            includes=[TESTS],
        )
        assert [(row["l"], row["r"]) for row in found.to_pylist()] == [(1, 0), (1, 1), (0, 1)]


def test_more_text_than_one_column_holds(shared_env: Env) -> None:
    """Rows of a column beyond 2 GiB, which 32 bits offsets do not reach, in no order of the key."""
    size, rows = 1 << 20, 2_100

    def ends(group: pa.Table) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        text = group["text"].cast(pa.binary())
        size = pc.binary_length(text).cast(pa.string()).cast(pa.binary())
        begin, end = pc.binary_slice(text, 0, 4), pc.binary_slice(text, -4)
        edges = pc.binary_join_element_wise(begin, end, size, b"").cast(pa.string())
        return pa.table({"rows": [group["v"].to_pylist()], "edges": [edges.to_pylist()]})

    blocks = [pa.array([f"{i:04}".ljust(size - 4, ".") + f"{i:04}" for i in range(7)])] * 300
    table = pa.table(
        {
            "v": range(rows),
            "k": [i * 7919 % rows // 30 for i in range(rows)],
            "text": pa.chunked_array(blocks),
        }
    )
    assert table["text"].nbytes > 2**31
    found = udfrunner.map_groups(
        ends, table, "k", "rows array<long>, edges array<string>", env=shared_env
    ).to_pylist()
    assert [row for group in found for row in group["rows"]] == sorted(
        range(rows), key=lambda i: (i * 7919 % rows // 30, i)
    )
    for group in found:
        assert group["edges"] == [f"{i % 7:04}{i % 7:04}{size}" for i in group["rows"]]
