"""Env: configuration by Spark's keys, and the worker processes made with it."""

from __future__ import annotations

import ctypes
import datetime
import json
import os
import sys
import time
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _abi
from ._arguments import check_mapping
from ._library import SLICE_MS, Library, library
from ._log import LogLine, parse_lines
from ._task import make_pairs, wait_milliseconds
from .errors import Cancelled, InvalidHandle, InvalidState, make_error

if TYPE_CHECKING:
    from typing_extensions import Self

#: Which interpreter runs the workers.
PYTHON_KEY = "spark.pyspark.python"


def with_interpreter(conf: Mapping[str, Any] | None) -> dict[str, Any]:
    """`conf`, with this interpreter for the workers where nothing names another."""
    values = dict(conf or {})
    if PYTHON_KEY not in values and not os.environ.get("PYSPARK_PYTHON"):
        values[PYTHON_KEY] = sys.executable
    return values


def destroy(loaded: Library, function: str, handle: ctypes.c_void_p) -> None:
    """Destroys an env or runner by its handle."""
    loaded.plain(function, ctypes.byref(handle))


class Env:
    """Configuration by Spark's keys, and the worker processes made with it.

    Workers run this interpreter, unless ``spark.pyspark.python`` or the environment variable
    PYSPARK_PYTHON names another. Closing it cancels its tasks and kills its workers.
    """

    def __init__(self, conf: Mapping[str, Any] | None = None) -> None:
        check_mapping(conf, "conf")
        self._library = library()
        self._handle = ctypes.c_void_p()
        #: What was given, for those who set a runner's data up by it.
        self.conf: dict[str, Any] = dict(conf or {})
        pairs = make_pairs(with_interpreter(conf))
        self._library.call("udfrunner_env_create", pairs, len(pairs), ctypes.byref(self._handle))
        self._finalizer = weakref.finalize(
            self, destroy, self._library, "udfrunner_env_destroy", self._handle
        )

    @property
    def closed(self) -> bool:
        """Whether the env was closed."""
        return not self._finalizer.alive

    def stats(self) -> dict[str, Any]:
        """Counters: workers started, idle, running, reused, killed, tasks ... Never waits."""
        if self.closed:  # Its handle would be the default env's.
            raise InvalidState("env is closed")
        return env_stats(self._handle)

    def read_log(self, timeout: float | datetime.timedelta | None = 0.0) -> list[LogLine]:
        """The next lines that workers wrote; ``[]`` where none came within `timeout` seconds.

        None waits without limit, or until another thread closes the env. Each line is given once.
        Lines that nobody reads are kept up to ``udfrunner.log.buffer`` bytes. Raises InvalidState
        where ``udfrunner.log.file`` or ``udfrunner.log.descriptor`` has them written instead.
        """
        limit = None if timeout is None else wait_milliseconds(timeout)
        until = None if limit is None else time.monotonic() + limit / 1000
        while True:
            wait = SLICE_MS
            if until is not None:
                wait = max(0, min(wait, round((until - time.monotonic()) * 1000)))
            data = _abi.Bytes()
            open_before = self._finalizer.alive
            try:
                status = self._library.call(
                    "udfrunner_log_next", self._handle, wait, ctypes.byref(data)
                )
            except (Cancelled, InvalidHandle):
                if open_before and not self._finalizer.alive:
                    return []
                raise
            if status == _abi.UDFRUNNER_OK:
                return parse_lines(self._library.take_bytes(data))
            if status == _abi.UDFRUNNER_DONE or (until is not None and time.monotonic() >= until):
                return []

    def close(self) -> None:
        """Cancels the env's tasks and kills its workers. Idempotent."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def env_stats(handle: ctypes.c_void_p | None) -> dict[str, Any]:
    """The counters of an env, or of the default env for None."""
    loaded = library()
    data = _abi.Bytes()
    loaded.call("udfrunner_env_stats", handle, ctypes.byref(data))
    stats: dict[str, Any] = json.loads(loaded.take_bytes(data))
    return stats


def shutdown(timeout: float | datetime.timedelta | None = None) -> bool:
    """Ends every worker and waits for it, `timeout` seconds at most.

    Running tasks raise Cancelled. Results handed out stay valid, and new envs may be made. Returns
    whether all workers were seen to end.
    """
    timeout_ms = -1 if timeout is None else wait_milliseconds(timeout)
    status = int(library().plain("udfrunner_shutdown", timeout_ms))
    if status < 0:
        raise make_error(status, "udfrunner_shutdown")
    return status == _abi.UDFRUNNER_OK
