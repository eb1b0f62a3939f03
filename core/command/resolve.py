"""Finds the function that a reference names. Runs in the worker, when the reference is unpickled."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

# An ordinary Python UDF has eval type SQL_BATCHED_UDF, or SQL_ARROW_BATCHED_UDF with useArrow=True: the
# function is the same, only the way of its data differs, and that is the runner's choice.
PYTHON_UDFS = {100, 101}
# The same holds for table functions: SQL_TABLE_UDF, or SQL_ARROW_TABLE_UDF with useArrow=True.
TABLE_FUNCTIONS = {300, 301}


def resolve(reference: dict[str, Any]) -> Callable[..., Any]:
    text, module, qualname = (reference[key] for key in ("text", "module_name", "qualname"))
    eval_type: int = reference["eval_type"]
    try:
        found: Any = importlib.import_module(module)
    except ImportError as error:
        kind = ModuleNotFoundError if isinstance(error, ModuleNotFoundError) else ImportError
        message = f"function reference {text!r}: {error}"
        raise kind(message, name=error.name, path=error.path) from error
    for name in qualname.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            raise AttributeError(f"function reference {text!r}: {error}") from error
    # PySpark's decorators leave an object, or a function, with these two attributes. partial has a func too.
    declared, inner = getattr(found, "evalType", None), getattr(found, "func", None)
    if isinstance(declared, int) and callable(inner) and not isinstance(found, functools.partial):
        types = {declared, eval_type}
        if declared != eval_type and not (types <= PYTHON_UDFS or types <= TABLE_FUNCTIONS):
            raise ValueError(
                f"function reference {text!r}: decorated for eval type {declared}, "
                f"but the runner's eval type is {eval_type}"
            )
        found = inner
    if callable(found):
        function: Callable[..., Any] = found
        return function
    raise TypeError(
        f"function reference {text!r}: expected something callable, "
        f"found {type(found).__module__}.{type(found).__qualname__}"
    )
