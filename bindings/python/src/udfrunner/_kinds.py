"""Choosing the eval type of a function: by its decorator, by name, or by its annotations."""

from __future__ import annotations

import typing
from typing import Any

from ._evaltype import KINDS, MAP_TYPES, EvalType
from ._functions import FunctionLike, is_udf, name_of, udf_eval_type
from .errors import InvalidArgument

_PANDAS = ("Series", "DataFrame")
_ARROW = ("RecordBatch", "Array", "Scalar")


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


def annotated(function: Any) -> tuple[str | None, bool]:
    """("pandas" or "arrow" or None, whether it takes an iterator), by the first annotation."""
    if isinstance(function, (str, bytes)):
        return None, False
    try:
        hints = typing.get_type_hints(function)
    except Exception:
        # Names of the annotations may not be importable here; their text is enough.
        hints = dict(getattr(function, "__annotations__", {}))
    for name, hint in hints.items():
        if name == "return" and len(hints) > 1:
            continue
        text = hint if isinstance(hint, str) else _text(hint)
        iterates = "Iterator" in text or "Iterable" in text
        words = set(text.replace("[", ".").replace("]", ".").replace(",", ".").split("."))
        if words & set(_PANDAS):
            return "pandas", iterates
        if words & set(_ARROW):
            return "arrow", iterates
    return None, False


def _text(hint: Any) -> str:
    """An annotation as text, "Iterator[pandas.Series]" or "pandas.Series"."""
    return hint.__qualname__ if isinstance(hint, type) and not _arguments(hint) else repr(hint)


def _arguments(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint)
