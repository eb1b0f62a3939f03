"""Runner: the functions that run in worker processes, and the tasks that run them."""

from __future__ import annotations

import ctypes
import datetime
import json
import os
import pickle
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _pyspark
from ._arguments import (
    check_broadcasts,
    check_env,
    check_is,
    check_iterable,
    check_mapping,
    check_paths,
    check_schema_given,
    path_text,
)
from ._env import Env, destroy, output_of, with_interpreter
from ._evaltype import PICKLED_TYPES, TABLE_TYPES, TRANSFORM_TYPES, WITHOUT_OFFSETS, EvalType
from ._functions import ArgumentLike, Chain, FunctionLike
from ._groups import GroupInput
from ._inbound import InboundRows
from ._input import StreamInput, TaskInput, known_reader, reader_of
from ._iterator import BatchIterator, SchemaCell, TaskHandle, TaskIterator
from ._kinds import kind_word, named_kind
from ._library import library
from ._modules import PATH_KEY, host_path
from ._options import only_known
from ._results import Results
from ._rows import RecordInput, RecordIterator, RowIterator, arrow_records, pickled
from ._shared import may_share
from ._tablefunction import TableFunction
from ._task import BroadcastServer, TaskContext, checked_int, conf_text, make_task, milliseconds
from ._types import ReturnType, return_type
from .errors import InvalidArgument, InvalidState, NotSupported, is_error

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Self

    from ._types import ReturnTypeLike

__tracebackhide__ = is_error

#: The minor version of Python that the pickles need.
PYTHON_VERSION_KEY = "udfrunner.python.version"
#: Where workers get the values of broadcast variables that have no file.
BROADCAST_SERVER_KEY = "udfrunner.broadcast.server"
BROADCAST_SECRET_KEY = "udfrunner.broadcast.secret"
#: Whether binary values reach pickled functions as bytes.
BINARY_AS_BYTES_KEY = "spark.sql.execution.pyspark.binaryAsBytes"
#: Spark's JSON form of a struct of the input's columns, which tells user-defined types.
INPUT_TYPE_KEY = "udfrunner.eval.input_type"
#: The time modes of transformWithState, in lower case.
TIME_MODES = ("none", "processingtime", "eventtime")


