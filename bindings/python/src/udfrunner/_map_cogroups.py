"""``map_cogroups``: a function over two tables' groups of one key, as cogrouped applies do."""

from __future__ import annotations

import bisect
import datetime
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from ._arguments import check_common, column_names
from ._deadline import Deadline
from ._env import Env, env_with
from ._evaltype import EvalType
from ._forms import form_of
from ._functions import FunctionLike, name_of, settled
from ._gather import Rows
from ._grouping import Layout, keys_in_front
from ._input import table_from
from ._kinds import kind_of
from ._options import only_known
from ._parallel import in_order
from ._progress import ProgressCallback, shown
from ._runner import Runner
from ._sortable import decoded, sorted_groups
from .errors import InvalidArgument, is_error

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
def map_cogroups(
    function: FunctionLike,
    left: TableT,
    right: Any,
    by: str | Sequence[str],
    schema: ReturnTypeLike,
    *,
    right_by: str | Sequence[str] | None = ...,
    kind: EvalType | str | None = ...,
    **options: Unpack[Options],
) -> TableT: ...


@overload
def map_cogroups(
    function: FunctionLike,
    left: Any,
    right: Any,
    by: str | Sequence[str],
    schema: ReturnTypeLike,
    *,
    right_by: str | Sequence[str] | None = ...,
    kind: EvalType | str | None = ...,
    **options: Unpack[Options],
) -> pa.Table: ...


@only_known
def map_cogroups(
    function: FunctionLike,
    left: Any,
    right: Any,
    by: str | Sequence[str],
    schema: ReturnTypeLike,
    *,
    right_by: str | Sequence[str] | None = None,
    kind: EvalType | str | None = None,
    workers: int = 1,
    deadline: float | datetime.timedelta | None = None,
    progress: bool | ProgressCallback = False,
    env: Env | None = None,
    conf: Mapping[str, Any] | None = None,
    includes: Iterable[str | os.PathLike[str]] = (),
    logs: Logs = "stderr",
) -> pa.Table | pd.DataFrame | pl.DataFrame | pl.LazyFrame:
    """Calls a function with two tables' rows of each key, as cogroup(...).applyInPandas does.

    Args:
        function: takes (left rows, right rows) or (key, left rows, right rows) and returns rows,
            as pandas.DataFrame or pyarrow.Table. A side that has no row of a key is empty. Also
            pickled bytes or "module:qualname" with `kind`.
        left, right: tables, as apply takes them.
        by: the columns that make the key, of like types on both sides.
        right_by: those of the right side where they have other names.
        kind: "pandas" or "arrow", or an EvalType or its word; left out, the function's annotations
            tell.
        schema, workers, deadline, progress, env, conf, includes, logs: as map_groups takes them.

    Keys compare and results are ordered as those of map_groups, in the form of the left side.
    """
    import pyarrow as pa

    within = Deadline(deadline, "map_cogroups")
    check_common(env=env, conf=conf, includes=includes, progress=progress, workers=workers)
    names = column_names(by, "by")
    right_names = names if right_by is None else column_names(right_by, "right_by")
    if len(names) != len(right_names):
        raise InvalidArgument(
            f"by has {len(names)} columns, right_by {len(right_names)}: the counts must be equal"
        )
    function = settled(function)
    chosen = kind_of(function, kind, "map_cogroups")
    sides = [
        keys_in_front(table_from(left), names, "left"),
        keys_in_front(table_from(right), right_names, "right"),
    ]
    cogroups = _Cogroups.of(*sides)
    rows = sum(side.table.num_rows for side in sides)
    with (
        within,
        env_with(env, logs) as used,
        Runner(
            chosen,
            [[function]],
            [sides[0].arguments + sides[1].arguments],
            schema,
            env=used,
            conf=conf,
            includes=includes,
        ) as runner,
        shown(progress, rows, name_of(function)) as counter,
    ):

        def run(share: _Share) -> Generator[pa.Table]:
            pairs = cogroups.pairs(share.first, share.last, counter.add)
            with runner.compute_groups(pairs, partition=share.index, deadline=within.left()) as out:
                yield out.read_all()

        results = pa.concat_tables(in_order(run, cogroups.shares(workers), workers, runner.close))
    return form_of(left).table(results)


