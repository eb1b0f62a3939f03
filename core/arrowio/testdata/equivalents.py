"""Writes IPC streams of Arrow types that stand for one Spark type, and compares what Go made of them.

equivalents.py write DIR      DIR/<case>.arrows and, as it is declared, DIR/<case>.declared
equivalents.py compare DIR    DIR/<case>@<note>.arrows, which are to be as declared
"""

from __future__ import annotations

import datetime
import decimal
import functools
import io
import itertools
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

ROWS = 61
TEXTS = [pa.string(), pa.large_string(), pa.string_view()]
BYTES = [pa.binary(), pa.large_binary(), pa.binary_view()]
LISTS: dict[str, Callable[[Any], pa.DataType]] = {
    "list": pa.list_,
    "large_list": pa.large_list,
    "list_view": pa.list_view,
    "large_list_view": pa.large_list_view,
}
INDICES = [pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64()]


def holes(values: list[Any], every: int = 5) -> list[Any]:
    return [None if i % every == 3 else v for i, v in enumerate(values)]


def words(count: int = ROWS) -> list[str]:
    return [["", "ä", "twelve bytes", f"longer than twelve: {i}"][i % 4] for i in range(count)]


def slices(array: pa.Array) -> list[pa.Array]:
    return [array, array.slice(1, 12), array.slice(3), array.slice(0, 0), array]


Case = tuple[str, list[pa.Array], list[pa.Array]]


def same(name: str, source: pa.Array, target: pa.Array) -> Case:
    return name, slices(source), slices(target)


def dictionary(indices: Sequence[int | None], t: pa.DataType, values: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(indices, t), values)


def families() -> Iterator[Case]:
    for types, convert in ((TEXTS, str), (BYTES, str.encode)):
        for values, note in (
            (holes(words()), "nulls"),
            (words(), "no nulls"),
            ([None] * 9, "all null"),
            ([""] * 9, "empty"),
        ):
            data = [None if v is None else convert(v) for v in values]
            for a, b in itertools.product(types, types):
                yield same(f"{a} to {b} {note}", pa.array(data, a), pa.array(data, b))
    chunks = [pa.array([f"long enough for a buffer {i}"], pa.string_view()) for i in range(5)]
    buffers = pa.concat_arrays(chunks)
    for t in TEXTS[:2]:
        yield same(f"views of many buffers to {t}", buffers, buffers.cast(t))


def dictionaries() -> Iterator[Case]:
    colours = holes(["red", "", "a green longer than twelve", None, "blue"], 9)
    picked = holes([i * 3 % 5 for i in range(ROWS)])
    chosen = [None if i is None else colours[i] for i in picked]
    for t, value, target in itertools.product(INDICES, TEXTS, TEXTS):
        if t == pa.int32() or value == target == pa.string():
            source = dictionary(picked, t, pa.array(colours, value))
            yield same(f"dictionary {t} of {value} to {target}", source, pa.array(chosen, target))
    plain: list[tuple[pa.DataType, list[Any]]] = [
        (pa.int8(), [1, -2, None]),
        (pa.int64(), [1, -(2**40), 7]),
        (pa.float64(), [1.5, None, float("inf")]),
        (pa.bool_(), [True, False, None]),
        (pa.decimal128(20, 2), [decimal.Decimal(3), None, decimal.Decimal(-5)]),
        (pa.date32(), [datetime.date(2024, 1, 1), None, datetime.date(1900, 1, 1)]),
        (pa.timestamp("us", "UTC"), [0, None, 10**15]),
        (pa.binary(3), [b"abc", None, b"def"]),
        (pa.null(), [None, None, None]),
        (pa.list_(pa.int32()), [[1, None], None, []]),
        (pa.struct([("a", pa.int32()), ("b", pa.string())]), [{"a": 1, "b": "x"}, None, {}]),
        (pa.map_(pa.string(), pa.int64()), [[("k", 1)], None, [("l", None), ("m", 2)]]),
        (pa.list_(pa.int16(), 2), [[1, 2], None, [3, None]]),
    ]
    indices = holes([i * 2 % 3 for i in range(ROWS)], 7)
    for t, values in plain:
        expected = pa.array([None if i is None else values[i] for i in indices], t)
        source = dictionary(indices, pa.int32(), pa.array(values, t))
        yield same(f"dictionary of {t}", source, expected)
        if t != pa.null():
            filled = [v for v in values if v is not None][:1]
            source = dictionary([0] * 9, pa.int8(), pa.array(filled, t))
            yield same(f"dictionary of {t} no nulls", source, pa.array(filled * 9, t))
    inner = dictionary([0, None, 1], pa.int8(), pa.array(["x", "y"], pa.large_string()))
    rows = pa.StructArray.from_arrays([inner, pa.array([1, 2, 3])], ["c", "n"])
    flat = pa.struct([("c", pa.string()), ("n", pa.int64())])
    expected = [None if i is None else rows[i].as_py() for i in indices]
    source = dictionary(indices, pa.int32(), rows)
    yield same("dictionary of struct of dictionary", source, pa.array(expected, flat))
    sets = [["a"], ["a", "b"], ["a", "b", "a longer text of a dictionary"], ["z"], ["y", "x"]]
    grown = [dictionary([0, None, len(s) - 1] * 3, pa.int8(), pa.array(s)) for s in sets]
    for count, note in ((5, "replaced"), (3, "delta")):
        for t in TEXTS:
            want = [pa.array(a.to_pylist(), t) for a in grown[:count]]
            yield f"dictionary {note} to {t}", grown[:count], want


