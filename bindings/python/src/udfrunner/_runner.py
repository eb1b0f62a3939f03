"""Env and Runner: configuration and workers, and the functions that run in them."""

from __future__ import annotations

import ctypes
import datetime
import json
import os
import sys
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _abi, _pyspark
from ._evaltype import MAP_TYPES, PICKLED_TYPES, EvalType
from ._functions import ArgumentLike, Chain, FunctionLike
from ._input import RowInput, StreamInput, TaskInput, known_reader, rows_of
from ._iterator import BatchIterator, RowIterator, SchemaCell, TaskHandle
from ._library import Library, library
from ._task import TaskContext, checked_int, conf_text, make_pairs, make_task, milliseconds
from ._types import ReturnType, return_type
from .errors import InvalidArgument, InvalidState, NotSupported, make_error

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Self

    from ._types import ReturnTypeLike

#: Which interpreter runs the workers.
PYTHON_KEY = "spark.pyspark.python"
#: The minor version of Python that the pickles need.
PYTHON_VERSION_KEY = "udfrunner.python.version"


def _with_interpreter(conf: Mapping[str, Any] | None) -> dict[str, Any]:
    """`conf`, with this interpreter for the workers where nothing names another."""
    values = dict(conf or {})
    if PYTHON_KEY not in values and not os.environ.get("PYSPARK_PYTHON"):
        values[PYTHON_KEY] = sys.executable
    return values


def _destroy(loaded: Library, function: str, handle: ctypes.c_void_p) -> None:
    loaded.plain(function, ctypes.byref(handle))


class Env:
    """Configuration by Spark's keys, and the worker processes made with it.

    Workers run this interpreter, unless ``spark.pyspark.python`` or the environment variable
    PYSPARK_PYTHON names another. Closing it cancels its tasks and kills its workers.
    """

    def __init__(self, conf: Mapping[str, Any] | None = None) -> None:
        self._library = library()
        self._handle = ctypes.c_void_p()
        pairs = make_pairs(_with_interpreter(conf))
        self._library.call("udfrunner_env_create", pairs, len(pairs), ctypes.byref(self._handle))
        self._finalizer = weakref.finalize(
            self, _destroy, self._library, "udfrunner_env_destroy", self._handle
        )

    def stats(self) -> dict[str, Any]:
        """Counters: workers started, idle, running, reused, killed, tasks ... Never waits."""
        return env_stats(self._handle)

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
    timeout_ms = -1 if timeout is None else milliseconds(timeout, "timeout")
    status = int(library().plain("udfrunner_shutdown", timeout_ms))
    if status < 0:
        raise make_error(status, "udfrunner_shutdown")
    return status == _abi.UDFRUNNER_OK


