"""What ``udfrunner run`` does: a function over a file, into a file, by several workers."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._aggregate import aggregate
from ._apply import column_of
from ._arguments import column_position
from ._deadline import Deadline
from ._evaltype import AGGREGATE_TYPES, COLUMN_TYPES, GROUPED_MAP_TYPES, MAP_TYPES, EvalType
from ._files import (
    STANDARD,
    Opened,
    OutputFile,
    check_output,
    open_input,
    open_output,
    open_standard_input,
    open_standard_output,
)
from ._input import table_from
from ._keep import Kept
from ._kinds import named_kind
from ._map_groups import map_groups
from ._parallel import Partition, counted, in_order, split
from ._progress import RowCounter, shown
from ._runner import Runner
from .errors import InvalidArgument, is_error

if TYPE_CHECKING:
    import pyarrow as pa

__tracebackhide__ = is_error


#: What keeps all columns.
EVERY_COLUMN = "*"


@dataclass
class RunOptions:
    """The options of ``udfrunner run``."""

    function: str
    kind: EvalType
    input: str
    output: str
    columns: Sequence[str]
    return_type: str
    by: Sequence[str] = ()
    workers: int = 1
    batch_size: int | None = None
    name: str | None = None
    keep: Sequence[str] = ()
    conf: Mapping[str, str] = field(default_factory=dict)
    includes: Sequence[str] = ()
    progress: bool = False
    deadline: float | None = None


@dataclass
class RunResult:
    """What a run did."""

    rows_in: int
    rows_out: int
    seconds: float


def run_kind(kind: str, by: bool, columns: bool) -> EvalType:
    """The eval type of a kind's word: a short one means what the other options are for."""
    helper = {
        (False, False): "map_batches",
        (False, True): "apply",
        (True, False): "map_groups",
        (True, True): "aggregate",
    }[by, columns]
    found = named_kind(kind, helper)
    if found not in COLUMN_TYPES | MAP_TYPES | GROUPED_MAP_TYPES | AGGREGATE_TYPES:
        raise InvalidArgument(f"kind {kind!r} (eval type {int(found)}): run has no input for it")
    return found


def run_file(options: RunOptions) -> RunResult:
    """Runs the function over the input file and writes the output file.

    Input, results and output are streamed: results are written in the order of the input as they
    come. One worker needs memory for a few batches, several for a few partitions each (see
    in_order). Input that is grouped is held in memory, and so are its results. A failed run leaves
    no output.
    """
    if options.keep and options.kind not in COLUMN_TYPES:
        raise InvalidArgument(
            f"kind {options.kind.name} gives rows of its own: --keep is for one result a row"
        )
    if options.kind in GROUPED_MAP_TYPES | AGGREGATE_TYPES:
        return _run_groups(options)
    if options.by:
        raise InvalidArgument(f"kind {options.kind.name} has no groups: --by is for grouped kinds")
    is_map = options.kind in MAP_TYPES
    if is_map and options.name is not None:
        raise InvalidArgument(f"kind {options.kind.name} names its columns by --return-type")
    if not is_map and not options.columns:
        raise InvalidArgument(f"kind {options.kind.name} needs at least one column")
    if not is_map:
        result_name(options)
    _check_output(options)
    within = Deadline(options.deadline, "the run")
    start = time.monotonic()
    file = _open(options)
    source = split(file.reader, options.workers, batch_size=options.batch_size)
    names = list(dict.fromkeys(options.columns))
    offsets = [0] if is_map else [names.index(column) for column in options.columns]
    runner = Runner(
        options.kind,
        [[options.function]],
        [offsets],
        options.return_type,
        conf=options.conf,
        includes=options.includes,
    )
    rows_out = 0
    with ExitStack() as stack:
        stack.enter_context(within)
        stack.enter_context(runner)
        counter = stack.enter_context(shown(options.progress, file.rows, options.function))

        def run(partition: Partition) -> Generator[pa.RecordBatch]:
            return _results(runner, partition, options, counter, within)

        output = None
        results = in_order(
            run, source.partitions, options.workers, runner.close, lambda batch: int(batch.nbytes)
        )
        stack.enter_context(closing(results))
        for batch in results:
            if output is None:
                output = stack.enter_context(_output(options, batch.schema))
            if batch.num_rows:
                output.write(batch)
                rows_out += batch.num_rows
    return RunResult(counter.rows, rows_out, time.monotonic() - start)