def shape(text: pa.DataType, make: Callable[[Any], pa.DataType], key: pa.DataType) -> pa.DataType:
    row = pa.struct(
        [
            ("t", text),
            ("n", pa.int64()),
            ("f", pa.bool_()),
            ("d", pa.decimal128(20, 3)),
            ("v", pa.null()),
            ("b", pa.binary(2)),
        ]
    )
    return pa.struct(
        [
            ("name", text),
            ("tags", make(text)),
            ("deep", make(make(make(text)))),
            ("rows", make(row)),
            ("map", pa.map_(key, make(pa.struct([("t", text), ("l", make(pa.int16()))])))),
        ]
    )


def deep(i: int) -> Any:
    row = {"t": "x" * i, "n": i, "f": i % 2 == 0, "d": decimal.Decimal(i), "b": b"ab"}
    rows = [row, None, {**row, "f": None, "n": None, "t": None}][: i % 4]
    pairs = [(f"key {j}", [{"t": f"{j}" * j, "l": [j, None]}, None][: j % 3]) for j in range(i % 5)]
    return {
        "name": [None, "", f"a name that takes a buffer {i}"][i % 3],
        "tags": [None, [], ["a", None, "b" * i], ["c"]][i % 4],
        "deep": [[[["a", None], None, []], None, [[f"{i}"]]][: i % 4], None][i % 7 == 6],
        "rows": None if i % 5 == 4 else rows,
        "map": None if i % 6 == 5 else pairs,
    }


def nested() -> Iterator[Case]:
    data = holes([deep(i) for i in range(ROWS)], 8)
    coded = [pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int8(), pa.large_string())]
    targets = [
        ("spark", shape(pa.string(), pa.list_, pa.string())),
        ("large", shape(pa.large_string(), pa.list_, pa.large_string())),
        ("views", shape(pa.string_view(), pa.large_list_view, pa.string_view())),
    ]
    for text, name, (note, target) in itertools.product(TEXTS + coded, LISTS, targets):
        key = text if text in TEXTS else pa.large_string()
        source = shape(text, LISTS[name], key)
        array = pa.array(data, source)
        yield same(f"{name} and {text} nested to {note}", array, pa.array(data, target))
        if text in TEXTS:
            indices = [i * 5 % ROWS for i in range(ROWS)]
            coded_rows = dictionary(indices, pa.int16(), array)
            expected = pa.array([data[i] for i in indices], target)
            yield same(f"dictionary of {name} and {text} to {note}", coded_rows, expected)


