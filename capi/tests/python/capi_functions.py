"""What the C tests run in workers."""

import os
import signal
import stat
import time
from collections.abc import Iterator

import pandas as pd
import pyarrow as pa


def plus_one(n: pd.Series) -> pd.Series:
    return n + 1


def plus_one_row(n: int) -> int:
    return n + 1


def plus_one_arrow(n: pa.Array) -> pa.Array:
    return pa.compute.add(n, 1)


def lengths(texts: pd.Series) -> pd.Series:
    return texts.map(len)


def hours(times: pd.Series) -> pd.Series:
    return times.dt.hour


def doubled(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield pa.RecordBatch.from_arrays([pa.compute.multiply(batch.column(0), 2)], ["n"])


def blow_up(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Much output for little input, so that a worker waits for its reader."""
    for batch in batches:
        for _ in range(10_000):
            yield batch


def told_to_fail(n: pd.Series) -> pd.Series:
    raise ValueError("told to fail")


def fails_with_greeting(n: pd.Series) -> pd.Series:
    raise ValueError(os.environ["UDFRUNNER_TEST_GREETING"])


def sleeps(n: pd.Series) -> pd.Series:
    time.sleep(600)
    return n


def exits(n: pd.Series) -> pd.Series:
    os.write(2, b"about to exit\n")
    os._exit(3)


def killed(n: pd.Series) -> pd.Series:
    os.kill(os.getpid(), signal.SIGKILL)
    return n


def writes_garbage(n: pd.Series) -> pd.Series:
    """Writes what makes no sense to each socket that the worker has: its channel is among them."""
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                os.write(int(name), b"\x00\x00\x00\x2anot what was agreed")
        except OSError:
            continue  # The descriptor that lists.
    return n


not_callable = 7


def total_arrow(n: pa.Array) -> int:
    total: int = pa.compute.sum(n).as_py()
    return total


def rows_and_total(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"rows": [len(frame)], "total": [frame.n.sum()]})


def rows_of_both(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"l": [len(left)], "r": [len(right)]})


class Twice:
    """A table function."""

    def eval(self, n: int) -> Iterator[tuple[int, int]]:
        yield n, 1
        yield n, 2


def says(n: pd.Series) -> pd.Series:
    print("rows:", len(n))
    return n
