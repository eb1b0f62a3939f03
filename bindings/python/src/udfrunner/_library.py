"""Finding, loading and calling the native library.

Every call goes through :meth:`Library.call`, which turns a negative status into an exception and
keeps a forked child out of the library.
"""

from __future__ import annotations

import atexit
import ctypes
import itertools
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any

from . import _abi
from .errors import Error, Forked, LibraryNotFound, is_error, make_error

__tracebackhide__ = is_error

#: Names a library to load instead of the package's own copy.
LIBRARY_VARIABLE = "UDFRUNNER_LIBRARY"
#: The file that a wheel carries in the package directory.
LIBRARY_NAME = "libudfrunner.so"
#: How long the end of the interpreter waits for workers to end.
EXIT_TIMEOUT_MS = 5000

#: The longest single wait in the library: Python handles signals (Ctrl-C) between two.
SLICE_MS = 100


#: Bytes of address space that Go's runtime reserves when it is loaded; with less it aborts.
ADDRESS_SPACE = 800 << 20


class Library:
    """The loaded library. It is never unloaded: its threads live as long as the process."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.pid = os.getpid()
        check_address_space(path, _free_address_space())
        try:
            # ctypes loads with RTLD_LOCAL: runner_* and iterator_* are plain names.
            self._cdll = ctypes.CDLL(path)
        except OSError as error:
            raise LibraryNotFound(f"library {path}: {_why(error)}") from error
        self._bind("udfrunner_abi_version", "udfrunner_version")
        self.abi_version = int(self._functions["udfrunner_abi_version"]())
        self.version = self._functions["udfrunner_version"]().decode()
        check_abi_version(path, self.abi_version)
        self._bind(*_abi.FUNCTIONS)

    def _bind(self, *names: str) -> None:
        functions: dict[str, Any] = {}
        for name in names:
            try:
                function = getattr(self._cdll, name)
            except AttributeError:
                raise LibraryNotFound(f"library {self.path} has no function {name}") from None
            function.restype, argtypes = _abi.FUNCTIONS[name]
            function.argtypes = list(argtypes)
            functions[name] = function
        self._functions = functions

    @property
    def forked(self) -> bool:
        """Whether this process is a forked child of the one that loaded the library."""
        return os.getpid() != self.pid

    def call(self, name: str, *arguments: Any) -> int:
        """Calls a function whose last parameter is ``udfrunner_error **err``.

        Returns its status where that is no error, and raises the error otherwise.
        """
        if self.forked:
            raise forked_error()
        err = ctypes.c_void_p()
        status = int(self._functions[name](*arguments, ctypes.byref(err)))
        if status < 0:
            raise self.take_error(status, err)
        return status

    def plain(self, name: str, *arguments: Any) -> Any:
        """Calls a function that has no error parameter and returns its result.

        In a forked child nothing is called and FORKED is the result.
        """
        if self.forked:
            return _abi.UDFRUNNER_FORKED
        return self._functions[name](*arguments)

    def take_error(self, status: int, err: ctypes.c_void_p) -> Error:
        """Turns a C error into an exception and frees it."""
        functions = self._functions
        if not err.value:
            return make_error(status, f"status {status} without a message")
        message = _text(functions["udfrunner_error_message"](err))
        details = {}
        key, value = ctypes.c_char_p(), ctypes.c_char_p()
        detail_at = functions["udfrunner_error_detail_at"]
        for index in itertools.count():
            found = detail_at(err, index, ctypes.byref(key), ctypes.byref(value))
            if found != _abi.UDFRUNNER_OK or key.value is None or value.value is None:
                break
            details[_text(key.value)] = _text(value.value)
        functions["udfrunner_error_destroy"](ctypes.byref(err))
        return make_error(status, message, details)

    def take_bytes(self, data: _abi.Bytes) -> bytes:
        """Copies bytes that the library handed out, and releases them."""
        try:
            return ctypes.string_at(data.data, data.size) if data.size else b""
        finally:
            self._functions["udfrunner_bytes_release"](ctypes.byref(data))

    def take_records(self, chunk: _abi.Chunk) -> list[bytes]:
        """Copies the records of a chunk, and releases it."""
        try:
            offsets = chunk.offsets[: chunk.n + 1] if chunk.n else [0]
            base = chunk.data or 0
            return [
                ctypes.string_at(base + start, end - start)
                for start, end in itertools.pairwise(offsets)
            ]
        finally:
            self._functions["udfrunner_chunk_release"](ctypes.byref(chunk))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def forked_error() -> Forked:
    """What every call answers in a forked child."""
    return Forked(
        f"process {os.getpid()} is a forked child of the process that loaded udfrunner; "
        "use the multiprocessing start method 'spawn', or make the first env in the child"
    )


def check_address_space(path: str, free: int | None) -> None:
    """Raises where a limit leaves less address space than the library reserves."""
    if free is not None and free < ADDRESS_SPACE:
        raise LibraryNotFound(
            f"library {path}: {free >> 20} MiB of address space are left (RLIMIT_AS, ulimit -v): "
            f"{ADDRESS_SPACE >> 20} MiB are needed"
        )


def _free_address_space() -> int | None:
    """What this process may still map, in bytes; None where nothing limits it, or says so."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:  # no /proc
        return None
    return max(0, limit - pages * resource.getpagesize())


def _why(error: OSError) -> str:
    """What keeps a library from being loaded; a loader of another C library does not name it."""
    from . import _system
    from ._finding import FAILED

    found = _system.c_library_here()
    return f"{found.value} ({error})" if found.judgement == FAILED else str(error)


def check_abi_version(path: str, found: int) -> None:
    """Raises unless a library of ABI version `found` serves this binding."""
    needed = _abi.UDFRUNNER_ABI_VERSION
    if found >> 16 != needed >> 16 or found & 0xFFFF < needed & 0xFFFF:
        raise LibraryNotFound(
            f"library {path} has ABI version {found >> 16}.{found & 0xFFFF}, "
            f"{needed >> 16}.{needed & 0xFFFF} or a later minor version is needed"
        )


def find_library() -> str:
    """The path of the library to load.

    UDFRUNNER_LIBRARY, where it is set, is taken as it is; otherwise the copy in the package
    directory. Raises LibraryNotFound, naming what was tried.
    """
    named = os.environ.get(LIBRARY_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise LibraryNotFound(f"{LIBRARY_VARIABLE}={named}: no such file")
        return named
    packaged = Path(__file__).with_name(LIBRARY_NAME)
    if not packaged.is_file():
        raise LibraryNotFound(
            f"{LIBRARY_NAME} not found: {LIBRARY_VARIABLE} is not set and {packaged} does not "
            "exist; install a wheel of udfrunner, or set the variable to the built library"
        )
    return str(packaged)


_lock = threading.Lock()
_library: Library | None = None


def library() -> Library:
    """The library, loaded at the first use."""
    global _library
    if _library is not None:
        return _library
    if not sys.platform.startswith("linux"):
        raise LibraryNotFound(f"platform {sys.platform}: udfrunner runs on Linux only")
    with _lock:
        if _library is None:
            _library = Library(find_library())
            # Handles are closed by weakref.finalize, whose exit hook was registered later or
            # closes what is left after this; both orders are legal.
            atexit.register(_library.plain, "udfrunner_shutdown", EXIT_TIMEOUT_MS)
        return _library
