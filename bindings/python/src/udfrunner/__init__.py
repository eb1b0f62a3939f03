"""udfrunner: PySpark functions on Arrow data, in isolated worker processes, without a JVM.

An :class:`Env` holds configuration and workers, a :class:`Runner` the functions; ``compute``
starts a task and gives the iterator of its results. :func:`apply`, :func:`map_batches`,
:func:`map_groups`, :func:`map_cogroups` and :func:`aggregate` do all of it for a table.
"""

from ._aggregate import aggregate
from ._apply import apply, map_batches
from ._env import Env, shutdown
from ._evaltype import EvalType
from ._functions import Argument
from ._iterator import BatchIterator, TaskIterator
from ._log import LogLine
from ._map_cogroups import map_cogroups
from ._map_groups import map_groups
from ._output import Logs
from ._pyspark import allow_ddl_without_session
from ._rows import RecordIterator, RowIterator
from ._runner import Runner
from ._tablefunction import TableFunction
from ._task import Barrier, BroadcastServer, TaskContext
from ._version import __version__
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
    "shutdown",
]
