"""The functions that are shown columns, for each kind: identity and "describe what you see"."""

from __future__ import annotations

from typing import Any

import described

#: The kinds that are shown columns; since which PySpark, what they see.
KINDS = {
    "100": ("3.5", "values"),
    "101": ("3.5", "values"),
    "200": ("3.5", "series"),
    "201": ("3.5", "frames"),
    "202": ("3.5", "series"),
    "205": ("3.5", "frames"),
    "207": ("3.5", "batches"),
    "250": ("4.1", "arrays"),
    "300": ("3.5", "rows"),
    "301": ("3.5", "rows"),
}


def same(seen: Any) -> Any:
    """Identity for one argument (100, 101, 200, 250)."""
    return seen


def first(seen: Any) -> Any:
    """Of an aggregate (202): the first value of the group."""
    return seen.iloc[0]


def described_values(seen: Any) -> str:
    return described.value(seen)


def described_series(seen: Any) -> Any:
    import pandas as pd

    return pd.Series(described.series(seen), dtype=object)


def described_group(seen: Any) -> str:
    return "; ".join(described.series(seen))


def described_frame(seen: Any) -> Any:
    """A frame of text for one (201), without its first column, the group's number."""
    import pandas as pd

    return pd.DataFrame(
        {name: described.series(seen.iloc[:, i]) for i, name in enumerate(seen.columns) if i},
        dtype=object,
    )


def same_frame(seen: Any) -> Any:
    return seen.iloc[:, 1:]


def described_frames(frames: Any) -> Any:
    return map(described_frame, frames)


def same_frames(frames: Any) -> Any:
    return map(same_frame, frames)


def described_array(seen: Any) -> Any:
    import pyarrow as pa

    return pa.array(described.array(seen), pa.string())


def described_batches(batches: Any) -> Any:
    import pyarrow as pa

    for batch in batches:
        names = batch.schema.names[1:]
        yield pa.RecordBatch.from_arrays(
            [described_array(column) for column in batch.columns[1:]], names
        )


def same_batches(batches: Any) -> Any:
    import pyarrow as pa

    for batch in batches:
        yield pa.RecordBatch.from_arrays(
            batch.columns[1:], schema=pa.schema(list(batch.schema)[1:])
        )


class DescribedRow:
    """A table function (300, 301) of all columns: a row of text."""

    def eval(self, *seen: Any) -> Any:
        yield tuple(described.value(each) for each in seen)


class SameRow:
    def eval(self, *seen: Any) -> Any:
        yield seen
