"""Whether a worker may have another task after one, by what the task left in it.

What can be put back is taskstate's; this is about the rest, and is asked before the answer's
last word is sent, by which the host learns it.
"""

from __future__ import annotations

import _thread
import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from . import process

try:
    import resource
except ImportError:  # an interpreter built without it
    resource = None  # type: ignore[assignment]

_LIMITS = ("NOFILE", "AS", "DATA", "FSIZE", "NPROC", "CPU")
"""Those by which a task may fail."""

_SETTERS = {
    resource: ("setrlimit", "prlimit"),
    os: (
        *("setuid", "seteuid", "setreuid", "setresuid", "setgid", "setegid", "setregid"),
        *("setresgid", "setpgid", "setpgrp", "setsid", "nice", "setpriority"),
    ),
}
"""What changes limits, identity, and priority."""


class Baseline:
    """What a worker is before its first task, and has to be again after each.

    Threads are counted that Python started. Those of native libraries' pools (Arrow, OpenMP) do
    not know the channel, and stay.
    """

    def __init__(self) -> None:
        self._threads = _thread._count()
        self._identity = _identity()
        self._priority = os.getpriority(os.PRIO_PROCESS, 0)
        names: tuple[str, ...] = () if resource is None else _LIMITS
        if os.environ.get("PYSPARK_EXECUTOR_MEMORY_MB"):  # set by PySpark, in the first task
            names = tuple(name for name in names if name != "AS")
        self._limited = [getattr(resource, f"RLIMIT_{name}") for name in names]
        self._limits = self._read_limits()
        try:
            self._children = os.open("/proc/thread-self/children", os.O_RDONLY)
        except OSError:
            self._children = -1
        self._set = False  # whether a function called one of the setters
        self._watch()

    def is_back(self) -> bool:
        """Whether nothing is left of a task that another may not meet.

        Resource limits and the priority are put back on the way where the system lets it be.
        """
        return (
            _thread._count() <= self._threads
            and not self._has_children()
            and (not self._set or self._settings_are_back())
        )

    def _has_children(self) -> bool:
        """By a file that costs a tenth of the call: of this thread, to which a child of another
        comes when that one ends."""
        try:
            return bool(os.pread(self._children, 1, 0))
        except OSError:  # no such file here, or a function closed it
            return process.has_children()

    def _watch(self) -> None:
        """Have calls of the setters noticed: to ask the kernel for all of this after each task
        takes 3 % of a small one."""

        def noticing(function: Callable[..., Any], module: str) -> Callable[..., Any]:
            @wraps(function)
            def call(*arguments: Any, **named: Any) -> Any:
                self._set = True
                return function(*arguments, **named)

            call.__module__ = module  # of os's functions posix, where pickle would look for it
            return call

        for module, names in _SETTERS.items():
            for name in names:
                if hasattr(module, name):
                    setattr(module, name, noticing(getattr(module, name), module.__name__))

    def _settings_are_back(self) -> bool:
        back = (
            _identity() == self._identity
            and (self._read_limits() == self._limits or self._put_limits_back())
            and self._put_priority_back()
        )
        self._set = not back
        return back

    def _read_limits(self) -> list[tuple[int, int]]:
        return list(map(resource.getrlimit, self._limited)) if self._limited else []

    def _put_limits_back(self) -> bool:
        try:
            for number, limits in zip(self._limited, self._limits):
                if resource.getrlimit(number) != limits:
                    resource.setrlimit(number, limits)
        except (OSError, ValueError):  # a lower hard limit
            return False
        return True

    def _put_priority_back(self) -> bool:
        if os.getpriority(os.PRIO_PROCESS, 0) == self._priority:
            return True
        try:
            os.setpriority(os.PRIO_PROCESS, 0, self._priority)
        except OSError:
            return False
        return True


def _identity() -> tuple[Any, ...]:
    """Who it is, and its process group, by which it is killed."""
    return os.geteuid(), os.getegid(), os.getpgrp()
