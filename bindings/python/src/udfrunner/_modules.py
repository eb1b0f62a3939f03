"""Where this process finds the user's modules, for workers to find them there too."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path

#: Folders and archives at the front of the workers' sys.path.
PATH_KEY = "udfrunner.python.path"

#: Folders of installed packages have one of these names somewhere in their path.
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def host_path() -> str:
    """What is on ``sys.path`` apart from Python's own and installed packages, as PATH_KEY takes it.

    Paths are absolute and in their order here; the empty one, of an interactive interpreter, is
    the working directory. Paths with a colon, which the key cannot hold, are left out.
    """
    entries = tuple(entry for entry in sys.path if isinstance(entry, str))
    try:
        here = os.getcwd()  # noqa: PTH109 - each runner does this: a tenth of Path's time
    except FileNotFoundError:  # It was removed.
        here = ""
    return _told(entries, here)


@lru_cache(maxsize=16)
def _told(entries: tuple[str, ...], here: str) -> str:
    paths = (Path(here, entry) for entry in entries)
    found = (str(path) for path in paths if path.is_absolute() and not _is_own(path))
    return os.pathsep.join(dict.fromkeys(path for path in found if os.pathsep not in path))


def _is_own(path: Path) -> bool:
    """Whether a path is one that Python has by itself, or the installed packages of this one."""
    if not _INSTALLED.isdisjoint(path.parts):
        return True
    if path.name == f"python{sys.version_info[0]}{sys.version_info[1]}.zip":
        return True
    paths = sysconfig.get_paths()
    return any(path.is_relative_to(paths[own]) for own in ("stdlib", "platstdlib"))
