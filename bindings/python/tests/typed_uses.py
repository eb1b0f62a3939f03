"""What type checkers see: ``make check`` runs mypy over it, nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
from typing_extensions import assert_type

from udfrunner import aggregate, apply, map_batches, map_cogroups, map_groups


def column(x: pd.Series[int]) -> pd.Series[int]:
    """A function of columns."""
    return x + 1


def forms(table: pa.Table, pandas: pd.DataFrame, polars: pl.DataFrame, lazy: pl.LazyFrame) -> None:
    """Results are in the form of the data."""
    assert_type(apply(column, pandas, "a", x="a", workers=2), pd.Series[Any])
    assert_type(apply(column, polars, "a", kind="pandas"), pl.Series)
    assert_type(apply(column, lazy, "a", return_type="long"), pl.Series)
    assert_type(apply(column, Path("a.parquet"), "a"), pa.ChunkedArray)
    assert_type(apply(column, table, "a"), pa.ChunkedArray)

    assert_type(map_batches(column, pandas, "a long", workers=2, deadline=3), pd.DataFrame)
    assert_type(map_batches(column, polars, "a long", partition_rows=5), pl.DataFrame)
    assert_type(map_batches(column, lazy, "a long"), pl.LazyFrame)
    assert_type(map_batches(column, "a.csv", "a long"), pa.Table)

    assert_type(map_groups(column, pandas, "a", "a long", batch_size=9), pd.DataFrame)
    assert_type(map_groups(column, table, ["a"], "a long"), pa.Table)
    assert_type(map_cogroups(column, polars, table, "a", "a long", right_by="b"), pl.DataFrame)
    assert_type(aggregate(column, pandas, "a", "b", name="c", x="d"), pd.DataFrame)


def refused(pandas: pd.DataFrame) -> None:
    """What type checkers refuse: an error that is not there is one, too."""
    map_batches(column, pandas, "a long", worker=2)  # type: ignore[call-overload]
    map_groups(column, pandas, "a", "a long", workers="2")  # type: ignore[call-overload]
    apply(column, pandas, 1)  # type: ignore[call-overload]
    apply(column, pandas, "a", workers="2")  # type: ignore[call-overload]
