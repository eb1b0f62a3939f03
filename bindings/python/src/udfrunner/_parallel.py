"""Partitions of the input, run by several workers, with the results in the input's order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._arguments import check_counts
from ._input import input_failed, known, reader_of
from .errors import Cancelled, Error, InvalidState, is_error

if TYPE_CHECKING:
    import pyarrow as pa

__tracebackhide__ = is_error

T = TypeVar("T")
#: What a task runs on, such as a Partition.
P = TypeVar("P")

#: Rows of a partition that is cut from a stream.
PARTITION_ROWS = 262_144
#: Bytes after which such a partition ends, at the end of a batch, whatever its rows.
PARTITION_BYTES = 64 << 20
#: Bytes of a partition's results that wait for those of earlier partitions.
LOOK_AHEAD_BYTES = 64 << 20
#: The longest single wait for a task of another thread.
WAIT_SECONDS = 0.1


class Batches:
    """Batches of a known schema that Python code makes: tasks tell what it raised as the cause."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self.schema: pa.Schema = reader.schema
        self.reader = reader

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(self.reader)


@dataclass
class Partition:
    """One task's share of the input."""

    index: int
    reader: pa.RecordBatchReader | Batches

    def rows(self) -> pa.RecordBatchReader:
        """The reader for tasks of row functions, which read it in Python in any case."""
        return self.reader.reader if isinstance(self.reader, Batches) else self.reader


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
    is cut at PARTITION_ROWS or PARTITION_BYTES and read as the workers go on. `partition_rows`
    cuts both.
    """
    check_counts(workers=workers, partition_rows=partition_rows, batch_size=batch_size)
    found = known(data)
    if found is not None and found.table is not None:
        table = found.table
        rows = partition_rows or max(1, -(-table.num_rows // workers))
        return Source(table.schema, table.num_rows, _slices(table, rows, batch_size))
    reader, rows_known = (reader_of(data), None) if found is None else (found.reader, found.rows)
    if workers == 1 and partition_rows is None:
        whole = Batches(_sized(reader, batch_size))
        return Source(reader.schema, rows_known, iter([Partition(0, whole)]))
    return Source(reader.schema, rows_known, _cut(reader, partition_rows, batch_size))


def _slices(table: pa.Table, rows: int, batch_size: int | None) -> Iterator[Partition]:
    starts = range(0, table.num_rows, rows) if table.num_rows else range(1)
    for index, start in enumerate(starts):
        yield Partition(index, table.slice(start, rows).to_reader(max_chunksize=batch_size))


def _cut(
    reader: pa.RecordBatchReader, partition_rows: int | None, batch_size: int | None
) -> Iterator[Partition]:
    """Cuts a stream every `partition_rows` rows, or else where a partition is large enough."""
    import pyarrow as pa

    rows = partition_rows or PARTITION_ROWS
    index, held, size = 0, 0, 0
    batches: list[pa.RecordBatch] = []

    def partition() -> Partition:
        table = pa.Table.from_batches(batches, schema=reader.schema)
        return Partition(index, table.to_reader(max_chunksize=batch_size))

    for batch in read(reader):
        while batch.num_rows:
            part = batch.slice(0, rows - held)
            batch = batch.slice(part.num_rows)
            batches.append(part)
            held += part.num_rows
            size += part.nbytes
            if held == rows or (partition_rows is None and size >= PARTITION_BYTES):
                yield partition()
                index, held, size, batches = index + 1, 0, 0, []
    if batches or index == 0:
        yield partition()


def read(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The reader's batches. What reading raises is an Error."""
    try:
        yield from reader
    except (Error, GeneratorExit):
        raise
    except Exception as error:
        raise input_failed(error) from error


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


def counted(
    reader: pa.RecordBatchReader | Batches, add: Callable[[int], None]
) -> Iterator[pa.RecordBatch]:
    """The reader's batches, their rows told to `add` as they are read."""
    for batch in reader:
        yield batch
        add(batch.num_rows)


def in_order(
    run: Callable[[P], Generator[T]],
    partitions: Iterable[P],
    workers: int,
    stop: Callable[[], None],
    look_ahead: Callable[[T], int] | None = None,
) -> Generator[T]:
    """Runs `run` on each partition, `workers` at a time, and yields the results in order.

    No more than twice `workers` partitions are held at a time. Results come as they are made by
    the first partition that is not complete; those of later ones wait here. Where `look_ahead`
    tells the bytes of a result, LOOK_AHEAD_BYTES of each partition may wait (one result at least)
    and its worker waits with them. The first error, Ctrl-C or an early end of the consumer calls
    `stop`, which must make running and later calls of `run` fail, and waits for them; a consumer
    that may end early closes the generator.
    """
    if workers == 1:
        for partition in partitions:
            with closing(run(partition)) as results:
                yield from results
        return
    failures: list[BaseException] = []
    lock = threading.Lock()

    def fill(partition: P, queue: _Results[T]) -> None:
        try:
            with closing(run(partition)) as results:
                for result in results:
                    queue.put(result)
            queue.end()
        except BaseException as error:
            with lock:
                failures.append(error)
                first = len(failures) == 1
            if first:
                stop()
            queue.end(error)

    with ThreadPoolExecutor(workers, thread_name_prefix="udfrunner") as pool:
        pending: deque[_Results[T]] = deque()
        try:
            for partition in partitions:
                pending.append(_Results(look_ahead))
                pool.submit(fill, partition, pending[-1])
                if len(pending) >= 2 * workers:
                    yield from pending[0]
                    pending.popleft()
            while pending:
                yield from pending[0]
                pending.popleft()
        except BaseException as error:
            stop()
            for queue in pending:
                queue.abandon()
            # What the others ended with is a consequence of the first failure.
            if failures and isinstance(error, (Cancelled, InvalidState)):
                raise failures[0] from failures[0].__cause__
            raise


class _Results(Generic[T]):
    """The results of one partition, put by its thread and taken by the consumer."""

    def __init__(self, size: Callable[[T], int] | None) -> None:
        self._size = size
        self._held: deque[T] = deque()
        self._bytes = 0
        self._ended = False
        self._abandoned = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, result: T) -> None:
        """Adds a result; waits while too many bytes are held. Raises Cancelled when abandoned."""
        size = self._size(result) if self._size is not None else 0
        with self._changed:
            while self._held and self._bytes + size > LOOK_AHEAD_BYTES and not self._abandoned:
                self._changed.wait()
            if self._abandoned:
                raise Cancelled("no more results are wanted")
            self._held.append(result)
            self._bytes += size
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Says that no result follows, or why."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def abandon(self) -> None:
        """Drops the results, and makes the partition's thread end."""
        with self._changed:
            self._abandoned = True
            self._held.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """The results as they come, then the partition's error.

        They are waited for in slices: a signal that arrives just before Python blocks on a lock
        does not end that wait, so that one long wait may miss Ctrl-C.
        """
        while True:
            with self._changed:
                while not self._held and not self._ended:
                    self._changed.wait(WAIT_SECONDS)
                if not self._held:
                    if self._error is not None:
                        raise self._error
                    return
                result = self._held.popleft()
                self._bytes -= self._size(result) if self._size is not None else 0
                self._changed.notify_all()
            yield result
