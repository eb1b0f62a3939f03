"""Which form each column of Arrow data takes on its way to a pickled function."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _javahash
from ._inboundtypes import (
    MAX_PRECISION,
    Binary,
    Cast,
    Inbound,
    Indexed,
    Lists,
    Maps,
    Numbers,
    Scalars,
    Stored,
    Structs,
    Times,
    UserDefined,
    Variants,
    dictionary_places,
    run_places,
)
from .errors import InvalidArgument, is_error

if TYPE_CHECKING:
    import pyarrow as pa

__tracebackhide__ = is_error

#: Where Spark keeps the types of a Parquet file's columns, user-defined ones too.
SPARK_SCHEMA_KEY = b"org.apache.spark.sql.parquet.row.metadata"


class Later(NamedTuple):
    """A type in the data that a PySpark before `since` lacks."""

    since: str
    refused: InvalidArgument


def inbound_fields(
    schema: pa.Schema,
    eval_type: int,
    bytearrays: bool | None = None,
    declared: Mapping[str, Any] | None = None,
) -> tuple[list[Inbound], list[Later]]:
    """The columns of a schema, and which of their types older workers lack.

    Args:
        schema: of the data.
        eval_type: for messages.
        bytearrays: whether binary values are bytearrays; None leaves it to the worker's version.
        declared: Spark's JSON form of a struct with the columns, which tells user-defined types;
            left out, what Spark wrote into the schema of a Parquet file does.

    Raises InvalidArgument naming the column that cannot be sent.
    """
    if declared is None:
        text = (schema.metadata or {}).get(SPARK_SCHEMA_KEY)
        declared = None if text is None else json.loads(text)
    forms = _Forms(eval_type, bytearrays)
    told = _fields_of(declared)
    fields = [forms.form(field.type, field.name, told.get(field.name)) for field in schema]
    return fields, forms.later


def _fields_of(declared: Any) -> dict[str, Any]:
    """The declared types of a struct's fields by name; nothing where it is not a struct."""
    if not isinstance(declared, dict) or declared.get("type") != "struct":
        return {}
    return {field["name"]: field["type"] for field in declared["fields"]}


def _part_of(declared: Any, kind: str, key: str) -> Any:
    """The declared type of a part of a list or map; None where that is not declared."""
    return declared.get(key) if isinstance(declared, dict) and declared["type"] == kind else None


