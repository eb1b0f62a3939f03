"""Writes IPC streams of every Arrow type for the Go tests, and compares streams that Go wrote.

streams.py write DIR      DIR/<case>.arrows, and DIR/types.json with the columns' types
streams.py compare DIR    DIR/<case>[@<note>].arrows; a note <from>+<count>~... means slices of
                          that many rows of each batch
streams.py joined DIR     the same with batches that are joined of slices, DIR/<case>[@<note>].json,
                          a list of [batch, from, to] for each
"""

from __future__ import annotations

import ctypes
import datetime
import decimal
import functools
import io
import json
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

ROWS = 77


class CSchema(ctypes.Structure):
    """struct ArrowSchema, to get at types that pyarrow has no constructor for."""

    _fields_ = [
        ("format", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("metadata", ctypes.c_char_p),
        ("flags", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("children", ctypes.c_void_p),
        ("dictionary", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    ]


def type_of_format(text: bytes) -> pa.DataType:
    release = ctypes.CFUNCTYPE(None, ctypes.POINTER(CSchema))(
        lambda s: setattr(s.contents, "release", None)
    )
    schema = CSchema(format=text, release=ctypes.cast(release, ctypes.c_void_p).value)
    return pa.DataType._import_from_c(ctypes.addressof(schema))


def holes(values: list[Any], every: int = 5) -> list[Any]:
    return [None if i % every == 3 else v for i, v in enumerate(values)]


def numbers(count: int = ROWS) -> list[int]:
    return [(i * 37) % 101 - 50 for i in range(count)]


def texts(count: int = ROWS) -> list[str]:
    return [
        ["", "ä", "twelve bytes", f"longer than twelve bytes: {i}"][i % 4] for i in range(count)
    ]


def lists(count: int = ROWS) -> list[Any]:
    return holes([holes(list(range(i % 4 + i % 7)), 4) for i in range(count)])


def primitives() -> Iterator[tuple[str, pa.Array]]:
    ints = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
    for t in ints:
        yield str(t), pa.array(holes(numbers()), t)
        yield f"{t} without nulls", pa.array(numbers(), t)
    for t in [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]:
        yield str(t), pa.array(holes([abs(n) for n in numbers()]), t)
    yield "float16", pa.array(holes([np.float16(n / 4) for n in numbers()]), pa.float16())
    for t in [pa.float32(), pa.float64()]:
        yield str(t), pa.array(holes([n / 4 for n in numbers()]), t)
    yield "null", pa.nulls(ROWS)
    yield "bool", pa.array(holes([n % 3 == 0 for n in numbers()]))
    yield "bool without nulls", pa.array([n % 3 == 0 for n in numbers()])
    decimals = holes([decimal.Decimal(n) / 4 for n in numbers()])
    for t in [
        pa.decimal32(9, 2),
        pa.decimal64(18, 2),
        pa.decimal128(38, 10),
        pa.decimal256(76, 20),
    ]:
        yield str(t), pa.array(decimals, t)
    yield "decimal negative scale", pa.array([decimal.Decimal(1200)] * 3, pa.decimal128(5, -2))
    size = pa.array(holes([bytes([i, i + 1, i + 2]) for i in range(ROWS)]), pa.binary(3))
    yield "fixed size binary", size
    yield "fixed size binary 0", pa.array([b"", None, b""], pa.binary(0))


def temporals() -> Iterator[tuple[str, pa.Array]]:
    days = holes([datetime.date(1970, 1, 1) + datetime.timedelta(n) for n in numbers()])
    yield "date32", pa.array(days, pa.date32())
    yield "date64", pa.array(days, pa.date64())
    for unit in ["s", "ms", "us", "ns"]:
        time = pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)
        width = pa.int32() if unit in ("s", "ms") else pa.int64()
        counts = pa.array(holes([abs(n) for n in numbers()]), width)
        yield f"time {unit}", counts.view(time)
        longs = pa.array(holes(numbers()), pa.int64())
        yield f"timestamp {unit}", longs.view(pa.timestamp(unit))
        yield f"timestamp {unit} utc", longs.view(pa.timestamp(unit, "UTC"))
        yield f"duration {unit}", longs.view(pa.duration(unit))
    zone = pa.timestamp("us", "Europe/Berlin")
    yield "timestamp zone", pa.array(holes(numbers()), pa.int64()).view(zone)
    mdn = holes([pa.MonthDayNano([n, n + 1, n * 1000]) for n in numbers()])
    yield "interval month day nano", pa.array(mdn, pa.month_day_nano_interval())


def intervals(name: str) -> list[pa.RecordBatch]:
    """Batches of types that pyarrow has no arrays of, made from the C structs of plain numbers."""
    text, storage = {
        "interval months": (b"tiM", pa.array(holes(numbers()), pa.int32())),
        "interval day time": (b"tiD", pa.array(holes(numbers()), pa.int64())),
    }[name]
    schema = pa.schema([pa.field("column", type_of_format(text))])
    batches = []
    for plain in batches_of(storage):
        struct = (ctypes.c_int64 * 10)()
        plain._export_to_c(ctypes.addressof(struct))
        batches.append(pa.RecordBatch._import_from_c(ctypes.addressof(struct), schema))
    return batches


def binaries() -> Iterator[tuple[str, pa.Array]]:
    for t in [pa.string(), pa.large_string(), pa.string_view()]:
        yield str(t), pa.array(holes(texts()), t)
        yield f"{t} without nulls", pa.array(texts(), t)
        yield f"{t} all null", pa.nulls(5, t)
    for t in [pa.binary(), pa.large_binary(), pa.binary_view()]:
        yield str(t), pa.array(holes([text.encode() for text in texts()]), t)
    chunks = [pa.array([f"long enough for a buffer {i}"], pa.string_view()) for i in range(5)]
    yield "string_view of many buffers", pa.concat_arrays(chunks)


def nested() -> Iterator[tuple[str, pa.Array]]:
    for make in [pa.list_, pa.large_list, pa.list_view, pa.large_list_view]:
        t = make(pa.int32())
        yield str(t), pa.array(lists(), t)
        inner = make(pa.string())
        deep = holes([[["a", None], None, [], [f"{i}"]][: i % 5] for i in range(ROWS)])
        yield f"{t} deep", pa.array(deep, make(inner))
        yield (
            f"{t} of struct",
            pa.array(
                holes([[{"a": i, "b": "x" * i}] * (i % 3) for i in range(ROWS)]),
                make(pa.struct([("a", pa.int64()), ("b", pa.string())])),
            ),
        )
    overlapping = pa.ListViewArray.from_arrays(
        pa.array([7, 3, 3, 0, 9], pa.int32()),
        pa.array([2, 4, 0, 9, 1], pa.int32()),
        pa.array(list(range(10))),
    )
    yield "list view overlapping", overlapping
    fixed = holes([[i, None, -i] for i in range(ROWS)])
    yield "fixed size list", pa.array(fixed, pa.list_(pa.int16(), 3))
    yield "fixed size list 0", pa.array([[], None, []], pa.list_(pa.int16(), 0))
    yield (
        "fixed size list of bool",
        pa.array(holes([[i % 3 == 0, None, True] for i in range(ROWS)]), pa.list_(pa.bool_(), 3)),
    )
    rows = holes([{"a": i, "b": None if i % 4 == 0 else f"b{i}"} for i in range(ROWS)])
    row = pa.struct([pa.field("a", pa.int64(), nullable=True), ("b", pa.string())])
    yield "struct", pa.array(rows, row)
    yield (
        "struct of struct",
        pa.array(
            holes([{"s": r, "l": [i, None]} for i, r in enumerate(rows)]),
            pa.struct([("s", row), ("l", pa.list_(pa.int8()))]),
        ),
    )
    yield "struct without fields", pa.array([{}] * 9, pa.struct([]))
    maps = holes([[(f"k{j}", j if j % 2 else None) for j in range(i % 4)] for i in range(ROWS)])
    yield "map", pa.array(maps, pa.map_(pa.string(), pa.int32()))
    yield "map sorted", pa.array(maps, pa.map_(pa.string(), pa.int32(), keys_sorted=True))
    yield (
        "map named",
        pa.array(maps, pa.map_(pa.field("k", pa.string(), False), pa.field("v", pa.int32()))),
    )
    some = [row for row in maps if row is None or all(value is not None for _, value in row)]
    needed = pa.map_(pa.string(), pa.field("value", pa.int32(), False))
    yield "map of needed values", pa.array(some, needed)
    yield (
        "struct of needed",
        pa.array([{"a": 1}, {"a": 2}] * 9, pa.struct([pa.field("a", pa.int8(), False)])),
    )
    yield (
        "list of needed",
        pa.array([[1], [], [2, 3]] * 5, pa.list_(pa.field("item", pa.int8(), False))),
    )
    yield (
        "list item named",
        pa.array(lists(), pa.list_(pa.field("element", pa.int64(), True, {"spark": "yes"}))),
    )


def unions() -> Iterator[tuple[str, pa.Array]]:
    ids = pa.array([[5, 7, 5, 120][i % 4] for i in range(ROWS)], pa.int8())
    ints = pa.array(holes(numbers()), pa.int64())
    strings = pa.array(holes(texts()), pa.string())
    names, codes = ["n", "s", "b"], [5, 7, 120]
    flags = pa.array([i % 3 == 0 for i in range(ROWS)])
    yield "sparse union", pa.UnionArray.from_sparse(ids, [ints, strings, flags], names, codes)
    offsets = pa.array([i // 2 for i in range(ROWS)], pa.int32())
    dense = pa.UnionArray.from_dense(ids, offsets, [ints, strings, flags], names, codes)
    yield "dense union", dense
    positions = pa.array([0, 3, 3, 10, ROWS], pa.int32())
    yield "list of dense union", pa.ListArray.from_arrays(positions, dense)


def run_ends() -> Iterator[tuple[str, pa.Array]]:
    for t in [pa.int16(), pa.int32(), pa.int64()]:
        ends = pa.array([3, 4, 10, 40, ROWS], t)
        values = pa.array(["a", None, "b", "c", "a"])
        ree = pa.RunEndEncodedArray.from_arrays(ends, values)
        yield f"run ends {t}", ree
    yield "struct of run ends", pa.StructArray.from_arrays([ree, pa.array(numbers())], ["r", "n"])


def dictionaries() -> Iterator[tuple[str, pa.Array]]:
    words = pa.array(["red", "green", "blue"])
    for t in [
        pa.int8(),
        pa.uint8(),
        pa.int16(),
        pa.uint16(),
        pa.int32(),
        pa.uint32(),
        pa.int64(),
        pa.uint64(),
    ]:
        indices = pa.array(holes([i % 3 for i in range(ROWS)]), t)
        yield f"dictionary {t}", pa.DictionaryArray.from_arrays(indices, words)
    indices = pa.array([i % 3 for i in range(ROWS)], pa.int32())
    yield "dictionary ordered", pa.DictionaryArray.from_arrays(indices, words, ordered=True)
    yield (
        "dictionary with null",
        pa.DictionaryArray.from_arrays(indices, pa.array(["x", None, "y"])),
    )
    money = pa.array([decimal.Decimal(1), None, decimal.Decimal(3)], pa.decimal128(10, 2))
    yield "dictionary of decimal", pa.DictionaryArray.from_arrays(indices, money)
    views = pa.array(["x", "longer than twelve bytes", "y"], pa.string_view())
    yield "dictionary of view", pa.DictionaryArray.from_arrays(indices, views)
    colour = pa.DictionaryArray.from_arrays(indices, words)
    yield "struct of dictionary", pa.StructArray.from_arrays([colour, colour], ["a", "b"])
    positions = pa.array([0, 3, 3, 10, ROWS], pa.int32())
    yield "list of dictionary", pa.ListArray.from_arrays(positions, colour)
    many = pa.array([["a"], None, ["b", "c"]])
    yield "dictionary of list", pa.DictionaryArray.from_arrays(indices, many)
    inner = pa.StructArray.from_arrays([colour.slice(0, 3), pa.array([1, 2, 3])], ["c", "n"])
    yield "dictionary of struct of dictionary", pa.DictionaryArray.from_arrays(indices, inner)


def extensions() -> Iterator[tuple[str, pa.Array]]:
    raw = pa.array(holes([bytes([i] * 16) for i in range(ROWS)]), pa.binary(16))
    yield "extension uuid", pa.ExtensionArray.from_storage(pa.uuid(), raw)
    tensor = pa.fixed_shape_tensor(pa.int32(), [2, 2])
    cells = pa.array([[i, i, i, i] for i in range(9)], pa.list_(pa.int32(), 4))
    yield "extension tensor", pa.ExtensionArray.from_storage(tensor, cells)


MAKERS: list[Callable[[], Iterator[tuple[str, pa.Array]]]] = [
    primitives,
    temporals,
    binaries,
    nested,
    unions,
    run_ends,
    dictionaries,
    extensions,
]

Case = tuple[list[pa.RecordBatch], dict[str, Any]]


def batches_of(array: pa.Array) -> list[pa.RecordBatch]:
    """The array whole, in slices at odd places, empty, and whole again."""
    parts = [array, array.slice(1, 12), array.slice(3), array.slice(0, 0), array]
    return [pa.record_batch([part], ["column"]) for part in parts]


def many_columns() -> list[pa.RecordBatch]:
    columns: dict[str, pa.Array] = {}
    for make in MAKERS[:-1]:
        columns.update({name: a for name, a in make() if len(a) == ROWS})
    schema = pa.schema(
        [pa.field(n, a.type, metadata={"name": n}) for n, a in columns.items()], {"key": "value"}
    )
    whole = pa.record_batch(list(columns.values()), schema=schema)
    return [whole, whole.slice(5, 50)]


def growing(deltas: bool) -> list[pa.RecordBatch]:
    """Dictionaries that grow, or that are replaced."""
    sets: list[list[Any]] = [["a"], ["a", "b", None], ["a", "b", None, "a longer text"]]
    if not deltas:
        sets += [["z"], ["z"], ["y", "x"]]
    batches = []
    for words in sets:
        indices = pa.array([0, None, len(words) - 1] * 3, pa.int8())
        columns = [
            pa.DictionaryArray.from_arrays(indices, pa.array(words, t))
            for t in [pa.string(), pa.large_string(), pa.string_view()]
        ]
        flags = pa.array([w == "b" if w else None for w in words])
        lengths = pa.array([len(w) if w else None for w in words], pa.decimal128(5, 1))
        columns += [pa.DictionaryArray.from_arrays(indices, v) for v in (flags, lengths)]
        batches.append(pa.record_batch(columns, [f"c{i}" for i in range(len(columns))]))
    return batches


@functools.cache
def cases() -> dict[str, Callable[[], Case]]:
    found: dict[str, Callable[[], Case]] = {}
    for make in MAKERS:
        for name, array in make():
            found[name.replace("/", " ")] = lambda a=array: (batches_of(a), {})  # type: ignore[misc]
    empty = pa.schema([("a", pa.int64()), ("b", pa.string())])
    found["no batches"] = lambda: ([], {"schema": empty})
    no_columns = pa.record_batch([pa.array([{}] * 5, pa.struct([]))], ["s"])
    found["no columns"] = lambda: ([no_columns.select([])], {})
    for name in ["interval months", "interval day time"]:
        found[name] = lambda name=name: (intervals(name), {})  # type: ignore[misc]
    found["all columns"] = lambda: (many_columns(), {})
    found["dictionaries replaced"] = lambda: (growing(False), {})
    found["dictionaries delta"] = lambda: (growing(True), {"deltas": True})
    return found


def write(directory: pathlib.Path) -> None:
    types: dict[str, list[str]] = {}
    for name, make in cases().items():
        batches, options = make()
        schema = options.get("schema") or batches[0].schema
        ipc = pa.ipc.IpcWriteOptions(
            unify_dictionaries=False, emit_dictionary_deltas=options.get("deltas", False)
        )
        with pa.ipc.new_stream(str(directory / f"{name}.arrows"), schema, options=ipc) as out:
            for batch in batches:
                out.write_batch(batch)
        types[name] = [
            str(f.type.storage_type if isinstance(f.type, pa.BaseExtensionType) else f.type)
            for f in schema
        ]
    (directory / "types.json").write_text(json.dumps(types))


def expected(stem: str) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    name, _, cut = stem.partition("@")
    batches, options = cases()[name]()
    schema = options.get("schema") or batches[0].schema
    if "~" in cut:
        start, count = (int(part) for part in cut.split("~")[0].split("+"))
        batches = [b.slice(start, count) for b in batches if b.num_rows >= start + count]
    return schema, batches


def compare(directory: pathlib.Path) -> None:
    compared = 0
    for path in sorted(directory.glob("*.arrows")):
        schema, batches = expected(path.stem)
        # pyarrow drops the names of map entries when it reads them: compare with what it reads itself.
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, schema) as out:
            for batch in batches:
                out.write_batch(batch)
        own = pa.ipc.open_stream(sink.getvalue())
        schema, batches = own.schema, list(own)
        reader = pa.ipc.open_stream(path.read_bytes())
        if not reader.schema.equals(schema, check_metadata=True):
            pairs = [f"{a!r}, expected {b!r}" for a, b in zip(reader.schema, schema) if a != b]
            raise SystemExit(f"{path.stem}: schema differs: {pairs[:3]}")
        got = list(reader)
        if len(got) != len(batches):
            raise SystemExit(f"{path.stem}: {len(got)} batches, expected {len(batches)}")
        for i, (batch, want) in enumerate(zip(got, batches)):
            batch.validate(full=True)
            if not batch.equals(want):
                raise SystemExit(
                    f"{path.stem}: batch {i}\n{batch.to_pydict()}\nexpected\n{want.to_pydict()}"
                )
            compared += 1
    print(compared)


def concatenated(schema: pa.Schema, slices: list[pa.RecordBatch]) -> pa.RecordBatch | None:
    """The slices as one batch, None where pyarrow cannot put their types together."""
    if len(slices) == 1:
        return slices[0]
    try:
        table = pa.Table.from_batches(slices, schema).unify_dictionaries().combine_chunks()
        batches = table.to_batches()
        # Columns of several chunks, and tables of none, are no single batch.
        return batches[0] if len(batches) == 1 else None
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return None


def unequal(got: pa.RecordBatch, slices: list[pa.RecordBatch]) -> str:
    """What differs, value by value; "" where nothing does."""
    for i, column in enumerate(got.columns):
        value, want = column.to_pylist(), [v for s in slices for v in s.column(i).to_pylist()]
        if value != want:
            return f"column {i}: {value}\nexpected\n{want}"
    return ""


def repeats(column: pa.Array) -> bool:
    """Whether a dictionary of plain values has one twice."""
    if column.dictionary.type.num_fields > 0:
        return False
    return len(set(column.dictionary.to_pylist())) < len(column.dictionary)


def joined(directory: pathlib.Path) -> None:
    compared = whole = 0
    for path in sorted(directory.glob("*.arrows")):
        schema, batches = expected(path.stem)
        groups = json.loads(path.with_suffix(".json").read_text())
        got = list(pa.ipc.open_stream(path.read_bytes()))
        if len(got) != len(groups):
            raise SystemExit(f"{path.stem}: {len(got)} batches, expected {len(groups)}")
        for i, (batch, group) in enumerate(zip(got, groups)):
            batch.validate(full=True)
            slices = [batches[b].slice(start, end - start) for b, start, end in group]
            slices = slices or [b.slice(0, 0) for b in batches[:1]]
            if batch.num_rows != sum(s.num_rows for s in slices):
                raise SystemExit(f"{path.stem}: group {i} of {batch.num_rows} rows: {group}")
            compared += 1
            want = concatenated(schema, slices)
            if want is not None and batch.equals(want):
                whole += 1
            elif what := unequal(batch, slices):
                raise SystemExit(f"{path.stem}: group {i}, {what}")
            for k, field in enumerate(schema):
                if not pa.types.is_dictionary(field.type) or not group:
                    continue
                # pandas takes no categories of which two are equal.
                column = batch.column(k)
                if repeats(column) and not any(repeats(s.column(k)) for s in slices):
                    raise SystemExit(f"{path.stem}: group {i}, dictionary {column.dictionary}")
    if whole < compared // 2:
        raise SystemExit(f"{whole} of {compared} batches compared whole")
    print(compared)


if __name__ == "__main__":
    commands = {"write": write, "compare": compare, "joined": joined}
    commands[sys.argv[1]](pathlib.Path(sys.argv[2]))