class Runner:
    """Chained functions of one eval type, and the tasks that run them (Spark's BasePythonRunner).

    Args:
        eval_type: what kind of functions they are, an EvalType, its number or its word, such as
            "grouped-map-pandas".
        chains: lists of functions, each applied first to last. Each chain gives one result
            column; maps, grouped maps, table functions and stateful ones are one chain that gives
            all columns.
        arg_offsets: for each chain the arguments of its first function: column offsets,
            (offset, keyword) or Argument. Map functions and those of RDDs have none. Grouped and
            cogrouped maps need none where compute is told the number of `keys`; else theirs is
            the list that Spark makes, as the stateful types' is (docs/eval-types.md).
        return_type: one type for all chains, or a list with one for each; DDL or JSON text, a
            PySpark DataType, or a pyarrow type or schema. Functions that give rows of columns
            need a struct or schema. Left out, decorated UDFs tell theirs.
        env: where the workers come from; left out, a default env.
        conf: configuration of this runner, over the env's.
        includes: files and directories for the workers' ``sys.path``, before what this process
            has on its own, which workers have too (``udfrunner.python.path``).
        broadcasts: for each broadcast id the file with its pickled value, or None for all where
            `broadcast_server` has them.
        broadcast_server: the host's server of broadcast variables.
        table_function: what a table function has besides its class.
        time_mode: of a StatefulProcessor, as transformWithState takes it: "None",
            "ProcessingTime" or "EventTime".
    """

    @only_known
    def __init__(
        self,
        eval_type: EvalType | int | str,
        chains: Sequence[Sequence[FunctionLike]],
        arg_offsets: Sequence[Sequence[ArgumentLike]] | None = None,
        return_type: ReturnTypeLike | Sequence[ReturnTypeLike] | None = None,
        *,
        env: Env | None = None,
        conf: Mapping[str, Any] | None = None,
        includes: Iterable[str | os.PathLike[str]] = (),
        broadcasts: Mapping[int, str | os.PathLike[str] | None] | None = None,
        broadcast_server: BroadcastServer | None = None,
        table_function: TableFunction | None = None,
        time_mode: str | None = None,
    ) -> None:
        if isinstance(eval_type, str):
            eval_type = named_kind(eval_type)
        check_is(eval_type, int, "eval type")
        check_env(env)
        check_mapping(conf, "conf")
        check_paths(includes, "includes")
        check_broadcasts(broadcasts)
        self.eval_type = int(eval_type)
        _check_extras(self.eval_type, table_function, time_mode)
        if broadcast_server is not None:
            check_is(broadcast_server, BroadcastServer, "broadcast_server")
            _check_served(broadcasts or {})
        offsets = _offsets(self.eval_type, chains, arg_offsets)
        types = _return_types(return_type, len(chains))
        share = may_share(conf, env.conf if env is not None else None)
        self._chains = [
            Chain(
                self.eval_type,
                *parts,
                table=table_function,
                time_mode=time_mode or "None",
                share=share,
            )
            for parts in zip(chains, offsets, types, strict=True)
        ]
        functions = ", ".join(chain.shown for chain in self._chains)
        #: The kind and the functions, for people.
        self._shown = f"{kind_word(self.eval_type)}: {functions}"
        self._schema = SchemaCell()
        self._env = env  # A collected env would cancel the tasks.
        self._bytearrays, self._input_type = _row_conf(env, conf)
        self._library = library()
        self._handle = ctypes.c_void_p()
        self._library.call(
            "runner_create",
            env._handle if env is not None else None,
            checked_int(self.eval_type, 32, "eval type"),
            ctypes.byref(self._handle),
        )
        self._finalizer = weakref.finalize(
            self, destroy, self._library, "runner_destroy", self._handle
        )
        try:
            self._configure(conf, broadcast_server)
            self._add_functions()
            self._add_files(includes, broadcasts or {})
        except BaseException:
            self.close()
            raise

    def _configure(
        self, conf: Mapping[str, Any] | None, broadcast_server: BroadcastServer | None
    ) -> None:
        values = dict(conf or {}) if self._env is not None else with_interpreter(conf)
        if PATH_KEY not in values and (self._env is None or PATH_KEY not in self._env.conf):
            values[PATH_KEY] = host_path()
        if any(chain.has_callables for chain in self._chains):
            values.setdefault(PYTHON_VERSION_KEY, _pyspark.python_version())
        if broadcast_server is not None:
            address = broadcast_server.address
            if not isinstance(address, int):
                path_text(address, "address of broadcast_server")
            values[BROADCAST_SERVER_KEY] = (
                address if isinstance(address, int) else os.fspath(address)
            )
            values[BROADCAST_SECRET_KEY] = broadcast_server.secret
        for key, value in values.items():
            name, text = str(key).encode(), conf_text(value).encode()
            self._library.call("runner_set", self._handle, name, len(name), text, len(text))

    def _add_functions(self) -> None:
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

    def _add_files(
        self,
        includes: Iterable[str | os.PathLike[str]],
        broadcasts: Mapping[int, str | os.PathLike[str] | None],
    ) -> None:
        for include in includes:
            path = os.fsencode(include)
            self._library.call("runner_add_include", self._handle, path, len(path))
        for identifier, file in broadcasts.items():
            path_or_none = None if file is None else os.fsencode(file)
            self._library.call(
                "runner_add_broadcast",
                self._handle,
                checked_int(identifier, 64, "broadcast id"),
                path_or_none,
                len(path_or_none or b""),
            )

    @only_known
    def compute(
        self,
        data: Any,
        *,
        keys: int = 0,
        partition: int | None = None,
        context: TaskContext | None = None,
        deadline: float | datetime.timedelta | None = None,
        schema: pa.Schema | None = None,
    ) -> BatchIterator:
        """Starts a task over Arrow data and returns at once; many at a time on one runner.

        Table functions with Arrow data (301) give one batch for each row of input, which may be
        empty, and one more for ``terminate``.

        Args:
            data: anything with ``__arrow_c_stream__``, a pandas DataFrame, or an iterable of
                pyarrow.RecordBatch. It is read while the results are. None is no input.
            keys: for grouped functions and aggregates how many of the first columns are the key.
                The data must be sorted by them, in any order that has equal keys next to each
                other; null equals null and NaN equals NaN. 0 makes all of it one group.
            partition: the task's partition, over the one of `context`.
            context: what functions see in PySpark's TaskContext.
            deadline: seconds after which the worker is killed and DeadlineExceeded raised.
            schema: of the batches of an iterable; left out, the first batch is read for it.
        """
        self._check_arrow("compute")
        check_schema_given(schema)
        count = checked_int(keys, 32, "keys")
        source = TaskInput() if data is None else StreamInput(data, schema, count)
        source.upstream = data if isinstance(data, TaskIterator) else None
        return BatchIterator(self._start(source, partition, context, deadline), self._schema)

    @only_known
    def compute_groups(
        self,
        groups: Iterable[Any],
        *,
        keys: int = 0,
        partition: int | None = None,
        context: TaskContext | None = None,
        deadline: float | datetime.timedelta | None = None,
        schema: pa.Schema | None = None,
    ) -> BatchIterator:
        """Starts a task over groups that the caller formed, and returns at once.

        Args:
            groups: an iterable of Arrow data, each item a group: a pyarrow Table, RecordBatch or
                reader, a pandas DataFrame ... as compute takes it; for cogrouped functions of pairs
                (left, right). A group may be empty, all have one schema. They are pulled one by
                one while the results are read, on that thread; what the iterable raises
                becomes the cause of HostError.
            keys: how many of the first columns are the key, where the runner has no arg_offsets.
            schema: of groups that are iterables of batches.

        The other arguments are those of :meth:`compute`.
        """
        self._check_arrow("compute_groups")
        check_schema_given(schema)
        source = GroupInput(groups, checked_int(keys, 32, "keys"), schema)
        return BatchIterator(self._start(source, partition, context, deadline), self._schema)

    @only_known
    def compute_rows(
        self,
        rows: Any,
        *,
        partition: int | None = None,
        context: TaskContext | None = None,
        deadline: float | datetime.timedelta | None = None,
    ) -> RowIterator:
        """Starts a task of a function with pickled data (eval types 0, 100, 300).

        Args:
            rows: an iterable of tuples, or Arrow data as compute takes it; for a function of RDDs
                (0) an iterable of any objects. Values reach the function as they are here;
                results are those of PySpark's types (date, datetime, Decimal, Row ...).

        The other arguments are those of :meth:`compute`. Results are described at RowIterator.
        Records go to workers as SparkContext's default serializer makes them; for a pickled
        function of RDDs with another one use compute_records.
        """
        self._check_pickled("compute_rows")
        source = self._row_input(rows)
        results = self.results()
        read = pickle.loads if results is None else results.rows
        return RowIterator(self._start(source, partition, context, deadline), read)

    def compute_results(
        self,
        rows: Any,
        *,
        partition: int | None = None,
        deadline: float | datetime.timedelta | None = None,
    ) -> RecordIterator:
        """compute_rows with results as their records, which :meth:`results` reads."""
        return RecordIterator(self._start(self._row_input(rows), partition, None, deadline))

    def _row_input(self, rows: Any) -> RecordInput:
        """The input of rows, as compute_rows takes them."""
        if not hasattr(rows, "__arrow_c_stream__"):
            check_iterable(rows, "rows", "rows" if self.eval_type else "records")
        is_rdd = self.eval_type == EvalType.NON_UDF
        if not hasattr(rows, "__arrow_c_stream__") and known_reader(rows) is None:
            return RecordInput(pickled(rows, None if is_rdd else tuple))
        reader = reader_of(rows)
        inbound = InboundRows(
            reader.schema, self.eval_type, is_rdd, self._bytearrays, self._input_type
        )
        return RecordInput(arrow_records(reader, inbound), inbound.later)

    def results(self) -> Results | None:
        """What reads the records of row and table functions; None where no type is declared."""
        if self.eval_type == EvalType.NON_UDF:
            return None
        named = [(chain.name, chain.return_type) for chain in self._chains]
        declared = [(name, each) for name, each in named if each is not None]
        return Results(self.eval_type, declared) if len(declared) == len(named) else None

    def compute_records(
        self,
        records: Iterable[bytes],
        *,
        partition: int | None = None,
        context: TaskContext | None = None,
        deadline: float | datetime.timedelta | None = None,
    ) -> RecordIterator:
        """Starts a task over records of bytes, as compute_rows does over rows.

        Args:
            records: whatever the worker's deserializer reads: for eval types 100 and 300 pickled
                lists of rows, for 0 as its command has it. Results are records of its serializer.

        The other arguments are those of :meth:`compute`.
        """
        self._check_pickled("compute_records")
        check_iterable(records, "records", "bytes")
        source = RecordInput(records)
        return RecordIterator(self._start(source, partition, context, deadline))

    def _check_arrow(self, method: str) -> None:
        if self.eval_type in PICKLED_TYPES:
            raise NotSupported(
                f"eval type {self.eval_type} has pickled rows: use compute_rows instead of {method}"
            )

    def _check_pickled(self, method: str) -> None:
        if self.eval_type not in PICKLED_TYPES:
            raise NotSupported(
                f"eval type {self.eval_type} has Arrow data: use compute instead of {method}"
            )

    def _start(
        self,
        source: TaskInput,
        partition: int | None,
        context: TaskContext | None,
        deadline: float | datetime.timedelta | None,
    ) -> TaskHandle:
        context = TaskContext() if context is None else context
        check_is(context, TaskContext, "context")
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
        output = output_of(self._env)
        return TaskHandle(
            self._library, handle, source, self, output, context.partition, self._shown
        )

    def __repr__(self) -> str:
        return f"<{'closed ' if self.closed else ''}{type(self).__name__} {self._shown}>"

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
        if reason is not None:
            check_is(reason, str, "reason")
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


