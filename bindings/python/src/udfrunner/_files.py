"""Parquet, CSV and Arrow files as streams of record batches, chosen by their extension."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ._arguments import column_position, one_line
from .errors import HostError, InvalidArgument, is_error

if TYPE_CHECKING:
    import pyarrow as pa

__tracebackhide__ = is_error

#: Extensions by format.
FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".arrow": "arrow-file",
    ".feather": "arrow-file",
    ".arrows": "arrow-stream",
    ".ipc": "arrow-stream",
}
#: Formats of the files of a folder, as pyarrow.dataset calls them.
FOLDER_FORMATS = {"parquet": "parquet", "csv": "csv", "arrow-file": "ipc"}
#: What an Arrow file, as opposed to a stream, begins with.
_ARROW_MAGIC = b"ARROW1"
#: Names standard input and output, which are Arrow streams, for those who take them.
STANDARD = "-"
#: Rows read at a time from a Parquet file.
_READ_ROWS = 65_536


@dataclass
class Opened:
    """An open input: its batches, its rows where they are known, and the table that it is."""

    reader: pa.RecordBatchReader
    rows: int | None
    table: pa.Table | None = None


def file_format(path: str | os.PathLike[str]) -> str:
    """The format of a path. Raises InvalidArgument, naming those that are known."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InvalidArgument(
            f"file {os.fspath(path)}: a name that ends in one of {', '.join(FORMATS)} is needed"
        )
    return FORMATS[suffix]


def open_standard_input(columns: Sequence[str] | None = None) -> Opened:
    """Opens the Arrow stream that comes from standard input."""
    import pyarrow as pa

    try:
        reader = pa.ipc.open_stream(sys.stdin.buffer)
    except pa.ArrowException as error:
        raise InvalidArgument(
            f"standard input: an Arrow stream is needed: {one_line(error)}"
        ) from error
    return Opened(_selected(reader, columns, STANDARD), None)


def open_input(path: str | os.PathLike[str], columns: Sequence[str] | None = None) -> Opened:
    """Opens a file or a folder of files for reading, with only `columns` where they are given."""
    if Path(path).is_dir():
        return open_dataset(_folder(path), columns, path)
    chosen = file_format(path)
    if not Path(path).is_file():
        raise InvalidArgument(f"file {os.fspath(path)}: no such file")
    opener = {"parquet": _open_parquet, "csv": _open_csv}.get(chosen, _open_arrow)
    opened = opener(path, columns)
    return Opened(_naming(opened.reader, path), opened.rows)


def _naming(reader: pa.RecordBatchReader, path: str | os.PathLike[str]) -> pa.RecordBatchReader:
    """The reader of a file, whose errors name it."""
    import pyarrow as pa

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        except (pa.ArrowException, OSError) as error:
            raise HostError(f"file {os.fspath(path)}: {one_line(error)}") from error

    return pa.RecordBatchReader.from_batches(reader.schema, batches())


def _folder(path: str | os.PathLike[str]) -> Any:
    """The dataset of a folder, whose folders may name values as Spark writes them (``k=1``)."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            if name.startswith((".", "_")):
                continue
            file = os.path.join(folder, name)  # noqa: PTH118 - as os.walk has it
            chosen = file_format(file)
            if chosen not in FOLDER_FORMATS:
                raise InvalidArgument(
                    f"folder {os.fspath(path)}: file {file}: files of a folder are Parquet, CSV or "
                    "Arrow files, not streams"
                )
            try:
                return ds.dataset(path, format=FOLDER_FORMATS[chosen], partitioning="hive")
            except (pa.ArrowException, OSError) as error:
                raise InvalidArgument(f"folder {os.fspath(path)}: {one_line(error)}") from error
    raise InvalidArgument(f"folder {os.fspath(path)}: it has no files")


def open_dataset(
    data: Any, columns: Sequence[str] | None, path: str | os.PathLike[str] = "of the dataset"
) -> Opened:
    """Opens a dataset of pyarrow's, with only `columns` where they are given."""
    import pyarrow.dataset as ds

    _check_columns(columns, data.schema, path)
    names = None if columns is None else list(dict.fromkeys(columns))
    # Other formats are read whole to be counted.
    is_parquet = isinstance(data, ds.FileSystemDataset) and isinstance(
        data.format, ds.ParquetFileFormat
    )
    return Opened(
        data.scanner(columns=names).to_reader(), data.count_rows() if is_parquet else None
    )


