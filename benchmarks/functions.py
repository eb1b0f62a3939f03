"""The functions that all sides run; workers import them from here."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def add_one(values: pa.Array) -> pa.Array:
    """An Arrow function of one column."""
    return pc.add(values, 1)


def add_one_pandas(values: pd.Series[int]) -> pd.Series[int]:
    """A pandas function of one column."""
    return values + 1


def identity(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A map function that gives what it gets."""
    yield from batches


def collatz(n: int) -> int:
    """The steps of a number's Collatz sequence, twenty at most: plain Python."""
    steps = 0
    while n > 1 and steps < 20:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
