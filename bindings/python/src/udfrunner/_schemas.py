"""Schemas of parts of one input compared with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._arguments import listed
from .errors import InvalidArgument, is_error

if TYPE_CHECKING:
    import pyarrow as pa

__tracebackhide__ = is_error


def check_schema(given: pa.Schema, wanted: pa.Schema, what: str, like: str) -> None:
    """Raises InvalidArgument where columns differ in number, name, order or type.

    Whether a column may hold null is free, and so is metadata. `what` has the schema given, `like`
    the one wanted.
    """
    if given.equals(wanted):
        return
    names = given.names
    if names != wanted.names:
        swapped = " in another order" if sorted(names) == sorted(wanted.names) else ""
        raise InvalidArgument(
            f"{what}: columns are {listed(names)}, {like} has {listed(wanted.names)}{swapped}"
        )
    for field, want in zip(given, wanted, strict=True):
        if not same_type(field.type, want.type):
            raise InvalidArgument(
                f"{what}: column {field.name!r} is {field.type}, in {like} it is {want.type}"
            )


def same_type(a: pa.DataType, b: pa.DataType) -> bool:
    """Whether arrays of the types lie alike and mean the same, whatever parts may be null."""
    import pyarrow as pa

    if a.equals(b):
        return True
    types = pa.types
    if a.id != b.id or a.num_fields != b.num_fields:
        return False
    if types.is_dictionary(a):
        return a.index_type.equals(b.index_type) and same_type(a.value_type, b.value_type)
    if not types.is_nested(a) or isinstance(a, pa.BaseExtensionType):
        return False
    if types.is_fixed_size_list(a) and a.list_size != b.list_size:
        return False
    if types.is_union(a) and a.type_codes != b.type_codes:
        return False
    fields = [(a.field(i), b.field(i)) for i in range(a.num_fields)]
    named = types.is_struct(a) or types.is_union(a)
    return all(same_type(x.type, y.type) and (x.name == y.name or not named) for x, y in fields)
