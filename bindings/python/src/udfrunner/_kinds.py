"""Choosing the eval type of a function: by its decorator, by name, or by its annotations."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from typing import Any

from ._arguments import choice
from ._evaltype import (
    AGGREGATE_TYPES,
    COGROUPED_TYPES,
    GROUPED_KINDS,
    GROUPED_MAP_TYPES,
    KINDS,
    MAP_TYPES,
    TABLE_TYPES,
    TRANSFORM_TYPES,
    WINDOW_TYPES,
    EvalType,
)
from ._functions import FunctionLike, is_udf, name_of, udf_eval_type
from .errors import InvalidArgument, is_error

__tracebackhide__ = is_error

_PANDAS = ("Series", "DataFrame")
_ARROW = ("RecordBatch", "Array", "Scalar")
_ARROW_GROUPS = ("Table", "RecordBatch", "Array")

#: Kinds of functions of groups by the names that ``map_groups`` uses.
GROUP_KINDS: dict[str, EvalType] = {
    "pandas": EvalType.GROUPED_MAP_PANDAS,
    "pandas-iter": EvalType.GROUPED_MAP_PANDAS_ITER,
    "arrow": EvalType.GROUPED_MAP_ARROW,
    "arrow-iter": EvalType.GROUPED_MAP_ARROW_ITER,
}

#: Those of ``map_cogroups``.
COGROUP_KINDS: dict[str, EvalType] = {
    "pandas": EvalType.COGROUPED_MAP_PANDAS,
    "arrow": EvalType.COGROUPED_MAP_ARROW,
}

#: Those of ``aggregate``.
AGGREGATE_KINDS: dict[str, EvalType] = {
    "pandas": EvalType.GROUPED_AGG_PANDAS,
    "pandas-iter": EvalType.GROUPED_AGG_PANDAS_ITER,
    "arrow": EvalType.GROUPED_AGG_ARROW,
    "arrow-iter": EvalType.GROUPED_AGG_ARROW_ITER,
}

#: Functions of columns, which give one value for each row.
COLUMN_TYPES = frozenset(KINDS.values()) - MAP_TYPES

#: What takes functions of which eval types, and what those are called.
_TAKERS: tuple[tuple[frozenset[EvalType], str, str], ...] = (
    (COLUMN_TYPES, "apply", "a function of columns"),
    (MAP_TYPES, "map_batches", "a function from batches to batches"),
    (GROUPED_MAP_TYPES, "map_groups", "a function of a group's rows"),
    (COGROUPED_TYPES, "map_cogroups", "a function of two groups' rows"),
    (AGGREGATE_TYPES, "aggregate", "an aggregate"),
    (TABLE_TYPES, "Runner", "a table function"),
    (WINDOW_TYPES, "Runner", "an aggregate over windows"),
    (TRANSFORM_TYPES, "Runner", "a stateful processor"),
    (frozenset({EvalType.GROUPED_MAP_PANDAS_WITH_STATE}), "Runner", "a function with state"),
    (frozenset({EvalType.NON_UDF}), "Runner", "a function of RDDs"),
)


def check_taker(function: FunctionLike, kind: EvalType, helper: str) -> EvalType:
    """The kind, where `helper` takes functions of it; else InvalidArgument says what does."""
    of = {taker: what for _, taker, what in _TAKERS if taker != "Runner"}
    for types, taker, what in _TAKERS:
        if kind in types and taker != helper:
            raise InvalidArgument(
                f"function {name_of(function)} is {what} (eval type {int(kind)}): use {taker}; "
                f"{helper} takes {of[helper]}"
            )
    return kind


def check_function(function: FunctionLike) -> None:
    """Refuses what is not a function in any form that is taken."""
    if isinstance(function, str):
        module, _, name = function.partition(":")
        if not module or not name:
            raise InvalidArgument(f"function {function!r}: 'module:qualname' is needed")
    elif not isinstance(function, bytes) and not callable(function) and not is_udf(function):
        raise InvalidArgument(
            f"function {function!r}: must be a callable, pickled bytes or 'module:qualname'"
        )
    elif isinstance(function, type) and callable(getattr(function, "eval", None)):
        raise InvalidArgument(
            f"function {name_of(function)} is the handler class of a table function: use Runner "
            "with eval type 300, 301 or 302"
        )


def scalar_kind(function: FunctionLike, kind: EvalType | str | None) -> EvalType:
    """The eval type of a function for ``apply``: `kind`, the decorator's, or by annotation."""
    if kind is not None:
        return named_kind(kind)
    if is_udf(function):
        return EvalType(udf_eval_type(function))
    family, iterates = annotated(function)
    if family == "pandas":
        return EvalType.SCALAR_PANDAS_ITER if iterates else EvalType.SCALAR_PANDAS
    if family == "arrow":
        return EvalType.SCALAR_ARROW_ITER if iterates else EvalType.SCALAR_ARROW
    raise InvalidArgument(
        f"function {name_of(function)}: neither decorated nor annotated with pandas or pyarrow "
        f"types: kind= is needed, one of {', '.join(KINDS)}"
    )


