"""What a task may have changed in its process, and putting it back before the next one."""

from __future__ import annotations

import _locale
import faulthandler
import fcntl
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any

from . import process, threads
from .anonfile import open_anonymous
from .plainsignal import get_handler, set_handler, set_mask, valid_signals

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


STACK_SIGNAL = signal.SIGRTMAX - 1
"""Has a worker write the Python stacks of all its threads to its stack file, wherever it is.

faulthandler answers at once, between any two instructions: if the interpreter is just entering a
function, that may end the worker by SIGSEGV. So it is for one that leaves ASK_SIGNAL unanswered.
"""

ASK_SIGNAL = signal.SIGRTMAX - 2
"""The same, by Python code, as soon as it runs: not while the worker is in C code."""

STACK_SIGNALS = (STACK_SIGNAL, ASK_SIGNAL)
"""Both of them, which wait and are answered together."""

_STACK_DEPTH = 100
"""Frames of a thread that are written, as faulthandler's."""


def enable_crash_report(descriptor: int = 2) -> None:
    """Have the stacks of all threads written to descriptor on a fatal signal.

    faulthandler does not set its handlers twice, so that they are let go of: Python code, or the
    daemon at its start, may have put others in their place.
    """
    faulthandler.disable()
    faulthandler.enable(file=descriptor, all_threads=True)


def enable_stack_report(descriptor: int = 2) -> None:
    """Answer both signals on descriptor, also those that hold_stack_signal kept waiting.

    STACK_SIGNAL is blocked while it is answered, which tells others when that is complete.
    """
    # Python's handler shows, as faulthandler's does not, whether other Python code sets one.
    for number in STACK_SIGNALS:
        set_handler(number, partial(_write_stacks, descriptor))
    _register_stack_report(descriptor)


def _register_stack_report(descriptor: int) -> None:
    """Needs the signals to be held where they were answered before.

    faulthandler does not set its handler twice, so that it is let go of: another may be in its place. As with its
    own, system calls of C code go on after ASK_SIGNAL: many take an interruption for an error.
    """
    signal.siginterrupt(ASK_SIGNAL, False)
    faulthandler.unregister(STACK_SIGNAL)
    faulthandler.register(STACK_SIGNAL, file=descriptor, all_threads=True, chain=False)
    release_stack_signal()


def _write_stacks(descriptor: int, _: int, frame: FrameType | None) -> None:
    """Write what faulthandler would, by one call and with a null byte as its end.

    The function is in the midst of something: nothing may be raised into it.
    """
    with suppress(Exception):
        os.write(descriptor, _stacks(frame).encode(errors="replace") + b"\0")


def _stacks(frame: FrameType | None) -> str:
    """The stacks of all threads; frame is this one's."""
    text = []
    main = threading.get_ident()
    for thread, top in sys._current_frames().items():
        text.append(f"{'Current thread' if thread == main else 'Thread'} 0x{thread:016x}")
        text.append(" (most recent call first):\n")
        at: FrameType | None = frame if thread == main else top
        for _ in range(_STACK_DEPTH):
            if at is None:
                break
            text.append(
                f'  File "{at.f_code.co_filename}", line {at.f_lineno} in {at.f_code.co_name}\n'
            )
            at = at.f_back
    return "".join(text)


def hold_stack_signal() -> None:
    """Let both signals wait, in a fork too, until enable_stack_report.

    Whoever asks a worker that is being made gets its answer from the worker's own stack file.
    """
    set_mask(signal.SIG_BLOCK, STACK_SIGNALS)


def release_stack_signal() -> None:
    """Let both signals come again: in a process that answers it already."""
    set_mask(signal.SIG_UNBLOCK, STACK_SIGNALS)


def open_stack_file() -> int:
    """A file for a worker's stacks: whoever shares it reads them, also after its death."""
    descriptor = open_anonymous("udfrunner-stacks")
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
    return descriptor