@dataclass(frozen=True)
class _Share:
    """The groups of one task: `first` up to `last`, which is not one of them."""

    index: int
    first: int
    last: int


@dataclass(frozen=True)
class _Cogroups:
    """Two tables sorted by key; group g has rows bounds[g] up to bounds[g + 1] of each."""

    tables: tuple[pa.Table, pa.Table]
    bounds: tuple[list[int], list[int]]

    @classmethod
    def of(cls, left: Layout, right: Layout) -> _Cogroups:
        """Sorts both sides by their keys at once, so that these compare in one way."""
        import pyarrow as pa
        import pyarrow.compute as pc

        keys = _keys_of_both(left, right)
        order, found = sorted_groups(keys)
        starts = found.to_pylist()
        groups = pc.run_end_decode(
            pa.RunEndEncodedArray.from_arrays(
                pa.array([*starts[1:], keys.num_rows][: len(starts)], pa.int64()),
                pa.array(range(len(starts)), pa.int64()),
            )
        )
        split = left.table.num_rows
        is_left = pc.less(order, split)
        is_right = pc.invert(is_left)
        right_order = pc.subtract(order.filter(is_right).cast(pa.int64()), split)
        return cls(
            (Rows(left.table).take(order.filter(is_left)), Rows(right.table).take(right_order)),
            (
                _bounds(groups.filter(is_left), len(starts)),
                _bounds(groups.filter(is_right), len(starts)),
            ),
        )

    def shares(self, count: int) -> Iterator[_Share]:
        """About `count` shares of like numbers of rows; at least one."""
        before = [sum(pair) for pair in zip(*self.bounds, strict=True)]
        groups, first, index = len(before) - 1, 0, 0
        for part in range(1, count):
            last = bisect.bisect_left(before, before[-1] * part // count)
            if first < last < groups:
                yield _Share(index, first, last)
                first, index = last, index + 1
        yield _Share(index, first, groups)

    def pairs(
        self, first: int, last: int, count: Callable[[int], None]
    ) -> Iterator[tuple[pa.Table, pa.Table]]:
        """The two sides of each group, their rows told to `count` when they were taken."""
        left, right = self.tables
        left_bounds, right_bounds = self.bounds
        for group in range(first, last):
            start, end = left_bounds[group : group + 2]
            other_start, other_end = right_bounds[group : group + 2]
            yield (
                left.slice(start, end - start),
                right.slice(other_start, other_end - other_start),
            )
            count(end - start + other_end - other_start)


def _keys_of_both(left: Layout, right: Layout) -> pa.Table:
    """The keys of the left rows, then those of the right rows."""
    import pyarrow as pa

    keys = [side.table.select(list(range(side.keys))) for side in (left, right)]
    columns = [_like(*pair) for pair in zip(keys[0].columns, keys[1].columns, strict=True)]
    # Names may differ, and by position they are the left ones in errors.
    sides = [
        pa.table(list(side), names=keys[0].column_names) for side in zip(*columns, strict=True)
    ]
    if not sides:
        rows = left.table.num_rows + right.table.num_rows
        return pa.table({"rows": pa.nulls(rows)})
    try:
        return pa.concat_tables(sides, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        types = [", ".join(f"{field.name} {field.type}" for field in side.schema) for side in keys]
        raise InvalidArgument(
            f"keys are {types[0]} on the left and {types[1]} on the right: like types are needed"
        ) from error


def _like(left: pa.ChunkedArray, right: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """The two sides of a key, without dictionaries, runs and views where their types differ."""
    if left.type == right.type:
        return left, right
    return _plain(left), _plain(right)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    column = decoded(column)
    if column.type in (pa.string(), pa.string_view()):
        return column.cast(pa.large_string())
    if column.type in (pa.binary(), pa.binary_view()):
        return column.cast(pa.large_binary())
    return column


def _bounds(groups: pa.Array, count: int) -> list[int]:
    """Where each of `count` groups begins among rows whose groups, ascending, are given."""
    import pyarrow as pa
    import pyarrow.compute as pc

    runs = pc.run_end_encode(groups, run_end_type=pa.int64())
    ends = dict(zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True))
    bounds = [0]
    for group in range(count):
        bounds.append(ends.get(group, bounds[-1]))
    return bounds
