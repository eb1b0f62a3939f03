"""Key columns as columns that PyArrow sorts and compares, one or several for each.

They order as the keys do: numbers ascending, NaN behind them, text and bytes byte by byte, structs
field by field, lists item by item, null last on every level. Zeros of either sign are equal, and so
are all NaNs.
"""

from __future__ import annotations

import functools
import sys
from array import array as numbers
from typing import TYPE_CHECKING

from ._gather import Rows, positions, run_positions, take, with_items
from .errors import InvalidArgument, is_error

if TYPE_CHECKING:
    import pyarrow as pa

__tracebackhide__ = is_error

#: Bytes of an item's rank in what stands for a list.
_RANK_BYTES = 8
#: Rows by which it is told whether texts are few among many rows.
_SAMPLE_ROWS = 1 << 16


def sorted_groups(keys: pa.Table) -> tuple[pa.Array, pa.Array]:
    """The rows' positions in the order of their keys, and where in it groups of one key begin.

    Rows of one key keep their order.
    """
    columns = [
        part
        for name, column in zip(keys.column_names, keys.columns, strict=True)
        for part in sortable(column, name)
    ]
    return _sorted(columns, keys.num_rows)


def _sorted(columns: list[pa.ChunkedArray], rows: int) -> tuple[pa.Array, pa.Array]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not columns:  # Nulls alone are one group.
        return positions(rows), positions(min(1, rows))
    names = [str(i) for i in range(len(columns))]
    table = pa.table(columns, names=names)
    order = pc.sort_indices(table, [(name, "ascending") for name in names])
    return order, _starts(Rows(table).take(order))


def _starts(keys: pa.Table) -> pa.Array:
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


def sortable(column: pa.ChunkedArray, at: str) -> list[pa.ChunkedArray]:
    """The columns that stand for one; none for one of nulls alone. `at` names it in errors."""
    import pyarrow as pa

    column = decoded(column)
    kind, types = column.type, pa.types
    if types.is_null(kind):
        return []
    if kind == pa.string_view():
        return [_ranked_texts(column.cast(pa.large_string()))]
    if kind == pa.binary_view():
        return [_ranked_texts(column.cast(pa.large_binary()))]
    if types.is_float16(kind):
        return [column.cast(pa.float32())]
    if types.is_decimal(kind) and kind.bit_width < 128:
        return [column.cast(pa.decimal128(kind.precision, kind.scale))]
    if types.is_union(kind):
        raise InvalidArgument(f"by {at!r}: {kind} cannot be a key of groups: it is a union")
    if types.is_interval(kind):  # Equal where all parts are; the order is that of their bytes.
        plain = pa.binary(16)
        return [pa.chunked_array([chunk.view(plain) for chunk in column.chunks], plain)]
    if types.is_map(kind):
        return sortable(_entries(column), at)
    if types.is_struct(kind):
        parts = [column.is_null()]
        for i in range(kind.num_fields):
            field = [chunk.flatten()[i] for chunk in column.chunks]
            child = kind.field(i)
            parts += sortable(pa.chunked_array(field, child.type), f"{at}.{child.name}")
        return parts
    if types.is_nested(kind):
        return [_ranked_lists(column, at)]
    if kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary()):
        return [_ranked_texts(column)]
    return [column]


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values of dictionaries, runs and extension types, plain on the top level."""
    import pyarrow as pa

    kind, types = column.type, pa.types
    if types.is_dictionary(kind):
        chunks = [take(chunk.dictionary, chunk.indices) for chunk in column.chunks]
        return decoded(pa.chunked_array(chunks, kind.value_type))
    if types.is_run_end_encoded(kind):
        chunks = [take(chunk.values, run_positions(chunk)) for chunk in column.chunks]
        return decoded(pa.chunked_array(chunks, kind.value_type))
    if isinstance(kind, pa.BaseExtensionType):
        return decoded(pa.chunked_array([c.storage for c in column.chunks], kind.storage_type))
    return column


def _entries(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Maps as lists of structs."""
    import pyarrow as pa

    kind = pa.list_(pa.struct([column.type.key_field, column.type.item_field]))
    return pa.chunked_array([with_items(c, kind, c.values) for c in column.chunks], kind)


