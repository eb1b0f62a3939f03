"""Row functions over blocks of rows, for whole columns.

PySpark's worker goes through some frames of its own for each row of a row function, which cost
more than most functions do. A block is one row to it: its values are lists of column values, and
the function is mapped over them by Python's own ``map``, so that no frame comes between. What the
function gets, returns and raises is the same.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._evaltype import EvalType
from ._functions import Argument, FunctionLike, is_udf, short_name_of, udf_return_type
from ._inbound import InboundRows
from ._inboundtypes import Call
from ._input import reader_of
from ._results import Results
from ._rows import RecordInput, arrow_records
from ._runner import INPUT_TYPE_KEY, Runner
from ._types import ReturnType, return_type
from .errors import is_error

if TYPE_CHECKING:
    import pyarrow as pa

    from ._env import Env
    from ._types import ReturnTypeLike

__tracebackhide__ = is_error

#: Settings that need rows: a profile counts a function's own calls, not those of blocks, and
#: columns of user-defined types become objects row by row.
ROW_KEYS = ("spark.sql.pyspark.udf.profiler", INPUT_TYPE_KEY)


class BlockRunner(Runner):
    """A runner of one row function (eval type 100) whose tasks get blocks of rows.

    Args:
        function: a callable, or an object that PySpark's udf made.
        arguments: by position, at least one.
        declared: the function's return type.
        options: env, conf and includes, as Runner takes them.
    """

    def __init__(
        self,
        function: Any,
        arguments: Sequence[Argument],
        declared: ReturnType,
        **options: Any,
    ) -> None:
        from pyspark.sql.types import ArrayType
        from pyspark.util import fail_on_stopiteration

        plain = function.func if is_udf(function) else function
        # A StopIteration would end the map, and with it the block, without a word. The worker's
        # PySpark wraps the function: pickles of closures differ between versions.
        mapped = functools.partial(map, Call(fail_on_stopiteration, plain))
        of_block = return_type(ArrayType(declared.pyspark()))
        super().__init__(EvalType.BATCHED, [[mapped, list]], [arguments], of_block, **options)
        self._named = (short_name_of(function) or "", declared)

    def results(self) -> Results | None:
        return Results(self.eval_type, [self._named], blocks=True)

    def _row_input(self, rows: Any) -> RecordInput:
        reader = reader_of(rows)
        inbound = InboundRows(reader.schema, self.eval_type, bytearrays=self._bytearrays)
        return RecordInput(arrow_records(reader, inbound, blocks=True), inbound.later)


def block_runner(
    function: FunctionLike,
    schema: pa.Schema,
    arguments: Sequence[Argument],
    declared: ReturnTypeLike | None,
    env: Env | None,
    conf: Mapping[str, Any] | None,
    includes: Any,
) -> BlockRunner | None:
    """The runner of a row function over columns of `schema`; None where rows are needed.

    That is for functions that this process does not have as objects, arguments by keyword or
    none, columns whose values the worker makes row by row, and the settings ROW_KEYS.
    """
    if isinstance(function, (str, bytes, bytearray, memoryview)) or not callable(function):
        return None
    told = udf_return_type(function) if is_udf(function) else None
    if declared is not None:
        told = return_type(declared)
    if told is None or not arguments or any(each.name is not None for each in arguments):
        return None
    settings = {**(env.conf if env is not None else {}), **(conf or {})}
    if any(key in settings for key in ROW_KEYS):
        return None
    if not InboundRows(schema, EvalType.BATCHED).makes_blocks:
        return None
    return BlockRunner(function, arguments, told, env=env, conf=conf, includes=includes)
