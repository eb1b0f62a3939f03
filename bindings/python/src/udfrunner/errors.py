"""The errors of udfrunner: one tree below :class:`Error`, one class for each status code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from . import _abi
from ._explain import notes_of, users_frames, with_source

__all__ = [
    "Cancelled",
    "DeadlineExceeded",
    "Error",
    "Forked",
    "HostError",
    "InternalError",
    "InvalidArgument",
    "InvalidHandle",
    "InvalidState",
    "LibraryNotFound",
    "NoMemory",
    "NotSupported",
    "ProtocolError",
    "PythonException",
    "RemoteTraceback",
    "SpawnError",
    "SystemFailure",
    "WorkerExited",
]

#: Whether this Python shows an exception's notes; Python 3.10 does not.
SHOWS_NOTES = hasattr(BaseException, "add_note")

#: The words of the detail ``cause``; ``udfrunner.h`` says what each means.
CAUSES = (
    # generated: causes
    "signal",
    "exit",
    "out_of_memory",
    "exception",
    "unpickle",
    "missing_module",
    "version_mismatch",
    "protocol",
    "channel_closed",
    "unknown",
    "bad_interpreter",
    "no_process",
    "start_timeout",
    "daemon_ended",
    "cancelled",
    "deadline",
    "idle_timeout",
    "memory_limit",
    "host",
    "system",
    "internal",
    # generated: end
)


class Error(Exception):
    """An error of the library or of this binding.

    Attributes:
        code: the status code of ``udfrunner.h``, a negative int.
        message: one line of text.
        details: what else is known, by the keys of ``udfrunner_error_detail``.

    Errors of workers that ended or were ended have notes, which an uncaught one shows: the cause
    with signal or exit status and peak memory, the last lines of stderr and the Python stack.
    Python 3.10 shows no notes: there they are in the error's text.
    """

    code: int = _abi.UDFRUNNER_UNKNOWN
    #: Whether what is known of the worker says why this error came.
    _tells_of_worker: ClassVar[bool] = False
    __notes__: list[str]

    def __init__(
        self, message: str, details: Mapping[str, str] | None = None, code: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, str] = dict(details or {})
        if code is not None:
            self.code = code
        if self._tells_of_worker and (notes := notes_of(self.details)):
            self.__notes__ = notes

    def __str__(self) -> str:
        if SHOWS_NOTES:
            return self.message
        return "\n".join([self.message, *getattr(self, "__notes__", ())])

    @property
    def cause(self) -> str:
        """What ended the task, one of :data:`CAUSES`; empty where no task was ended."""
        return self.details.get("cause", "")

    def __reduce__(self) -> tuple[object, ...]:
        state: dict[str, Any] = {}
        if notes := getattr(self, "__notes__", None):
            state["__notes__"] = notes
        return type(self), (self.message, self.details, self.code), state

    def _render_traceback_(self) -> list[str]:
        """What IPython shows, in notebooks too: as it does itself, without the package's frames."""
        shell = sys.modules["IPython"].get_ipython()
        lines: list[str] = shell.InteractiveTB.structured_traceback(
            type(self), self, users_frames(self.__traceback__) or self.__traceback__
        )
        return lines

    def _integer(self, key: str) -> int | None:
        value = self.details.get(key)
        return None if value is None else int(value)


class InvalidArgument(Error, ValueError):
    """A value that is not allowed. Do not retry."""

    code = _abi.UDFRUNNER_INVALID_ARGUMENT


class InvalidState(Error):
    """Not allowed now: after the first compute, concurrently, or in a second way of reading."""

    code = _abi.UDFRUNNER_INVALID_STATE


class InvalidHandle(Error):
    """A closed object, or one of another kind."""

    code = _abi.UDFRUNNER_INVALID_HANDLE


class Cancelled(Error):
    """The task was cancelled, closed, destroyed or shut down. Retry at will."""

    code = _abi.UDFRUNNER_CANCELLED


