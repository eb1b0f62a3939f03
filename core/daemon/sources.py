"""The files that a worker's modules came from: whether one was changed since, and its path.

A worker that serves many tasks has imported the user's modules with the first ones. A module that
was edited by the time of a later task would run its old code, silently.
"""

from __future__ import annotations

import importlib.util
import math
import os
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from operator import attrgetter
from types import ModuleType

from .edits import Edits

PATH_VARIABLE = "UDFRUNNER_PATH"
"""Names the folders and archives of the host's that are at the front of a worker's sys.path."""

_INSTALLED = frozenset({"site-packages", "dist-packages"})

_CLOCK_NS = 20_000_000
"""How far behind the clock a file system's time of a change may be."""

_LOOK_SECONDS = 0.05
"""How long the files are not looked at where the kernel tells of no edit."""

_FIELDS: Callable[[os.stat_result], tuple[int, int, int, int]] = attrgetter(
    "st_mtime_ns", "st_ctime_ns", "st_size", "st_ino"
)

# Of a file: both times of change (tools set the first), size, inode; None where there is none, or
# where it is uncertain.
Stamp = tuple[int, int, int, int] | None


def take_path() -> None:
    """Put the host's folders at the front of sys.path, where the host has told any.

    The interpreter's archive of modules is kept before them: PySpark puts includes behind the
    first entry, and those are to win. The working directory, where the daemon has it in front,
    goes to the end, as an empty entry: PySpark puts one behind the first, too, if there is none.
    """
    told = os.environ.get(PATH_VARIABLE)
    if not told:
        return
    folders = [folder for folder in told.split(os.pathsep) if folder]
    own = [entry for entry in sys.path if entry not in folders]
    archive = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    first = next(
        (entry for entry in own if os.path.basename(entry) == archive),
        os.path.join(sys.base_prefix, sys.platlibdir, archive),
    )
    with suppress(FileNotFoundError):  # a working directory that was removed
        here = os.getcwd()
        if own[:1] == [here]:
            del own[0]
    rest = [entry for entry in own if entry not in (first, "")]
    sys.path[:] = [first, *folders, *rest, ""]


class Sources:
    """What the files of imported modules were like, but for Python's own and installed ones."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._stamps: dict[str, Stamp] = {}
        self._latest: tuple[int, str] | None = None
        self._edits: Edits | None = None
        self._looked = -math.inf  # when have_changed looked at the files
        paths = sysconfig.get_paths()
        self._own = tuple({os.path.join(paths[key], "") for key in ("stdlib", "platstdlib")})

    def note(self, since: int) -> None:
        """Note the files of modules that were imported after since, in ns of the wall clock.

        One that was changed after it may have been read before or after the change: it counts as
        changed.
        """
        count, last = len(sys.modules), next(reversed(sys.modules))
        if (count, last) == self._latest:
            return  # nothing was imported: looking at each name takes a twentieth of a small task
        self._latest = (count, last)
        if self._edits is None:
            self._edits = Edits()
        for name in sys.modules.keys() - self._seen:
            self._seen.add(name)
            file = _file_of(sys.modules.get(name))
            if file is None or file in self._stamps or self._is_installed(file):
                continue
            self._edits.watch(file)  # first: what happens after the look is told
            stamp = _stamp(file)
            if stamp is not None:  # else nothing that could be edited
                self._looked = -math.inf
                uncertain = max(stamp[:2]) >= since - _CLOCK_NS
                self._stamps[file] = None if uncertain else stamp

    def have_changed(self) -> bool:
        """Whether a file is not what it was, or may not be.

        It is asked before each task, while the host waits: nothing here but calls into C, and one of them where the
        files were looked at just now.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS and self._edits is not None and self._edits.quiet():
            return False
        self._looked = now
        try:
            return list(map(_FIELDS, map(os.stat, self._stamps))) != list(self._stamps.values())
        except OSError:
            return True

    def changed(self) -> list[str]:
        """The files of which have_changed speaks."""
        return [
            file for file, stamp in self._stamps.items() if stamp is None or _stamp(file) != stamp
        ]

    def _is_installed(self, file: str) -> bool:
        if not os.path.isabs(file) or not _INSTALLED.isdisjoint(file.split(os.sep)):
            return True
        return file.startswith(self._own)


def now() -> int:
    """The wall clock, as file systems tell it."""
    return time.time_ns()


def forget_bytecode(files: Iterable[str]) -> None:
    """Remove what was compiled from files that were changed.

    Python takes it for current where a change has kept the size and the second.
    """
    for file in files:
        if file.endswith(".py"):
            with suppress(OSError, NotImplementedError):
                os.unlink(importlib.util.cache_from_source(file))


def _file_of(module: ModuleType | None) -> str | None:
    """The file of a module, or the archive it is in."""
    try:
        loader = getattr(getattr(module, "__spec__", None), "loader", None)
        file = getattr(loader, "archive", None) or getattr(module, "__file__", None)
    except Exception:  # noqa: BLE001 - a module may be an object of any class
        return None
    return file if isinstance(file, str) else None


def _stamp(file: str) -> Stamp:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return _FIELDS(found)