def lists() -> Iterator[Case]:
    data = holes([holes(list(range(i % 4 + i % 7)), 4) for i in range(ROWS)])
    for a, b in itertools.product(LISTS, LISTS):
        source, target = LISTS[a](pa.int32()), LISTS[b](pa.int32())
        yield same(f"{a} to {b}", pa.array(data, source), pa.array(data, target))
    threes = holes([[i, None, -i] for i in range(ROWS)])
    texts = holes([[f"{i}", None, "x" * i] for i in range(ROWS)])
    for b, make in LISTS.items():
        source = pa.array(threes, pa.list_(pa.int16(), 3))
        yield same(f"fixed size list to {b}", source, pa.array(threes, make(pa.int16())))
        source = pa.array(texts, pa.list_(pa.large_string(), 3))
        yield same(f"fixed size list of text to {b}", source, pa.array(texts, make(pa.string())))
        source = pa.array([[], None, []], pa.list_(pa.int16(), 0))
        expected = pa.array([[], None, []], make(pa.int16()))
        yield same(f"fixed size list of 0 to {b}", source, expected)
    fixed = pa.array(texts, pa.list_(pa.large_string(), 3))
    yield same("items of fixed size list", fixed, pa.array(texts, pa.list_(pa.string(), 3)))
    offsets, sizes = pa.array([7, 3, 3, 0, 9], pa.int32()), pa.array([2, 4, 0, 9, 1], pa.int32())
    mask = pa.array([False, True, False, False, False])
    items: list[pa.Array] = [
        pa.array(list(range(10))),
        pa.array(holes(words(10)), pa.string_view()),
        pa.array(holes(words(10)), pa.large_string()),
        pa.array(holes([[i] * (i % 3) for i in range(10)]), pa.list_(pa.int8())),
        pa.array(holes([[f"{i}"] * (i % 3) for i in range(10)]), pa.list_view(pa.string())),
        pa.array(holes([[i, None] for i in range(10)]), pa.list_(pa.int8(), 2)),
        pa.array(holes([{"a": i, "b": None} for i in range(10)])),
        pa.array(holes([[("k", i)] for i in range(10)]), pa.map_(pa.large_string(), pa.int8())),
        pa.array(holes([i % 2 == 0 for i in range(10)])),
        pa.array([decimal.Decimal(i) for i in range(10)], pa.decimal128(5, 1)),
        pa.nulls(10),
        pa.array(holes(words(10))).dictionary_encode(),
    ]
    plain = {
        pa.string_view(): pa.string(),
        pa.large_string(): pa.string(),
        pa.list_view(pa.string()): pa.list_(pa.string()),
        pa.map_(pa.large_string(), pa.int8()): pa.map_(pa.string(), pa.int8()),
        pa.dictionary(pa.int32(), pa.string()): pa.string(),
    }
    for values in items:
        for note, m in (("", None), (" with null", mask)):
            source = pa.ListViewArray.from_arrays(offsets, sizes, values, mask=m)
            target = pa.list_(plain.get(values.type, values.type))
            expected = pa.array(source.to_pylist(), target)
            yield f"overlapping views of {values.type}{note}", [source], [expected]


def others() -> Iterator[Case]:
    stamps = pa.array(holes(list(range(ROWS))), pa.int64())
    zones = [pa.timestamp("us", zone) for zone in ("Europe/Berlin", "UTC")]
    yield same("time zone", *(stamps.view(zone) for zone in zones))
    row = pa.struct([("s", pa.large_string()), ("t", zones[0])])
    want = pa.struct([("s", pa.string()), ("t", zones[1])])
    data = [{"s": f"{i}", "t": i} for i in range(ROWS)]
    yield same("time zone beside text", pa.array(data, row), pa.array(data, want))


MAKERS = [families, dictionaries, nested, lists, others]


def refused() -> Iterator[tuple[str, pa.DataType, pa.DataType]]:
    pairs: list[tuple[pa.DataType, pa.DataType]] = [
        (pa.int32(), pa.int64()),
        (pa.uint32(), pa.int32()),
        (pa.float32(), pa.float64()),
        (pa.timestamp("ms"), pa.timestamp("us")),
        (pa.timestamp("ns", "UTC"), pa.timestamp("us", "UTC")),
        (pa.timestamp("us"), pa.timestamp("us", "UTC")),
        (pa.timestamp("us", "UTC"), pa.timestamp("us")),
        (pa.date64(), pa.date32()),
        (pa.duration("ns"), pa.duration("us")),
        (pa.string(), pa.binary()),
        (pa.large_binary(), pa.string()),
        (pa.binary(4), pa.binary()),
        (pa.decimal256(10, 2), pa.decimal128(10, 2)),
        (pa.decimal128(10, 2), pa.decimal128(10, 3)),
        (pa.list_(pa.int32()), pa.list_(pa.int64())),
        (pa.list_view(pa.int32()), pa.list_(pa.int64())),
        (pa.list_(pa.int32()), pa.list_(pa.int32(), 2)),
        (pa.map_(pa.string(), pa.int32()), pa.list_(pa.struct([("key", pa.string())]))),
        (pa.struct([("a", pa.large_string())]), pa.struct([("b", pa.string())])),
        (pa.struct([("a", pa.large_string())]), pa.struct([("a", pa.binary())])),
        (pa.dictionary(pa.int8(), pa.int32()), pa.int64()),
        (pa.dictionary(pa.int8(), pa.string()), pa.binary()),
        (pa.string(), pa.dictionary(pa.int8(), pa.string())),
        (pa.run_end_encoded(pa.int32(), pa.string()), pa.string()),
    ]
    union = pa.dense_union([pa.field("a", pa.string())])
    pairs.append((pa.list_view(union), pa.list_(union)))
    other = pa.dense_union([pa.field("a", pa.large_string())])
    pairs.append((other, union))
    for i, (source, target) in enumerate(pairs):
        yield f"refused {i} {source} for {target}", source, target


