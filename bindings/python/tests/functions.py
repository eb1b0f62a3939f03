"""Functions that tests name as "functions:NAME": importable here and in the workers."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def plus_one(x):
    return x + 1


def plus_one_or_none(x):
    return None if x is None else x + 1


def arrow_plus_one(x: pa.Array) -> pa.Array:
    return pc.add(x, 1)


def arrow_iter_plus_one(batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
    for batch in batches:
        yield pc.add(batch, 1)


def pandas_plus_one(x: pd.Series) -> pd.Series:
    return x + 1


def pandas_iter_plus_one(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
    for batch in batches:
        yield batch + 1


def first_only(x: pd.Series) -> pd.Series:
    return x[:1]


def linear(x, *, scale, offset=0):
    return x * scale + offset


def identity_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


def positive_frames(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    for frame in frames:
        yield frame[frame.a > 0]


def write_garbage(x: pd.Series) -> pd.Series:
    """Writes what makes no sense to each socket that the worker has: its channel is among them."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if stat.S_ISSOCK(os.fstat(int(entry.name)).st_mode):
                os.write(int(entry.name), b"\x00\x00\x00\x2anot what was agreed")
        except OSError:
            continue  # The descriptor that lists.
    return x


def fail(x):
    raise ValueError("no good: " + str(len(x)))


def fail_row(x):
    raise ValueError(f"no good: {x}")


def process_id(x: pd.Series) -> pd.Series:
    return pd.Series([os.getpid()] * len(x))


def task_identity(x):
    from pyspark import TaskContext

    context = TaskContext.get()
    return (
        f"{context.partitionId()},{context.attemptNumber()},{context.stageId()},"
        f"{context.taskAttemptId()},{context.getLocalProperty('color')},"
        f"{context.resources()['gpu'].addresses}"
    )


def exit_three(x):
    os.write(2, b"last words\n")
    os._exit(3)


def kill_self(x):
    os.kill(os.getpid(), signal.SIGKILL)


def segfault(x):
    os.kill(os.getpid(), signal.SIGSEGV)


def sleep(x):
    time.sleep(3600)
    return x


def two_columns_as_one(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.select([0])


not_callable = 7


def tell_processes(n: pd.Series) -> pd.Series:
    """Writes to a file the worker's process id, and that of a child which outlives it; sleeps."""
    child = subprocess.Popen(["sleep", "3600"])
    new = Path(os.environ["TELL_PROCESSES"] + ".new")
    new.write_text(json.dumps({"worker": os.getpid(), "grandchild": child.pid}))
    new.rename(os.environ["TELL_PROCESSES"])
    time.sleep(3600)
    return n


def chat(x):
    print("rows:", len(x))
    return x


def hoard(x):
    held = bytearray(os.urandom(4096)) * (100 << 10)
    while held:
        time.sleep(3600)