class Runner:
    """Chained functions of one eval type, and the tasks that run them (Spark's BasePythonRunner).

    Args:
        eval_type: what kind of functions they are.
        chains: lists of functions, each applied first to last; each chain gives one result column.
        arg_offsets: for each chain the arguments of its first function: column offsets,
            (offset, keyword) or Argument. May be left out for map functions.
        return_type: one type for all chains, or a list with one for each; DDL or JSON text, a
            PySpark DataType, or a pyarrow type or schema. Left out, decorated UDFs tell theirs.
        env: where the workers come from; left out, a default env.
        conf: configuration of this runner, over the env's.
        includes: files and directories for the workers' ``sys.path``.
        broadcasts: for each broadcast id the file with its pickled value.
    """

    def __init__(
        self,
        eval_type: EvalType | int,
        chains: Sequence[Sequence[FunctionLike]],
        arg_offsets: Sequence[Sequence[ArgumentLike]] | None = None,
        return_type: ReturnTypeLike | Sequence[ReturnTypeLike] | None = None,
        *,
        env: Env | None = None,
        conf: Mapping[str, Any] | None = None,
        includes: Iterable[str | os.PathLike[str]] = (),
        broadcasts: Mapping[int, str | os.PathLike[str]] | None = None,
    ) -> None:
        self.eval_type = int(eval_type)
        offsets = _offsets(self.eval_type, chains, arg_offsets)
        types = _return_types(return_type, len(chains))
        self._chains = [Chain(*parts) for parts in zip(chains, offsets, types, strict=True)]
        self._schema = SchemaCell()
        self._env = env  # A collected env would cancel the tasks.
        self._library = library()
        self._handle = ctypes.c_void_p()
        self._library.call(
            "runner_create",
            env._handle if env is not None else None,
            checked_int(self.eval_type, 32, "eval type"),
            ctypes.byref(self._handle),
        )
        self._finalizer = weakref.finalize(
            self, _destroy, self._library, "runner_destroy", self._handle
        )
        try:
            self._configure(conf, includes, broadcasts or {})
        except BaseException:
            self.close()
            raise

    def _configure(
        self,
        conf: Mapping[str, Any] | None,
        includes: Iterable[str | os.PathLike[str]],
        broadcasts: Mapping[int, str | os.PathLike[str]],
    ) -> None:
        values = dict(conf or {}) if self._env is not None else _with_interpreter(conf)
        if any(chain.has_callables for chain in self._chains):
            values.setdefault(PYTHON_VERSION_KEY, _pyspark.python_version())
        for key, value in values.items():
            name, text = str(key).encode(), conf_text(value).encode()
            self._library.call("runner_set", self._handle, name, len(name), text, len(text))
        for chain in self._chains:
            functions, arguments, keep = chain.to_c()
            self._library.call(
                "runner_add_function",
                self._handle,
                functions,
                len(functions),
                arguments,
                len(arguments),
            )
            keep.clear()
        for include in includes:
            path = os.fsencode(include)
            self._library.call("runner_add_include", self._handle, path, len(path))
        for identifier, file in broadcasts.items():
            path = os.fsencode(Path(file))
            self._library.call(
                "runner_add_broadcast",
                self._handle,
                checked_int(identifier, 64, "broadcast id"),
                path,
                len(path),
            )

    def compute(
        self,
        data: Any,
        *,
        partition: int | None = None,
        context: TaskContext | None = None,
        deadline: float | datetime.timedelta | None = None,
        schema: pa.Schema | None = None,
    ) -> BatchIterator:
        """Starts a task over Arrow data and returns at once; many at a time on one runner.

        Args:
            data: anything with ``__arrow_c_stream__``, a pandas DataFrame, or an iterable of
                pyarrow.RecordBatch. It is read while the results are.
            partition: the task's partition, over the one of `context`.
            context: what functions see in PySpark's TaskContext.
            deadline: seconds after which the worker is killed and DeadlineExceeded raised.
            schema: of the batches of an iterable; left out, the first batch is read for it.
        """
        if self.eval_type in PICKLED_TYPES:
            raise NotSupported(
                f"eval type {self.eval_type} has pickled rows: use compute_rows instead of compute"
            )
        source = TaskInput() if data is None else StreamInput(data, schema)
        return BatchIterator(self._start(source, partition, context, deadline), self._schema)

    def compute_rows(
        self,
        rows: Any,
        *,
        partition: int | None = None,
        context: TaskContext | None = None,
        deadline: float | datetime.timedelta | None = None,
    ) -> RowIterator:
        """Starts a task of a row function (eval type 100) and returns at once.

        Args:
            rows: an iterable of tuples, or Arrow data as compute takes it. Values reach the
                function as they are here; the results are those of PySpark's types (date,
                datetime, Decimal, Row ...).

        The other arguments are those of :meth:`compute`.
        """
        if self.eval_type not in PICKLED_TYPES:
            raise NotSupported(
                f"eval type {self.eval_type} has Arrow data: use compute instead of compute_rows"
            )
        if hasattr(rows, "__arrow_c_stream__") or known_reader(rows) is not None:
            rows = rows_of(rows)
        convert = self._row_converter()
        return RowIterator(self._start(RowInput(rows), partition, context, deadline), convert)

    def _start(
        self,
        source: TaskInput,
        partition: int | None,
        context: TaskContext | None,
        deadline: float | datetime.timedelta | None,
    ) -> TaskHandle:
        context = context or TaskContext()
        if partition is not None:
            context = replace(context, partition=partition)
        task, keep = make_task(context, milliseconds(deadline, "deadline"))
        if self.closed:
            raise InvalidState("runner is closed")
        TaskHandle.sweep()
        handle = ctypes.c_void_p()
        given = source.to_c()
        try:
            self._library.call(
                "runner_compute",
                self._handle,
                ctypes.byref(given),
                ctypes.byref(task),
                ctypes.byref(handle),
            )
        except BaseException:
            source.undo()
            source.close()
            raise
        keep.clear()
        return TaskHandle(self._library, handle, source, self)

    def _row_converter(self) -> Callable[[Any], Any] | None:
        """Turns PySpark's internal values (dates as days ...) into Python's, where they differ."""
        declared = [chain.return_type for chain in self._chains]
        types = [each.pyspark() for each in declared if each is not None]
        if not any(each.needConversion() for each in types):
            return None
        if len(types) == 1:
            from_internal: Callable[[Any], Any] = types[0].fromInternal
            return from_internal
        convert = [each.fromInternal for each in types]
        return lambda values: tuple(f(v) for f, v in zip(convert, values, strict=True))

    @property
    def return_types(self) -> list[ReturnType | None]:
        """The declared return type of each chain."""
        return [chain.return_type for chain in self._chains]

    @property
    def closed(self) -> bool:
        """Whether the runner was closed."""
        return not self._finalizer.alive

    def cancel(self, reason: str | None = None) -> None:
        """Cancels the runner's running tasks; later computes work. Safe from any thread."""
        if not self.closed:
            text = None if reason is None else reason.encode()
            self._library.plain("runner_cancel", self._handle, text)

    def close(self) -> None:
        """Cancels the runner's tasks and destroys it. Idempotent."""
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


def _offsets(
    eval_type: int,
    chains: Sequence[Sequence[FunctionLike]],
    arg_offsets: Sequence[Sequence[ArgumentLike]] | None,
) -> Sequence[Sequence[ArgumentLike]]:
    """The argument offsets, one list for each chain."""
    if isinstance(chains, (str, bytes)) or not isinstance(chains, Sequence):
        raise InvalidArgument(f"chains {chains!r}: a list of lists of functions is needed")
    if not chains:
        raise InvalidArgument("chains []: at least one chain is needed")
    if arg_offsets is None:
        if eval_type not in MAP_TYPES:
            raise InvalidArgument(f"arg_offsets is needed for eval type {eval_type}")
        return [[0]] * len(chains)
    if len(arg_offsets) != len(chains):
        raise InvalidArgument(
            f"{len(chains)} chains of functions but {len(arg_offsets)} lists of argument offsets: "
            "the counts must be equal"
        )
    return arg_offsets


def _return_types(
    given: ReturnTypeLike | Sequence[ReturnTypeLike] | None, count: int
) -> list[ReturnType | None]:
    """The return types, one for each chain."""
    if given is None:
        return [None] * count
    if isinstance(given, (list, tuple)):
        if len(given) != count:
            raise InvalidArgument(f"{count} chains of functions but {len(given)} return types")
        return [return_type(each) for each in given]
    return [return_type(given)] * count
