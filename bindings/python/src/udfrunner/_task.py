"""The identity of a task: what its functions see in PySpark's ``TaskContext``."""

from __future__ import annotations

import ctypes
import datetime
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import _abi
from ._arguments import check_is, check_iterable, check_mapping, path_text
from .errors import InvalidArgument, is_error

__tracebackhide__ = is_error


@dataclass(frozen=True)
class Barrier:
    """The host's server for ``barrier()`` and ``allGather()`` of a barrier task.

    Either `port` of 127.0.0.1 and `secret`, or `path`, a Unix socket (PySpark 4.1 and later).
    """

    port: int = 0
    secret: str = field(default="", repr=False)
    path: str | os.PathLike[str] | None = None


@dataclass(frozen=True)
class BroadcastServer:
    """The host's server that hands out the values of broadcast variables.

    It speaks as Spark's decryption server does: for each variable that the worker does not have
    yet its id (int64, big-endian) and its pickled value, in the order of the ids as they were
    given; then it reads one byte. `address` is a port of 127.0.0.1, with `secret`, or the path of
    a Unix socket (PySpark 4.1 and later).
    """

    address: int | str | os.PathLike[str]
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class TaskContext:
    """Spark's TaskContext of one task; the fields are Spark's.

    Attributes:
        properties: local properties, as ``TaskContext.getLocalProperty`` gives them.
        resources: addresses by name of resource, such as ``{"gpu": ["0", "1"]}``.
        barrier: set for a barrier task.
    """

    partition: int = 0
    attempt: int = 0
    stage: int = 0
    cpus: int = 1
    task_attempt_id: int = 0
    properties: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Sequence[str]] = field(default_factory=dict)
    barrier: Barrier | None = None


def milliseconds(value: float | datetime.timedelta | None, what: str) -> int | None:
    """Seconds or a timedelta above zero in whole milliseconds, at least one; None stays None."""
    if value is None:
        return None
    seconds = _seconds(value, what)
    if not 0 < seconds < 2**53:
        raise InvalidArgument(f"{what} {value!r}: a positive number of seconds is needed")
    return max(1, round(seconds * 1000))


def wait_milliseconds(timeout: float | datetime.timedelta) -> int:
    """How long to wait, in whole milliseconds; zero is not at all."""
    seconds = _seconds(timeout, "timeout")
    if not 0 <= seconds < 2**53:
        raise InvalidArgument(f"timeout {timeout!r}: a number of seconds, not negative, is needed")
    return round(seconds * 1000)


def _seconds(value: float | datetime.timedelta, what: str) -> float:
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidArgument(
            f"{what} {value!r}: a number of seconds or a timedelta is needed, not "
            f"{type(value).__name__}"
        ) from None


def checked_int(value: int, bits: int, what: str) -> int:
    """`value`, which must fit a C integer of so many bits: ctypes would cut it silently."""
    if not isinstance(value, int) or not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise InvalidArgument(f"{what} {value!r}: an integer of {bits} bits is needed")
    return value


def make_pairs(values: Mapping[str, Any]) -> Any:
    """A C array of pairs; it keeps its text alive."""
    pairs = (_abi.Pair * len(values))()
    for pair, (key, value) in zip(pairs, values.items(), strict=True):
        key_bytes, value_bytes = str(key).encode(), conf_text(value).encode()
        pair.key, pair.key_size = key_bytes, len(key_bytes)
        pair.value, pair.value_size = value_bytes, len(value_bytes)
    return pairs


def conf_text(value: Any) -> str:
    """A configuration value as Spark writes it: booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def make_task(context: TaskContext, deadline_ms: int | None) -> tuple[_abi.Task, list[Any]]:
    """The C struct of a task, and what must live as long as it."""
    check_is(context, TaskContext, "context")
    check_mapping(context.properties, "properties")
    check_mapping(context.resources, "resources")
    task = _abi.Task()
    task.size = ctypes.sizeof(_abi.Task)
    for name in ("partition", "attempt", "stage", "cpus"):
        setattr(task, name, checked_int(getattr(context, name), 32, name))
    task.task_attempt_id = checked_int(context.task_attempt_id, 64, "task_attempt_id")
    task.deadline_ms = deadline_ms or 0
    keep: list[Any] = []
    if context.properties:
        properties = make_pairs(context.properties)
        task.properties, task.n_properties = properties, len(properties)
        keep.append(properties)
    if context.resources:
        resources, addresses = _make_resources(context.resources)
        task.resources, task.n_resources = resources, len(resources)
        keep += [resources, addresses]
    if context.barrier is not None:
        barrier = context.barrier
        check_is(barrier, Barrier, "barrier")
        check_is(barrier.secret, str, "barrier secret")
        task.barrier = 1
        task.barrier_port = checked_int(barrier.port, 32, "barrier port")
        secret = barrier.secret.encode()
        task.barrier_secret, task.barrier_secret_size = secret, len(secret)
        if barrier.path is not None:
            path = os.fsencode(path_text(barrier.path, "barrier path"))
            task.barrier_path, task.barrier_path_size = path, len(path)
    return task, keep


def _make_resources(resources: Mapping[str, Sequence[str]]) -> tuple[Any, list[Any]]:
    array = (_abi.Resource * len(resources))()
    keep: list[Any] = []
    for item, (name, addresses) in zip(array, resources.items(), strict=True):
        name_bytes = name.encode()
        check_iterable(addresses, f"addresses of resource {name!r}", "text")
        for address in addresses:
            check_is(address, str, f"address of resource {name!r}")
        values = (ctypes.c_char_p * len(addresses))(*[a.encode() for a in addresses])
        keep.append(values)
        item.name, item.name_size = name_bytes, len(name_bytes)
        item.addresses, item.n_addresses = values, len(addresses)
    return array, keep