class PythonException(Error):
    """The function raised, or returned what its return type does not allow.

    A retry hits the same error. ``__cause__`` is a :class:`RemoteTraceback`, so that an
    uncaught one shows the worker's traceback.
    """

    code = _abi.UDFRUNNER_PYTHON_EXCEPTION

    def __init__(
        self, message: str, details: Mapping[str, str] | None = None, code: int | None = None
    ) -> None:
        super().__init__(message, details, code)
        if self.traceback:
            self.__cause__ = RemoteTraceback(self.traceback)

    @property
    def traceback(self) -> str:
        """The traceback as the worker sent it, whole; empty where it sent none."""
        return self.details.get("python.traceback", "")


class WorkerExited(Error):
    """The worker process ended before its task. A retry runs on another worker."""

    code = _abi.UDFRUNNER_WORKER_EXITED
    _tells_of_worker = True

    @property
    def pid(self) -> int | None:
        """Process id of the worker."""
        return self._integer("worker.pid")

    @property
    def exit_status(self) -> int | None:
        """Its exit status, or None where a signal ended it."""
        return self._integer("worker.exit_status")

    @property
    def signal(self) -> int | None:
        """The number of the signal that ended it, or None where it exited."""
        return self._integer("worker.signal")

    @property
    def stderr_tail(self) -> str:
        """The last lines that it wrote to stderr."""
        return self.details.get("worker.stderr_tail", "")

    @property
    def peak_rss(self) -> int | None:
        """The most memory that it held, in bytes, or None where nobody saw it."""
        return self._integer("worker.peak_rss")

    @property
    def python_stack(self) -> str:
        """Its Python stack at its death; empty where none was left."""
        return self.details.get("worker.python_stack", "")


class ProtocolError(Error):
    """The worker broke the protocol. A retry may help."""

    code = _abi.UDFRUNNER_PROTOCOL
    _tells_of_worker = True


class SpawnError(Error):
    """No worker could be started: interpreter, PySpark or a start-up limit."""

    code = _abi.UDFRUNNER_SPAWN
    _tells_of_worker = True


class SystemFailure(Error, OSError):
    """The operating system: sockets, descriptors, files. A retry may help."""

    code = _abi.UDFRUNNER_IO
    _tells_of_worker = True


class DeadlineExceeded(Error, TimeoutError):
    """The task's deadline passed. A retry needs more time."""

    code = _abi.UDFRUNNER_DEADLINE
    _tells_of_worker = True


class NoMemory(Error, MemoryError):
    """Out of memory."""

    code = _abi.UDFRUNNER_NO_MEMORY
    _tells_of_worker = True


class NotSupported(Error, NotImplementedError):
    """Known, but not available: eval type, PySpark version, feature. Do not retry."""

    code = _abi.UDFRUNNER_NOT_SUPPORTED


class HostError(Error):
    """The input failed or supplied malformed data.

    Where the input was Python code that raised, ``__cause__`` is what it raised.
    """

    code = _abi.UDFRUNNER_HOST


class InternalError(Error):
    """The library's own fault. Please report it."""

    code = _abi.UDFRUNNER_INTERNAL


class Forked(Error):
    """Used in a forked child of the process that loaded the library."""

    code = _abi.UDFRUNNER_FORKED


class LibraryNotFound(Error, ImportError):
    """The native library was not found, did not load, or is of another ABI version."""

    code = _abi.UDFRUNNER_NOT_SUPPORTED


class RemoteTraceback(Exception):
    """The text of a traceback from a worker, as the cause of a :class:`PythonException`.

    Shown with the source lines of notebook cells, which only this process has.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{with_source(self.text.rstrip())}\n"""'


_CLASSES: dict[int, type[Error]] = {
    cls.code: cls
    for cls in (
        InvalidArgument,
        InvalidState,
        InvalidHandle,
        Cancelled,
        PythonException,
        WorkerExited,
        ProtocolError,
        SpawnError,
        SystemFailure,
        DeadlineExceeded,
        NoMemory,
        NotSupported,
        HostError,
        InternalError,
        Forked,
    )
}


def make_error(code: int, message: str, details: Mapping[str, str] | None = None) -> Error:
    """The error of a status code."""
    return _CLASSES.get(code, Error)(message, details, code)


def is_error(excinfo: Any) -> bool:
    """The value of ``__tracebackhide__`` in the package: pytest shows the caller's frames alone.

    Where what was raised is none of these errors, but a fault of the package, all are shown.
    """
    return isinstance(excinfo.value, Error)
