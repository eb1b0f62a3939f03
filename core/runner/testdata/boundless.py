"""Functions that answer with more than data."""

import os
import sys
from collections.abc import Iterator

import pyarrow as pa


def one_batch(column: pa.Array, metadata: dict | None = None) -> pa.RecordBatch:
    schema = pa.schema([pa.field("a", column.type)], metadata=metadata)
    return pa.RecordBatch.from_arrays([column], schema=schema)


def long_name(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A column whose type has a name of 1 MB."""
    for batch in batches:
        fields = pa.struct([pa.field("x" * (1 << 20), pa.int64())])
        yield one_batch(pa.array([{}] * len(batch), fields))


def words(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Dictionaries of 64 KB."""
    for batch in batches:
        values = [f"{i:064}" for i in range(1000)]
        column = pa.DictionaryArray.from_arrays(pa.array([0] * len(batch), pa.int32()), values)
        yield one_batch(column)


def dies_with_words(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    print("first", "x" * 8000, "last", file=sys.stderr, flush=True)
    os._exit(3)
