"""Writes IPC streams of data as hosts have it.

hostdata.py DIR      DIR/<case>.arrows
"""

from __future__ import annotations

import datetime
import decimal
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

#: Instants before, between and after the changes to and from summer time of two zones, as UTC.
INSTANTS = [
    "2024-03-10T06:59:59", "2024-03-10T07:00:00", "2024-11-03T04:30:00", "2024-11-03T07:30:00",
    "2024-03-31T00:59:59", "2024-03-31T01:00:00", "2024-10-26T23:30:00", "2024-10-27T02:30:00",
    "1969-12-31T23:59:59.999999", "2030-07-01T12:00:00",
]  # fmt: skip

#: Instants whose clock time comes twice, in one zone or the other.
TWICE = ["2024-11-03T05:30:00", "2024-11-03T06:30:00", "2024-10-27T00:30:00", "2024-10-27T01:30:00"]


def stamps(texts: list[str], zone: str) -> pa.Array:
    values = [
        datetime.datetime.fromisoformat(t).replace(tzinfo=datetime.timezone.utc) for t in texts
    ]
    return pa.array([*values, None], pa.timestamp("us", zone))


def nested(t: pa.Array) -> pa.RecordBatch:
    """The timestamps in a column, in lists, structs and maps; k is a key."""
    count = len(t)
    lists = pa.ListArray.from_arrays(pa.array(range(count + 1), pa.int32()), t)
    maps = pa.MapArray.from_arrays(pa.array(range(count + 1), pa.int32()), ["x"] * count, t)
    structs = pa.StructArray.from_arrays([t, pa.array(range(count))], ["t", "i"])
    return pa.record_batch([[1] * count, t, lists, structs, maps], ["k", "t", "l", "s", "m"])


def pairs() -> list[tuple[pa.Array, pa.Array]]:
    """Columns of types that Spark has no such type for, and as it would have sent them."""
    texts = ["a", None, "a text that no view holds in itself", "", "ä"] * 3
    numbers = [1, 0, None, 255, 7] * 3
    days = [datetime.date(1969, 12, 31), None, datetime.date(2024, 2, 29)] * 5
    times = [
        datetime.datetime(1969, 12, 31, 23, 59, 59),
        None,
        datetime.datetime(2024, 3, 31, 2, 30),
    ] * 5
    spans = [datetime.timedelta(days=-1, seconds=1), None, datetime.timedelta(seconds=90)] * 5
    cents = [decimal.Decimal("-1.25"), None, decimal.Decimal("0.00")] * 5
    lists = [["x", None], None, [], ["a text that no view holds in itself"], ["y"]] * 3
    deep = [{"v": t, "u": n} for t, n in zip(texts, numbers)]
    binaries = [None if t is None else t.encode() for t in texts]
    sixteen = [bytes(range(i, i + 16)) if i % 4 else None for i in range(15)]
    text, binary, us = pa.string(), pa.binary(), pa.timestamp("us")

    def both(
        values: list[Any], foreign: pa.DataType, spark: pa.DataType
    ) -> tuple[pa.Array, pa.Array]:
        return pa.array(values, foreign), pa.array(values, spark)

    made = [
        both(texts, pa.string_view(), text), both(binaries, pa.binary_view(), binary),
        both(sixteen, pa.binary(16), binary),
        (pa.array(texts).dictionary_encode(), pa.array(texts)),
        (pa.array(texts, pa.string_view()).dictionary_encode(), pa.array(texts)),
        (pa.array(times, pa.timestamp("ns")).dictionary_encode(), pa.array(times, us)),
        (pc.run_end_encode(pa.array(texts)), pa.array(texts)),
        both(numbers, pa.uint8(), pa.int16()), both(numbers, pa.uint16(), pa.int32()),
        both(numbers, pa.uint32(), pa.int64()),
        both(numbers, pa.uint64(), pa.decimal128(20, 0)),
        (pa.array([None if n is None else np.float16(n / 2) for n in numbers], pa.float16()),
         pa.array([None if n is None else n / 2 for n in numbers], pa.float32())),
        both(days, pa.date64(), pa.date32()),
        both(cents, pa.decimal32(9, 2), pa.decimal128(9, 2)), both(cents, pa.decimal64(18, 2), pa.decimal128(18, 2)),
        both(cents, pa.decimal256(38, 2), pa.decimal128(38, 2)),
        both(lists, pa.list_view(pa.string_view()), pa.list_(text)),
        both(lists, pa.large_list_view(text), pa.list_(text)), both(lists, pa.large_list(text), pa.list_(text)),
        both([[n, 1] if n else None for n in numbers], pa.list_(pa.int32(), 2), pa.list_(pa.int32())),
        both(deep, pa.struct({"v": pa.string_view(), "u": pa.uint8()}), pa.struct({"v": text, "u": pa.int16()})),
        both([[("k", n)] for n in numbers], pa.map_(pa.string_view(), pa.uint16()), pa.map_(text, pa.int32())),
        (pa.ExtensionArray.from_storage(pa.uuid(), pa.array(sixteen, pa.binary(16))), pa.array(sixteen, binary)),
    ]  # fmt: skip
    for unit in ("s", "ms", "ns"):
        made.append(both(times, pa.timestamp(unit), us))
        made.append(both(times, pa.timestamp(unit, "Asia/Tokyo"), pa.timestamp("us", "UTC")))
        made.append(both(spans, pa.duration(unit), pa.duration("us")))
    return made


