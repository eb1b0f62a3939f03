"""What chaos runs in workers: one function for each eval type, which does what its input tells.

Healthy rows have a key of 0 and more. A key of -d asks for the deed number d, in the order of DEEDS,
which capi/tests/chaos/deeds.c shares. A deed is done once a task.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from chaos_deeds import DEEDS
from pyspark.taskcontext import TaskContext

_done: tuple[int, int] = (-1, -1)


def act(deed: int) -> bool:
    """Does a deed, unless this task has done it; true where the function shall give one row less."""
    global _done
    context = TaskContext.get()
    assert context is not None
    task = (context.taskAttemptId(), context.attemptNumber())
    if task == _done:
        return False
    _done = task
    return DEEDS[deed](task[0])


def obey(keys: pa.Array) -> bool:
    """Does what a batch's keys ask for."""
    lowest = pc.min(keys).as_py()
    return lowest is not None and lowest < 0 and act(-lowest)


def result(n: Any) -> Any:
    """What each function makes of a number."""
    return pc.add(pc.multiply(n, 3), 1)


# --------------------------------------------------------------------- Rows and columns


def row(k: int, n: int | None) -> int | None:
    if k < 0:
        act(-k)
    return None if n is None else 3 * n + 1


def series(k: pd.Series, n: pd.Series) -> pd.Series:
    short = len(k) > 0 and k.min() < 0 and act(-int(k.min()))
    return (3 * n + 1)[:-1] if short else 3 * n + 1


def series_iter(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.Series]:
    for k, n in batches:
        yield series(k, n)


def array(k: pa.Array, n: pa.Array) -> pa.Array:
    return result(n)[:-1] if obey(k) else result(n)


def array_iter(batches: Iterator[tuple[pa.Array, pa.Array]]) -> Iterator[pa.Array]:
    for k, n in batches:
        yield array(k, n)


class Table:
    """A table function of one row for each."""

    def eval(self, k: int, n: int | None) -> Iterator[tuple[int | None, int]]:
        yield row(k, n), k


# ------------------------------------------------------------------------ Whole batches


def frames(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    for batch in batches:
        yield pd.DataFrame({"k": batch.k, "n": series(batch.k, batch.n), "s": batch.s})


def batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        k, n, s = batch.columns
        yield pa.RecordBatch.from_arrays([k, array(k, n), s], ["k", "n", "s"])


# ------------------------------------------------------------------------------- Groups


def total(n: pa.Array) -> int:
    """The sum of what is not null."""
    answer: int = pc.sum(n, min_count=0).as_py()
    return answer


def group_frame(group: pd.DataFrame) -> pd.DataFrame:
    act_on(int(group.k.iloc[0]))
    n = int(group.n.dropna().astype("int64").sum())
    return pd.DataFrame({"k": [group.k.iloc[0]], "n": [n], "rows": [len(group)]})


def group_table(group: pa.Table) -> pa.Table:
    k = group.column("k")[0].as_py()
    act_on(k)
    return pa.table({"k": [k], "n": [total(group.column("n"))], "rows": [group.num_rows]})


def cogroup_tables(left: pa.Table, right: pa.Table) -> pa.Table:
    if not left.column("n").equals(right.column("n")):
        raise AssertionError("the sides of a cogroup differ")
    return group_table(left)


def aggregate(k: pa.Array, n: pa.Array) -> int:
    obey(k)
    return total(n)


def act_on(k: int) -> None:
    if k < 0:
        act(-k)
