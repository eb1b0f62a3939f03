"""The results of a task, and the task's life: waiting, cancelling, closing."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import datetime
import json
import pickle
import select
import struct
import time
import weakref
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from . import _abi
from ._inboundtypes import UnfitData
from ._input import TaskInput, input_failed
from ._library import SLICE_MS, Library
from ._metrics import Metrics
from ._output import Output
from ._task import wait_milliseconds
from .errors import Error, HostError, InvalidState, is_error

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Self

__tracebackhide__ = is_error

T_co = TypeVar("T_co", covariant=True)

#: The longest pause after the input had nothing to give.
NEED_INPUT_MS = 10


class TaskHandle:
    """The C iterator and what must live as long as it."""

    #: Handles whose exported stream outlived its TaskIterator, until their task ended.
    orphans: ClassVar[set[TaskHandle]] = set()
    exiting = False

    def __init__(
        self,
        library: Library,
        handle: ctypes.c_void_p,
        source: TaskInput,
        runner: object,
        output: Output,
        partition: int,
        shown: str,
    ) -> None:
        self.library = library
        self.handle = handle
        self.source = source
        self.runner = runner
        self.partition = partition
        self.shown = shown
        self.exported = False
        self.output = output
        self._running = True
        output.begin()

    def close(self) -> None:
        """Ends the task and releases its input; a no-op in a forked child."""
        if self.library.forked:
            return
        self.library.plain("iterator_close", ctypes.byref(self.handle))
        self.source.close()
        self.runner = None
        self.show_last()

    def show_last(self) -> None:
        """Shows the task's last lines: it has ended."""
        try:
            self.output.show()
        finally:
            if self._running:
                self._running = False
                self.output.end()

    def ended(self) -> bool:
        """Whether the task is complete, failed or cancelled."""
        if not self.handle.value:
            return True
        data = _abi.Bytes()
        try:
            self.library.call("iterator_result", self.handle, b"accumulators", ctypes.byref(data))
        except InvalidState:
            return False
        except Error:
            return True
        self.library.take_bytes(data)
        return True

    def collect(self) -> None:
        """What garbage collection of the TaskIterator does.

        A consumer may still read the exported stream then, whose release ends the task.
        """
        if self.library.forked:
            return
        if self.exported and not TaskHandle.exiting and not self.ended():
            TaskHandle.orphans.add(self)
        else:
            self.close()

    @classmethod
    def sweep(cls) -> None:
        """Closes the orphans whose task has ended."""
        for handle in list(cls.orphans):
            if not handle.ended():
                continue
            try:
                cls.orphans.remove(handle)
            except KeyError:
                continue  # Another thread closes it.
            handle.close()

    @classmethod
    def at_exit(cls) -> None:
        """Closes the orphans: nothing of Python's may be released after the interpreter's end."""
        cls.exiting = True
        while cls.orphans:
            cls.orphans.pop().close()


atexit.register(TaskHandle.at_exit)


