"""Everything that needs PySpark in this interpreter: pickling functions, and its types.

Functions by reference and pickled bytes need none of it.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Any

from . import _shared, _udfdefault
from ._daemon import ddl, sessionless
from .errors import InvalidArgument, NotSupported, is_error

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import DataType

__tracebackhide__ = is_error

#: The minor versions of PySpark whose workers the library runs, oldest first.
SUPPORTED = ("3.5", "4.0", "4.1", "4.2", "4.3")


def _needed(error: ImportError) -> NotSupported:
    return NotSupported(
        f"PySpark does not import in {sys.executable} ({error}): functions given as Python objects "
        "are pickled with it; install pyspark or pyspark-client, or name the function as "
        "'module:qualname'"
    )


def python_version() -> str:
    """The minor version that pickles of this interpreter need, as "3.11"."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def pickle_command(
    function: Any, data_type: DataType | None, share: bool
) -> tuple[bytes, list[_shared.Shared]]:
    """Pickles (function, return type) as Spark's PythonFunction.command holds it.

    Where `share` is set, without the large containers of its closure, which the list has.
    """
    if not share:
        return _dumps((function, data_type), _function_name(function)), []
    try:
        return _shared.dumps((function, data_type))
    except ImportError as error:
        raise _needed(error) from error
    except Exception as error:
        raise InvalidArgument(f"{_function_name(function)}: not picklable: {error}") from error


def pickle_rdd_command(function: Any) -> bytes:
    """Pickles a function of RDDs as PythonRDD's command, its records batches of pickled objects.

    The serializers are those that ``SparkContext`` gives an RDD.
    """
    try:
        from pyspark.serializers import AutoBatchedSerializer, CPickleSerializer
    except ImportError as error:
        raise _needed(error) from error
    serializer = AutoBatchedSerializer(CPickleSerializer())
    return _dumps((function, None, serializer, serializer), _function_name(function))


def pickle_handler(handler: type) -> bytes:
    """Pickles the handler class of a table function as Spark's PythonUDTF holds it."""
    return _dumps(handler, _function_name(handler))


def pickle_object(value: Any, what: str) -> bytes:
    """Pickles any object; `what` names it in the error."""
    return _dumps(value, what)


def _function_name(function: Any) -> str:
    return f"function {getattr(function, '__qualname__', repr(function))}"


def _dumps(value: Any, what: str) -> bytes:
    try:
        from pyspark.serializers import CloudPickleSerializer
    except ImportError as error:
        raise _needed(error) from error
    try:
        return bytes(CloudPickleSerializer().dumps(value))
    except Exception as error:
        raise InvalidArgument(f"{what}: not picklable: {error}") from error


def is_stateful_processor(function: Any) -> bool:
    """Whether a function is an instance of PySpark's StatefulProcessor."""
    module = sys.modules.get("pyspark.sql.streaming.stateful_processor")
    return module is not None and isinstance(function, module.StatefulProcessor)


def stateful_function(processor: Any, time_mode: str, initial_state: bool) -> Any:
    """The function that a worker calls for a StatefulProcessor, as transformWithState makes it."""
    try:
        from pyspark.sql.streaming.stateful_processor_util import (
            TransformWithStateInPandasUdfUtils,
        )
    except ImportError as error:
        raise NotSupported(
            f"stateful processor {processor!r}: this interpreter's PySpark has no function of its "
            "own around one, which PySpark 4.1 and later have; give the function instead"
        ) from error
    utils = TransformWithStateInPandasUdfUtils(processor, time_mode)
    if initial_state:
        return utils.transformWithStateWithInitStateUDF
    return utils.transformWithStateUDF


def parse_type(text: str) -> ddl.JsonType:
    """Spark's JSON form of a type in DDL or JSON. Raises InvalidArgument naming the text."""
    try:
        return ddl.parse_type(text)
    except ValueError as error:
        raise InvalidArgument(str(error)) from None


def data_type(text: str) -> DataType:
    """The PySpark DataType of a type in DDL or JSON."""
    try:
        from pyspark.sql import types
    except ImportError as error:
        raise _needed(error) from error
    parsed = parse_type(text)
    try:
        return types._parse_datatype_json_value(parsed)
    except Exception as error:
        raise InvalidArgument(f"return type {text!r}: not a type of PySpark: {error}") from error


def from_arrow(value: Any) -> DataType:
    """The PySpark DataType of an Arrow type or schema."""
    import pyarrow as pa

    try:
        from pyspark.sql.pandas.types import from_arrow_schema, from_arrow_type
    except ImportError as error:
        raise _needed(error) from error
    try:
        if isinstance(value, pa.Schema):
            return from_arrow_schema(value, prefer_timestamp_ntz=True)
        return from_arrow_type(value, prefer_timestamp_ntz=True)
    except Exception as error:
        raise InvalidArgument(f"return type {value}: not a type of PySpark: {error}") from error


def to_arrow(value: DataType) -> pa.DataType:
    """The Arrow type that PySpark makes of a DataType, timestamps in UTC."""
    from pyspark.sql.pandas.types import to_arrow_type

    zoned = "timezone" in inspect.signature(to_arrow_type).parameters  # PySpark 3.5: always UTC
    try:
        return to_arrow_type(value, timezone="UTC") if zoned else to_arrow_type(value)
    except Exception as error:
        raise InvalidArgument(
            f"return type {value.simpleString()}: PySpark has no Arrow type for it: {error}"
        ) from error


def has_binary_as_bytes() -> bool:
    """Whether binary values are bytes for this interpreter's PySpark, else bytearrays."""
    import pyspark

    return minor(pyspark.__version__) >= (4, 1)


def has_arrow_udf_by_default() -> bool:
    """Whether ``udf`` of this interpreter's PySpark is Arrow-optimized where nothing is said."""
    import pyspark

    return minor(pyspark.__version__) >= (4, 2)


def minor(version: str) -> tuple[int, ...]:
    """The minor version of a version of PySpark, as numbers."""
    return tuple(int(part) for part in version.split(".")[:2])


def allow_ddl_without_session() -> None:
    """Lets ``@udf("long")``, ``@pandas_udf("a int")`` and the like work without a Spark session.

    PySpark asks the session to parse a return type given as text, so that such a decorator fails
    in a program that has none. After this call PySpark tries its session as before, and where
    there is none the text is parsed by udfrunner. Call it before the decorators run. Workers do
    so by themselves.

    From then on ``udf`` without a session also is what Spark's defaults make it: Arrow-optimized
    (eval type 101) with PySpark 4.2 and later, unless ``useArrow=False`` is given.
    """
    try:
        importlib.import_module("pyspark.sql.types")
    except ImportError as error:
        raise _needed(error) from error
    sessionless.install(parse_type)
    if has_arrow_udf_by_default():
        _udfdefault.install()
