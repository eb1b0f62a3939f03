"""What ``udf`` makes where there is no Spark session to say whether it uses Arrow.

Since Spark 4.2 ``spark.sql.execution.pythonUDF.arrow.enabled`` is true by default, so that the
same decorator gives an Arrow-optimized function in production, which takes and gives other values
than a pickled one. PySpark itself asks the session and takes a pickled one without.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Callable, Iterator
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


def _modules() -> Iterator[Any]:
    """PySpark's own, and Spark Connect's where that makes the functions, as in pyspark-client."""
    yield importlib.import_module("pyspark.sql.udf")
    utils: Any = importlib.import_module("pyspark.sql.utils")
    if utils.is_remote():
        # What it needs may be missing, for which its modules even end a program of `python -c`.
        with contextlib.suppress(ImportError, SystemExit):
            yield importlib.import_module("pyspark.sql.connect.udf")


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
