"""udfrunner: PySpark functions on Arrow data, in isolated worker processes, without a JVM.

An :class:`Env` holds configuration and workers, a :class:`Runner` the functions; ``compute``
starts a task and gives the iterator of its results. :func:`apply` and :func:`map_batches` do all
of it for a table.
"""

from ._apply import apply, map_batches
from ._evaltype import EvalType
from ._functions import Argument
from ._iterator import BatchIterator, RowIterator, TaskIterator
from ._pyspark import allow_ddl_without_session
from ._runner import Env, Runner, shutdown
from ._task import Barrier, TaskContext
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
    "NoMemory",
    "NotSupported",
    "ProtocolError",
    "PythonException",
    "RemoteTraceback",
    "RowIterator",
    "Runner",
    "SpawnError",
    "SystemFailure",
    "TaskContext",
    "TaskIterator",
    "WorkerExited",
    "__version__",
    "allow_ddl_without_session",
    "apply",
    "map_batches",
    "shutdown",
]