def map_kind(function: FunctionLike, kind: EvalType | str | None) -> EvalType:
    """The eval type of a function for ``map_batches``."""
    check_function(function)
    if kind is None and is_udf(function):
        kind = EvalType(udf_eval_type(function))
    if kind is not None:
        if isinstance(kind, str) and kind in ("arrow", "pandas"):
            kind = f"map-{kind}"
        return check_taker(function, named_kind(kind), "map_batches")
    family, _ = annotated(function)
    if family is None:
        raise InvalidArgument(
            f"function {name_of(function)}: not annotated with pandas.DataFrame or "
            "pyarrow.RecordBatch: kind='arrow' or kind='pandas' is needed"
        )
    return EvalType.MAP_PANDAS if family == "pandas" else EvalType.MAP_ARROW


def named_kind(kind: EvalType | str) -> EvalType:
    """The eval type of a kind's name, such as "scalar-pandas"."""
    if not isinstance(kind, str):
        if isinstance(kind, int) and not isinstance(kind, bool) and kind in _NUMBERS:
            return EvalType(kind)
        raise InvalidArgument(
            f"kind {kind!r}: not an eval type of PySpark, of which {', '.join(KINDS)} are names"
        )
    found = _NAMED.get(kind.replace("_", "-"))
    if found is None:
        raise choice("kind", kind, list(KINDS))
    return found


#: The numbers of all eval types.
_NUMBERS = frozenset(int(each) for each in EvalType)
#: All kinds that have a name.
_NAMED: dict[str, EvalType] = {**KINDS, **GROUPED_KINDS}


def group_kind(
    function: FunctionLike,
    kind: EvalType | str | None,
    kinds: Mapping[str, EvalType],
    helper: str,
) -> EvalType:
    """The eval type of a function of groups for `helper`: by `kind`, decorator or annotation.

    "pandas" and "arrow" mean the iterator form for functions that are annotated so.
    """
    check_function(function)
    if kind is None and is_udf(function):
        kind = EvalType(udf_eval_type(function))
    if kind is not None and not isinstance(kind, str):
        return check_taker(function, named_kind(kind), helper)
    # The rows are the last parameter: a key comes before them, an aggregate has columns only.
    family, iterates = annotated(function, last=True)
    if kind is None:
        if family is None:
            raise InvalidArgument(
                f"function {name_of(function)}: not annotated with pandas or pyarrow types: kind= "
                f"is needed, one of {', '.join(kinds)}"
            )
        kind = family
    if iterates and f"{kind}-iter" in kinds:
        kind = f"{kind}-iter"
    if kind in kinds:
        return kinds[kind]
    if kind.replace("_", "-") in _NAMED:
        return check_taker(function, named_kind(kind), helper)
    raise choice("kind", kind, list(kinds))


def annotated(function: Any, last: bool = False) -> tuple[str | None, bool]:
    """("pandas" or "arrow" or None, whether it takes an iterator), by the first annotation.

    Where `last` is set, by the last annotation of a parameter.
    """
    if isinstance(function, (str, bytes)):
        return None, False
    try:
        hints = typing.get_type_hints(function)
    except Exception:
        # Names of the annotations may not be importable here; their text is enough.
        hints = dict(getattr(function, "__annotations__", {}))
    if len(hints) > 1:
        hints.pop("return", None)
    values = list(hints.values())
    for hint in reversed(values) if last else values:
        text = hint if isinstance(hint, str) else _text(hint)
        iterates = "Iterator" in text or "Iterable" in text
        words = set(re.findall(r"\w+", text))
        if words & set(_PANDAS):
            return "pandas", iterates
        if words & set(_ARROW_GROUPS if last else _ARROW):
            return "arrow", iterates
    return None, False


def _text(hint: Any) -> str:
    """An annotation as text, "Iterator[pandas.Series]" or "pandas.Series"."""
    return hint.__qualname__ if isinstance(hint, type) and not typing.get_args(hint) else repr(hint)
