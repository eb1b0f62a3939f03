"""Values as text that two sides can compare, whatever zone or clock they run with.

Dates, times and durations are their count of units, the entries of maps are sorted, variants are
JSON, all else is Python's repr.
"""

from __future__ import annotations

import datetime
import json
from typing import Any

import pyarrow as pa
from pyarrow import types

_CALENDAR = (datetime.date, datetime.time, datetime.timedelta)
_COUNTED = (types.is_timestamp, types.is_date, types.is_time, types.is_duration)
_REFERRING = (types.is_dictionary, types.is_union, types.is_run_end_encoded)


def texts(column: pa.Array | pa.ChunkedArray) -> list[str]:
    """The values of an Arrow column."""
    return [text(scalar) for scalar in column]


def text(scalar: pa.Scalar) -> str:
    """An Arrow value."""
    kind = scalar.type
    if not scalar.is_valid:
        return "null"
    if isinstance(kind, pa.BaseExtensionType) or any(refers(kind) for refers in _REFERRING):
        return text(scalar.value)
    if any(is_counted(kind) for is_counted in _COUNTED):
        return str(scalar.value)
    if types.is_map(kind):
        entries = [(text(entry["key"]), text(entry["value"])) for entry in _entries(scalar)]
        return _map(entries)
    if types.is_struct(kind):
        if any(b"variant" in (field.metadata or {}) for field in kind):
            return _variant(scalar)
        return _struct([(name, text(value)) for name, value in scalar.items()])
    if hasattr(scalar, "values"):
        return _list([text(each) for each in scalar.values])
    return _plain(scalar.as_py())


def _entries(scalar: pa.MapScalar) -> list[pa.StructScalar]:
    names = ["key", "value"]
    return list(pa.StructArray.from_arrays(scalar.values.flatten(), names))


def python_value(value: Any, declared: Any) -> str:
    """A value of a PySpark type as DataFrame.collect gives it where the process's zone is UTC."""
    if value is None:
        return "null"
    kind = declared.typeName()
    if kind == "array":
        return _list([python_value(each, declared.elementType) for each in value])
    if kind == "map":
        key, item = declared.keyType, declared.valueType
        return _map([(python_value(k, key), python_value(v, item)) for k, v in value.items()])
    if kind == "struct":
        return _struct(
            [
                (field.name, python_value(each, field.dataType))
                for field, each in zip(declared.fields, value, strict=True)
            ]
        )
    if kind == "variant":
        # Spark's text of JSON, which escapes less than PySpark's.
        text = value if isinstance(value, str) else value.toJson()
        return repr(json.dumps(json.loads(text), separators=(",", ":")))
    if isinstance(value, _CALENDAR):
        value = declared.toInternal(value)
    return _plain(value)


def _variant(scalar: pa.StructScalar) -> str:
    from pyspark.sql.types import VariantType, VariantVal

    parts = scalar["value"].as_py(), scalar["metadata"].as_py()
    return python_value(VariantVal(*parts), VariantType())


def _list(parts: list[str]) -> str:
    return "[" + ", ".join(parts) + "]"


def _map(entries: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(sorted(f"{key}: {value}" for key, value in entries)) + "}"


def _struct(fields: list[tuple[str, str]]) -> str:
    return "(" + ", ".join(f"{name}={value}" for name, value in fields) + ")"


def _plain(value: Any) -> str:
    if type(value).__module__ == "numpy":
        value = value.item()
    return repr(bytes(value) if isinstance(value, bytearray) else value)
