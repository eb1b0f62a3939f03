"""Functions for the tests of stages."""

from __future__ import annotations

import json
import time

import pandas as pd
from pyspark import Accumulator, TaskContext


def describe(name: pd.Series, number: pd.Series) -> pd.Series:
    """Both values as text; nulls as PySpark gives them to pandas functions."""
    return name.fillna("-") + "/" + number.map(lambda n: "-" if pd.isna(n) else f"{n:g}")


def task(number: pd.Series) -> pd.Series:
    """What the function sees of its task."""
    context = TaskContext.get()
    assert context is not None
    seen = {
        "stage": context.stageId(),
        "partition": context.partitionId(),
        "attempt": context.attemptNumber(),
        "taskAttempt": context.taskAttemptId(),
        "cpus": context.cpus(),
        "property": context.getLocalProperty("test.property"),
    }
    return pd.Series([json.dumps(seen)] * len(number))


def second_attempt(number: pd.Series) -> pd.Series:
    """Fails in each task's first attempt."""
    context = TaskContext.get()
    assert context is not None
    if context.attemptNumber() == 0:
        raise RuntimeError("the first attempt fails")
    return number


def refuse(number: pd.Series) -> pd.Series:
    """Always fails."""
    raise ValueError(f"no number of {len(number)} is good enough")


def sleep(number: pd.Series) -> pd.Series:
    """Never comes back in time."""
    time.sleep(600)
    return number


def size(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a group: its key, its size, the columns as they came."""
    columns = ",".join(rows.columns)
    return pd.DataFrame({"k": rows.k.iloc[:1], "size": [len(rows)], "columns": [columns]})


def counting(total: Accumulator[int]):  # type: ignore[no-untyped-def]
    """A function that counts its rows in an accumulator."""

    def count(number: pd.Series) -> pd.Series:
        total.add(len(number))
        return number

    return count
