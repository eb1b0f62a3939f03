"""The deadline of a whole call: of each helper, with one worker and with several."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import udfrunner

TABLE = pa.table({"key": [0, 0, 1, 1], "value": [1.0, 2.0, 3.0, 4.0]})


def sleeps(values: pd.Series) -> pd.Series:
    time.sleep(3600)
    return values


def sleeps_over_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        time.sleep(3600)
        yield batch


def sleeps_over_rows(rows: pd.DataFrame) -> pd.DataFrame:
    time.sleep(3600)
    return rows


def sleeps_over_pairs(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    time.sleep(3600)
    return left


def sleeps_to_one(values: pd.Series) -> float:
    time.sleep(3600)
    return 0.0


def sleeps_over_values(value: float) -> float:
    time.sleep(3600)
    return value


def twice(values: pd.Series) -> pd.Series:
    return values * 2


SCHEMA = "key long, value double"
CALLS: dict[str, Callable[..., Any]] = {
    "apply": lambda **options: udfrunner.apply(
        sleeps, TABLE, "value", return_type="double", **options
    ),
    "apply, rows": lambda **options: udfrunner.apply(
        sleeps_over_values, TABLE, "value", kind="batched", return_type="double", **options
    ),
    "map_batches": lambda **options: udfrunner.map_batches(
        sleeps_over_batches, TABLE, SCHEMA, **options
    ),
    "map_groups": lambda **options: udfrunner.map_groups(
        sleeps_over_rows, TABLE, "key", SCHEMA, **options
    ),
    "map_cogroups": lambda **options: udfrunner.map_cogroups(
        sleeps_over_pairs, TABLE, TABLE, "key", SCHEMA, **options
    ),
    "aggregate": lambda **options: udfrunner.aggregate(
        sleeps_to_one, TABLE, "key", "value", return_type="double", **options
    ),
    "aggregate of all rows": lambda **options: udfrunner.aggregate(
        sleeps_to_one, TABLE, [], "value", return_type="double", **options
    ),
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("call", CALLS)
def test_a_call_ends_at_its_deadline(shared_env: udfrunner.Env, call: str, workers: int) -> None:
    with pytest.raises(udfrunner.DeadlineExceeded) as caught:
        CALLS[call](env=shared_env, workers=workers, deadline=datetime.timedelta(seconds=1.5))
    helper = call.partition(",")[0].partition(" ")[0]
    assert str(caught.value).splitlines()[0] == f"{helper} took longer than its deadline of 1.5 s"


def test_a_call_that_ends_before_its_deadline(shared_env: udfrunner.Env) -> None:
    doubled = udfrunner.apply(
        twice, TABLE, "value", return_type="double", deadline=3600, env=shared_env
    )
    assert doubled.to_pylist() == [2.0, 4.0, 6.0, 8.0]


def test_partitions_share_one_deadline(shared_env: udfrunner.Env) -> None:
    """Three that sleep for a second each have two seconds together."""

    def slow(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            time.sleep(1)
            yield batch

    with pytest.raises(udfrunner.DeadlineExceeded, match="map_batches took longer than its"):
        udfrunner.map_batches(
            slow, TABLE, SCHEMA, kind="arrow", partition_rows=1, deadline=2, env=shared_env
        )


@pytest.mark.parametrize("value", [0, -1, "soon", float("nan")])
@pytest.mark.parametrize("call", CALLS)
def test_what_is_no_deadline(call: str, value: Any) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match=r"^deadline .*number of seconds"):
        CALLS[call](deadline=value)
