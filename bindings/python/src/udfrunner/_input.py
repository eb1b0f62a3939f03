"""The input of a task: Arrow data of any kind as a C stream.

A stream goes to the library as pyarrow's (or the producer's) own C stream: no Python code runs
per batch, unless the data is a Python iterable, or a pyarrow reader that may be one. Whatever a
Python iterable raises is kept with the input, and becomes the cause of the task's HostError.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import _abi
from ._arguments import one_line
from ._files import Opened, open_dataset, open_input
from ._forms import collected, is_pandas, is_polars, with_plain_types
from ._functions import capsule_pointer
from ._schemas import check_schema
from .errors import Error, HostError, InvalidArgument, is_error

if TYPE_CHECKING:
    import pyarrow as pa

    from ._iterator import TaskIterator

__tracebackhide__ = is_error


class TaskInput:
    """What one task reads. It lives until the task's iterator is closed."""

    def __init__(self) -> None:
        #: What the Python code of the input raised.
        self.error: BaseException | None = None
        #: The task whose results these are, where they are one's; its error is the cause then.
        self.upstream: TaskIterator[Any] | None = None

    def failed(self, error: BaseException) -> None:
        """Keeps what Python code of the input raised."""
        self.error = error

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
        self.upstream = None

    def cause(self) -> BaseException | None:
        """What made the input fail, where Python knows it."""
        if self.error is None and self.upstream is not None:
            return self.upstream.error
        return self.error


class StreamInput(TaskInput):
    """An Arrow C stream, cut into groups by its first `keys` columns where there are any."""

    def __init__(self, data: Any, schema: pa.Schema | None = None, keys: int = 0) -> None:
        super().__init__()
        self._stream = _abi.ArrowArrayStream()
        self._data = data
        self._schema = schema
        self._keys = keys

    def to_c(self) -> _abi.Input:
        item = super().to_c()
        item.kind = _abi.UDFRUNNER_INPUT_STREAM
        item.keys = self._keys
        export_stream(stream_source(self._data, self._schema, self.failed), self._stream)
        item.stream = ctypes.pointer(self._stream)
        self._data = None
        return item

    def undo(self) -> None:
        if self._stream.release:
            self._stream.release(ctypes.byref(self._stream))


def stream_source(
    data: Any, schema: pa.Schema | None, failed: Callable[[BaseException], None]
) -> Any:
    """What exports a stream of `data`: a pyarrow reader, or an object with __arrow_c_stream__.

    What a Python iterable raises goes to `failed`, and on.
    """
    found = known(data)
    if found is not None:
        # A table's own reader raises nothing; others may have a file or a generator behind them.
        return _watched(found.reader, failed) if found.table is None else found.reader
    if hasattr(data, "__arrow_c_stream__"):
        return data
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes, dict)):
        return _reader_of_batches(iter(data), schema, failed)
    raise InvalidArgument(
        f"input of type {type(data).__name__}: Arrow data is needed: an object with "
        "__arrow_c_stream__, a pandas DataFrame, a dataset, the path of a file, or an iterable of "
        "pyarrow.RecordBatch"
    )


def export_stream(source: Any, out: _abi.ArrowArrayStream) -> None:
    """Moves the C stream of a source into `out`, which the receiver releases."""
    if hasattr(source, "_export_to_c"):
        source._export_to_c(ctypes.addressof(out))
        return
    capsule = source.__arrow_c_stream__()
    address = capsule_pointer(capsule, b"arrow_array_stream")
    # Moved as Arrow's C stream interface has it: the capsule keeps a released stream.
    given = _abi.ArrowArrayStream.from_address(address)
    ctypes.memmove(ctypes.addressof(out), address, ctypes.sizeof(_abi.ArrowArrayStream))
    given.release = _abi.ArrowStreamRelease()


def _watched(
    reader: pa.RecordBatchReader, failed: Callable[[BaseException], None]
) -> pa.RecordBatchReader:
    """The reader, which tells what it raises; it costs some microseconds per batch."""
    import pyarrow as pa

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        except GeneratorExit:
            raise
        except BaseException as error:
            failed(error)
            raise

    return pa.RecordBatchReader.from_batches(reader.schema, batches())


def _reader_of_batches(
    batches: Iterator[Any], schema: pa.Schema | None, failed: Callable[[BaseException], None]
) -> pa.RecordBatchReader:
    import pyarrow as pa

    like = "schema="
    if schema is None:
        like = "batch 0"
        try:
            first = next(batches, None)
        except Exception as error:
            raise input_failed(error) from error
        if first is None:
            raise InvalidArgument("input is an iterable without batches: schema= is needed")
        schema = _batch(first, 0).schema
        batches = itertools.chain((first,), batches)
    return pa.RecordBatchReader.from_batches(schema, _guarded(batches, schema, like, failed))