def with_sorted_maps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with the entries of its maps, on all levels, in the order of their keys.

    Spark makes an aggregate's keys so (InsertMapSortInGroupingExpressions, since 4.0): maps of the
    same entries are equal.
    """
    import pyarrow as pa

    if not _has_map(column.type):
        return column
    return pa.chunked_array([_sorted_maps(chunk) for chunk in column.chunks], column.type)


def _has_map(kind: pa.DataType) -> bool:
    import pyarrow as pa

    fields = [kind.field(i).type for i in range(kind.num_fields)]
    return pa.types.is_map(kind) or any(_has_map(field) for field in fields)


def _sorted_maps(array: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if not _has_map(kind) or pa.types.is_run_end_encoded(kind) or pa.types.is_union(kind):
        return array
    if pa.types.is_struct(kind):
        fields = [_sorted_maps(array.field(i)) for i in range(kind.num_fields)]
        nulls = array.is_null() if array.null_count else None
        return pa.StructArray.from_arrays(fields, fields=list(kind), mask=nulls)
    if not pa.types.is_map(kind):
        return with_items(array, kind, _sorted_maps(array.values))
    lists = _entries(pa.chunked_array([array])).chunk(0)
    entries = lists.flatten()
    keys, items = entries.field(0), _sorted_maps(entries.field(1))
    sizes = pc.fill_null(pc.list_value_length(lists), 0)
    filled = pc.greater(sizes, 0)
    ends = pc.cumulative_sum(sizes.filter(filled).cast(pa.int64()))
    owners = pa.RunEndEncodedArray.from_arrays(ends, positions(len(array)).filter(filled))
    parts = sortable(pa.chunked_array([keys]), "key")
    order, _ = _sorted([pa.chunked_array([pc.run_end_decode(owners)]), *parts], len(entries))
    offsets = pc.cumulative_sum(pa.concat_arrays([pa.array([0], pa.int32()), sizes]))
    ordered = [take(keys, order), take(items, order)]
    buffers = [array.is_valid().buffers()[1], offsets.buffers()[1]]
    fields = pa.StructArray.from_arrays(ordered, fields=[kind.key_field, kind.item_field])
    return pa.Array.from_buffers(kind, len(array), buffers, children=[fields])


def _ranked_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts as their ranks where rows share them, which sort in a fraction of the time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sample = column.slice(0, _SAMPLE_ROWS)
    if len(sample) < _SAMPLE_ROWS or 2 * len(sample.unique()) > len(sample):
        return column
    try:
        encoded = column.dictionary_encode().unify_dictionaries()
    except (pa.ArrowInvalid, pa.ArrowCapacityError):  # more distinct text than one array holds
        return column
    ranks = pc.sort_indices(pc.sort_indices(encoded.chunk(0).dictionary))
    return pa.chunked_array([ranks.take(chunk.indices) for chunk in encoded.chunks], ranks.type)


def _ranked_lists(column: pa.ChunkedArray, at: str) -> pa.ChunkedArray:
    """Lists as bytes that sort alike: of each item its rank among all, the highest byte first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    items = pa.chunked_array([chunk.flatten() for chunk in column.chunks], column.type.value_type)
    parts = sortable(items, at)
    order, starts = _sorted(parts, len(items))
    ends = pa.concat_arrays([starts.slice(1), pa.array([len(items)], pa.int64())])
    runs = pa.RunEndEncodedArray.from_arrays(ends.slice(0, len(starts)), positions(len(starts)))
    ranks = numbers("q")
    ranks.frombytes(pc.run_end_decode(runs).take(pc.sort_indices(order)).buffers()[1] or b"")
    if sys.byteorder == "little":
        ranks.byteswap()
    texts, begin = pa.py_buffer(ranks), 0
    chunks = []
    for chunk in column.chunks:
        sizes = pc.fill_null(pc.list_value_length(chunk), 0).cast(pa.int64())
        valid = chunk.is_valid()
        if pa.types.is_fixed_size_list(column.type):
            sizes = pc.if_else(valid, column.type.list_size, 0).cast(pa.int64())
        offsets = pc.multiply(
            pc.cumulative_sum(pa.concat_arrays([pa.array([begin], pa.int64()), sizes])),
            _RANK_BYTES,
        )
        buffers = [valid.buffers()[1], offsets.buffers()[1], texts]
        chunks.append(pa.Array.from_buffers(pa.large_binary(), len(chunk), buffers))
        begin = offsets[-1].as_py() // _RANK_BYTES
    return pa.chunked_array(chunks, pa.large_binary())
