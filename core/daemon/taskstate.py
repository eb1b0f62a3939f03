"""What a task may have changed in its process, and putting it back before the next one."""

from __future__ import annotations

import faulthandler
import fcntl
import os
import signal
import sys
from typing import Any

from . import process, threads
from .plainsignal import get_handler, set_handler, set_mask, valid_signals
from .unnamed import open_unnamed

# None is a handler that was not set through Python: faulthandler's own.
_FATAL = (signal.SIGSEGV, signal.SIGFPE, signal.SIGABRT, signal.SIGBUS, signal.SIGILL)
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


STACK_SIGNAL = signal.SIGRTMAX - 1
"""Has a worker write the Python stacks of all its threads to its stack file, and go on."""


def enable_crash_report(descriptor: int = 2) -> None:
    """Have the stacks of all threads written to descriptor on a fatal signal.

    faulthandler does not set its handlers twice, so that they are let go of where Python code, or
    the daemon at its start, has put others in their place.
    """
    if any(get_handler(number) is not None for number in _FATAL):
        faulthandler.disable()
    faulthandler.enable(file=descriptor, all_threads=True)


def enable_stack_report(descriptor: int = 2) -> None:
    """Answer STACK_SIGNAL on descriptor, also a signal that hold_stack_signal kept waiting.

    The signal is blocked while the answer is written, which tells others when it is complete.
    """
    faulthandler.register(STACK_SIGNAL, file=descriptor, all_threads=True, chain=False)
    release_stack_signal()


def hold_stack_signal() -> None:
    """Let STACK_SIGNAL wait, in a fork too, until enable_stack_report.

    Whoever asks a worker that is being made gets its answer from the worker's own stack file.
    """
    set_mask(signal.SIG_BLOCK, (STACK_SIGNAL,))


def release_stack_signal() -> None:
    """Let STACK_SIGNAL come again: in a process that answers it already."""
    set_mask(signal.SIG_UNBLOCK, (STACK_SIGNAL,))


def open_stack_file() -> int:
    """A file for a worker's stacks: whoever shares it reads them, also after its death."""
    descriptor = open_unnamed("udfrunner-stacks")
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
    return descriptor


class TaskState:
    """A snapshot of the process between two tasks.

    Left alone on purpose, as the stock worker does: imported modules, sys.path, warnings and
    logging settings, resource limits.
    """

    def __init__(self, stacks: int = 2) -> None:
        self._stacks = stacks
        self._handlers = {
            number: get_handler(number)
            for number in valid_signals()
            if number not in (signal.SIGKILL, signal.SIGSTOP)
        }
        self._variables = os.environ
        self._environment = os.environ.copy()
        self._raw_environment = dict(_raw(os.environ))
        self._directory = _working_directory()
        self._umask = os.umask(0o022)
        os.umask(self._umask)
        self._recursion_limit = sys.getrecursionlimit()
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._hooks: tuple[Any, Any, Any] = (sys.excepthook, sys.gettrace(), sys.getprofile())

    def restore(self) -> None:
        """Put everything back. The host may have sent the next task already: this must not fail."""
        process.fill_standard_descriptors()
        for timer in _TIMERS:
            signal.setitimer(timer, 0)
        for number, handler in self._handlers.items():
            # None: not installed by Python code, so that Python cannot put it back.
            if handler is not None and get_handler(number) is not handler:
                set_handler(number, handler)
        signal.set_wakeup_fd(-1)
        set_mask(signal.SIG_SETMASK, ())
        faulthandler.cancel_dump_traceback_later()
        enable_crash_report(self._stacks)
        os.environ = self._variables  # noqa: B003 - the object; its content follows
        if _raw(os.environ) != self._raw_environment:
            threads.restore_environment(self._environment)
        if self._directory is not None:
            _enter(self._directory)
        os.umask(self._umask)
        if sys.getrecursionlimit() != self._recursion_limit:
            sys.setrecursionlimit(self._recursion_limit)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        sys.excepthook, trace, profile = self._hooks
        sys.settrace(trace)
        sys.setprofile(profile)


def _raw(variables: os._Environ[str]) -> dict[bytes, bytes]:
    """What is below os.environ: comparing it costs a microsecond, os.environ itself fifty."""
    raw: dict[bytes, bytes] = variables._data  # type: ignore[attr-defined]
    return raw


def _enter(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError:  # it was removed: of a task's directory nothing is left, nor of the worker's
        os.chdir("/")


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:  # removed under the daemon; nothing to come back to
        return None
