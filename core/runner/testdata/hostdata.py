"""Writes IPC streams of data as hosts have it.

hostdata.py DIR      DIR/<case>.arrows
"""

from __future__ import annotations

import datetime
import pathlib
import sys

import pyarrow as pa  # type: ignore[import-untyped]

#: Instants before, between and after the changes to and from summer time of two zones, as UTC.
INSTANTS = [
    "2024-03-10T06:59:59", "2024-03-10T07:00:00", "2024-11-03T04:30:00", "2024-11-03T07:30:00",
    "2024-03-31T00:59:59", "2024-03-31T01:00:00", "2024-10-26T23:30:00", "2024-10-27T02:30:00",
    "1969-12-31T23:59:59.999999", "2100-07-01T12:00:00",
]  # fmt: skip

#: Instants whose clock time comes twice, in one zone or the other.
TWICE = ["2024-11-03T05:30:00", "2024-11-03T06:30:00", "2024-10-27T00:30:00", "2024-10-27T01:30:00"]


def stamps(texts: list[str], zone: str) -> pa.Array:
    values = [datetime.datetime.fromisoformat(t).replace(tzinfo=datetime.timezone.utc) for t in texts]
    return pa.array([*values, None], pa.timestamp("us", zone))


def nested(t: pa.Array) -> pa.RecordBatch:
    """The timestamps in a column, in lists, structs and maps; k is a key."""
    count = len(t)
    lists = pa.ListArray.from_arrays(pa.array(range(count + 1), pa.int32()), t)
    maps = pa.MapArray.from_arrays(pa.array(range(count + 1), pa.int32()), ["x"] * count, t)
    structs = pa.StructArray.from_arrays([t, pa.array(range(count))], ["t", "i"])
    return pa.record_batch([[1] * count, t, lists, structs, maps], ["k", "t", "l", "s", "m"])


def cases() -> dict[str, pa.RecordBatch]:
    zones = ["UTC", "Europe/Paris", "America/New_York", "Asia/Tokyo", "+05:30"]
    made = {f"seen {zone}": nested(stamps(INSTANTS + TWICE, zone)) for zone in zones}
    made |= {f"instants {zone}": nested(stamps(INSTANTS, zone)) for zone in zones}
    interval = pa.array([pa.MonthDayNano([1, 2, 3])])
    made["refused"] = pa.record_batch([pa.StructArray.from_arrays([interval], ["i"])], ["s"])
    return made


def main(directory: pathlib.Path) -> None:
    for name, batch in cases().items():
        with pa.ipc.new_stream(str(directory / f"{name.replace('/', '-')}.arrows"), batch.schema) as out:
            out.write_batch(batch)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