def _check_columns(columns: Sequence[str] | None, schema: pa.Schema, path: Any) -> None:
    for column in columns or ():
        column_position(column, schema.names, f"file {os.fspath(path)}: ")


def _open_parquet(path: str | os.PathLike[str], columns: Sequence[str] | None) -> Opened:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise InvalidArgument(f"file {os.fspath(path)}: {one_line(error)}") from error
    _check_columns(columns, file.schema_arrow, path)
    names = list(dict.fromkeys(columns)) if columns is not None else file.schema_arrow.names
    schema = pa.schema([file.schema_arrow.field(name) for name in names])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in file.iter_batches(batch_size=_READ_ROWS, columns=names):
            yield batch.select(names).replace_schema_metadata(None)

    schema = schema.remove_metadata()
    return Opened(pa.RecordBatchReader.from_batches(schema, batches()), file.metadata.num_rows)


def _open_csv(path: str | os.PathLike[str], columns: Sequence[str] | None) -> Opened:
    import pyarrow as pa
    import pyarrow.csv as csv

    try:
        reader: pa.RecordBatchReader = csv.open_csv(path)
    except pa.ArrowException as error:
        raise InvalidArgument(f"file {os.fspath(path)}: {one_line(error)}") from error
    return Opened(_selected(reader, columns, path), None)


def _open_arrow(path: str | os.PathLike[str], columns: Sequence[str] | None) -> Opened:
    import pyarrow as pa

    source = pa.memory_map(os.fspath(path))
    is_file = source.read(len(_ARROW_MAGIC)) == _ARROW_MAGIC
    source.seek(0)
    try:
        if not is_file:
            return Opened(_selected(pa.ipc.open_stream(source), columns, path), None)
        file = pa.ipc.open_file(source)
    except pa.ArrowException as error:
        raise InvalidArgument(f"file {os.fspath(path)}: {one_line(error)}") from error
    batches = (file.get_batch(index) for index in range(file.num_record_batches))
    reader = pa.RecordBatchReader.from_batches(file.schema, batches)
    return Opened(_selected(reader, columns, path), None)


def _selected(
    reader: pa.RecordBatchReader, columns: Sequence[str] | None, path: Any
) -> pa.RecordBatchReader:
    import pyarrow as pa

    if columns is None:
        return reader
    _check_columns(columns, reader.schema, path)
    names = list(dict.fromkeys(columns))
    schema = pa.schema([reader.schema.field(name) for name in names])
    return pa.RecordBatchReader.from_batches(schema, (b.select(names) for b in reader))


class OutputFile:
    """A file that is written batch by batch."""

    def __init__(self, path: Path | BinaryIO, chosen: str, schema: pa.Schema) -> None:
        import pyarrow as pa
        import pyarrow.csv as csv
        import pyarrow.parquet as pq

        writers: dict[str, Any] = {
            "parquet": pq.ParquetWriter,
            "csv": csv.CSVWriter,
            "arrow-file": pa.ipc.new_file,
            "arrow-stream": pa.ipc.new_stream,
        }
        where = os.fspath(path) if isinstance(path, Path) else path
        self._writer = writers[chosen](where, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Appends a batch. A type that the format has none for is pyarrow's exception."""
        if hasattr(self._writer, "write_batch"):
            self._writer.write_batch(batch)
        else:
            self._writer.write(batch)

    def close(self) -> None:
        """Writes the end of the file."""
        self._writer.close()


def check_output(path: str | os.PathLike[str]) -> None:
    """Raises InvalidArgument where the path cannot be written, before there is data for it."""
    file_format(path)
    if not Path(path).parent.is_dir():
        raise InvalidArgument(f"file {os.fspath(path)}: no such directory")


@contextmanager
def open_standard_output(schema: pa.Schema) -> Iterator[OutputFile]:
    """An Arrow stream to standard output. A failed run leaves it without its end."""
    file = OutputFile(sys.stdout.buffer, "arrow-stream", schema)
    yield file
    file.close()
    sys.stdout.buffer.flush()


@contextmanager
def open_output(path: str | os.PathLike[str], schema: pa.Schema) -> Iterator[OutputFile]:
    """Opens a file for writing. It gets its name at the end, so that a failed run leaves none."""
    import pyarrow as pa

    target = Path(path)
    check_output(target)
    chosen = file_format(target)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        file = OutputFile(part, chosen, schema)
        try:
            yield file
        finally:
            file.close()
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)
        part.replace(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise InvalidArgument(f"file {target}: {one_line(error)}") from error
    finally:
        part.unlink(missing_ok=True)
