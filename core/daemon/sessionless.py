"""Return types given as text, such as @udf("long"), where PySpark has no session to parse them.

PySpark asks the active Spark session to parse such a text. A worker has none, and neither has a
program without Spark: a module with such a decorator could not even be imported there. The
daemon's workers and the Python package share this file: it imports nothing of either.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

# What PySpark says without a session: an error condition, and 3.5 a text only.
_NO_SESSION = {
    "NO_ACTIVE_OR_DEFAULT_SESSION",
    "SESSION_OR_CONTEXT_NOT_EXISTS",
    "SparkContext or SparkSession should be created first.",
}

_TYPES = "pyspark.sql.types"
_NAME = "_parse_datatype_string"
_MARK = "_udfrunner_fallback"


def install(parse: Callable[[str], Any]) -> None:
    """Parse return types given as text also where there is no Spark session.

    PySpark's own way is tried first; where it finds no session, parse makes Spark's JSON form of
    the type. Needs pyspark.sql.types to be imported, does nothing where it is not, and nothing
    the second time.
    """
    types: Any = sys.modules.get(_TYPES)
    original = getattr(types, _NAME, None)
    if original is None or hasattr(original, _MARK):
        return

    @functools.wraps(original)
    def with_fallback(text: str) -> Any:
        try:
            return original(text)
        except RuntimeError as error:
            if getattr(error, "getCondition", error.__str__)() not in _NO_SESSION:
                raise
        return _data_type(types, text, parse(text))

    setattr(with_fallback, _MARK, True)
    # Modules that took the name already have it replaced, later ones take the new one.
    for name, module in list(sys.modules.items()):
        if name.startswith("pyspark.") and getattr(module, "__dict__", {}).get(_NAME) is original:
            setattr(module, _NAME, with_fallback)


def _data_type(types: Any, text: str, parsed: Any) -> Any:
    """The DataType of Spark's JSON form of a type. Raises ValueError naming the text."""
    try:
        return types._parse_datatype_json_value(parsed)
    except Exception as error:
        raise ValueError(f"return type {text!r}: no type of PySpark: {error}") from error
