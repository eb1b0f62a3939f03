"""``aggregate``: a function of columns over the groups of a table, as groupBy(...).agg does."""

from __future__ import annotations

import datetime
import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from ._arguments import check_common, column_names, column_position
from ._deadline import Deadline
from ._env import Env, env_with
from ._evaltype import EvalType
from ._forms import form_of
from ._functions import Argument, FunctionLike, name_of, settled, short_name_of
from ._grouping import GroupedTable, grouped
from ._input import columns_from
from ._kinds import kind_of
from ._options import keyword_columns
from ._parallel import Partition, counted, in_order
from ._progress import ProgressCallback, RowCounter, shown
from ._runner import Runner
from ._sortable import with_sorted_maps
from .errors import InvalidArgument, ProtocolError, is_error

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from ._forms import TableT
    from ._output import Logs
    from ._types import ReturnTypeLike

__tracebackhide__ = is_error

#: The name of the result column where the function has none.
DEFAULT_NAME = "result"


@overload
def aggregate(
    function: FunctionLike,
    data: TableT,
    by: str | Sequence[str],
    *columns: str,
    return_type: ReturnTypeLike | None = ...,
    kind: EvalType | str | None = ...,
    name: str | None = ...,
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
) -> TableT: ...


@overload
def aggregate(
    function: FunctionLike,
    data: Any,
    by: str | Sequence[str],
    *columns: str,
    return_type: ReturnTypeLike | None = ...,
    kind: EvalType | str | None = ...,
    name: str | None = ...,
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
) -> pa.Table: ...


def aggregate(
    function: FunctionLike,
    data: Any,
    by: str | Sequence[str],
    *columns: str,
    return_type: ReturnTypeLike | None = None,
    kind: EvalType | str | None = None,
    name: str | None = None,
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
) -> pa.Table | pd.DataFrame | pl.DataFrame | pl.LazyFrame:
    """Calls a function with columns of each group, as groupBy(...).agg does.

    Args:
        function: an aggregate made by PySpark's pandas_udf or arrow_udf, as it is; or a plain
            callable, pickled bytes or "module:qualname" with `return_type`. It takes a
            pandas.Series or pyarrow.Array for each argument, the iterator forms an iterator of
            them (of tuples of several), and returns one value.
        data: a table, as apply takes it.
        by: the columns that make the key, as map_groups takes them; none aggregates all rows.
            Maps are equal where their entries are, and sorted in the result (as since Spark 4.0).
        columns: names of the columns for the function's positional arguments.
        return_type: of a function that is not decorated.
        kind: "pandas", "arrow", "pandas-iter", "arrow-iter", or an EvalType or its word; left out,
            the decorator or the annotations tell.
        name: of the result column; left out, the function's.
        workers, deadline, progress, batch_size, env, conf, includes, logs: as map_groups takes
            them.
        keywords, named: names of the columns for the function's keyword arguments; `keywords`
            also for those that are called as an option here, such as "workers".

    The result is a table of the keys and the results, in the order of map_groups and the data's
    form. Without key columns there is one row, also of no data.
    """
    import pyarrow as pa

    within = Deadline(deadline, "aggregate")
    check_common(
        env=env,
        conf=conf,
        includes=includes,
        progress=progress,
        workers=workers,
        batch_size=batch_size,
    )
    names = column_names(by, "by")
    function = settled(function)
    by_keyword = keyword_columns(aggregate, function, keywords, named)
    chosen = kind_of(function, kind, "aggregate")
    if name is not None and not isinstance(name, str):
        raise InvalidArgument(f"name {name!r}: text is needed, not {type(name).__name__}")
    result = name or short_name_of(function) or DEFAULT_NAME
    if result in names:
        raise InvalidArgument(f"name {result!r}: a key column has it; name= names the result")
    used = list(dict.fromkeys([*names, *columns, *by_keyword.values()]))

    def choose(present: list[str]) -> list[str | int]:
        # A function without arguments still needs the number of rows.
        positions = [column_position(column, present) for column in used] or [0]
        if not present:
            raise InvalidArgument("data has no columns: at least one is needed")
        return [*positions]

    given = columns_from(data, choose)
    for index, key in enumerate(names):
        plain = given.column(index)
        if (ordered := with_sorted_maps(plain)) is not plain:
            given = given.set_column(index, key, ordered)
    source = grouped(given, names)
    arguments = [Argument(used.index(column)) for column in columns]
    arguments += [Argument(used.index(column), keyword) for keyword, column in by_keyword.items()]
    with (
        within,
        env_with(env, logs) as chosen_env,
        Runner(
            chosen,
            [[function]],
            [arguments],
            return_type,
            env=chosen_env,
            conf=conf,
            includes=includes,
        ) as runner,
        shown(progress, len(source.order), name_of(function)) as counter,
    ):
        results = _results(runner, source, workers, batch_size, counter, within)
    if not names:
        return form_of(data).table(pa.table({result: results}))
    return form_of(data).table(source.key_table().append_column(result, results))


def _results(
    runner: Runner,
    source: GroupedTable,
    workers: int,
    batch_size: int | None,
    counter: RowCounter,
    within: Deadline,
) -> pa.ChunkedArray:
    """The result of each group."""
    import pyarrow as pa

    keys = source.layout.keys

    def run(partition: Partition) -> Generator[pa.ChunkedArray]:
        schema = partition.reader.schema
        if keys:
            batches = counted(partition.reader, counter.add)
            task = runner.compute(
                batches,
                keys=keys,
                partition=partition.index,
                schema=schema,
                deadline=within.left(),
            )
        else:
            # One group also where it has no rows, as Spark's global aggregate.
            task = runner.compute_groups(
                [partition.reader], partition=partition.index, deadline=within.left()
            )
        with task as out:
            yield out.read_all().column(0)

    parts = source.partitions(workers, batch_size)
    arrays = list(in_order(run, parts, workers, runner.close))
    column = pa.chunked_array([chunk for array in arrays for chunk in array.chunks], arrays[0].type)
    groups = len(source.starts) if keys else 1
    if len(column) != groups:
        raise ProtocolError(
            f"{len(column)} results for {groups} groups from a function of eval type "
            f"{runner.eval_type}: one for each group is needed"
        )
    return column
