"""``apply`` and ``map_batches``: whole columns and tables through functions, in parallel."""

from __future__ import annotations

import datetime
import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, overload

from ._arguments import check_common, column_position
from ._blocks import block_runner
from ._deadline import Deadline
from ._env import Env, env_with
from ._evaltype import PICKLED_TYPES, EvalType
from ._forms import form_of
from ._functions import Argument, FunctionLike, name_of, settled, short_name_of
from ._input import columns_from
from ._kinds import kind_of
from ._options import keyword_columns, only_known
from ._parallel import Partition, counted, in_order, split
from ._progress import ProgressCallback, RowCounter, shown
from ._runner import Runner
from .errors import InvalidArgument, ProtocolError, is_error

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from typing_extensions import Unpack

    from ._forms import TableT
    from ._options import Options
    from ._output import Logs
    from ._types import ReturnTypeLike

__tracebackhide__ = is_error

#: Results of a row function that make one array.
ROWS_PER_ARRAY = 65_536


@overload
def apply(
    function: FunctionLike,
    data: pd.DataFrame,
    *columns: str,
    kind: EvalType | str | None = ...,
    return_type: ReturnTypeLike | None = ...,
    workers: int = ...,
    deadline: float | datetime.timedelta | None = ...,
    progress: bool | ProgressCallback = ...,
    batch_size: int | None = ...,
    env: Env | None = ...,
    conf: Mapping[str, Any] | None = ...,
    includes: Iterable[str | os.PathLike[str]] = ...,
    logs: Logs = ...,
    keywords: Mapping[str, str] | None = ...,
    **named: str,
) -> pd.Series[Any]: ...


@overload
def apply(
    function: FunctionLike,
    data: pl.DataFrame | pl.LazyFrame,
    *columns: str,
    kind: EvalType | str | None = ...,
    return_type: ReturnTypeLike | None = ...,
    workers: int = ...,
    deadline: float | datetime.timedelta | None = ...,
    progress: bool | ProgressCallback = ...,
    batch_size: int | None = ...,
    env: Env | None = ...,
    conf: Mapping[str, Any] | None = ...,
    includes: Iterable[str | os.PathLike[str]] = ...,
    logs: Logs = ...,
    keywords: Mapping[str, str] | None = ...,
    **named: str,
) -> pl.Series: ...


@overload
def apply(
    function: FunctionLike,
    data: Any,
    *columns: str,
    kind: EvalType | str | None = ...,
    return_type: ReturnTypeLike | None = ...,
    workers: int = ...,
    deadline: float | datetime.timedelta | None = ...,
    progress: bool | ProgressCallback = ...,
    batch_size: int | None = ...,
    env: Env | None = ...,
    conf: Mapping[str, Any] | None = ...,
    includes: Iterable[str | os.PathLike[str]] = ...,
    logs: Logs = ...,
    keywords: Mapping[str, str] | None = ...,
    **named: str,
) -> pa.ChunkedArray: ...


