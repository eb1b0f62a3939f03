"""Everything that needs PySpark in this interpreter: pickling functions, and its types.

Functions by reference and pickled bytes need none of it.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import TYPE_CHECKING, Any

from . import _ddl
from .errors import InvalidArgument, NotSupported

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import DataType


def _needed(error: ImportError) -> NotSupported:
    return NotSupported(
        f"PySpark does not import in {sys.executable} ({error}): functions given as Python objects "
        "are pickled with it; install pyspark or pyspark-client, or name the function as "
        "'module:qualname'"
    )


def python_version() -> str:
    """The minor version that pickles of this interpreter need, as "3.11"."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def pickle_command(function: Any, data_type: DataType | None) -> bytes:
    """Pickles (function, return type) as Spark's PythonFunction.command holds it."""
    try:
        from pyspark.serializers import CloudPickleSerializer
    except ImportError as error:
        raise _needed(error) from error
    try:
        return bytes(CloudPickleSerializer().dumps((function, data_type)))
    except Exception as error:
        name = getattr(function, "__qualname__", repr(function))
        raise InvalidArgument(f"function {name}: not picklable: {error}") from error


def data_type(parsed: _ddl.JsonType) -> DataType:
    """The PySpark DataType of a type in Spark's JSON form."""
    try:
        from pyspark.sql import types
    except ImportError as error:
        raise _needed(error) from error
    try:
        return types._parse_datatype_json_value(parsed)
    except Exception as error:
        raise InvalidArgument(f"return type {parsed!r}: {error}") from error


def from_arrow(value: Any) -> DataType:
    """The PySpark DataType of an Arrow type or schema."""
    import pyarrow as pa

    try:
        from pyspark.sql.pandas.types import from_arrow_schema, from_arrow_type
    except ImportError as error:
        raise _needed(error) from error
    try:
        if isinstance(value, pa.Schema):
            return from_arrow_schema(value)
        return from_arrow_type(value)
    except Exception as error:
        raise InvalidArgument(f"return type {value}: no type of PySpark: {error}") from error


def to_arrow(value: DataType) -> pa.DataType:
    """The Arrow type that PySpark makes of a DataType, timestamps in UTC."""
    from pyspark.sql.pandas.types import to_arrow_type

    try:
        return to_arrow_type(value, timezone="UTC")
    except TypeError:
        # PySpark 3.5 has no such parameter.
        return to_arrow_type(value)


def allow_ddl_without_session() -> None:
    """Lets ``@udf("long")``, ``@pandas_udf("a int")`` and the like work without a Spark session.

    PySpark asks the session to parse a return type given as text, so that such a decorator fails
    in a program that has none. After this call PySpark tries its session as before, and where
    there is none the text is parsed by udfrunner. Call it before the decorators run.
    """
    try:
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import types
    except ImportError as error:
        raise _needed(error) from error
    original = types._parse_datatype_string
    if getattr(original, "_udfrunner", False):
        return

    def parse(text: str) -> DataType:
        try:
            return original(text)
        except (PySparkRuntimeError, AssertionError):
            return data_type(_ddl.parse_type(text))

    parse._udfrunner = True  # type: ignore[attr-defined]
    # Import the modules that take the name from pyspark.sql.types, so that all use the new one.
    importlib.import_module("pyspark.sql.udf")
    with contextlib.suppress(ImportError):  # Spark Connect's dependencies are optional.
        importlib.import_module("pyspark.sql.connect.udf")
    for name, module in list(sys.modules.items()):
        if not name.startswith("pyspark.sql"):
            continue
        if vars(module).get("_parse_datatype_string") is original:
            module._parse_datatype_string = parse  # type: ignore[attr-defined]
