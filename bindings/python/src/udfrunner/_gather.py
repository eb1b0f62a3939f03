"""Rows of a table by position, whatever the columns' types and however much text they hold.

pyarrow's take has no kernel for views and run ends, and fails where the result of a column is
beyond what 32 bits offsets reach. Here rows come in pieces of a bounded size, and what take lacks
is done with what it has.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

#: Bytes of a piece about, far enough below the 2 GiB that a column of text can hold.
PIECE_BYTES = 512 << 20


class Rows:
    """A table whose rows are read in any order."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._blocks = list(_blocks(table))
        self._starts = [0]
        for block in self._blocks:
            self._starts.append(self._starts[-1] + block.num_rows)
        self._bytes = sum(_size(block) for block in self._blocks)

    def pieces(self, rows: pa.Array) -> Iterator[pa.Table]:
        """The rows at positions `rows`, in their order, as one table or several."""
        total = max(1, self.table.num_rows)
        count = 1 + self._bytes * len(rows) // total // PIECE_BYTES
        step = -(-len(rows) // count) or 1
        for start in range(0, len(rows), step):
            yield from self._whole_or_halves(rows.slice(start, step))

    def take(self, rows: pa.Array) -> pa.Table:
        """The rows at positions `rows`, in their order."""
        import pyarrow as pa

        pieces = list(self.pieces(rows))
        return pa.concat_tables(pieces) if pieces else self.table.schema.empty_table()

    def _whole_or_halves(self, rows: pa.Array) -> Iterator[pa.Table]:
        import pyarrow as pa

        try:
            piece = self._piece(rows)
        except (pa.ArrowInvalid, pa.ArrowCapacityError):
            # Rows are of unlike sizes: these are too much for 32 bits offsets or 16 bits run ends.
            if len(rows) < 2:
                raise
            half = len(rows) // 2
            yield from self._whole_or_halves(rows.slice(0, half))
            yield from self._whole_or_halves(rows.slice(half))
            return
        yield piece

    def _piece(self, rows: pa.Array) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        if len(self._blocks) == 1:
            return _take_table(self._blocks[0], rows)
        parts, places = [], []
        bounds = pc.min_max(rows).as_py()
        first = bisect.bisect_right(self._starts, bounds["min"]) - 1
        last = bisect.bisect_right(self._starts, bounds["max"])
        for block, start in zip(self._blocks[first:last], self._starts[first:last], strict=True):
            here = pc.and_(pc.greater_equal(rows, start), pc.less(rows, start + block.num_rows))
            places.append(pc.indices_nonzero(here))
            positions = pc.subtract(rows.filter(here).cast(pa.int64()), start)
            parts.append(_take_table(block, positions))
        together = _combined(pa.concat_tables(parts))
        return _take_table(together, pc.sort_indices(pa.concat_arrays(places)))


def _blocks(table: pa.Table) -> Iterator[pa.Table]:
    """The table's rows in blocks of about a piece's size, of one chunk each."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    size = 0
    for batch in table.to_batches():
        added = _size(batch)
        if held and size + added > PIECE_BYTES:
            yield from _joined(held)
            held, size = [], 0
        held.append(batch)
        size += added
    yield from _joined(held) if held else [pa.Table.from_batches([], table.schema)]


def _size(data: pa.Table | pa.RecordBatch) -> int:
    import pyarrow as pa

    try:
        return int(data.nbytes)
    except pa.ArrowTypeError:  # PyArrow 18 cannot tell it of views.
        return int(data.get_total_buffer_size())


def _joined(batches: list[pa.RecordBatch]) -> list[pa.Table]:
    import pyarrow as pa

    try:
        return [_combined(pa.Table.from_batches(batches))]
    except (pa.ArrowInvalid, pa.ArrowCapacityError):  # 16 bits run ends of many batches
        return [pa.Table.from_batches([batch]) for batch in batches]


def _combined(table: pa.Table) -> pa.Table:
    """The table in one chunk. Raises ArrowInvalid where its columns hold no more."""
    import pyarrow as pa

    columns = [
        column if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
        for column in table.columns
        if column.num_chunks
    ]
    if len(columns) < table.num_columns or not columns:
        return table
    return pa.Table.from_arrays(columns, schema=table.schema)


def _take_table(table: pa.Table, rows: pa.Array) -> pa.Table:
    """Rows of a table of one chunk."""
    import pyarrow as pa

    if not table.num_columns or not table.num_rows:
        return table.slice(0, len(rows)) if len(rows) <= table.num_rows else table
    columns = [take(column.chunk(0), rows) for column in table.columns]
    return pa.Table.from_arrays(columns, schema=table.schema)


def take(array: pa.Array, rows: pa.Array) -> pa.Array:
    """The values at positions `rows`, of an array of any type; null where a position is null."""
    import pyarrow as pa

    kind, types = array.type, pa.types
    if has_kernel(kind):
        return array.take(rows)
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, take(array.storage, rows))
    if kind == pa.string_view():
        return array.cast(pa.large_string()).take(rows).cast(kind)
    if kind == pa.binary_view():
        return array.cast(pa.large_binary()).take(rows).cast(kind)
    if types.is_struct(kind):
        fields = [take(array.field(i), rows) for i in range(kind.num_fields)]
        # Without a mask where there is no null: a map's entries have none.
        nulls = array.is_null().take(rows) if array.null_count else None
        return pa.StructArray.from_arrays(fields, fields=list(kind), mask=nulls)
    if types.is_run_end_encoded(kind):
        return _take_runs(array, rows)
    if types.is_union(kind):
        return _take_union(array, rows)
    return _take_lists(array, rows)


def has_kernel(kind: pa.DataType) -> bool:
    """Whether pyarrow's take works for arrays of a type."""
    import pyarrow as pa

    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return has_kernel(kind.storage_type)
    if types.is_run_end_encoded(kind) or kind in (pa.string_view(), pa.binary_view()):
        return False
    if types.is_dictionary(kind):
        return True
    return all(has_kernel(kind.field(i).type) for i in range(kind.num_fields))


def _take_lists(array: pa.Array, rows: pa.Array) -> pa.Array:
    """Takes lists of the items' positions in their place, and then those items."""
    import pyarrow as pa

    kind, types, number = array.type, pa.types, pa.int64()
    like: Any
    if types.is_fixed_size_list(kind):
        like = pa.list_(number, kind.list_size)
    elif types.is_list_view(kind):
        like = pa.list_view(number)
    elif types.is_large_list_view(kind):
        like = pa.large_list_view(number)
    elif types.is_large_list(kind):
        like = pa.large_list(number)
    else:  # Maps lie as lists of their entries do.
        like = pa.list_(number)
    items = array.values
    taken = with_items(array, like, positions(len(items))).take(rows)
    return with_items(taken, kind, take(items, taken.values))


def with_items(array: pa.Array, kind: pa.DataType, items: pa.Array) -> pa.Array:
    """Lists or maps with other items in the places of theirs, of a type that lies as theirs."""
    import pyarrow as pa

    types = pa.types
    own = 2
    if types.is_fixed_size_list(kind):
        own = 1
    elif types.is_list_view(kind) or types.is_large_list_view(kind):
        own = 3
    buffers = array.buffers()[:own]
    return pa.Array.from_buffers(kind, len(array), buffers, offset=array.offset, children=[items])


def run_positions(array: pa.Array) -> pa.Array:
    """For each value of a run-end encoded array the position of its run."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = array.run_ends
    runs = pa.RunEndEncodedArray.from_arrays(ends, positions(len(ends)))
    return pc.run_end_decode(runs).slice(array.offset, len(array))


def _take_runs(array: pa.Array, rows: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type.run_end_type
    if len(rows) >= 1 << (kind.bit_width - 1):
        raise pa.ArrowInvalid(f"{len(rows)} values for run ends of {kind}")
    runs = pc.run_end_encode(run_positions(array).take(rows), run_end_type=kind)
    values = take(array.values, runs.values)
    return pa.RunEndEncodedArray.from_arrays(runs.run_ends, values, array.type)


def _take_union(array: pa.Array, rows: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, buffers = array.type, array.buffers()
    names = [kind.field(i).name for i in range(kind.num_fields)]
    children = [array.field(i) for i in range(kind.num_fields)]
    # By buffers: the array's own properties forget its offset.
    given = [None, buffers[1]]
    codes = pa.Array.from_buffers(pa.int8(), len(array), given, offset=array.offset).take(rows)
    if kind.mode == "sparse":
        children = [take(child, rows) for child in children]
        return pa.UnionArray.from_sparse(codes, children, names, kind.type_codes)
    given = [None, buffers[2]]
    old = pa.Array.from_buffers(pa.int32(), len(array), given, offset=array.offset).take(rows)
    offsets = old
    for i, code in enumerate(kind.type_codes):
        chosen = pc.equal(codes, code)
        children[i] = take(children[i], old.filter(chosen))
        numbered = pc.subtract(pc.cumulative_sum(chosen.cast(pa.int32())), pa.scalar(1, pa.int32()))
        offsets = pc.if_else(chosen, numbered, offsets)
    return pa.UnionArray.from_dense(codes, offsets, children, names, kind.type_codes)


def positions(count: int) -> pa.Array:
    """The numbers from 0 up to `count`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.subtract(pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), count)), 1)
