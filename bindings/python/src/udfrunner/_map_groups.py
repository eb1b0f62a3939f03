"""``map_groups``: a function over the groups of a table, as applyInPandas and applyInArrow do."""

from __future__ import annotations

import datetime
import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from ._arguments import check_common, column_names
from ._deadline import Deadline
from ._env import Env, env_with
from ._evaltype import EvalType
from ._forms import form_of
from ._functions import FunctionLike, name_of, settled
from ._grouping import grouped
from ._input import table_from
from ._kinds import kind_of
from ._options import only_known
from ._parallel import Partition, counted, in_order
from ._progress import ProgressCallback, shown
from ._runner import Runner
from .errors import is_error

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


@overload
def map_groups(
    function: FunctionLike,
    data: TableT,
    by: str | Sequence[str],
    schema: ReturnTypeLike,
    *,
    kind: EvalType | str | None = ...,
    batch_size: int | None = ...,
    **options: Unpack[Options],
) -> TableT: ...


@overload
def map_groups(
    function: FunctionLike,
    data: Any,
    by: str | Sequence[str],
    schema: ReturnTypeLike,
    *,
    kind: EvalType | str | None = ...,
    batch_size: int | None = ...,
    **options: Unpack[Options],
) -> pa.Table: ...


@only_known
def map_groups(
    function: FunctionLike,
    data: Any,
    by: str | Sequence[str],
    schema: ReturnTypeLike,
    *,
    kind: EvalType | str | None = None,
    workers: int = 1,
    deadline: float | datetime.timedelta | None = None,
    progress: bool | ProgressCallback = False,
    batch_size: int | None = None,
    env: Env | None = None,
    conf: Mapping[str, Any] | None = None,
    includes: Iterable[str | os.PathLike[str]] = (),
    logs: Logs = "stderr",
) -> pa.Table | pd.DataFrame | pl.DataFrame | pl.LazyFrame:
    """Calls a function with each group of rows, as groupBy(...).applyInPandas does.

    Args:
        function: takes all rows of a group, or (key, rows), and returns rows: a pandas.DataFrame
            or a pyarrow.Table; the iterator forms take and give iterators of DataFrame or
            RecordBatch. Also pickled bytes or "module:qualname" with `kind`.
        data: a table, as apply takes it.
        by: the columns that make the key, of any type but unions; none makes one group of all
            rows. Null keys are one group, NaN keys too, and 0.0 equals -0.0, also within structs
            and lists, as in Spark; the function gets the key of the group's first row. Maps are
            equal where their entries are in one order. The function gets the columns in their
            order, the key's among them; a dictionary that is a key is decoded.
        schema: of the result: DDL such as "a long, b string", a PySpark StructType or a
            pyarrow Schema.
        kind: "pandas" or "arrow" (an iterator where the function is annotated so), "pandas-iter",
            "arrow-iter", or an EvalType or its word; left out, the function's annotations tell.
        workers: how many worker processes run at a time, each on a part of the groups.
        batch_size: rows of a batch at most, of those that the iterator forms get.
        deadline, progress, env, conf, includes, logs: as apply takes them.

    The result is in the data's form, as map_batches has it. It has the groups in ascending order of
    their keys, NaN behind the numbers and null
    last, text byte by byte, structs field by field and lists item by item. The data is held in
    memory; its rows are brought in order as they are sent.
    """
    import pyarrow as pa

    within = Deadline(deadline, "map_groups")
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
    chosen = kind_of(function, kind, "map_groups")
    source = grouped(table_from(data), names)
    with (
        within,
        env_with(env, logs) as used,
        Runner(
            chosen,
            [[function]],
            [source.layout.arguments],
            schema,
            env=used,
            conf=conf,
            includes=includes,
        ) as runner,
        shown(progress, len(source.order), name_of(function)) as counter,
    ):

        def run(partition: Partition) -> Generator[pa.Table]:
            given = counted(partition.reader, counter.add) if progress else partition.reader
            with runner.compute(
                given,
                keys=len(names),
                partition=partition.index,
                schema=partition.reader.schema,
                deadline=within.left(),
            ) as out:
                yield out.read_all()

        parts = source.partitions(workers, batch_size)
        results = pa.concat_tables(in_order(run, parts, workers, runner.close))
    return form_of(data).table(results)