class TaskState:
    """A snapshot of the process between two tasks, and what puts it back.

    Left alone on purpose, as the stock worker does, is what a module may set when it is imported,
    which happens once a worker: imported modules and their globals, sys.path, warnings, logging,
    decimal's and numpy's settings, random generators. docs/reuse.md lists all.
    """

    def __init__(self, stacks: int = 2) -> None:
        self._stacks = stacks
        self._signals = sorted(valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
        self._handlers = list(map(get_handler, self._signals))
        self._descriptors = _StandardDescriptors()
        self._variables = os.environ
        self._environment = os.environ.copy()
        self._raw_environment = dict(_raw(os.environ))
        self._directory = _working_directory()
        self._umask = os.umask(0o022)
        os.umask(self._umask)
        self._settings = _settings()

    def restore(self) -> None:
        """Put everything back. The host may have sent the next task already: this must not fail."""
        self._descriptors.restore()
        try:
            for timer in _TIMERS:
                signal.setitimer(timer, 0)
        except OSError:  # a sandbox refuses it, to functions too
            signal.alarm(0)
        mask = set_mask(signal.SIG_BLOCK, ())
        if list(map(get_handler, self._signals)) != self._handlers:
            self._restore_handlers()
        enable_crash_report(self._stacks)
        signal.set_wakeup_fd(-1)
        if mask:
            _drop_pending(mask)
            set_mask(signal.SIG_SETMASK, ())
        faulthandler.cancel_dump_traceback_later()
        os.environ = self._variables  # noqa: B003 - the object; its content follows
        if _raw(os.environ) != self._raw_environment:
            threads.restore_environment(self._environment)
            time.tzset()
        if self._directory is not None and _working_directory() != self._directory:
            _enter(self._directory)
        os.umask(self._umask)
        threading.stack_size(0)
        if (found := _settings()) != self._settings:
            _restore_settings(self._settings, found)

    def _restore_handlers(self) -> None:
        hold_stack_signal()
        for number, handler in zip(self._signals, self._handlers):
            # None: not installed by Python code, so that Python cannot put it back.
            if handler is not None and get_handler(number) is not handler:
                set_handler(number, handler)
        _register_stack_report(self._stacks)


class _StandardDescriptors:
    """Descriptors 0 to 2: copies of what they are, and the flags of their files."""

    def __init__(self) -> None:
        process.fill_standard_descriptors()
        self._saved = []
        for number in range(3):
            copy = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)
            self._saved.append((number, copy, fcntl.fcntl(number, fcntl.F_GETFL)))

    def restore(self) -> None:
        try:
            for number, copy, flags in self._saved:
                os.dup2(copy, number)
                if fcntl.fcntl(number, fcntl.F_GETFL) != flags:
                    fcntl.fcntl(number, fcntl.F_SETFL, flags)
        except OSError:  # a function closed all it found
            process.fill_standard_descriptors()


# Settings of the interpreter and of libc: one tuple, as comparing is all that most tasks need.


def _settings() -> tuple[Any, ...]:
    return (
        sys.stdin,
        sys.stdout,
        sys.stderr,
        sys.excepthook,
        sys.unraisablehook,
        sys.displayhook,
        sys.breakpointhook,
        threading.excepthook,
        sys.gettrace(),
        sys.getprofile(),
        threading.gettrace(),
        threading.getprofile(),
        sys.getrecursionlimit(),
        sys.getswitchinterval(),
        _get_digits(),
        gc.isenabled(),
        gc.get_threshold(),
        gc.get_debug(),
        (time.tzname, time.timezone, time.altzone, time.daylight),
        _locale.setlocale(_locale.LC_ALL),
    )


def _restore_settings(wanted: tuple[Any, ...], found: tuple[Any, ...]) -> None:
    for value, now, write in zip(wanted, found, _WRITERS):
        if now is not value and now != value:
            write(value)


def _writer(module: Any, name: str) -> Callable[[Any], object]:
    return partial(setattr, module, name)


_get_digits = getattr(sys, "get_int_max_str_digits", lambda: 0)

# In the order of _settings.
_WRITERS: tuple[Callable[[Any], object], ...] = (
    _writer(sys, "stdin"),
    _writer(sys, "stdout"),
    _writer(sys, "stderr"),
    _writer(sys, "excepthook"),
    _writer(sys, "unraisablehook"),
    _writer(sys, "displayhook"),
    _writer(sys, "breakpointhook"),
    _writer(threading, "excepthook"),
    sys.settrace,
    sys.setprofile,
    threading.settrace,
    threading.setprofile,
    sys.setrecursionlimit,
    sys.setswitchinterval,
    getattr(sys, "set_int_max_str_digits", lambda _: None),
    lambda enabled: gc.enable() if enabled else gc.disable(),
    lambda thresholds: gc.set_threshold(*thresholds),
    gc.set_debug,
    lambda _: time.tzset(),
    partial(_locale.setlocale, _locale.LC_ALL),
)


def _drop_pending(mask: set[int]) -> None:
    """Take the signals that wait behind a task's mask: they are its own, and could end the worker.

    Those that others send to end it, or for its stacks, stay.
    """
    theirs = {signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, *STACK_SIGNALS}
    while pending := (signal.sigpending() & mask) - theirs:
        signal.sigtimedwait(pending, 0)


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
