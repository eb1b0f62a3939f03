"""Functions that say what they see, and functions that give it back."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import Row
from pyspark.sql.types import StringType, UserDefinedType


class ShoutUDT(UserDefinedType):
    """A user-defined type that is stored as a string."""

    @classmethod
    def sqlType(cls) -> StringType:
        return StringType()

    @classmethod
    def module(cls) -> str:
        return "seen"

    def serialize(self, obj: Shout) -> str:
        return obj.text

    def deserialize(self, datum: str) -> Shout:
        return Shout(datum)


class Shout:
    """What it stands for."""

    __UDT__ = ShoutUDT()

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return repr(self.text)


def text(value: Any) -> str:
    """A value with its type, and those in it."""
    if value is None or value is pd.NaT:
        return "null"
    if isinstance(value, Row):
        return "Row" + text(value.asDict())
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple, np.ndarray)):
        return "[" + ", ".join(text(v) for v in value) + "]"
    if isinstance(value, datetime.datetime):
        return f"{type(value).__name__}({value.isoformat()})"
    if isinstance(value, datetime.timedelta):
        return f"{type(value).__name__}({value.total_seconds()!r})"
    return f"{type(value).__name__}({value!r})"


def rows(columns: list[Any]) -> list[str]:
    """A text a row of pandas columns, of which structs are frames."""
    lists = [c.to_dict("records") if isinstance(c, pd.DataFrame) else list(c) for c in columns]
    return ["; ".join(text(v) for v in row) for row in zip(*lists)]


def see_pandas(*columns: Any) -> pd.Series:
    return pd.Series(rows(list(columns)))


def see_frame(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"seen": rows([frame[name] for name in frame.columns])})


def see_frames(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    for frame in frames:
        yield see_frame(frame)


def see_both(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"seen": [*see_frame(left).seen, *see_frame(right).seen]})


def see_all(*columns: Any) -> str:
    return "\n".join(rows(list(columns)))


def see_objects(*values: Any) -> str:
    return "; ".join(text(v) for v in values)


def see_arrow(*columns: pa.Array) -> pa.Array:
    lists = [[f"{c.type} {v!r}" for v in c.cast(c.type).to_pylist()] for c in columns]
    return pa.array(["; ".join(row) for row in zip(*lists)])


def see_types(*columns: pa.Array) -> pa.Array:
    return pa.array(["; ".join(str(c.type) for c in columns)] * len(columns[0]))


def see_table(table: pa.Table) -> pa.Table:
    columns = [pa.concat_arrays(c.chunks) for c in table.columns]
    return pa.table({"seen": see_arrow(*columns)})


def see_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield pa.record_batch([see_arrow(*batch.columns)], ["seen"])


def same(value: Any) -> Any:
    return value


def same_batches(batches: Iterator[Any]) -> Iterator[Any]:
    yield from batches


def same_left(left: Any, right: Any) -> Any:
    return left


def count_arrow(x: pa.Array) -> pa.Array:
    return pa.array([len(x)] * len(x))


def count_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield pa.record_batch([[batch.num_rows]], ["n"])


def count_group(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield pa.record_batch([pa.array([[batch.num_rows for batch in batches]])], ["n"])


def count_table(table: pa.Table) -> pa.Table:
    return pa.table({"n": [[batch.num_rows for batch in table.to_batches()]]})


def count_tables(left: pa.Table, right: pa.Table) -> pa.Table:
    return count_table(left)