class _Forms:
    """Chooses the form of a type. Spark has the types that core's table of types has."""

    def __init__(self, eval_type: int, bytearrays: bool | None) -> None:
        #: Types of later versions among those that were asked for.
        self.later: list[Later] = []
        self._eval_type = eval_type
        self._bytearrays = bytearrays

    def form(self, of: pa.DataType, path: str, declared: Any = None) -> Inbound:
        """The form of a type; `declared` is Spark's JSON form of it, where that says more."""
        import pyarrow.types as types

        if isinstance(declared, dict) and declared["type"] == "udt":
            return UserDefined(declared, self.form(of, path, declared["sqlType"]))
        if types.is_nested(of):
            return self._nested(of, path, declared)
        simple = self._number(of, path) or self._temporal(of, path)
        if simple is not None:
            return simple
        if types.is_null(of):
            return Scalars("void", Cast(path))
        if types.is_boolean(of):
            return Scalars("boolean", Cast(path))
        if _is_any(of, "string", "large_string", "string_view"):
            return Scalars("string", Cast(path))
        if _is_any(of, "binary", "large_binary", "binary_view", "fixed_size_binary"):
            return Binary(self._bytearrays)
        if types.is_decimal(of):
            return self._decimal(of, path)
        return self._wrapped(of, path, declared)

    def _number(self, of: pa.DataType, path: str) -> Inbound | None:
        import pyarrow as pa

        same, to = Cast(path), Cast
        numbers: dict[pa.DataType, Callable[[], Inbound]] = {
            pa.int8(): lambda: Numbers("byte", "b", same),
            pa.int16(): lambda: Numbers("short", "h", same),
            pa.int32(): lambda: Numbers("integer", "i", same),
            pa.int64(): lambda: Numbers("long", "q", same, hashed=_javahash.long_hash),
            pa.uint8(): lambda: Numbers("short", "B", same),
            pa.uint16(): lambda: Numbers("integer", "H", same),
            pa.uint32(): lambda: Numbers("long", "I", same, hashed=_javahash.long_hash),
            pa.uint64(): lambda: Scalars("decimal(20,0)", to(path, pa.decimal128(20, 0))),
            pa.float16(): lambda: self._floats(to(path, pa.float32())),
            pa.float32(): lambda: self._floats(same),
            pa.float64(): lambda: Numbers("double", "d", same, hashed=_javahash.double_hash),
        }
        make = numbers.get(of)
        return None if make is None else make()

    def _floats(self, cast: Cast) -> Inbound:
        return Numbers("float", "f", cast, hashed=_javahash.float_hash)

    def _temporal(self, of: pa.DataType, path: str) -> Inbound | None:
        import pyarrow as pa
        import pyarrow.types as types

        if types.is_date(of):
            return Numbers("date", "i", _cast(path, of, pa.date32()), converts=True)
        if types.is_timestamp(of):
            # A label says which clock the user likes; without one there is none but the clock.
            json = "timestamp_ntz" if of.tz is None else "timestamp"
            cast = _cast(path, of, pa.timestamp("us", of.tz))
        elif types.is_duration(of):
            json, cast = "interval day to second", _cast(path, of, pa.duration("us"))
        elif types.is_time(of):
            self._needs("4.1", path, of, "cast to string or to int64")
            return Times(_cast(path, of, pa.time64("us")))
        else:
            return None
        return Numbers(json, "q", cast, converts=True, hashed=_javahash.long_hash)

    def _decimal(self, of: pa.DataType, path: str) -> Inbound:
        import pyarrow as pa

        # Spark's scale is from 0 to the precision.
        scale = max(of.scale, 0)
        precision = max(of.precision - min(of.scale, 0), scale)
        if precision > MAX_PRECISION:
            raise self._refused(
                path, of, f"cast to decimal128 with {MAX_PRECISION} digits or fewer, or to string"
            )
        to = pa.decimal128(precision, scale)
        return Scalars(f"decimal({precision},{scale})", _cast(path, of, to))

    def _nested(self, of: pa.DataType, path: str, declared: Any) -> Inbound:
        import pyarrow.types as types

        if types.is_struct(of):
            if any(b"variant" in (of.field(i).metadata or {}) for i in range(of.num_fields)):
                self._needs("4.0", path, of, "drop the column")
                return Variants([field.name for field in of])
            told = _fields_of(declared)
            return Structs(
                [
                    (each.name, self.form(each.type, f"{path}.{each.name}", told.get(each.name)))
                    for each in of
                ]
            )
        if types.is_map(of):
            return Maps(
                self.form(of.key_type, f"{path}.key", _part_of(declared, "map", "keyType")),
                self.form(of.item_type, f"{path}.value", _part_of(declared, "map", "valueType")),
            )
        if _is_any(of, "list", "large_list", "fixed_size_list", "list_view", "large_list_view"):
            element = _part_of(declared, "array", "elementType")
            return Lists(self.form(of.value_type, f"{path}.element", element))
        return self._wrapped(of, path, declared)

    def _wrapped(self, of: pa.DataType, path: str, declared: Any) -> Inbound:
        """Types around another one; what is left is none of Spark's."""
        import pyarrow as pa
        import pyarrow.types as types

        if types.is_dictionary(of):
            return Indexed(self.form(of.value_type, path, declared), dictionary_places)
        if _is_any(of, "run_end_encoded"):
            return Indexed(self.form(of.value_type, path, declared), run_places)
        if isinstance(of, pa.BaseExtensionType):
            return Stored(self.form(of.storage_type, path, declared))
        raise self._refused(path, of, "drop the column, or cast it before")

    def _needs(self, since: str, path: str, of: pa.DataType, advice: str) -> None:
        """Notes a type that a PySpark before `since` lacks."""
        refused = self._refused(path, of, advice, f"PySpark before {since}")
        self.later.append(Later(since, refused))

    def _refused(
        self, path: str, of: pa.DataType, advice: str, who: str = "Spark"
    ) -> InvalidArgument:
        return InvalidArgument(
            f"column {path} of type {of}: {who} has no such type for a function of eval type "
            f"{self._eval_type}: {advice}"
        )


def _is_any(of: pa.DataType, *names: str) -> bool:
    """Whether a type is one of pyarrow's of these names, which older pyarrows may not have."""
    import pyarrow.types as types

    checks = (getattr(types, f"is_{name}", None) for name in names)
    return any(check is not None and check(of) for check in checks)


def _cast(path: str, of: pa.DataType, to: pa.DataType) -> Cast:
    return Cast(path, None if of == to else to)
