"""The options that all functions over tables have, and what refuses others."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

from ._arguments import check_mapping, listed, nearest
from ._functions import FunctionLike, name_of
from .errors import InvalidArgument, is_error

if TYPE_CHECKING:
    import datetime
    import os
    from collections.abc import Iterable

    from ._env import Env
    from ._output import Logs
    from ._progress import ProgressCallback

__tracebackhide__ = is_error

CallableT = TypeVar("CallableT", bound=Callable[..., Any])


class Options(TypedDict, total=False):
    """What type checkers see of the options that the functions over tables share."""

    workers: int
    deadline: float | datetime.timedelta | None
    progress: bool | ProgressCallback
    env: Env | None
    conf: Mapping[str, Any] | None
    includes: Iterable[str | os.PathLike[str]]
    logs: Logs


def only_known(call: CallableT) -> CallableT:
    """A function or method that names the nearest of its options where one is unknown."""
    options = list(inspect.signature(call).parameters)

    @functools.wraps(call)
    def checked(*args: Any, **given: Any) -> Any:
        for name in given:
            if name not in options:
                raise _unknown(call.__qualname__.removesuffix(".__init__"), name, options)
        return call(*args, **given)

    return cast("CallableT", checked)


def _unknown(call: str, name: str, options: list[str]) -> InvalidArgument:
    near = nearest(name, options)
    known = [each for each in options if each != "self"]
    return InvalidArgument(
        f"{call}: no option {name!r}{near}{' ' if near else '; '}options are {listed(known)}"
    )


def keyword_columns(
    call: Callable[..., Any], function: FunctionLike, keywords: Any, named: Mapping[str, Any]
) -> dict[str, Any]:
    """The columns of a function's keyword arguments, told in one dict and one by one.

    A name that is none of the function's arguments, or has no column, is an option of `call` with
    a slip.
    """
    check_mapping(keywords, "keywords")
    options = [
        name
        for name, each in inspect.signature(call).parameters.items()
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    accepted = _accepted(function)
    for name, column in named.items():
        if keywords and name in keywords:
            raise InvalidArgument(
                f"keyword argument {name!r} has two columns: {keywords[name]!r} in keywords= and "
                f"{column!r}"
            )
        if accepted is not None and name not in accepted:
            near = nearest(name, [*options, *accepted])
            raise InvalidArgument(
                f"{call.__name__}: {name!r} is neither an option nor an argument of function "
                f"{name_of(function)}{near}{' ' if near else '; '}"
                f"its arguments are {listed(accepted) or 'none'}"
            )
        if not isinstance(column, str) and nearest(name, options):
            raise _unknown(call.__name__, name, options)
    return {**(keywords or {}), **named}


def _accepted(function: Any) -> list[str] | None:
    """The names of a function's arguments; None where they are unknown or any."""
    if isinstance(function, (str, bytes)):
        return None
    try:
        parameters = inspect.signature(getattr(function, "func", function)).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(each.kind == each.VAR_KEYWORD for each in parameters):
        return None
    return [each.name for each in parameters if each.kind != each.POSITIONAL_ONLY]