def apply(
    function: FunctionLike,
    data: Any,
    *columns: str,
    kind: EvalType | str | None = None,
    return_type: ReturnTypeLike | None = None,
    workers: int = 1,
    deadline: float | datetime.timedelta | None = None,
    progress: bool | ProgressCallback = False,
    batch_size: int | None = None,
    env: Env | None = None,
    conf: Mapping[str, Any] | None = None,
    includes: Iterable[str | os.PathLike[str]] = (),
    logs: Logs = "stderr",
    keywords: Mapping[str, str] | None = None,
    **named: str,
) -> pa.ChunkedArray | pd.Series[Any] | pl.Series:
    """Applies a column function to columns of a table, and returns the column of results.

    Of a pandas DataFrame that is a Series with its index, of one of Polars a Series of Polars; of
    all else a pyarrow ChunkedArray.

    Args:
        function: a UDF made by PySpark's udf, pandas_udf or arrow_udf, as it is; or a plain
            callable, pickled bytes or "module:qualname" with `kind` and `return_type`.
        data: a table: a pandas or Polars DataFrame, a pyarrow Table or dataset, a DuckDB relation,
            Arrow data of any other kind, or the path of a Parquet, CSV or Arrow file or of a
            folder of such. Of files and datasets only the columns are read.
        columns: names of the columns for the function's positional arguments.
        kind: "pandas", "pandas-iter", "arrow", "arrow-iter", or "row" for Python values as
            PySpark's udf has them; or an EvalType or its word, such as "scalar-pandas". Left out,
            the decorator or the annotations tell, also of callable objects and partials.
        return_type: of a function that is not decorated.
        workers: how many worker processes run at a time, each on a contiguous part.
        deadline: seconds that the call may take, also as a timedelta; its workers are killed
            then and DeadlineExceeded is raised. Left out, there is none.
        progress: True shows progress on stderr; a callable gets rows done and total.
        batch_size: rows of a batch at most.
        env, conf, includes: as Runner takes them.
        logs: where the lines go that the function writes, as Env takes it. Other than "stderr"
            has workers of the call's own; Env(logs=...) has them for many calls.
        keywords, named: names of the columns for the function's keyword arguments; `keywords`
            also for those that are called as an option here, such as "workers".
    """
    within = Deadline(deadline, "apply")
    check_common(
        env=env,
        conf=conf,
        includes=includes,
        progress=progress,
        workers=workers,
        batch_size=batch_size,
    )
    function = settled(function)
    by_keyword = keyword_columns(apply, function, keywords, named)
    chosen = kind_of(function, kind, "apply")
    arguments: list[Argument] = []

    def choose(present: list[str]) -> list[str]:
        names, found = _arguments(present, columns, by_keyword)
        arguments.extend(found)
        return names

    table = columns_from(data, choose)
    source = split(table, workers, batch_size=batch_size)
    with ExitStack() as stack:
        stack.enter_context(within)
        used = stack.enter_context(env_with(env, logs))
        runner: Runner | None = None
        if chosen == EvalType.BATCHED:
            runner = block_runner(
                function, table.schema, arguments, return_type, used, conf, includes
            )
        runner = runner or Runner(
            chosen, [[function]], [arguments], return_type, env=used, conf=conf, includes=includes
        )
        stack.enter_context(runner)
        counter = stack.enter_context(shown(progress, source.rows, name_of(function)))
        arrays = in_order(
            lambda partition: column_of(runner, partition, counter, within),
            source.partitions,
            workers,
            runner.close,
        )
        results = _chunked(list(arrays), table.num_rows, runner)
    return form_of(data).column(results, short_name_of(function) or "")


def _arguments(
    present: Sequence[str], columns: Sequence[str], keywords: Mapping[str, str]
) -> tuple[list[str], list[Argument]]:
    """The distinct columns to send, and the arguments as offsets into them."""
    names: list[str] = []

    def offset(column: str) -> int:
        column_position(column, present)
        if column not in names:
            names.append(column)
        return names.index(column)

    arguments = [Argument(offset(column)) for column in columns]
    arguments += [Argument(offset(column), name) for name, column in keywords.items()]
    if not present:
        raise InvalidArgument("data has no columns: at least one is needed")
    # A function without arguments still needs the number of rows.
    return names or list(present[:1]), arguments


def column_of(
    runner: Runner, partition: Partition, counter: RowCounter, within: Deadline
) -> Generator[pa.Array]:
    """The results of one partition as they come, at least one array."""
    if runner.eval_type in PICKLED_TYPES:
        yield from _column_of_rows(runner, partition, counter, within)
        return
    with runner.compute(
        partition.reader,
        partition=partition.index,
        schema=partition.reader.schema,
        deadline=within.left(),
    ) as out:
        empty = True
        for batch in out:
            empty = False
            counter.add(batch.num_rows)
            yield batch.column(0)
        if empty:
            import pyarrow as pa

            yield pa.array([], out.schema.field(0).type)