def clocks() -> list[tuple[pa.Array, pa.Array]]:
    """The same of times, which PySpark has from 4.1 on."""
    values = [datetime.time(23, 59, 59), None, datetime.time(1, 2, 3)]
    kinds = [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")]
    return [(pa.array(values, kind), pa.array(values, pa.time64("ns"))) for kind in kinds]


def table(arrays: list[pa.Array]) -> pa.RecordBatch:
    """Columns behind a key."""
    arrays = [pa.array([1] * len(arrays[0])), *arrays]
    return pa.record_batch(arrays, ["k"] + [f"c{i}" for i in range(1, len(arrays))])


def keys() -> Iterator[tuple[str, pa.RecordBatch]]:
    """Rows of three groups, whose key has types that Spark has no such type for."""
    texts = ["a"] * 3 + ["a text that no view holds in itself"] * 2 + ["b"]
    numbers = [1] * 3 + [2] * 2 + [255]
    for name, key in {
        "view": pa.array(texts, pa.string_view()),
        "dictionary": pa.DictionaryArray.from_arrays([0, 2, 0, 1, 1, 3], ["a", texts[3], "a", "b"]),
        "runs": pc.run_end_encode(pa.array(texts)),
        "uint8": pa.array(numbers, pa.uint8()),
    }.items():
        yield f"key {name}", pa.record_batch([key, list(range(6))], ["k", "v"])


def plain() -> pa.RecordBatch:
    """spark.range(0, 10, 1, 1) with a text and a key of each, the key first.

    selectExpr("id", "cast(id as string) x", "cast(id % 1 as int) k").
    """
    texts, keys = [str(i) for i in range(10)], pa.array([0] * 10, pa.int32())
    return pa.record_batch([keys, list(range(10)), texts], ["k", "id", "x"])


def wide() -> pa.RecordBatch:
    """spark.range(0, 40, 1, 1).selectExpr(
    "id", "repeat('x', cast(id as int)) x", "array(id, id+1) l", "map('a',id) m",
    "struct(id, id%2=0 b, cast(null as string) s) st", "cast(id as decimal(20,2)) d", "id%2=0 bo", "current_date() da")
    """
    ids = list(range(40))
    struct = pa.struct({"id": pa.int64(), "b": pa.bool_(), "s": pa.string()})
    arrays = {
        "id": ids,
        "x": ["x" * i for i in ids],
        "l": [[i, i + 1] for i in ids],
        "m": pa.array([[("a", i)] for i in ids], pa.map_(pa.string(), pa.int64())),
        "st": pa.array([{"id": i, "b": i % 2 == 0, "s": None} for i in ids], struct),
        "d": pa.array([decimal.Decimal(i) for i in ids], pa.decimal128(20, 2)),
        "bo": [i % 2 == 0 for i in ids],
        "da": [datetime.date(2024, 1, 1)] * 40,
    }
    return pa.record_batch(list(arrays.values()), list(arrays))


def user_defined() -> pa.RecordBatch:
    """A column as a Parquet file has it that Spark wrote from one of a user-defined type."""
    udt = {"type": "udt", "pyClass": "seen.ShoutUDT", "serializedClass": None, "sqlType": "string"}
    fields = [{"name": "u", "type": udt, "nullable": True, "metadata": {}}]
    said = json.dumps({"type": "struct", "fields": fields})
    batch = pa.record_batch([[1, 2], ["a", "b"]], ["k", "u"])
    return batch.replace_schema_metadata({"org.apache.spark.sql.parquet.row.metadata": said})


def cases() -> dict[str, pa.RecordBatch]:
    zones = ["UTC", "Europe/Paris", "America/New_York", "Asia/Tokyo", "+05:30"]
    made = {f"seen {zone}": nested(stamps(INSTANTS + TWICE, zone)) for zone in zones}
    made |= {f"instants {zone}": nested(stamps(INSTANTS, zone)) for zone in zones}
    for name, columns in {"types": pairs(), "clocks": clocks()}.items():
        made[f"{name} foreign"] = table([foreign for foreign, _ in columns])
        made[f"{name} spark"] = table([spark for _, spark in columns])
    made |= dict(keys()) | {"plain": plain(), "wide": wide(), "user-defined": user_defined()}
    made["lost digits"] = pa.record_batch([pa.array([1000, 1001], pa.timestamp("ns"))], ["t"])
    interval = pa.array([pa.MonthDayNano([1, 2, 3])])
    made["no columns"] = pa.RecordBatch.from_struct_array(pa.array([{}] * 3, pa.struct([])))
    made["void"] = pa.record_batch([pa.nulls(3)], ["v"])
    made["rows"] = pa.record_batch([[0] * 10, list(range(10))], ["k", "id"])
    made["no rows"] = made["rows"].slice(0, 0)
    made["refused"] = pa.record_batch([pa.StructArray.from_arrays([interval], ["i"])], ["s"])
    return made


def main(directory: pathlib.Path) -> None:
    for name, batch in cases().items():
        with pa.ipc.new_stream(
            str(directory / f"{name.replace('/', '-')}.arrows"), batch.schema
        ) as out:
            out.write_batch(batch)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