def _guarded(
    batches: Iterator[Any], schema: pa.Schema, like: str, failed: Callable[[BaseException], None]
) -> Iterator[pa.RecordBatch]:
    """The batches, each checked against the schema: readers take its columns for the schema's."""
    try:
        for index, batch in enumerate(batches):
            check_schema(_batch(batch, index).schema, schema, f"batch {index}", like)
            yield batch
    except GeneratorExit:
        raise
    except BaseException as error:
        failed(error)
        raise


def _batch(batch: Any, index: int) -> pa.RecordBatch:
    import pyarrow as pa

    if not isinstance(batch, pa.RecordBatch):
        raise InvalidArgument(
            f"batch {index} of the input is a {type(batch).__name__}: pyarrow.RecordBatch is needed"
        )
    return batch


def input_failed(error: BaseException) -> HostError:
    """The error of an input that raised; one of this package's says what it is itself."""
    if isinstance(error, HostError):
        return HostError(error.message)
    return HostError(f"input failed: {type(error).__name__}: {one_line(error)}")


def known_reader(data: Any) -> Any:
    """A pyarrow RecordBatchReader over data of a type that is known here, else None."""
    found = known(data)
    return None if found is None else found.reader


def known(data: Any, columns: Sequence[str] | None = None) -> Opened | None:
    """Data of a type that is known here, opened, else None.

    Of files and datasets only `columns` are read, where they are given.
    """
    if isinstance(data, (str, os.PathLike)):
        return open_input(data, columns)
    table = _in_memory(data)
    if table is not None:
        return Opened(table.to_reader(), table.num_rows, table)
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is not None and isinstance(data, pyarrow.RecordBatchReader):
        return Opened(data, None)
    dataset = sys.modules.get("pyarrow.dataset")
    if dataset is not None:
        if isinstance(data, dataset.Dataset):
            return open_dataset(data, columns)
        if isinstance(data, dataset.Scanner):
            return Opened(data.to_reader(), None)
    return None


def _in_memory(data: Any) -> pa.Table | None:
    """The table that data is, or cheaply becomes."""
    if is_pandas(data):
        return _from_pandas(data)
    if is_polars(data):
        return with_plain_types(collected(data).to_arrow())
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is not None:
        if isinstance(data, pyarrow.Table):
            return data
        if isinstance(data, pyarrow.RecordBatch):
            return pyarrow.Table.from_batches([data])
    return None


def _from_pandas(data: Any) -> pa.Table:
    import pyarrow as pa

    try:
        return with_plain_types(pa.Table.from_pandas(data, preserve_index=False))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidArgument(f"input DataFrame: {one_line(error)}") from error


def reader_of(data: Any, schema: pa.Schema | None = None) -> pa.RecordBatchReader:
    """A RecordBatchReader over anything that is accepted as Arrow input."""
    import pyarrow as pa

    reader = known_reader(data)
    source = reader if reader is not None else stream_source(data, schema, _ignore)
    if isinstance(source, pa.RecordBatchReader):
        return source
    return pa.RecordBatchReader.from_stream(source)


def table_from(data: Any) -> pa.Table:
    """All that is accepted as Arrow input as one table."""
    try:
        return reader_of(data).read_all()
    except Error:
        raise
    except Exception as error:
        raise input_failed(error) from error


def columns_from(data: Any, choose: Callable[[list[str]], Sequence[str | int]]) -> pa.Table:
    """The columns that `choose` takes of all names, of files and datasets nothing else is read."""
    names = _stored_names(data)
    if names is None:
        table = table_from(data)
        return table.select(choose(table.column_names))
    chosen = [names[each] if isinstance(each, int) else each for each in choose(names)]
    found = known(data, chosen)
    assert found is not None
    return table_from(found.reader)


def _stored_names(data: Any) -> list[str] | None:
    """The names of the columns of a file or dataset, else None."""
    if isinstance(data, (str, os.PathLike)):
        names: list[str] = open_input(data).reader.schema.names
        return names
    dataset = sys.modules.get("pyarrow.dataset")
    return data.schema.names if dataset and isinstance(data, dataset.Dataset) else None


def _ignore(_: BaseException) -> None:
    """For readers that raise by themselves what their iterable raised."""
