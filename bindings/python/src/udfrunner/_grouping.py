"""Tables sorted by key, and where the groups of equal keys begin.

Null is a key like any other, as in Spark: all nulls are one group, and so are all NaNs; 0.0 and
-0.0 are equal. Groups come in ascending order of the keys, NaN behind the numbers, null last.
"""

from __future__ import annotations

import bisect
import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._input import reader_of
from ._parallel import Partition
from .errors import InvalidArgument

if TYPE_CHECKING:
    import pyarrow as pa


def table_of(data: Any) -> pa.Table:
    """Arrow data of any kind, or the path of a file, as one table."""
    if isinstance(data, (str, os.PathLike)):
        from ._files import open_input

        data = open_input(data).reader
    return reader_of(data).read_all()


def key_names(by: str | Sequence[str]) -> list[str]:
    """The names of the key columns, each once."""
    names = [by] if isinstance(by, str) else list(by)
    if len(set(names)) != len(names):
        raise InvalidArgument(f"by {names!r}: each column is allowed once")
    return names


def column_index(table: pa.Table, name: str) -> int:
    """The position of the only column of that name."""
    found = table.schema.get_all_field_indices(name)
    if len(found) != 1:
        allowed = ", ".join(table.column_names)
        problem = f"there are {len(found)}" if found else f"one of {allowed} is allowed"
        raise InvalidArgument(f"column {name!r}: {problem}")
    return int(found[0])


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


def keys_in_front(table: pa.Table, by: Sequence[str]) -> Layout:
    """Moves the columns `by` to the front. Dictionaries among them are decoded."""
    front = [column_index(table, name) for name in by]
    order = front + [i for i in range(table.num_columns) if i not in front]
    values = [order.index(i) for i in range(table.num_columns)]
    return Layout(_decoded(table.select(order), len(front)), len(front), values)


def _decoded(table: pa.Table, keys: int) -> pa.Table:
    import pyarrow as pa

    for i, field in enumerate(list(table.schema)[:keys]):
        if pa.types.is_dictionary(field.type):
            plain = table.column(i).cast(field.type.value_type)
            table = table.set_column(i, field.with_type(plain.type), plain)
    return table


def sort_order(keys: pa.Table) -> pa.Array:
    """The rows' positions in the order of their keys; rows of one key keep theirs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # By position, since names may repeat.
    numbered = keys.rename_columns([str(i) for i in range(keys.num_columns)])
    try:
        return pc.sort_indices(numbered, [(name, "ascending") for name in numbered.column_names])
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError, pa.ArrowInvalid) as error:
        types = ", ".join(f"{field.name} {field.type}" for field in keys.schema)
        raise InvalidArgument(f"by {types}: not sortable: {error}") from error


def group_starts(keys: pa.Table) -> pa.Array:
    """The positions at which the key of a sorted table differs from the row's before."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if keys.num_rows == 0:
        return pa.array([], pa.int64())
    changed = [
        _differs(column.slice(1), column.slice(0, keys.num_rows - 1)) for column in keys.columns
    ]
    later = pc.add(pc.indices_nonzero(functools.reduce(pc.or_, changed)).cast(pa.int64()), 1)
    return pa.concat_arrays([pa.array([0], pa.int64()), later])


def _differs(after: pa.ChunkedArray, before: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    # not_equal is null where a value is: then they differ unless both are.
    differs = pc.coalesce(
        pc.not_equal(after, before), pc.not_equal(after.is_null(), before.is_null())
    )
    if pa.types.is_floating(after.type):
        both = pc.and_(pc.is_nan(after), pc.is_nan(before))
        differs = pc.and_not(differs, pc.fill_null(both, False))
    return differs


@dataclass(frozen=True)
class GroupedTable:
    """A table sorted by its first columns, the key, and where its groups begin."""

    layout: Layout
    starts: pa.Array

    @property
    def table(self) -> pa.Table:
        """The sorted rows."""
        return self.layout.table

    def key_table(self) -> pa.Table:
        """The keys, a row for each group."""
        keys = self.table.select(list(range(self.layout.keys)))
        return keys.take(self.starts)

    def partitions(self, count: int, batch_size: int | None) -> Iterator[Partition]:
        """About `count` partitions of like size, each of whole groups; at least one."""
        for index, (start, end) in enumerate(cuts(self.starts, self.table.num_rows, count)):
            part = self.table.slice(start, end - start)
            yield Partition(index, part.to_reader(max_chunksize=batch_size))


def grouped(data: Any, by: Sequence[str]) -> GroupedTable:
    """Sorts Arrow data of any kind by the columns `by`, which come first in the result.

    Without columns all rows are one group.
    """
    import pyarrow as pa

    layout = keys_in_front(table_of(data), by)
    table, front = layout.table, list(range(layout.keys))
    if not front:
        return GroupedTable(layout, pa.array([0] if table.num_rows else [], pa.int64()))
    table = table.take(sort_order(table.select(front)))
    starts = group_starts(table.select(front))
    return GroupedTable(Layout(table, layout.keys, layout.values), starts)


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