def _check_extras(
    eval_type: int, table_function: TableFunction | None, time_mode: str | None
) -> None:
    """Refuses what the eval type has no use for."""
    if table_function is not None:
        check_is(table_function, TableFunction, "table_function")
    if time_mode is not None:
        check_is(time_mode, str, "time_mode")
    if table_function is not None and eval_type not in TABLE_TYPES:
        raise InvalidArgument(f"table_function is given, eval type {eval_type} is none")
    if time_mode is None:
        return
    if eval_type not in TRANSFORM_TYPES:
        raise InvalidArgument(f"time_mode {time_mode!r} is given, eval type {eval_type} has none")
    if time_mode.lower() not in TIME_MODES:
        raise InvalidArgument(
            f"time_mode {time_mode!r}: must be 'None', 'ProcessingTime' or 'EventTime'"
        )


def _row_conf(
    env: Env | None, conf: Mapping[str, Any] | None
) -> tuple[bool | None, dict[str, Any] | None]:
    """What the configuration says of rows: whether binary is bytearrays, and the input's type."""
    values = {**(env.conf if env is not None else {}), **(conf or {})}
    as_bytes = values.get(BINARY_AS_BYTES_KEY)
    text = values.get(INPUT_TYPE_KEY)
    bytearrays = True if as_bytes is not None and conf_text(as_bytes).lower() == "false" else None
    if text is None:
        return bytearrays, None
    try:
        return bytearrays, json.loads(text)
    except ValueError as error:
        raise InvalidArgument(
            f"{INPUT_TYPE_KEY} {text!r}: Spark's JSON form of a struct is needed: {error}"
        ) from None


def _check_served(broadcasts: Mapping[int, str | os.PathLike[str] | None]) -> None:
    """Refuses files in addition to a server, which has all values."""
    for identifier, file in broadcasts.items():
        if file is not None:
            raise InvalidArgument(
                f"broadcast {identifier} is the file {os.fspath(file)!r}: broadcast_server has the "
                "values of all, None is needed"
            )


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
        if eval_type not in WITHOUT_OFFSETS:
            raise InvalidArgument(f"arg_offsets is needed for eval type {eval_type}")
        return [[]] * len(chains)
    if isinstance(arg_offsets, (str, bytes)) or not isinstance(arg_offsets, Sequence):
        raise InvalidArgument(f"arg_offsets {arg_offsets!r}: a list for each chain is needed")
    for offsets in arg_offsets:
        if isinstance(offsets, (str, bytes)) or not isinstance(offsets, Sequence):
            raise InvalidArgument(f"arg_offsets {offsets!r} of a chain: a list is needed")
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