class TaskIterator(Generic[T_co]):
    """The running task and the iterator of its results.

    Use it in a ``with`` statement: leaving it ends the task. It is used by one thread at a time;
    :meth:`cancel`, :meth:`close` and :attr:`metrics` are safe from any thread.
    """

    def __init__(self, task: TaskHandle) -> None:
        self._task = task
        self._library = task.library
        self._done = False
        self._metrics: bytes | None = None
        self._accumulators: bytes | None = None
        self._finalizer = weakref.finalize(self, task.collect)

    def __repr__(self) -> str:
        state = "closed" if self.closed else "ended" if self._task.ended() else "running"
        task = self._task
        return f"<{state} {type(self).__name__}, partition {task.partition} of {task.shown}>"

    # ------------------------------------------------------------------ iteration

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T_co:
        raise NotImplementedError

    def _read(self, function: str, timeout_ms: int | None, *out: Any) -> bool:
        """Calls iterator_next* until it has results; False at the end.

        Raises TimeoutError when timeout_ms runs out, after which reading may go on.
        """
        if self._done:
            return False
        limit = None if timeout_ms is None else time.monotonic() + timeout_ms / 1000
        while True:
            if self.closed:
                raise InvalidState("iterator is closed")
            # Before the call: whatever the host makes of a line, no result is in hand.
            self._task.output.show_when_due()
            wait = SLICE_MS
            if limit is not None:
                wait = max(0, min(wait, round((limit - time.monotonic()) * 1000)))
            try:
                status = self._library.call(function, self._task.handle, wait, *out)
            except InvalidState:  # Of this call, not of the task.
                raise
            except Error as error:
                self._task.show_last()
                if isinstance(error, HostError):
                    self._raise_cause(error)
                raise
            if status == _abi.UDFRUNNER_OK:
                return True
            if status == _abi.UDFRUNNER_DONE:
                self._done = True
                self.close()
                return False
            if limit is not None and time.monotonic() >= limit:
                raise TimeoutError(f"no results within {timeout_ms} ms")
            if status == _abi.UDFRUNNER_NEED_INPUT:
                select.select([self.fileno()], [], [], min(wait, NEED_INPUT_MS) / 1000)

    def _raise_cause(self, error: HostError) -> None:
        """Chains what the input's Python code raised; Ctrl-C and exit go on as themselves."""
        cause = self._task.source.cause()
        if cause is None:
            return
        if not isinstance(cause, Exception):
            self.close()
            raise cause
        if isinstance(cause, UnfitData):
            raise cause from None
        if self._task.source.error is None:
            error.__cause__ = cause
            return
        # The library's text has pyarrow's words around it, and a traceback's.
        error.message = input_failed(cause).message
        error.__cause__ = cause

    def _abandoned(self) -> None:
        """Ends the task on Ctrl-C and the like."""
        with contextlib.suppress(Error):
            self.cancel("interrupted")
        self.close()

    # ------------------------------------------------------------------ state

    @property
    def closed(self) -> bool:
        """Whether the iterator was closed, by :meth:`close` or at its end."""
        return not self._finalizer.alive

    @property
    def metrics(self) -> Metrics:
        """What the task measured so far; final after its end. Notebooks show it as a table."""
        if self._metrics is None or not self.closed:
            self._metrics = self._result(b"metrics")
        return Metrics(json.loads(self._metrics))

    @property
    def accumulators(self) -> list[tuple[int, Any]]:
        """The accumulator updates of a complete task as (id, value), unpickled here.

        Raises InvalidState before the task's end.
        """
        if self._accumulators is None:
            self._accumulators = self._result(b"accumulators")
        return list(_parse_accumulators(self._accumulators))

    @property
    def error(self) -> Error | None:
        """The error that ended the task, or None; also after an exported stream failed."""
        if self.closed:
            return None
        try:
            self._library.call("iterator_error", self._task.handle)
        except Error as error:
            return error
        return None

    def fileno(self) -> int:
        """A descriptor that polls readable when there is something to do; never read it."""
        fd = ctypes.c_int32(-1)
        self._library.call("iterator_event_fd", self._task.handle, ctypes.byref(fd))
        return fd.value

    def stack(self, timeout: float | datetime.timedelta = 1.0) -> str:
        """The Python stacks of all threads of the task's worker now, as faulthandler writes them.

        Safe from any thread, and also while the function hangs in C code. Raises TimeoutError
        where the worker does not answer within `timeout` seconds, InvalidState after the task's
        end, NotSupported for a worker that the embedded daemon did not make.
        """
        data = _abi.Bytes()
        if self.closed:
            raise InvalidState("task has ended: its worker is no longer known")
        limit = wait_milliseconds(timeout)
        status = self._library.call("iterator_stack", self._task.handle, limit, ctypes.byref(data))
        if status == _abi.UDFRUNNER_TIMED_OUT:
            raise TimeoutError(f"no stack within {limit} ms: the worker is stopped or being made")
        return self._library.take_bytes(data).decode()

    def _result(self, key: bytes) -> bytes:
        data = _abi.Bytes()
        self._library.call("iterator_result", self._task.handle, key, ctypes.byref(data))
        return self._library.take_bytes(data)

    # ------------------------------------------------------------------ end

    def cancel(self, reason: str | None = None) -> None:
        """Kills the task's worker; calls in flight and later ones raise Cancelled.

        Nothing changes for a task that is complete or closed. Never waits.
        """
        if not self.closed:
            text = None if reason is None else reason.encode()
            self._library.plain("iterator_cancel", self._task.handle, text)

    def close(self) -> None:
        """Ends the task if it runs, and releases its input. Idempotent, never waits for Python.

        Metrics, and the accumulators of a complete task, stay readable.
        """
        if self.closed:
            return
        if not self._library.forked:
            self._capture()
        if self._finalizer.detach() is not None:
            self._task.close()

    def _capture(self) -> None:
        """Keeps what is asked for after the close."""
        with contextlib.suppress(Error):
            self._metrics = self._result(b"metrics")
        if self._accumulators is None:
            with contextlib.suppress(Error):
                self._accumulators = self._result(b"accumulators")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class SchemaCell:
    """The schema of a runner's results, shared by its tasks: to import it costs like a batch."""

    def __init__(self) -> None:
        self.value: pa.Schema | None = None


