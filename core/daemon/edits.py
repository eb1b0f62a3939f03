"""Whether anything happened to a set of files, by asking one descriptor of the kernel's (inotify(7)).

To ask costs a fifth of what looking at two files does. The descriptor is opened before the fork: a user may have few
of them, and workers add their files to their daemon's. Its events are not read, so that each worker sees them.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

try:
    import ctypes
except ImportError:  # an interpreter built without it
    ctypes = None  # type: ignore[assignment]

_MODIFY, _ATTRIB, _DELETE_SELF, _MOVE_SELF = 0x2, 0x4, 0x400, 0x800
_DONT_FOLLOW = 0x2000000

# Of a folder the first two would tell of all that is in it.
_OF_FOLDERS = _DELETE_SELF | _MOVE_SELF
_OF_FILES = _OF_FOLDERS | _MODIFY | _ATTRIB


class Edits:
    """Files that are watched, each with the folders and links by whose names it is found."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._events = select.poll()
        libc = None if ctypes is None else ctypes.CDLL(None)
        self._add: Any = getattr(libc, "inotify_add_watch", None)
        open_queue: Any = getattr(libc, "inotify_init1", None)
        self._queue = -1 if open_queue is None else open_queue(os.O_CLOEXEC | os.O_NONBLOCK)
        self._complete = self._queue >= 0
        if self._complete:
            self._events.register(self._queue, select.POLLIN)

    def watch(self, file: str) -> None:
        """Watch a file, of an absolute path. Where the system refuses, quiet says False from now on."""
        if not self._complete:
            return
        for path in self._names(file):
            events = _OF_FOLDERS if os.path.isdir(path) and not os.path.islink(path) else _OF_FILES
            if self._add(self._queue, os.fsencode(path), events | _DONT_FOLLOW) < 0:
                self._complete = False
                return

    def quiet(self) -> bool:
        """Whether all files are watched, and nothing happened to any since.

        What other machines do to a shared file system, and writes to a mapped file, cause no events.
        """
        return self._complete and not self._events.poll(0)

    def _names(self, path: str) -> Iterator[str]:
        """Each name that leads to path and is not known yet: its folders', and where links point to."""
        while path not in self._known:
            self._known.add(path)
            yield path
            with suppress(OSError):  # no link
                yield from self._names(os.path.join(os.path.dirname(path), os.readlink(path)))
            path = os.path.dirname(path)
