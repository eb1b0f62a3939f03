"""Checks of what callers of the package give, and the words of the errors about it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import InvalidArgument, InvalidState, is_error

__tracebackhide__ = is_error

#: How many names of what is allowed a message has.
_SHOWN = 20


def listed(names: Iterable[Any]) -> str:
    """Names for a message, the first ones of many."""
    given = [str(name) for name in names]
    if len(given) <= _SHOWN:
        return ", ".join(given)
    return f"{', '.join(given[:_SHOWN])}, ... ({len(given)} in all)"


def nearest(name: str, names: Iterable[str]) -> str:
    """ "; did you mean 'x'?" where a name is near, else nothing."""
    found = difflib.get_close_matches(name, list(names), 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def column_position(column: Any, present: Sequence[str], where: str = "") -> int:
    """The position of the only column of that name. `where` says what has the columns."""
    if not isinstance(column, str):
        raise InvalidArgument(f"column {column!r}: a name is needed, not {type(column).__name__}")
    count = present.count(column)
    if count == 0:
        near = nearest(column, present)
        columns = f"columns are {listed(present)}" if present else "there are no columns"
        joint = " " if near else "; "
        raise InvalidArgument(f"{where}no column {column!r}{near}{joint}{columns}")
    if count > 1:
        raise InvalidArgument(
            f"{where}column {column!r}: there are {count} of that name; columns are "
            f"{listed(present)}"
        )
    return present.index(column)


def column_names(names: Any, what: str) -> list[str]:
    """One name or several, each once."""
    if isinstance(names, str):
        return [names]
    if isinstance(names, (bytes, Mapping)) or not isinstance(names, Iterable):
        raise InvalidArgument(
            f"{what} {names!r}: a column's name or a list of names is needed, not "
            f"{type(names).__name__}"
        )
    given = list(names)
    for name in given:
        if not isinstance(name, str):
            raise InvalidArgument(
                f"{what} {given!r}: a column's name is needed, not {type(name).__name__} {name!r}"
            )
    if len(set(given)) != len(given):
        raise InvalidArgument(f"{what} {given!r}: a column may be named only once")
    return given


def check_counts(**counts: int | None) -> None:
    """Refuses counts that are not positive integers; None is one that was not given."""
    for name, value in counts.items():
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidArgument(
                f"{name} {value!r}: a positive integer is needed, not {type(value).__name__}"
            )
        if value < 1:
            raise InvalidArgument(f"{name} {value}: a positive number is needed")


def check_common(
    *, env: Any, conf: Any, includes: Any, progress: Any, workers: Any, **counts: int | None
) -> None:
    """Checks the arguments that all functions over tables have."""
    if workers is None:
        raise InvalidArgument("workers None: a positive integer is needed, not NoneType")
    check_counts(workers=workers, **counts)
    check_env(env)
    check_mapping(conf, "conf")
    check_paths(includes, "includes")
    if not isinstance(progress, bool) and not callable(progress):
        raise InvalidArgument(
            f"progress {progress!r}: True, False or a callable of rows done and total is needed"
        )


def check_is(value: Any, kind: type, what: str) -> None:
    """Refuses what is not an instance of a class of the package's, or of a type of Python's."""
    if not isinstance(value, kind):
        name = kind.__name__ if kind.__module__ == "builtins" else f"udfrunner.{kind.__name__}"
        raise InvalidArgument(f"{what} {value!r}: {name} is needed, not {type(value).__name__}")


def check_env(env: Any) -> None:
    """Refuses what is neither an open Env nor None."""
    from ._env import Env

    if env is None:
        return
    check_is(env, Env, "env")
    if env.closed:
        raise InvalidState("env is closed")


def check_mapping(value: Any, what: str) -> None:
    """Refuses what is neither a mapping with text for keys nor None."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise InvalidArgument(
            f"{what} {value!r}: a dict of keys and values is needed, not {type(value).__name__}"
        )
    for key in value:
        if not isinstance(key, str):
            raise InvalidArgument(f"{what} key {key!r}: text is needed, not {type(key).__name__}")


def check_paths(paths: Any, what: str) -> None:
    """Refuses what is not a collection of paths."""
    if isinstance(paths, (str, bytes, Mapping)) or not isinstance(paths, Iterable):
        raise InvalidArgument(
            f"{what} {paths!r}: a list of paths is needed, not {type(paths).__name__}"
        )
    if isinstance(paths, Sequence):
        for path in paths:
            path_text(path, what)


def path_text(path: Any, what: str) -> str:
    """A path as text."""
    try:
        return os.fsdecode(path)
    except TypeError:
        raise InvalidArgument(
            f"{what} {path!r}: a path is needed, not {type(path).__name__}"
        ) from None


def check_broadcasts(broadcasts: Any) -> None:
    """Refuses what is not a mapping from ids to files or None."""
    if broadcasts is None:
        return
    if not isinstance(broadcasts, Mapping):
        raise InvalidArgument(
            f"broadcasts {broadcasts!r}: a dict of ids and files is needed, not "
            f"{type(broadcasts).__name__}"
        )
    for identifier, file in broadcasts.items():
        if file is not None:
            path_text(file, f"broadcast {identifier!r}")


def check_schema_given(schema: Any) -> None:
    """Refuses what is neither a pyarrow schema nor None."""
    if schema is None:
        return
    import pyarrow as pa

    if not isinstance(schema, pa.Schema):
        raise InvalidArgument(
            f"schema {schema!r}: a pyarrow.Schema is needed, not {type(schema).__name__}"
        )


def check_iterable(values: Any, what: str, items: str) -> None:
    """Refuses what cannot be iterated over, or is iterated over by letters or keys."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise InvalidArgument(
            f"{what} of type {type(values).__name__}: an iterable of {items} is needed"
        )


def choice(what: str, value: Any, allowed: Sequence[str]) -> InvalidArgument:
    """The error of a name that is not one of those allowed."""
    near = nearest(value, allowed) if isinstance(value, str) else ""
    joint = " " if near else "; "
    return InvalidArgument(f"no {what} {value!r}{near}{joint}{what}s are {listed(allowed)}")


def one_line(error: BaseException) -> str:
    """The text of an error of others in one line."""
    parts = (
        error.args if len(error.args) > 1 and all(isinstance(a, str) for a in error.args) else ()
    )
    return " ".join((": ".join(parts) or str(error)).split())
