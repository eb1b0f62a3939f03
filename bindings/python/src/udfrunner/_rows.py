"""Tasks whose data is pickled: rows in, Python values out, or records as they are."""

from __future__ import annotations

import ctypes
import itertools
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from . import _abi, _pyspark
from ._input import TaskInput
from ._iterator import TaskHandle, TaskIterator
from .errors import InvalidArgument, PythonException, is_error

if TYPE_CHECKING:
    import pyarrow as pa

    from ._inbound import InboundRows
    from ._inboundschema import Later

__tracebackhide__ = is_error

T_co = TypeVar("T_co", covariant=True)

#: Rows in one pickled record, as Spark batches them.
ROWS_PER_RECORD = 100
#: Records, of rows or the caller's, that one input callback supplies at most.
RECORDS_PER_CALL = 100
#: Bytes after which a callback supplies no further record.
BYTES_PER_CALL = 1 << 20


class RecordInput(TaskInput):
    """Records of bytes, in the form that the worker's deserializer reads."""

    def __init__(self, records: Iterable[bytes], later: Sequence[Later] = ()) -> None:
        super().__init__()
        self._later = later
        self._records = iter(records)
        self._callback = _abi.InputNext(self._next)
        self._data = b""
        self._offsets: Any = None
        self._message = b""

    def to_c(self) -> _abi.Input:
        item = super().to_c()
        item.kind = _abi.UDFRUNNER_INPUT_RECORDS
        item.next = self._callback
        return item

    def close(self) -> None:
        """Ends the records' iterator where it is a generator, and breaks the cycle to this."""
        close = getattr(self._records, "close", None)
        self._records = iter(())
        if close is not None:
            close()

    def refused_by(self, pyspark: str) -> InvalidArgument | None:
        """What is wrong with the data for workers with a version of PySpark."""
        version = _pyspark.minor(pyspark)
        return next((e.refused for e in self._later if version < _pyspark.minor(e.since)), None)

    def _next(self, _ctx: int | None, out: Any) -> int:
        # An exception must not leave a ctypes callback: what the library sees would be undefined.
        try:
            return self._fill(out.contents)
        except BaseException as error:
            self.failed(error)
            self._message = f"{type(error).__name__}: {error}".replace("\0", "\\0").encode()
            out.contents.message = self._message
            return _abi.UDFRUNNER_HOST

    def _fill(self, out: _abi.Record) -> int:
        records: list[bytes] = []
        size = 0
        while len(records) < RECORDS_PER_CALL and size < BYTES_PER_CALL:
            record = next(self._records, None)
            if record is None:
                break
            if not isinstance(record, bytes):
                raise InvalidArgument(f"record of type {type(record).__name__}: bytes are needed")
            records.append(record)
            size += len(record)
        if not records:
            return _abi.UDFRUNNER_DONE
        # Both stay referenced until the next call or the close, as the header asks.
        self._data = b"".join(records)
        offsets = [0, *itertools.accumulate(map(len, records))]
        self._offsets = (ctypes.c_uint64 * len(offsets))(*offsets)
        out.data = ctypes.cast(ctypes.c_char_p(self._data), ctypes.c_void_p)
        out.size = len(self._data)
        out.n = len(records)
        out.offsets = ctypes.cast(self._offsets, ctypes.POINTER(ctypes.c_uint64))
        return _abi.UDFRUNNER_OK


def arrow_records(
    reader: pa.RecordBatchReader, rows: InboundRows, blocks: bool = False
) -> Iterator[bytes]:
    """Records of the rows of Arrow data, or of blocks of them."""
    for batch in reader:
        yield from rows.records(batch, blocks)


def pickled(rows: Iterable[Any], convert: Callable[[Any], Any] | None) -> Iterator[bytes]:
    """Records of up to ROWS_PER_RECORD rows each, pickled as Spark does."""
    rows = iter(rows)
    try:
        while batch := list(itertools.islice(rows, ROWS_PER_RECORD)):
            values = batch if convert is None else [convert(row) for row in batch]
            yield pickle.dumps(values, protocol=pickle.HIGHEST_PROTOCOL)
    finally:
        close = getattr(rows, "close", None)
        if close is not None:
            close()


class _Records(TaskIterator[T_co]):
    """A task whose results are read as records of bytes."""

    def __init__(self, task: TaskHandle) -> None:
        super().__init__(task)
        self._records: list[bytes] = []

    def _next_record(self) -> bytes:
        """The next record; StopIteration at the end."""
        while not self._records:
            if not self._read_records():
                raise StopIteration
        return self._records.pop()

    def _read_records(self) -> bool:
        chunk = _abi.Chunk()
        try:
            if not self._read("iterator_next", None, ctypes.byref(chunk)):
                return False
            self._records = self._library.take_records(chunk)
            self._records.reverse()
            return True
        except PythonException as error:
            source, pyspark = self._task.source, error.details.get("worker.pyspark")
            if isinstance(source, RecordInput) and pyspark and (why := source.refused_by(pyspark)):
                raise why from error
            raise
        except BaseException as error:
            if not isinstance(error, Exception):
                self._library.plain("udfrunner_chunk_release", ctypes.byref(chunk))
                self._abandoned()
            raise


class RecordIterator(_Records[bytes]):
    """Results as records of bytes, in the form that the worker's serializer writes."""

    def __next__(self) -> bytes:
        return self._next_record()


class RowIterator(_Records[Any]):
    """Results of a row function, one Python value for each row of input.

    With several chains a value is a tuple of the chains' results. A table function gives a list
    of rows for each row of input, and one more for its ``terminate`` where it has one. A function
    of RDDs gives what it yields.

    Values are what ``DataFrame.collect`` gives for such a function: a value that the declared
    type does not take is None, as Spark's EvaluatePython has it.
    """

    def __init__(self, task: TaskHandle, read: Callable[[bytes], Iterable[Any]]) -> None:
        super().__init__(task)
        self._read_record = read
        self._values: Iterator[Any] = iter(())

    def __next__(self) -> Any:
        while True:
            for value in self._values:
                return value
            self._values = iter(self._read_record(self._next_record()))
