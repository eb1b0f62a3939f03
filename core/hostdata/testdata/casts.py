"""Writes what a host may send, and what pyarrow casts it to, for the Go tests.

casts.py DIR    DIR/<case>.host.arrows and DIR/<case>.spark.arrows, streams of one column in
                batches of the same rows
"""

from __future__ import annotations

import decimal
import pathlib
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

ROWS = 1000
random_ = random.Random(1)

Case = tuple[str, pa.Array, pa.Array]


def holes(values: list[Any]) -> list[Any]:
    return [None if random_.random() < 0.15 else v for v in values]


def integers(low: int, high: int) -> list[Any]:
    edges = [low, high, 0, high // 2, high // 2 + 1]
    return holes(edges + [random_.randint(low, high) for _ in range(ROWS - len(edges))])


def texts() -> list[Any]:
    sizes = [0, 1, 11, 12, 13, 31, 32, 33, 300]
    letters = "aä€😀"
    made = ["".join(random_.choices(letters, k=random_.choice(sizes))) for _ in range(ROWS)]
    return holes(made)


def cast(source: pa.Array, target: pa.DataType) -> Case:
    return f"{source.type} to {target}", source, source.cast(target)


def numbers() -> Iterator[Case]:
    for bits, target in ((8, pa.int16()), (16, pa.int32()), (32, pa.int64())):
        source = pa.array(integers(0, 2**bits - 1), getattr(pa, f"uint{bits}")())
        yield cast(source, target)
    longs = integers(0, 2**64 - 1)
    expected = [None if v is None else decimal.Decimal(v) for v in longs]
    yield (
        "uint64 to decimal",
        pa.array(longs, pa.uint64()),
        pa.array(expected, pa.decimal128(20, 0)),
    )
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    with np.errstate(all="ignore"):
        yield "halffloat to float", pa.array(halves), pa.array(halves.astype(np.float32))
    for t in (pa.decimal32(9, 3), pa.decimal64(18, 3), pa.decimal256(38, 3)):
        values = integers(-(10**t.precision) + 1, 10**t.precision - 1)
        with decimal.localcontext() as context:
            context.prec = 80
            exact = [None if v is None else decimal.Decimal(v).scaleb(-3) for v in values]
            yield (
                f"{t} to decimal128",
                pa.array(exact, t),
                pa.array(exact, pa.decimal128(t.precision, 3)),
            )


def times() -> Iterator[Case]:
    days = [None if v is None else v * 86_400_000 for v in integers(-(2**31), 2**31 - 1)]
    yield cast(pa.array(days, pa.date64()), pa.date32())
    for unit, per_second in (("s", 1), ("ms", 1000), ("us", 10**6)):
        count = integers(0, 86400 * per_second - 1)
        t = pa.time64(unit) if unit == "us" else pa.time32(unit)
        width = pa.int64() if unit == "us" else pa.int32()
        yield cast(pa.array(count, width).view(t), pa.time64("ns"))
    for unit, high in (
        ("s", 2**63 // 10**6 - 1),
        ("ms", 2**63 // 1000 - 1),
        ("ns", 2**63 // 1000 - 1),
    ):
        count = integers(-high, high)
        if unit == "ns":
            count = [None if v is None else v * 1000 for v in count]
        longs = pa.array(count, pa.int64())
        yield cast(longs.view(pa.timestamp(unit, "UTC")), pa.timestamp("us", "UTC"))
        yield cast(longs.view(pa.duration(unit)), pa.duration("us"))


def bytes_() -> Iterator[Case]:
    words = texts()
    for t in (pa.string_view(), pa.large_string(), pa.string()):
        for target in (pa.string(), pa.large_string()):
            yield cast(pa.array(words, t), target)
    raw = [None if v is None else v.encode() for v in words]
    for t in (pa.binary_view(), pa.large_binary(), pa.binary()):
        for target in (pa.binary(), pa.large_binary()):
            yield cast(pa.array(raw, t), target)
    fixed = [None if v is None else v.to_bytes(5, "big") for v in integers(0, 2**40 - 1)]
    yield cast(pa.array(fixed, pa.binary(5)), pa.binary())
    chunks = [pa.array(words[i : i + 50], pa.string_view()) for i in range(0, ROWS, 50)]
    many = pa.concat_arrays(chunks)
    yield "views of many buffers", many, many.cast(pa.string())


def nested() -> Iterator[Case]:
    lists = holes([texts()[: random_.randint(0, 5)] for _ in range(20)]) * 5
    text = pa.list_(pa.string())
    for t in (pa.list_view, pa.large_list_view, pa.large_list, pa.list_):
        for item in (pa.string_view(), pa.large_string()):
            yield f"{t(item)}", pa.array(lists, t(item)), pa.array(lists, text)
    pairs = holes([[1, None], [None, 255], [0, 7]]) * 50
    yield (
        "fixed list",
        pa.array(pairs, pa.list_(pa.uint8(), 2)),
        pa.array(pairs, pa.list_(pa.int16())),
    )
    rows = [None if v is None else {"a": v, "b": [v, None], "c": [(v, 1)]} for v in texts()]
    of = lambda t, n, make: pa.struct([("a", t), ("b", make(t)), ("c", pa.map_(t, n))])
    source = of(pa.string_view(), pa.uint32(), pa.list_view)
    yield "struct", pa.array(rows, source), pa.array(rows, of(pa.string(), pa.int64(), pa.list_))
    words = pa.array(holes(["red", "", "a green longer than twelve", "blue"]), pa.string_view())
    picked = pa.array(holes([random_.randint(0, 3) for _ in range(ROWS)]), pa.uint32())
    codes = pa.DictionaryArray.from_arrays(picked, words)
    plain = pa.array(codes.to_pylist(), pa.string())
    yield "dictionary of views", codes, plain
    groups = pa.ListArray.from_arrays(pa.array(range(0, ROWS + 1, 4), pa.int32()), codes)
    yield "list of dictionary of views", groups, pa.array(groups.to_pylist(), pa.list_(pa.string()))
    repeated = pc.run_end_encode(pa.array(sorted(v for v in integers(0, 9) if v is not None)[3:]))
    yield "run ends", repeated, pc.run_end_decode(repeated)
    inside = pa.StructArray.from_arrays([codes, picked], ["c", "n"])
    target = pa.struct([("c", pa.string()), ("n", pa.int64())])
    yield "struct of dictionary", inside, pa.array(inside.to_pylist(), target)


def write(path: pathlib.Path, column: pa.Array) -> None:
    """Batches of the whole column and of slices of it."""
    schema = pa.schema([pa.field("x", column.type)])
    with pa.ipc.new_stream(path, schema) as writer:
        for piece in (column, column[3:], column[8:21], column[:0]):
            writer.write_batch(pa.record_batch([piece], schema=schema))


def main() -> None:
    directory = pathlib.Path(sys.argv[1])
    for make in (numbers, times, bytes_, nested):
        for name, source, expected in make():
            write(directory / f"{name}.host.arrows", source)
            write(directory / f"{name}.spark.arrows", expected)


main()
