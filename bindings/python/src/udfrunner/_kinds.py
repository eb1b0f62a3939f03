"""Choosing the eval type of a function: by its decorator, by name, or by its annotations."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from typing import Any

from ._evaltype import KINDS, MAP_TYPES, EvalType
from ._functions import FunctionLike, is_udf, name_of, udf_eval_type
from .errors import InvalidArgument

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
    if kind is not None:
        chosen = named_kind(f"map-{kind}" if kind in ("arrow", "pandas") else kind)
        if chosen not in MAP_TYPES:
            raise InvalidArgument(f"kind {kind!r}: 'arrow' or 'pandas' is allowed")
        return chosen
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
        try:
            return EvalType(kind)
        except ValueError:
            raise InvalidArgument(f"kind {kind!r}: no eval type of PySpark") from None
    found = KINDS.get(kind.replace("_", "-"))
    if found is None:
        raise InvalidArgument(f"kind {kind!r}: one of {', '.join(KINDS)} is allowed")
    return found


def group_kind(
    function: FunctionLike, kind: EvalType | str | None, kinds: Mapping[str, EvalType]
) -> EvalType:
    """The eval type of a function of groups, one of `kinds`: by `kind`, decorator or annotation.

    "pandas" and "arrow" mean the iterator form for functions that are annotated so.
    """
    if kind is None and is_udf(function):
        kind = EvalType(udf_eval_type(function))
    if isinstance(kind, int):
        if kind not in kinds.values():
            allowed = ", ".join(f"{each.name} ({each.value})" for each in kinds.values())
            raise InvalidArgument(f"kind {kind!r}: one of {allowed} is allowed")
        return EvalType(kind)
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
    if kind not in kinds:
        raise InvalidArgument(f"kind {kind!r}: one of {', '.join(kinds)} is allowed")
    return kinds[kind]


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
