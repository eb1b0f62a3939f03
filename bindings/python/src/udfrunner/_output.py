"""Where the lines of an env's workers go: to stderr, a logger or a callable of the host's.

The lines are pulled by the threads that read results: while they wait, and at each task's end,
before its last result or its error is handed out. No thread of the binding's own runs for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import functools
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Union, cast

from . import _abi
from ._log import LogLine, parse_lines
from .errors import Error, InvalidArgument, InvalidState, is_error

if TYPE_CHECKING:
    import logging

    from ._library import Library

__tracebackhide__ = is_error

#: Where lines go: ``"stderr"``, a ``logging.Logger``, a callable that takes a LogLine, or None.
Logs = Union[Literal["stderr"], "logging.Logger", Callable[[LogLine], object], None]

#: Takes lines out of a queue to where they go, marked with their tasks or not.
Writer = Callable[["deque[LogLine]", bool], None]

#: Seconds between two pulls while results are read.
INTERVAL = 0.05


class Output:
    """The lines of one env's workers, on their way to where the host wants them.

    Safe from any thread. Lines are handed on in the order in which they were read from workers,
    by one thread at a time. What a callable of the host's raises goes to whoever reads results.
    """

    def __init__(self, library: Library, handle: ctypes.c_void_p | None, logs: Logs) -> None:
        self.logs = logs
        self._library = library
        self._handle = handle
        self._write = _writer(logs)
        self._written_elsewhere = False
        self._lock = threading.RLock()
        self._handing_on = False
        #: Lines that were pulled and not handed on yet: what they go to may raise.
        self._lines: deque[LogLine] = deque()
        self._due = 0.0
        self._tasks = 0
        self._several = False

    def begin(self) -> None:
        """A task begins: while several run, lines are marked with theirs."""
        with self._lock:
            self._tasks += 1
            self._several = self._several or self._tasks > 1

    def end(self) -> None:
        """A task has ended, whose lines were shown."""
        with self._lock:
            self._tasks -= 1
            self._several = self._several and self._tasks > 0

    def show_when_due(self) -> None:
        """Hands on what has come, where the last time is long enough ago."""
        if self._write is not None and time.monotonic() >= self._due:
            self.show()

    def show(self) -> None:
        """Hands on all lines that workers have written before the call."""
        if self._write is None or self._written_elsewhere or self._library.forked:
            return
        # A line that the host's code handles may run tasks itself: their lines come behind it.
        with self._lock:
            if self._handing_on:
                return
            self._handing_on = True
            try:
                self._hand_on(self._write)
            finally:
                self._handing_on = False
                self._due = time.monotonic() + INTERVAL

    def _hand_on(self, write: Writer) -> None:
        begun = datetime.datetime.now(datetime.timezone.utc)
        while self._lines or self._pull():
            last = self._lines[-1].time
            write(self._lines, self._several)
            if last > begun:  # Others write on.
                return

    def _pull(self) -> bool:
        """Pulls what has come; False where that is nothing."""
        data = _abi.Bytes()
        try:
            status = self._library.call("udfrunner_log_next", self._handle, 0, ctypes.byref(data))
        except InvalidState:
            self._written_elsewhere = True
            return False
        except Error:  # The env is closed, or shut down.
            return False
        if status != _abi.UDFRUNNER_OK:
            return False
        self._lines += parse_lines(self._library.take_bytes(data))
        return True


def check_logs(logs: Any) -> None:
    """Refuses what lines cannot go to."""
    if logs is None or logs == "stderr" or callable(logs) or _is_logger(logs):
        return
    raise InvalidArgument(
        f"logs {logs!r}: 'stderr', a logging.Logger, a callable that takes a LogLine, or None is "
        "needed"
    )


def _is_logger(value: Any) -> bool:
    # Whoever has a logger has imported its module; others need not wait for that.
    logging = sys.modules.get("logging")
    return logging is not None and isinstance(value, (logging.Logger, logging.LoggerAdapter))


def _writer(logs: Logs) -> Writer | None:
    if logs is None:
        return None
    if logs == "stderr":
        return _Stderr().write
    if _is_logger(logs):
        return _Logger(logs).write
    return functools.partial(_call, cast("Callable[[LogLine], object]", logs))


class _Stderr:
    """Lines as text to ``sys.stderr`` of the moment: pytest's, a notebook's, a progress bar's."""

    def __init__(self) -> None:
        #: Whose piece of a long line was written last.
        self._open: tuple[int | None, str] | None = None

    def write(self, lines: deque[LogLine], marked: bool) -> None:
        parts = []
        while lines:
            line = lines.popleft()
            origin = (line.pid, line.stream)
            if self._open == origin:
                parts.append(line.text)
            else:
                parts.append(("" if self._open is None else "\n") + shown(line, marked))
            self._open = origin if line.continues else None
            if not line.continues:
                parts.append("\n")
        _to_stderr("".join(parts))


def _to_stderr(text: str) -> None:
    """Writes; a stream that is missing, closed or broken is no failure of the task's."""
    stream = sys.stderr
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()


class _Logger:
    """Lines as records: stdout's are INFO, others WARNING; `line` of a record is the LogLine."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def write(self, lines: deque[LogLine], marked: bool) -> None:
        import logging

        while lines:
            line = lines.popleft()
            level = logging.INFO if line.stream == "stdout" else logging.WARNING
            self._logger.log(level, "%s", shown(line, marked), extra={"line": line})


def _call(function: Callable[[LogLine], object], lines: deque[LogLine], _marked: bool) -> None:
    """Lines as arguments of a callable. One that raises keeps the later ones."""
    while lines:
        function(lines.popleft())


def shown(line: LogLine, marked: bool) -> str:
    """The text of a line, with its task where that is asked for."""
    text = line.text
    if line.stream == "udfrunner":
        count = f"{line.dropped_lines} " if line.dropped_lines else ""
        text = f"udfrunner: {count}{text}"
    if not marked or line.partition is None:
        return text
    words = [f"stage {line.stage}"] if line.stage else []
    words.append(f"partition {line.partition}")
    words += [f"attempt {line.attempt}"] if line.attempt else []
    words += [f"pid {line.pid}"] if line.pid else []
    return f"[{', '.join(words)}] {text}"
