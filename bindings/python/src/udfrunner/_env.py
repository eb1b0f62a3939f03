"""Env: configuration by Spark's keys, and the worker processes made with it."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import datetime
import json
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _abi
from ._arguments import check_mapping
from ._library import SLICE_MS, Library, library
from ._log import LogLine, parse_lines
from ._metrics import Metrics
from ._options import only_known
from ._output import Logs, Output, check_logs
from ._task import make_pairs, wait_milliseconds
from .errors import Cancelled, InvalidArgument, InvalidHandle, InvalidState, is_error, make_error

if TYPE_CHECKING:
    from typing_extensions import Self

__tracebackhide__ = is_error

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

    Args:
        conf: configuration by Spark's keys and those of the library.
        logs: where the lines go that workers write to stdout and stderr, by the threads that read
            results: "stderr" is ``sys.stderr`` of the moment; a ``logging.Logger`` gets them as
            INFO (stdout) and WARNING, with the LogLine as the record's attribute ``line``; a
            callable gets each LogLine, and what it raises goes to the reader of results; None
            keeps them for :meth:`read_log`. Where ``udfrunner.log.file`` or
            ``udfrunner.log.descriptor`` has them written, they go there alone.
    """

    @only_known
    def __init__(self, conf: Mapping[str, Any] | None = None, *, logs: Logs = "stderr") -> None:
        check_mapping(conf, "conf")
        check_logs(logs)
        self._library = library()
        self._handle = ctypes.c_void_p()
        #: What was given, for those who set a runner's data up by it.
        self.conf: dict[str, Any] = dict(conf or {})
        pairs = make_pairs(with_interpreter(conf))
        self._library.call("udfrunner_env_create", pairs, len(pairs), ctypes.byref(self._handle))
        #: Takes the workers' lines to where `logs` has them.
        self._output = Output(self._library, self._handle, logs)
        self._finalizer = weakref.finalize(
            self, _destroy_env, self._library, self._handle, self._output
        )

    def __repr__(self) -> str:
        if self.closed or self._library.forked:
            return "<closed Env>" if self.closed else "<Env of the parent process>"
        stats = self.stats()
        workers = sum(each.get("alive", 0) for each in stats["factories"])
        return f"<Env, workers: {workers}, running tasks: {stats['tasks']['running']}>"

    @property
    def closed(self) -> bool:
        """Whether the env was closed."""
        return not self._finalizer.alive

    def stats(self) -> Metrics:
        """Counters: workers started, idle, running, reused, killed, tasks ... Never waits."""
        if self.closed:  # Its handle would be the default env's.
            raise InvalidState("env is closed")
        return env_stats(self._handle)

    def read_log(self, timeout: float | datetime.timedelta | None = 0.0) -> list[LogLine]:
        """The next lines that workers wrote; ``[]`` where none came within `timeout` seconds.

        None waits without limit, or until another thread closes the env. Each line is given once.
        Lines that nobody reads are kept up to ``udfrunner.log.buffer`` bytes. Raises InvalidState
        where the env was not made with ``logs=None``, or where ``udfrunner.log.file`` or
        ``udfrunner.log.descriptor`` has them written instead.
        """
        limit = None if timeout is None else wait_milliseconds(timeout)
        if self._output.logs is not None:
            raise InvalidState(
                f"lines of this env go to {self._output.logs!r}: logs=None is needed"
            )
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


def _destroy_env(loaded: Library, handle: ctypes.c_void_p, output: Output) -> None:
    """Destroys an env, after its last lines."""
    try:
        output.show()
    finally:
        destroy(loaded, "udfrunner_env_destroy", handle)


@contextlib.contextmanager
def env_with(env: Env | None, logs: Logs) -> Iterator[Env | None]:
    """The env of a call: the one given, or one of the call's own where its lines go elsewhere."""
    check_logs(logs)
    if logs == "stderr":
        yield env
        return
    if env is not None:
        raise InvalidArgument(f"logs {logs!r} and an env: Env(logs=...) says where its lines go")
    with Env(logs=logs) as own:
        yield own


_default_lock = threading.Lock()
_default: Output | None = None


def output_of(env: Env | None) -> Output:
    """The output of an env, or of the default env for None."""
    global _default
    if env is not None:
        return env._output
    with _default_lock:
        if _default is None:
            _default = Output(library(), None, "stderr")
            # Registered after the library's own hook, which shuts workers down: it runs before.
            atexit.register(_default.show)
        return _default


def env_stats(handle: ctypes.c_void_p | None) -> Metrics:
    """The counters of an env, or of the default env for None."""
    loaded = library()
    data = _abi.Bytes()
    loaded.call("udfrunner_env_stats", handle, ctypes.byref(data))
    return Metrics(json.loads(loaded.take_bytes(data)))


def shutdown(timeout: float | datetime.timedelta | None = None) -> bool:
    """Ends every worker and waits for it, `timeout` seconds at most.

    Running tasks raise Cancelled. Results handed out stay valid, and new envs may be made. Returns
    whether all workers were seen to end.
    """
    timeout_ms = -1 if timeout is None else wait_milliseconds(timeout)
    if _default is not None:
        _default.show()
    status = int(library().plain("udfrunner_shutdown", timeout_ms))
    if status < 0:
        raise make_error(status, "udfrunner_shutdown")
    return status == _abi.UDFRUNNER_OK
