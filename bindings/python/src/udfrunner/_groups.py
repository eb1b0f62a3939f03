"""Groups of rows that the caller forms, as the input of a task: a stream for each, or a pair."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from . import _abi
from ._input import TaskInput, export_stream, stream_source
from ._schemas import check_schema
from .errors import HostError, InvalidArgument, is_error

if TYPE_CHECKING:
    import pyarrow as pa

__tracebackhide__ = is_error

_END = object()


class GroupInput(TaskInput):
    """Groups, pulled one by one while the task runs, on the thread that reads its results.

    Each is Arrow data as StreamInput takes it, or for cogroups a pair of such.
    """

    def __init__(self, groups: Iterable[Any], keys: int, schema: pa.Schema | None = None) -> None:
        super().__init__()
        if isinstance(groups, (str, bytes, dict)) or not isinstance(groups, Iterable):
            raise InvalidArgument(
                f"groups of type {type(groups).__name__}: an iterable of Arrow data is needed"
            )
        self._groups = iter(groups)
        self._keys = keys
        self._schema = schema
        self._count = 0
        #: The schema of each side of the first group.
        self._first: list[pa.Schema] = []
        self._callback = _abi.InputNextGroup(self._next)
        self._message = b""

    def to_c(self) -> _abi.Input:
        item = super().to_c()
        item.kind = _abi.UDFRUNNER_INPUT_GROUPS
        item.keys = self._keys
        item.next_group = self._callback
        return item

    def close(self) -> None:
        """Ends the groups' iterator where it is a generator, and breaks the cycle to this."""
        close = getattr(self._groups, "close", None)
        self._groups = iter(())
        if close is not None:
            close()

    def _next(self, _ctx: int | None, out: Any, sides: int, message: Any) -> int:
        # An exception must not leave a ctypes callback: what the library sees would be undefined.
        filled = 0
        try:
            group = next(self._groups, _END)
            if group is _END:
                return _abi.UDFRUNNER_DONE
            for data in self._sides_of(group, sides):
                source = stream_source(data, self._schema, self.failed)
                export_stream(self._checked(source, filled), out[filled])
                filled += 1
            self._count += 1
            return _abi.UDFRUNNER_OK
        except BaseException as error:
            # The error holds this frame, and with it what it refers to: no collector sees through
            # a reader that refers to this input.
            group = data = source = None
            # Where an iterable of batches raised, that is the cause.
            cause = error.__cause__ if isinstance(error, HostError) else None
            self.failed(cause or error)
            for index in range(filled):
                out[index].release(ctypes.byref(out[index]))
            self._message = f"{type(error).__name__}: {error}".replace("\0", "\\0").encode()
            message[0] = self._message
            return _abi.UDFRUNNER_HOST

    def _checked(self, source: Any, side: int) -> Any:
        """The source, its schema checked against the first group's: columns go by position."""
        if not hasattr(source, "_export_to_c"):
            try:
                import pyarrow as pa
            except ImportError:  # The library compares what it can see.
                return source
            source = pa.RecordBatchReader.from_stream(source)
        if len(self._first) == side:
            self._first.append(source.schema)
        else:
            of = ("left", "right")[side] if self._first[1:] else ""
            what = f"group {self._count}{of and ', '}{of}"
            check_schema(source.schema, self._first[side], what, "group 0")
        return source

    def _sides_of(self, group: Any, sides: int) -> Sequence[Any]:
        """The inputs of a group, as many as the eval type has."""
        if sides == 1:
            if isinstance(group, tuple):
                raise InvalidArgument(
                    f"group {self._count} is a tuple of {len(group)}: functions of this eval type "
                    "take one input per group, not a pair"
                )
            return (group,)
        if isinstance(group, (tuple, list)) and len(group) == sides:
            return group
        what = type(group).__name__
        if isinstance(group, (tuple, list)):
            what += f" of {len(group)}"
        raise InvalidArgument(
            f"group {self._count} is a {what}: functions of this eval type take a pair (left, "
            "right) per group"
        )
