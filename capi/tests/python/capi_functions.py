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
    hour: pd.Series = times.dt.hour
    return hour


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


def stops_itself(n: pd.Series) -> pd.Series:
    os.kill(os.getpid(), signal.SIGSTOP)
    return n


def stops_its_daemon(n: pd.Series) -> pd.Series:
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(600)
    return n


def floods(n: pd.Series) -> pd.Series:
    """Sends without end what is no result: Arrow streams without batches."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("_0", pa.int64())])):
        pass
    start_arrow_stream = (-6).to_bytes(4, "big", signed=True)
    streams = memoryview((start_arrow_stream + sink.getvalue().to_pybytes()) * 1000)
    channel = next(fd for fd in range(3, 1000) if is_socket(fd))
    os.set_blocking(channel, True)
    while True:
        sent = 0
        while sent < len(streams):
            sent += os.write(channel, streams[sent:])


def is_socket(fd: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False


def fails_at_length(n: pd.Series) -> pd.Series:
    raise ValueError("x" * 400_000_000)


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