def _open(options: RunOptions) -> Opened:
    """The input, with the columns that are needed."""
    if options.keep != [EVERY_COLUMN]:
        return _input(options, [*options.columns, *options.keep] or None)
    file = _input(options, None)
    for column in options.columns:
        column_position(column, file.reader.schema.names, f"file {options.input}: ")
    options.keep = file.reader.schema.names
    return file


def _input(options: RunOptions, columns: Sequence[str] | None) -> Opened:
    if options.input == STANDARD:
        return open_standard_input(columns)
    return open_input(options.input, columns)


def _output(options: RunOptions, schema: pa.Schema) -> AbstractContextManager[OutputFile]:
    if options.output == STANDARD:
        return open_standard_output(schema)
    return open_output(options.output, schema)


def _check_output(options: RunOptions) -> None:
    if options.output != STANDARD:
        check_output(options.output)
    elif sys.stdout.isatty():
        raise InvalidArgument(
            "standard output is a terminal: an Arrow stream is for a pipe or a file"
        )


def result_name(options: RunOptions) -> str:
    """The name of the column of results."""
    name = options.name or options.function.rpartition(":")[2].rpartition(".")[2]
    if name in options.keep:
        raise InvalidArgument(f"name {name!r}: a kept column has it; --name names the result")
    return name


def _run_groups(options: RunOptions) -> RunResult:
    """Runs a function of groups over the input file, in the order of the keys."""
    is_map = options.kind in GROUPED_MAP_TYPES
    if is_map and options.columns:
        raise InvalidArgument(
            f"kind {options.kind.name} takes all columns: --column is not allowed"
        )
    if is_map and options.name is not None:
        raise InvalidArgument(f"kind {options.kind.name} names its columns by --return-type")
    _check_output(options)
    start = time.monotonic()
    table = table_from(_input(options, None).reader)
    common: dict[str, Any] = {
        "kind": options.kind,
        "workers": options.workers,
        "deadline": options.deadline,
        "progress": options.progress,
        "batch_size": options.batch_size,
        "conf": options.conf,
        "includes": options.includes,
    }
    if options.kind in AGGREGATE_TYPES:
        result = aggregate(
            options.function,
            table,
            list(options.by),
            *options.columns,
            return_type=options.return_type,
            name=options.name,
            **common,
        )
    else:
        result = map_groups(
            options.function, table, list(options.by), options.return_type, **common
        )
    with _output(options, result.schema) as output:
        for batch in result.to_batches():
            output.write(batch)
    return RunResult(table.num_rows, result.num_rows, time.monotonic() - start)


def _results(
    runner: Runner,
    partition: Partition,
    options: RunOptions,
    counter: RowCounter,
    within: Deadline,
) -> Generator[pa.RecordBatch]:
    """The results of a partition as they come, at least one batch, which tells the schema."""
    import pyarrow as pa

    if options.kind not in MAP_TYPES:
        kept = Kept(partition, options.columns, options.keep)
        for array in column_of(runner, kept.partition, counter, within):
            yield from kept.beside(array, result_name(options))
        kept.check_end()
        return
    schema = partition.reader.schema
    given = counted(partition.reader, counter.add)
    with runner.compute(
        given, partition=partition.index, schema=schema, deadline=within.left()
    ) as out:
        empty = True
        for batch in out:
            empty = False
            yield batch
        if empty:
            yield pa.RecordBatch.from_pylist([], out.schema)
