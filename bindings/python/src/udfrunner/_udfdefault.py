"""What ``udf`` makes where there is no Spark session to say whether it uses Arrow.

Since Spark 4.2 ``spark.sql.execution.pythonUDF.arrow.enabled`` is true by default, so that the
same decorator gives an Arrow-optimized function in production, which takes and gives other values
than a pickled one. PySpark itself asks the session and takes a pickled one without.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

from ._evaltype import EvalType

_NAME = "_create_py_udf"
_MARK = "_udfrunner_default"


def install() -> None:
    """Makes ``udf`` without a session what it is in a session with Spark's defaults."""
    for module in _modules():
        original = getattr(module, _NAME, None)
        if original is not None and not hasattr(original, _MARK):
            _replace(original, _with_default(original))


def _modules() -> list[Any]:
    """The modules with PySpark's own, and that of pyspark-client.

    Where gRPC is missing, an import of Spark Connect's ends a program of ``python -c``.
    """
    found: list[Any] = [importlib.import_module("pyspark.sql.udf")]
    if importlib.util.find_spec("grpc") is not None:
        found.append(importlib.import_module("pyspark.sql.connect.udf"))
    return found


def _with_default(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def create(f: Any, returnType: Any, useArrow: bool | None = None) -> Any:
        made = original(f, returnType, useArrow)
        if useArrow is None and made.evalType == EvalType.BATCHED and not _has_session():
            return original(f, returnType, True)
        return made

    setattr(create, _MARK, True)
    return create


def _has_session() -> bool:
    """Whether this process has a Spark session, whose configuration PySpark has asked."""
    classic: Any = sys.modules.get("pyspark.sql.session")
    if classic is not None and classic.SparkSession._instantiatedSession is not None:
        return True
    connect: Any = sys.modules.get("pyspark.sql.connect.session")
    return connect is not None and connect.SparkSession.getActiveSession() is not None


def _replace(original: Any, replacement: Any) -> None:
    """Puts the replacement in, also in modules that took the name already."""
    for name, module in list(sys.modules.items()):
        if name.startswith("pyspark.") and getattr(module, "__dict__", {}).get(_NAME) is original:
            setattr(module, _NAME, replacement)
