"""Partitions of the input, run by several workers, with the results in the input's order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ._input import known_reader, reader_of
from .errors import Cancelled, InvalidArgument, InvalidState

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")

#: Rows of a partition that is cut from a stream.
PARTITION_ROWS = 262_144
#: The longest single wait for a task of another thread.
WAIT_SECONDS = 0.1


@dataclass
class Partition:
    """One task's share of the input."""

    index: int
    reader: pa.RecordBatchReader


@dataclass
class Source:
    """Arrow data cut into contiguous partitions, and its rows where they are known."""

    schema: pa.Schema
    rows: int | None
    partitions: Iterator[Partition]


def split(
    data: Any,
    workers: int,
    partition_rows: int | None = None,
    batch_size: int | None = None,
) -> Source:
    """Cuts Arrow data into contiguous partitions, at least one.

    A table makes as many as there are workers; a stream is one partition for one worker, else it
    is cut at PARTITION_ROWS and read as the workers go on. `partition_rows` cuts both.
    """
    for name, value in (
        ("workers", workers),
        ("partition_rows", partition_rows),
        ("batch_size", batch_size),
    ):
        if value is not None and value < 1:
            raise InvalidArgument(f"{name} {value}: a positive number is needed")
    table = _table_of(data)
    if table is not None:
        rows = partition_rows or max(1, -(-table.num_rows // workers))
        return Source(table.schema, table.num_rows, _slices(table, rows, batch_size))
    reader = reader_of(data)
    if workers == 1 and partition_rows is None:
        return Source(reader.schema, None, iter([Partition(0, _sized(reader, batch_size))]))
    return Source(reader.schema, None, _cut(reader, partition_rows or PARTITION_ROWS, batch_size))


def _table_of(data: Any) -> pa.Table | None:
    """The table that `data` is, or cheaply becomes."""
    import pyarrow as pa

    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    reader = known_reader(data)
    if type(data).__name__ == "DataFrame" and reader is not None:
        return reader.read_all()
    return None


def _slices(table: pa.Table, rows: int, batch_size: int | None) -> Iterator[Partition]:
    starts = range(0, table.num_rows, rows) if table.num_rows else range(1)
    for index, start in enumerate(starts):
        yield Partition(index, table.slice(start, rows).to_reader(max_chunksize=batch_size))


def _cut(reader: pa.RecordBatchReader, rows: int, batch_size: int | None) -> Iterator[Partition]:
    """Cuts a stream every `rows` rows."""
    import pyarrow as pa

    index, held, batches = 0, 0, []
    for batch in reader:
        while batch.num_rows:
            part = batch.slice(0, rows - held)
            batch = batch.slice(part.num_rows)
            batches.append(part)
            held += part.num_rows
            if held == rows:
                table = pa.Table.from_batches(batches, schema=reader.schema)
                yield Partition(index, table.to_reader(max_chunksize=batch_size))
                index, held, batches = index + 1, 0, []
    if batches or index == 0:
        table = pa.Table.from_batches(batches, schema=reader.schema)
        yield Partition(index, table.to_reader(max_chunksize=batch_size))


def _sized(reader: pa.RecordBatchReader, batch_size: int | None) -> pa.RecordBatchReader:
    """The reader with batches of at most `batch_size` rows."""
    import pyarrow as pa

    if batch_size is None:
        return reader

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            for start in range(0, batch.num_rows, batch_size):
                yield batch.slice(start, batch_size)

    return pa.RecordBatchReader.from_batches(reader.schema, batches())


def counted(reader: pa.RecordBatchReader, add: Callable[[int], None]) -> Iterator[pa.RecordBatch]:
    """The reader's batches, their rows told to `add` as they are read."""
    for batch in reader:
        yield batch
        add(batch.num_rows)


def in_order(
    run: Callable[[Partition], T],
    partitions: Iterable[Partition],
    workers: int,
    stop: Callable[[], None],
) -> Iterator[T]:
    """Runs `run` on each partition, `workers` at a time, and yields the results in order.

    No more than twice `workers` partitions are held at a time. The first error, Ctrl-C or an
    early end of the consumer calls `stop`, which must make running and later calls of `run` fail,
    and waits for them.
    """
    if workers == 1:
        for partition in partitions:
            yield run(partition)
        return
    failure: list[BaseException] = []
    lock = threading.Lock()

    def guarded(partition: Partition) -> T:
        try:
            return run(partition)
        except BaseException as error:
            with lock:
                first = not failure
                if first:
                    failure.append(error)
            if first:
                stop()
            raise

    with ThreadPoolExecutor(workers, thread_name_prefix="udfrunner") as pool:
        pending: deque[Future[T]] = deque()
        try:
            for partition in partitions:
                pending.append(pool.submit(guarded, partition))
                if len(pending) >= 2 * workers:
                    yield _result(pending.popleft())
            while pending:
                yield _result(pending.popleft())
        except BaseException as error:
            stop()
            for future in pending:
                future.cancel()
            # What the others ended with is a consequence of the first failure.
            if failure and isinstance(error, (Cancelled, InvalidState)):
                raise failure[0] from failure[0].__cause__
            raise


def _result(future: Future[T]) -> T:
    """The result of a future, waited for in slices.

    A signal that arrives just before Python blocks on a lock does not end that wait, so that one
    long wait may miss Ctrl-C.
    """
    while not future.done():
        wait([future], timeout=WAIT_SECONDS)
    return future.result()
