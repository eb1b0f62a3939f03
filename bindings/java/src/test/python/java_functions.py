"""What the Java tests run in workers, beside the functions of the C tests."""

from collections.abc import Iterator

import pyarrow as pa


def identity(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches
