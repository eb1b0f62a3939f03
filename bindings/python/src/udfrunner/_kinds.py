"""Choosing the eval type of a function: by its decorator, by a word, or by its annotations.

The words are the same wherever a kind is asked for: the names of EvalType, such as
"grouped-map-pandas"; and short ones, "pandas", "pandas-iter", "arrow", "arrow-iter" and "row",
which mean the kind of that form that the helper takes.
"""

from __future__ import annotations

import functools
import inspect
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

from . import _pyspark
from ._arguments import choice, listed
from ._evaltype import (
    AGGREGATE_TYPES,
    COGROUPED_TYPES,
    COLUMN_TYPES,
    GROUPED_MAP_TYPES,
    KINDS,
    MAP_TYPES,
    TABLE_TYPES,
    TRANSFORM_TYPES,
    WINDOW_TYPES,
    EvalType,
)
from ._functions import FunctionLike, is_udf, name_of, udf_eval_type
from .errors import InvalidArgument, NotSupported, is_error

__tracebackhide__ = is_error

#: The short word of functions of Python values, which ``udf`` makes.
ROW = "row"

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

#: What the words of a helper's kinds begin with, where the short ones leave it out.
_FAMILIES = {
    "apply": "scalar-",
    "map_batches": "map-",
    "map_groups": "grouped-map-",
    "map_cogroups": "cogrouped-map-",
    "aggregate": "grouped-agg-",
}

#: Words in annotations that tell the form of a function's arguments.
_PANDAS = frozenset({"Series", "DataFrame"})
_ARROW = frozenset({"Table", "RecordBatch", "Array", "ChunkedArray", "Scalar"})
_ROW = frozenset(
    {"int", "float", "str", "bool", "bytes", "bytearray", "Decimal", "Row"}
    | {"date", "datetime", "timedelta", "time"}
    | {"list", "dict", "tuple", "List", "Dict", "Tuple"}
)


def short_words(helper: str) -> dict[str, str]:
    """The short words of a helper, and the word that each stands for."""
    family = _FAMILIES[helper]
    found = {word[len(family) :]: word for word in KINDS if word.startswith(family)}
    forms = ("pandas", "pandas-iter", "arrow", "arrow-iter")
    return {form: found[form] for form in forms if form in found}


def kind_of(function: FunctionLike, kind: EvalType | str | None, helper: str) -> EvalType:
    """The eval type of a function for a helper: `kind`, the decorator's, or by annotation.

    "pandas" and "arrow" mean the iterator form of functions that are annotated so.
    """
    check_function(function)
    if kind is None and is_udf(function):
        kind = EvalType(udf_eval_type(function))
    if kind is not None and not isinstance(kind, str):
        return check_taker(function, named_kind(kind), helper)
    short = short_words(helper)
    form, iterates = annotated(function, last=helper not in ("apply", "map_batches"))
    if kind is None:
        if form not in short and not (form == ROW and helper == "apply"):
            raise InvalidArgument(_untold(function, helper))
        kind = form
    word = kind.replace("_", "-")
    if iterates and f"{word}-iter" in short:
        word = f"{word}-iter"
    if word in short:
        return KINDS[short[word]]
    return check_taker(function, named_kind(word, helper), helper)


def _untold(function: FunctionLike, helper: str) -> str:
    words = [*short_words(helper), *([ROW] if helper == "apply" else [])]
    return (
        f"function {name_of(function)}: neither decorated nor annotated with types of pandas"
        f"{', pyarrow or Python' if helper == 'apply' else ' or pyarrow'}: kind= is needed, one of "
        f"{', '.join(words)}"
    )


def named_kind(kind: EvalType | int | str, helper: str | None = None) -> EvalType:
    """The eval type of a kind's word, of the short ones where a helper is named."""
    if not isinstance(kind, str):
        if isinstance(kind, int) and not isinstance(kind, bool) and kind in _NUMBERS:
            return EvalType(kind)
        raise InvalidArgument(
            f"kind {kind!r}: not an eval type of PySpark, of which {listed(KINDS)} are names"
        )
    word = kind.replace("_", "-")
    short = {} if helper is None else short_words(helper)
    if helper == "apply" and word == ROW:
        return _row_kind()
    found = KINDS.get(short.get(word, word))
    if found is not None:
        return found
    rows = [ROW] if helper == "apply" else []
    raise choice("kind", kind, [*short, *rows, *(words_of(helper) if helper else KINDS)])


def words_of(helper: str) -> list[str]:
    """The words of the kinds that a helper takes."""
    taken = next(types for types, taker, _ in _TAKERS if taker == helper)
    return [word for word, kind in KINDS.items() if kind in taken]


def kind_word(kind: int) -> str:
    """The word of an eval type, or its number where it has none."""
    return next((word for word, each in KINDS.items() if each == kind), str(kind))


#: The numbers of all eval types.
_NUMBERS = frozenset(int(each) for each in EvalType)


def _row_kind() -> EvalType:
    """What ``udf`` of the installed PySpark makes by default."""
    try:
        arrow = _pyspark.has_arrow_udf_by_default()
    except ImportError as error:
        raise NotSupported(
            f"kind {ROW!r}: PySpark, which tells what udf makes by default, does not import "
            f"({error}): 'batched' and 'arrow-batched' name the two kinds of row functions"
        ) from error
    return EvalType.ARROW_BATCHED if arrow else EvalType.BATCHED


def check_taker(function: FunctionLike, kind: EvalType, helper: str) -> EvalType:
    """The kind, where `helper` takes functions of it; else InvalidArgument says what does."""
    of = {taker: what for _, taker, what in _TAKERS if taker != "Runner"}
    for taken, taker, what in _TAKERS:
        if kind in taken and taker != helper:
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


def annotated(function: Any, last: bool = False) -> tuple[str | None, bool]:
    """("pandas", "arrow", "row" or None, whether it takes an iterator), by the annotations.

    The first argument that has a telling one counts; the last one where `last` is set: a key comes
    before the rows of a group. Of callable objects those of ``__call__`` count, of partials those
    of the arguments that are left.
    """
    if isinstance(function, (str, bytes)):
        return None, False
    hints = list(_hints(function))
    texts = [hint if isinstance(hint, str) else _text(hint) for hint in hints]
    for text in reversed(texts) if last else texts:
        iterates = "Iterator" in text or "Iterable" in text
        words = set(re.findall(r"\w+", text))
        if words & _PANDAS:
            return "pandas", iterates
        if words & _ARROW:
            return "arrow", iterates
    rows = bool(texts) and any(set(re.findall(r"\w+", text)) & _ROW for text in texts)
    return (ROW if rows else None), False


def _hints(function: Any) -> Iterator[Any]:
    """The annotations of the arguments by position, or of the result where they have none."""
    plain = _innermost(function)
    try:
        hints = typing.get_type_hints(plain)
    except Exception:
        # Names of the annotations may not be importable here; their text is enough.
        hints = dict(getattr(plain, "__annotations__", {}))
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # Of C code.
        parameters = types.MappingProxyType({})
    found = [
        hints[name]
        for name, each in parameters.items()
        if name in hints and each.kind != each.VAR_KEYWORD and not _is_bound(each)
    ]
    yield from found or [hints[name] for name in ("return",) if name in hints]


def _is_bound(parameter: inspect.Parameter) -> bool:
    """Whether a parameter has its value: partials show those that they bind by keyword so."""
    return parameter.kind == parameter.KEYWORD_ONLY and parameter.default is not parameter.empty


def _innermost(function: Any) -> Any:
    """The function that has the annotations of a partial, a method or a callable object."""
    while isinstance(function, functools.partial):
        function = function.func
    if is_udf(function):
        function = function.func
    function = inspect.unwrap(function)
    if inspect.isroutine(function) or isinstance(function, type):
        return function
    return type(function).__call__


def _text(hint: Any) -> str:
    """An annotation as text, "Iterator[pandas.Series]" or "pandas.Series"."""
    return hint.__qualname__ if isinstance(hint, type) and not typing.get_args(hint) else repr(hint)
