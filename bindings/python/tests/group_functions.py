"""Functions of groups that tests name as "group_functions:NAME", and give as they are."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def pandas_span(key, frame: pd.DataFrame) -> pd.DataFrame:
    """One row for each group: its key, its number of rows, and the span of v."""
    return pd.DataFrame({"k": [key[0]], "n": [len(frame)], "span": [frame.v.max() - frame.v.min()]})


def pandas_span_iter(key, frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    yield pandas_span(key, pd.concat(list(frames)))


def arrow_span(key, table: pa.Table) -> pa.Table:
    bounds = pc.min_max(table["v"]).as_py()
    return pa.table(
        {"k": [key[0].as_py()], "n": [table.num_rows], "span": [bounds["max"] - bounds["min"]]}
    )


def arrow_span_iter(key, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    table = arrow_span(key, pa.Table.from_batches(list(batches)))
    yield from table.to_batches()


def pandas_centered(frame: pd.DataFrame) -> pd.DataFrame:
    """As many rows as came: without a key."""
    return frame.assign(v=frame.v - frame.v.mean())


def pandas_sizes(key, left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """One row for each key: it, and how many rows the sides have."""
    return pd.DataFrame({"k": [key[0]], "l": [len(left)], "r": [len(right)]})


def arrow_sizes(key, left: pa.Table, right: pa.Table) -> pa.Table:
    return pa.table({"k": [key[0].as_py()], "l": [left.num_rows], "r": [right.num_rows]})


def pandas_mean(v: pd.Series) -> float:
    return v.mean()


def pandas_mean_iter(batches: Iterator[pd.Series]) -> float:
    return pd.concat(list(batches)).mean()


def arrow_mean(v: pa.Array) -> float:
    return pc.mean(v).as_py()


def arrow_mean_iter(batches: Iterator[pa.Array]) -> float:
    return pc.mean(pa.chunked_array(list(batches))).as_py()


def pandas_weighted(v: pd.Series, w: pd.Series) -> float:
    return (v * w).sum() / w.sum()


def arrow_weighted(v: pa.Array, w: pa.Array) -> float:
    return pc.sum(pc.multiply(v, w)).as_py() / pc.sum(w).as_py()


class Letters:
    """A table function: a row for each letter, and at the end one with the number of calls."""

    def __init__(self) -> None:
        self.calls = 0

    def eval(self, text, times=1):
        self.calls += 1
        for letter in text or "":
            yield letter, times

    def terminate(self):
        yield "calls", self.calls


class Repeat:
    """A table function without terminate."""

    def eval(self, text, times):
        for i in range(times):
            yield text, i


class ArrowLetters:
    """A table function of Arrow arrays."""

    def eval(self, text, times):
        letters = [letter for value in text.to_pylist() for letter in value or ""]
        yield pa.table({"text": letters, "n": pa.array([times[0].as_py()] * len(letters))})


class ArrowTotal:
    """A table function of a table: the sum of v of all its batches."""

    def __init__(self) -> None:
        self.total = 0

    def eval(self, rows):
        self.total += pc.sum(rows.column("v")).as_py()
        return iter(())

    def terminate(self):
        yield pa.table({"total": pa.array([self.total], pa.int64())})


def rdd_numbered(index, values):
    """A function of RDDs: the values with the partition's index."""
    for value in values:
        yield index, value


def totals_with_state(key, frames, state):
    """A function of applyInPandasWithState: the running total of v for each key."""
    total = state.get[0] if state.exists else 0
    for frame in frames:
        total += int(frame.v.sum())
    state.update((total,))
    yield pd.DataFrame({"k": [key[0]], "total": [total]})


def gather(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A barrier task that tells the others its partition, and gives what they told."""
    from pyspark import BarrierTaskContext

    context = BarrierTaskContext.get()
    for _ in batches:
        pass
    context.barrier()
    told = context.allGather(f"partition {context.partitionId()}")
    yield pa.RecordBatch.from_pydict({"told": told})


def times_broadcasts(a):
    """The product of a, broadcast variable 5's factor, and the length of 9."""
    try:
        from pyspark.core.broadcast import _broadcastRegistry
    except ImportError:  # PySpark 3.5
        from pyspark.broadcast import _broadcastRegistry

    return a * _broadcastRegistry[5].value["factor"] * len(_broadcastRegistry[9].value)


def totals_of_keys(client, mode, key, rows):
    """What transformWithState calls: the total of v for each key, without state."""
    from pyspark.sql import Row

    if mode.name != "PROCESS_DATA":
        return
    total, is_frame = 0, False
    for each in rows:
        is_frame = isinstance(each, pd.DataFrame)
        total += int(each.v.sum()) if is_frame else each.v
    row = {"k": key[0], "total": total}
    yield pd.DataFrame([row]) if is_frame else Row(**row)


def totals_of_keys_and_states(client, mode, key, rows, states):
    """The same, with the v of the key's initial states added."""
    for row in totals_of_keys(client, mode, key, rows):
        more = sum(int(s.v.sum()) if isinstance(s, pd.DataFrame) else s.v for s in states)
        if isinstance(row, pd.DataFrame):
            row["total"] += more
            yield row
        else:
            yield type(row)(**{**row.asDict(), "total": row["total"] + more})
