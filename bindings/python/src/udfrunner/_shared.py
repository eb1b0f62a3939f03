"""Large containers in closures: pickled once, read once by each worker, and never out of date.

A dict of a million entries takes a worker's pickle a third of a second to read, for each call and
each worker. Such a container is left out of the pickled function: a file in memory has it, which a
worker reads when it first needs it (core/daemon/shared.py), and each task gets a copy, as if it
had been unpickled again. Only containers whose elements cannot change are shared so, and before
each use their elements are held against those that were pickled, one by one: other elements are
another value, with a file of its own.
"""

from __future__ import annotations

import functools
import io
import itertools
import operator
import os
import pickle
import threading
import types
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from ._daemon.anonfile import open_anonymous
from .errors import is_error

__tracebackhide__ = is_error

#: Elements of a container from which on it is shared: fewer are pickled in a few milliseconds.
LEAST = 50_000
#: Containers that are kept pickled, those that were used last, and those in use.
KEPT = 4
#: Types of elements, exactly these: of subclasses it is not known what they hold.
PLAIN = frozenset({int, float, complex, bool, str, bytes, type(None)})
#: Settings with which workers cannot read the files, or are not the embedded daemon's.
UNSHARED_KEYS = (
    "spark.python.daemon.module",
    "spark.python.worker.module",
    "spark.python.use.daemon",
    "udfrunner.worker.launcher",
)

_numbers = itertools.count()


class Shared:
    """A container as it was pickled: its file, and its elements to know it again by."""

    def __init__(self, value: Any) -> None:
        self._type = type(value)
        self._parts = [list(part) for part in _parts(value)]
        self.descriptor = open_anonymous("udfrunner-closure")
        weakref.finalize(self, os.close, self.descriptor)
        self.key = f"{os.getpid()}-{next(_numbers)}"
        self.path = f"/proc/{os.getpid()}/fd/{self.descriptor}"
        with open(self.descriptor, "wb", closefd=False) as file:
            pickle.dump(value, file, pickle.HIGHEST_PROTOCOL)

    def holds(self, value: Any) -> bool:
        """Whether a container has the very elements that were pickled, in their order."""
        if type(value) is not self._type or len(value) != len(self._parts[0]):
            return False
        pairs = zip(_parts(value), self._parts, strict=True)
        return all(all(map(operator.is_, now, before)) for now, before in pairs)

    def __reduce__(self) -> tuple[Any, ...]:
        return _CopyOf(), (self.key, self.path)


class _CopyOf:
    """``copy_of`` of the daemon's module in a worker, which this process cannot import."""

    def __call__(self, key: str, path: str) -> Any:
        raise NotImplementedError("it runs in workers")

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (_Module(), "copy_of")


class _Module:
    def __reduce__(self) -> tuple[Any, ...]:
        return import_module, ("udfrunner_daemon.shared",)


_kept: OrderedDict[int, Shared] = OrderedDict()
_lock = threading.Lock()


def shared_form(value: Any) -> Shared | None:
    """The shared form of a value, None where it is none that is shared."""
    if type(value) not in (dict, list, tuple, set, frozenset) or len(value) < LEAST:
        return None
    with _lock:
        found = _kept.get(id(value))
        # Another value may have the address of one that is gone: its elements tell.
        if found is None or not found.holds(value):
            if not all(set(map(type, part)) <= PLAIN for part in _parts(value)):
                return None
            found = _kept[id(value)] = Shared(value)
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(id(value))
        return found


def _parts(value: Any) -> Iterator[Any]:
    """What a container consists of: its elements, of a dict the keys and the values."""
    yield value
    if type(value) is dict:
        yield value.values()


def may_share(*settings: Mapping[str, Any] | None) -> bool:
    """Whether workers with these settings read shared values.

    They cannot where there is no /proc, nor where its files of this process are those of root, as
    they are if it must not be dumped (proc(5)).
    """
    if any(key in each for each in settings if each for key in UNSHARED_KEYS):
        return False
    try:
        return Path(f"/proc/{os.getpid()}/fd").stat().st_uid == os.geteuid()
    except OSError:  # no /proc
        return False


def dumps(value: Any) -> tuple[bytes, list[Shared]]:
    """The pickle of a command, and what it shares, to be kept as long as tasks may read it."""
    from pyspark.serializers import pickle_protocol

    file = io.BytesIO()
    pickler = _pickler()(file, pickle_protocol)
    pickler.dump(value)
    return file.getvalue(), list(pickler.shared.values())


@functools.cache
def _pickler() -> Any:
    """PySpark's pickler of functions, with large containers of their closures shared."""
    from pyspark import cloudpickle

    base: Any = cloudpickle.CloudPickler

    class Pickler(base):  # type: ignore[misc]
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            #: By the address of the container: what is one here is one in the worker.
            self.shared: dict[int, Shared] = {}

        def reducer_override(self, obj: Any) -> Any:
            reduced = super().reducer_override(obj)
            if type(obj) is types.FunctionType and isinstance(reduced, tuple):
                self._share(reduced[2][1])
            return reduced

        def _share(self, slots: dict[str, Any]) -> None:
            """Replaces the large containers among a function's globals, cells and defaults."""
            slots["__globals__"] = {k: self._form(v) for k, v in slots["__globals__"].items()}
            if slots["__defaults__"]:
                slots["__defaults__"] = tuple(map(self._form, slots["__defaults__"]))
            if slots["__closure__"]:
                slots["__closure__"] = tuple(map(self._cell, slots["__closure__"]))

        def _cell(self, cell: types.CellType) -> types.CellType:
            try:
                form = self._form(cell.cell_contents)
            except ValueError:  # It is empty.
                return cell
            return types.CellType(form) if isinstance(form, Shared) else cell

        def _form(self, value: Any) -> Any:
            known = self.shared.get(id(value)) or shared_form(value)
            if known is None:
                return value
            self.shared[id(value)] = known
            return known

    return Pickler
