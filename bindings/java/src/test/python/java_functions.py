"""What the Java tests run in workers, in addition to the functions of the C tests."""

import os
import signal
import time
from collections.abc import Iterator

import pandas as pd
import pyarrow as pa


def identity(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


def two_then_none(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The second batch pushes the first one out of the worker's buffer."""
    batch = next(batches)
    yield batch
    yield batch
    time.sleep(600)


def count_rows(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"rows": [len(frame)]})


def count_both(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"rows": [100 * len(left) + len(right)]})


def has_inode(inodes: pd.Series) -> pd.Series:
    """1 for each inode that the worker has open, else 0."""
    mine = {os.fstat(fd).st_ino for fd in range(1024) if is_open(fd)}
    return inodes.map(lambda inode: int(inode in mine))


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def blocked_signals(n: pd.Series) -> pd.Series:
    """How many signals are blocked."""
    return n * 0 + len(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def seen(column: pd.Series) -> pd.Series:
    """The type and text of each value, as a function sees it."""
    return column.map(lambda value: f"{type(value).__name__} {value}")


def meet(n: pd.Series) -> pd.Series:
    """Ends where as many functions are here at the same time as each of them was told to wait for."""
    folder, parties = os.environ["MEETING"], int(n[0])
    open(os.path.join(folder, str(os.getpid())), "x").close()
    while len(os.listdir(folder)) < parties:
        time.sleep(0.01)
    return n
