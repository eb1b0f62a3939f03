"""The input of a task: Arrow data of any kind as a C stream, or pickled rows.

A stream goes to the library as pyarrow's (or the producer's) own C stream: no Python code runs
per batch, unless the data is a Python iterable itself. Whatever a Python iterable raises is kept
beside the input, and becomes the cause of the task's HostError.
"""

from __future__ import annotations

import ctypes
import itertools
import pickle
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from . import _abi
from ._functions import capsule_pointer
from .errors import HostError, InvalidArgument

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows in one pickled record, as Spark batches them.
ROWS_PER_RECORD = 100
#: Rows that one input callback brings at most.
ROWS_PER_CALL = 10_000


class TaskInput:
    """What one task reads. It lives until the task's iterator is closed."""

    def __init__(self) -> None:
        #: What the Python code of the input raised.
        self.error: BaseException | None = None
        self._keep: list[Any] = []

    def to_c(self) -> _abi.Input:
        """The C struct. Everything it points to lives as long as this object."""
        item = _abi.Input()
        item.size = ctypes.sizeof(_abi.Input)
        item.kind = _abi.UDFRUNNER_INPUT_NONE
        return item

    def undo(self) -> None:
        """Releases what to_c made, after a compute that did not take it."""

    def close(self) -> None:
        """Ends what the binding holds of the input; the library has released its part."""


class StreamInput(TaskInput):
    """An Arrow C stream."""

    def __init__(self, data: Any, schema: pa.Schema | None = None) -> None:
        super().__init__()
        self._stream = _abi.ArrowArrayStream()
        self._data = data
        self._schema = schema

    def to_c(self) -> _abi.Input:
        item = super().to_c()
        item.kind = _abi.UDFRUNNER_INPUT_STREAM
        source = self._source()
        if hasattr(source, "_export_to_c"):
            source._export_to_c(ctypes.addressof(self._stream))
            item.stream = ctypes.pointer(self._stream)
        else:
            capsule = source.__arrow_c_stream__()
            self._keep.append(capsule)
            address = capsule_pointer(capsule, b"arrow_array_stream")
            item.stream = ctypes.cast(address, ctypes.POINTER(_abi.ArrowArrayStream))
        self._data = None
        return item

    def undo(self) -> None:
        # A capsule releases its stream itself.
        if self._stream.release:
            self._stream.release(ctypes.byref(self._stream))

    def _source(self) -> Any:
        """What exports the stream: a pyarrow reader, or any object with __arrow_c_stream__."""
        data = self._data
        reader = known_reader(data)
        if reader is not None:
            return reader
        if hasattr(data, "__arrow_c_stream__"):
            return data
        if isinstance(data, Iterable) and not isinstance(data, (str, bytes, dict)):
            return self._reader_of_batches(iter(data))
        raise InvalidArgument(
            f"input of type {type(data).__name__}: Arrow data is needed: an object with "
            "__arrow_c_stream__, a pandas DataFrame, or an iterable of pyarrow.RecordBatch"
        )

    def _reader_of_batches(self, batches: Iterator[Any]) -> pa.RecordBatchReader:
        import pyarrow as pa

        schema = self._schema
        if schema is None:
            try:
                first = next(batches, None)
            except Exception as error:
                raise HostError(f"input failed: {type(error).__name__}: {error}") from error
            if first is None:
                raise InvalidArgument("input is an iterable without batches: schema= is needed")
            if not isinstance(first, pa.RecordBatch):
                raise InvalidArgument(
                    f"input yields {type(first).__name__}: pyarrow.RecordBatch is needed"
                )
            schema = first.schema
            batches = itertools.chain((first,), batches)
        return pa.RecordBatchReader.from_batches(schema, self._guarded(batches))

    def _guarded(self, batches: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from batches
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise


def known_reader(data: Any) -> Any:
    """A pyarrow RecordBatchReader over data of a type of pyarrow's or pandas', else None."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        import pyarrow as pa

        return pa.Table.from_pandas(data, preserve_index=False).to_reader()
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is None:
        return None
    if isinstance(data, pyarrow.RecordBatchReader):
        return data
    if isinstance(data, pyarrow.Table):
        return data.to_reader()
    if isinstance(data, pyarrow.RecordBatch):
        return pyarrow.RecordBatchReader.from_batches(data.schema, [data])
    dataset = sys.modules.get("pyarrow.dataset")
    if dataset is not None:
        if isinstance(data, dataset.Dataset):
            return data.scanner().to_reader()
        if isinstance(data, dataset.Scanner):
            return data.to_reader()
    return None


def reader_of(data: Any, schema: pa.Schema | None = None) -> pa.RecordBatchReader:
    """A RecordBatchReader over anything that is accepted as Arrow input."""
    import pyarrow as pa

    source = StreamInput(data, schema)._source()
    if isinstance(source, pa.RecordBatchReader):
        return source
    return pa.RecordBatchReader.from_stream(source)


def rows_of(data: Any) -> Iterator[tuple[Any, ...]]:
    """The rows of Arrow data as tuples of Python values."""
    for batch in reader_of(data):
        columns = [column.to_pylist() for column in batch.columns]
        if columns:
            yield from zip(*columns, strict=True)
        else:
            yield from itertools.repeat((), batch.num_rows)


class RowInput(TaskInput):
    """Pickled rows: records of up to 100 rows each, pickled as Spark does."""

    def __init__(self, rows: Iterable[Any]) -> None:
        super().__init__()
        self._rows = iter(rows)
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
        """Ends the rows' iterator where it is a generator, and breaks the cycle to this object."""
        close = getattr(self._rows, "close", None)
        self._rows = iter(())
        if close is not None:
            close()

    def _next(self, _ctx: int | None, out: Any) -> int:
        # An exception must not leave a ctypes callback: what the library sees would be undefined.
        try:
            return self._fill(out.contents)
        except BaseException as error:
            self.error = error
            self._message = f"{type(error).__name__}: {error}".replace("\0", "\\0").encode()
            out.contents.message = self._message
            return _abi.UDFRUNNER_HOST

    def _fill(self, record: _abi.Record) -> int:
        records: list[bytes] = []
        for _ in range(ROWS_PER_CALL // ROWS_PER_RECORD):
            rows = [tuple(row) for row in itertools.islice(self._rows, ROWS_PER_RECORD)]
            if not rows:
                break
            records.append(pickle.dumps(rows, protocol=pickle.HIGHEST_PROTOCOL))
        if not records:
            return _abi.UDFRUNNER_DONE
        # Both stay referenced until the next call or the close, as the header asks.
        self._data = b"".join(records)
        offsets = [0, *itertools.accumulate(map(len, records))]
        self._offsets = (ctypes.c_uint64 * len(offsets))(*offsets)
        record.data = ctypes.cast(ctypes.c_char_p(self._data), ctypes.c_void_p)
        record.size = len(self._data)
        record.n = len(records)
        record.offsets = ctypes.cast(self._offsets, ctypes.POINTER(ctypes.c_uint64))
        return _abi.UDFRUNNER_OK
