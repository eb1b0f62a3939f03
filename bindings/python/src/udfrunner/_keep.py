"""Columns that ``udfrunner run`` keeps beside a function's results."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ._parallel import Batches, Partition
from .errors import ProtocolError

if TYPE_CHECKING:
    import pyarrow as pa


class Kept:
    """The kept columns of one partition: set aside as the function's are sent, and given back
    with its results, row for row.
    """

    def __init__(self, partition: Partition, columns: Sequence[str], keep: Sequence[str]) -> None:
        import pyarrow as pa

        self._schema = pa.schema([partition.reader.schema.field(name) for name in keep])
        self._waiting: deque[pa.RecordBatch] = deque()
        sent = list(dict.fromkeys(columns))

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in partition.reader:
                self._waiting.append(batch.select(list(keep)))
                yield batch.select(sent)

        schema = pa.schema([partition.reader.schema.field(name) for name in sent])
        reader = pa.RecordBatchReader.from_batches(schema, batches())
        #: The partition that the function gets.
        self.partition = Partition(partition.index, Batches(reader))

    def beside(self, results: pa.Array, name: str) -> Iterator[pa.RecordBatch]:
        """The results as a column of that name behind the kept ones of their rows."""
        import pyarrow as pa

        schema = self._schema.append(pa.field(name, results.type))
        if not len(results):
            yield pa.RecordBatch.from_pylist([], schema)
        while len(results):
            if not self._waiting:
                raise ProtocolError(f"{len(results)} results more than rows: one each is needed")
            rows = self._waiting.popleft()
            part = rows.slice(0, len(results))
            if part.num_rows < rows.num_rows:
                self._waiting.appendleft(rows.slice(part.num_rows))
            column = results.slice(0, part.num_rows)
            results = results.slice(part.num_rows)
            yield pa.RecordBatch.from_arrays([*part.columns, column], schema=schema)

    def check_end(self) -> None:
        """Raises where rows have no result."""
        rows = sum(batch.num_rows for batch in self._waiting)
        if rows:
            raise ProtocolError(f"{rows} rows without a result: one each is needed")
