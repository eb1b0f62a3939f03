"""udfrunner: PySpark functions on Arrow data, in isolated worker processes, without a JVM.

An :class:`Env` holds configuration and workers, a :class:`Runner` the functions; ``compute``
starts a task and gives the iterator of its results. :func:`apply`, :func:`map_batches`,
:func:`map_groups`, :func:`map_cogroups` and :func:`aggregate` do all of it for a table.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from ._aggregate import aggregate
    from ._apply import apply, map_batches
    from ._env import Env, shutdown
    from ._evaltype import EvalType
    from ._functions import Argument
    from ._iterator import BatchIterator, TaskIterator
    from ._log import LogLine
    from ._map_cogroups import map_cogroups
    from ._map_groups import map_groups
    from ._metrics import Metrics
    from ._output import Logs
    from ._pyspark import allow_ddl_without_session
    from ._rows import RecordIterator, RowIterator
    from ._runner import Runner
    from ._tablefunction import TableFunction
    from ._task import Barrier, BroadcastServer, TaskContext
    from ._versions import show_versions
    from .errors import (
        Cancelled,
        DeadlineExceeded,
        Error,
        Forked,
        HostError,
        InternalError,
        InvalidArgument,
        InvalidHandle,
        InvalidState,
        LibraryNotFound,
        NoMemory,
        NotSupported,
        ProtocolError,
        PythonException,
        RemoteTraceback,
        SpawnError,
        SystemFailure,
        WorkerExited,
    )

__all__ = [
    "Argument",
    "Barrier",
    "BatchIterator",
    "BroadcastServer",
    "Cancelled",
    "DeadlineExceeded",
    "Env",
    "Error",
    "EvalType",
    "Forked",
    "HostError",
    "InternalError",
    "InvalidArgument",
    "InvalidHandle",
    "InvalidState",
    "LibraryNotFound",
    "LogLine",
    "Logs",
    "Metrics",
    "NoMemory",
    "NotSupported",
    "ProtocolError",
    "PythonException",
    "RecordIterator",
    "RemoteTraceback",
    "RowIterator",
    "Runner",
    "SpawnError",
    "SystemFailure",
    "TableFunction",
    "TaskContext",
    "TaskIterator",
    "WorkerExited",
    "__version__",
    "aggregate",
    "allow_ddl_without_session",
    "apply",
    "map_batches",
    "map_cogroups",
    "map_groups",
    "show_versions",
    "shutdown",
]

# Where each name is, the rest in errors. To import all of it takes longer than PyArrow does.
_MODULES = {
    "_aggregate": "aggregate",
    "_apply": "apply map_batches",
    "_env": "Env shutdown",
    "_evaltype": "EvalType",
    "_functions": "Argument",
    "_iterator": "BatchIterator TaskIterator",
    "_log": "LogLine",
    "_map_cogroups": "map_cogroups",
    "_map_groups": "map_groups",
    "_metrics": "Metrics",
    "_output": "Logs",
    "_pyspark": "allow_ddl_without_session",
    "_rows": "RecordIterator RowIterator",
    "_runner": "Runner",
    "_tablefunction": "TableFunction",
    "_task": "Barrier BroadcastServer TaskContext",
    "_versions": "show_versions",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import what the package exports when it is first used (PEP 562)."""
    if name == "errors":
        return import_module(".errors", __name__)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{_HOME.get(name, 'errors')}", __name__)
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    """What the package exports, used so far or not."""
    return sorted([*__all__, "errors"])