def _column_of_rows(
    runner: Runner, partition: Partition, counter: RowCounter, within: Deadline
) -> Generator[pa.Array]:
    results = runner.results()
    if results is None:
        raise InvalidArgument("return_type= is needed to make a column")
    column = results.column()
    with runner.compute_results(
        partition.rows(), partition=partition.index, deadline=within.left()
    ) as records:
        empty = True
        given: list[Any] = []
        for record in records:
            given += results.load(record)
            if len(given) >= ROWS_PER_ARRAY:
                empty = False
                counter.add(len(given))
                yield column.array(given)
                given = []
        if given or empty:
            counter.add(len(given))
            yield column.array(given)


def _chunked(arrays: list[pa.Array], rows: int, runner: Runner) -> pa.ChunkedArray:
    import pyarrow as pa

    column = pa.chunked_array(arrays)
    if len(column) != rows:
        raise ProtocolError(
            f"{len(column)} results for {rows} rows from a function of eval type "
            f"{runner.eval_type}: one for each row is needed"
        )
    return column


@overload
def map_batches(
    function: FunctionLike,
    data: TableT,
    schema: ReturnTypeLike,
    *,
    kind: EvalType | str | None = ...,
    partition_rows: int | None = ...,
    batch_size: int | None = ...,
    **options: Unpack[Options],
) -> TableT: ...


@overload
def map_batches(
    function: FunctionLike,
    data: Any,
    schema: ReturnTypeLike,
    *,
    kind: EvalType | str | None = ...,
    partition_rows: int | None = ...,
    batch_size: int | None = ...,
    **options: Unpack[Options],
) -> pa.Table: ...


@only_known
def map_batches(
    function: FunctionLike,
    data: Any,
    schema: ReturnTypeLike,
    *,
    kind: EvalType | str | None = None,
    workers: int = 1,
    deadline: float | datetime.timedelta | None = None,
    progress: bool | ProgressCallback = False,
    partition_rows: int | None = None,
    batch_size: int | None = None,
    env: Env | None = None,
    conf: Mapping[str, Any] | None = None,
    includes: Iterable[str | os.PathLike[str]] = (),
    logs: Logs = "stderr",
) -> pa.Table | pd.DataFrame | pl.DataFrame | pl.LazyFrame:
    """Runs a function from batches to batches over a table, as mapInArrow and mapInPandas do.

    Args:
        function: takes an iterator of pyarrow.RecordBatch or pandas.DataFrame and yields such;
            also pickled bytes or "module:qualname" with `kind`.
        data: a table, as apply takes it.
        schema: of the result: DDL such as "a long, b string", a PySpark StructType or a
            pyarrow Schema.
        kind: "arrow" or "pandas" or an EvalType or its word; left out, the function's annotations
            tell.
        workers: how many worker processes run at a time.
        partition_rows: rows of a partition; the function is called once for each. Left out, a
            table makes as many partitions as there are workers.
        deadline, progress, batch_size, env, conf, includes, logs: as apply takes them.

    The result keeps the order of the input's partitions. It is a DataFrame of pandas, with an
    index of its own, or of Polars where the data is one, else a pyarrow Table.
    """
    import pyarrow as pa

    within = Deadline(deadline, "map_batches")
    check_common(
        env=env,
        conf=conf,
        includes=includes,
        progress=progress,
        workers=workers,
        batch_size=batch_size,
        partition_rows=partition_rows,
    )
    function = settled(function)
    chosen = kind_of(function, kind, "map_batches")
    source = split(data, workers, partition_rows, batch_size)
    with (
        within,
        env_with(env, logs) as used,
        Runner(
            chosen, [[function]], return_type=schema, env=used, conf=conf, includes=includes
        ) as runner,
        shown(progress, source.rows, name_of(function)) as counter,
    ):

        def run(partition: Partition) -> Generator[pa.Table]:
            given = counted(partition.reader, counter.add) if progress else partition.reader
            with runner.compute(
                given,
                partition=partition.index,
                schema=partition.reader.schema,
                deadline=within.left(),
            ) as out:
                yield out.read_all()

        results = pa.concat_tables(in_order(run, source.partitions, workers, runner.close))
    return form_of(data).table(results)