@functools.cache
def cases() -> dict[str, tuple[list[pa.Array], list[pa.Array]]]:
    found: dict[str, tuple[list[pa.Array], list[pa.Array]]] = {}
    for make in MAKERS:
        for name, source, target in make():
            if name in found:
                raise SystemExit(f"two cases are named {name!r}")
            found[name] = (source, target)
    # Beside columns that stay as they are, and many at once.
    whole = [name for name, (source, _) in found.items() if len(source[0]) == ROWS]
    sides = []
    for side in range(2):
        columns = [found[name][side][0] for name in whole]
        numbers = pa.array(range(ROWS), pa.int64())
        both = itertools.chain.from_iterable((c, numbers) for c in columns)
        sides.append(
            pa.StructArray.from_arrays(list(both), [f"c{i}" for i in range(2 * len(whole))])
        )
    found["all"] = (slices(sides[0]), slices(sides[1]))
    return found


def stream(schema: pa.Schema, arrays: list[pa.Array], deltas: bool = False) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
    with pa.ipc.new_stream(sink, schema, options=options) as out:
        for array in arrays:
            out.write_batch(batch(schema, array))
    return sink.getvalue()


def batch(schema: pa.Schema, array: pa.Array) -> pa.RecordBatch:
    if len(schema) > 1:
        return pa.RecordBatch.from_struct_array(array)
    return pa.record_batch([array], schema=schema)


def schema_of(name: str, t: pa.DataType) -> pa.Schema:
    return pa.schema(list(t) if name == "all" else [pa.field("column", t)])


def write(directory: pathlib.Path) -> None:
    for name, (source, target) in cases().items():
        schemas = [schema_of(name, arrays[0].type) for arrays in (source, target)]
        got = stream(schemas[0], source, "delta" in name)
        (directory / f"{name}.arrows").write_bytes(got)
        (directory / f"{name}.declared").write_bytes(stream(schemas[1], target))
    for name, s, t in refused():
        (directory / f"{name}.arrows").write_bytes(stream(schema_of(name, s), []))
        (directory / f"{name}.declared").write_bytes(stream(schema_of(name, t), []))


def compare(directory: pathlib.Path) -> None:
    compared = 0
    for path in sorted(directory.glob("*.arrows")):
        name = path.stem.partition("@")[0]
        target = cases()[name][1]
        own = pa.ipc.open_stream(stream(schema_of(name, target[0].type), target))
        reader = pa.ipc.open_stream(path.read_bytes())
        if not reader.schema.equals(own.schema, check_metadata=True):
            raise SystemExit(f"{path.stem}: {reader.schema}, expected {own.schema}")
        got, wanted = list(reader), list(own)
        if len(got) != len(wanted):
            raise SystemExit(f"{path.stem}: {len(got)} batches, expected {len(wanted)}")
        for i, (found, want) in enumerate(zip(got, wanted)):
            found.validate(full=True)
            if not found.equals(want):
                values = f"{found.to_pydict()}\nexpected\n{want.to_pydict()}"
                raise SystemExit(f"{path.stem}: batch {i}\n{values[:5000]}")
            compared += 1
    print(compared)


if __name__ == "__main__":
    {"write": write, "compare": compare}[sys.argv[1]](pathlib.Path(sys.argv[2]))
