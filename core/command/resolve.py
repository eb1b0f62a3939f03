"""Finds the function that a reference names. Runs in the worker, when the reference is unpickled."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

# Eval types of one decoration: the function is the same, only the way of its data differs, and that is the runner's
# choice. Ordinary Python UDFs and table functions with and without useArrow=True, aggregates of groups and of windows.
KINDRED = ({100, 101}, {300, 301}, {202, 203}, {252, 253})


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
        if not any({declared, eval_type} <= kin for kin in ({eval_type}, *KINDRED)):
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