class BatchIterator(TaskIterator["pa.RecordBatch"]):
    """Results as ``pyarrow.RecordBatch``, read in place; also an Arrow C stream."""

    def __init__(self, task: TaskHandle, schema: SchemaCell) -> None:
        super().__init__(task)
        self._schema = schema

    @property
    def schema(self) -> pa.Schema:
        """The schema of the results, from the declared return types. Never waits."""
        if self._schema.value is None:
            import pyarrow as pa

            exported = _abi.ArrowSchema()
            self._library.call("iterator_schema", self._task.handle, ctypes.byref(exported))
            self._schema.value = pa.Schema._import_from_c(ctypes.addressof(exported))
        return self._schema.value

    def __next__(self) -> pa.RecordBatch:
        batch = self._read_batch(None)
        if batch is None:
            raise StopIteration
        return batch

    def read_next_batch(self, timeout: float | None = None) -> pa.RecordBatch:
        """The next batch; StopIteration at the end.

        After `timeout` seconds TimeoutError is raised, nothing is lost, and reading may go on.
        """
        batch = self._read_batch(None if timeout is None else max(0, round(timeout * 1000)))
        if batch is None:
            raise StopIteration
        return batch

    def read_all(self) -> pa.Table:
        """All remaining results as one table."""
        import pyarrow as pa

        batches = list(self)
        return pa.Table.from_batches(batches, schema=self.schema)

    def _read_batch(self, timeout_ms: int | None) -> pa.RecordBatch | None:
        import pyarrow as pa

        if self.closed and not self._done:
            # Also where the schema could not be kept at the close.
            raise InvalidState("iterator is closed")
        schema = self.schema
        array = _abi.ArrowArray()
        try:
            if not self._read("iterator_next_arrow", timeout_ms, ctypes.byref(array), None):
                return None
            batch: pa.RecordBatch = pa.RecordBatch._import_from_c(ctypes.addressof(array), schema)
            return batch
        except BaseException as error:
            if array.release:
                array.release(ctypes.byref(array))
            if not isinstance(error, Exception):
                self._abandoned()
            raise

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The results as an Arrow C stream in a capsule; no Python code runs per batch."""
        import pyarrow as pa

        stream = _abi.ArrowArrayStream()
        self._library.call("iterator_export", self._task.handle, ctypes.byref(stream))
        self._task.exported = True
        reader = pa.RecordBatchReader._import_from_c(ctypes.addressof(stream))
        return reader.__arrow_c_stream__(requested_schema)

    def _capture(self) -> None:
        super()._capture()
        # A task that read nothing may be closed where pyarrow is missing.
        with contextlib.suppress(Error, ImportError):
            _ = self.schema


def _parse_accumulators(data: bytes) -> Iterator[tuple[int, Any]]:
    """Splits length + pickle, repeated."""
    start = 0
    while start < len(data):
        (size,) = struct.unpack_from(">i", data, start)
        start += 4
        identifier, value = pickle.loads(data[start : start + size])
        yield identifier, value
        start += size
