"""Tables in the order of their keys, and where the groups of equal keys begin.

Null is a key like any other, as in Spark: all nulls are one group, and so are all NaNs; 0.0 and
-0.0 are equal, also within structs and lists. Groups come in ascending order of the keys, NaN
behind the numbers, null last.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._arguments import column_position
from ._gather import Rows
from ._parallel import Partition
from ._sortable import decoded, sorted_groups
from .errors import is_error

if TYPE_CHECKING:
    import pyarrow as pa

__tracebackhide__ = is_error


@dataclass(frozen=True)
class Layout:
    """A table with the key columns in front, as tasks read it.

    Attributes:
        table: the key's columns, then the others in their order.
        keys: how many columns are the key.
        values: where the columns are, in the order in which the caller had them.
    """

    table: pa.Table
    keys: int
    values: list[int]

    @property
    def arguments(self) -> list[int]:
        """The argument offsets of a grouped map (Spark's PandasGroupUtils.resolveArgOffsets)."""
        keys = range(self.keys)
        return [1 + self.keys + len(self.values), self.keys, *keys, *self.values]


def keys_in_front(table: pa.Table, by: Sequence[str], what: str = "by") -> Layout:
    """Moves the columns `by` to the front. Dictionaries among them are decoded."""
    import pyarrow as pa

    front = [column_position(name, table.column_names, f"{what}: ") for name in by]
    order = front + [i for i in range(table.num_columns) if i not in front]
    values = [order.index(i) for i in range(table.num_columns)]
    table = table.select(order)
    for i in range(len(front)):
        field = table.schema.field(i)
        if pa.types.is_dictionary(field.type):
            plain = decoded(table.column(i))
            table = table.set_column(i, field.with_type(plain.type), plain)
    return Layout(table, len(front), values)


@dataclass(frozen=True)
class GroupedTable:
    """A table whose first columns are the key, the order of its keys, and where groups begin."""

    layout: Layout
    rows: Rows
    order: pa.Array
    starts: pa.Array

    def key_table(self) -> pa.Table:
        """The keys, a row for each group."""
        keys = self.layout.table.select(list(range(self.layout.keys)))
        return Rows(keys).take(self.order.take(self.starts))

    def partitions(self, count: int, batch_size: int | None) -> Iterator[Partition]:
        """About `count` partitions of like size, each of whole groups; at least one.

        Their rows are brought in order as they are read.
        """
        import pyarrow as pa

        schema = self.layout.table.schema

        def batches(start: int, end: int) -> Iterator[pa.RecordBatch]:
            for piece in self.rows.pieces(self.order.slice(start, end - start)):
                yield from piece.to_batches(max_chunksize=batch_size)

        for index, (start, end) in enumerate(cuts(self.starts, len(self.order), count)):
            reader = pa.RecordBatchReader.from_batches(schema, batches(start, end))
            yield Partition(index, reader)


def grouped(table: pa.Table, by: Sequence[str]) -> GroupedTable:
    """Finds the groups of a table by the columns `by`, which come first in what tasks read.

    Without columns all rows are one group.
    """
    layout = keys_in_front(table, by)
    order, starts = sorted_groups(layout.table.select(list(range(layout.keys))))
    return GroupedTable(layout, Rows(layout.table), order, starts)


def cuts(starts: pa.Array, rows: int, count: int) -> Iterator[tuple[int, int]]:
    """Cuts `rows` rows into about `count` ranges of like size that begin where groups do."""
    begin = 0
    for index in range(1, count):
        near = bisect.bisect_left(
            range(len(starts)), rows * index // count, key=lambda i: starts[i].as_py()
        )
        end = starts[near].as_py() if near < len(starts) else rows
        if begin < end < rows:
            yield begin, end
            begin = end
    yield begin, rows
