"""Columns through functions of every kind: what they see, what comes back, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import arrow_types
import pyarrow as pa
import recorded_values as rv
from arrow_types import GROUP, Column
from conftest import is_older
from recorded_values import ROOM

from udfrunner import Env, EvalType, Runner
from udfrunner._types import return_type

import canonical  # isort: skip - all of the room that recorded_values found
import columns  # isort: skip
import shown  # isort: skip

#: The kinds, by the PySpark that introduced them.
KINDS = {kind: since for kind, (since, _) in shown.KINDS.items()}
#: Those whose functions see Arrow data.
SEE_ARROW = ("207", "250")

#: What PyArrow 18 in the workers of 3.5 does not know: they get Spark's type for it.
LATE = ("decimal32(9,2)", "decimal64(10,2)")

_COLUMN_FUNCTIONS = {
    "100": (shown.described_values, shown.same),
    "101": (shown.described_values, shown.same),
    "200": (shown.described_series, shown.same),
    "202": (shown.described_group, shown.first),
    "250": (shown.described_array, shown.same),
}
_ROW_FUNCTIONS = {
    "201": (shown.described_frame, shown.same_frame),
    "205": (shown.described_frames, shown.same_frames),
    "207": (shown.described_batches, shown.same_batches),
    "300": (shown.DescribedRow, shown.SameRow),
    "301": (shown.DescribedRow, shown.SameRow),
}


def answers_of(
    env: Env, kind: str, function: str, given: Sequence[Column], conf: dict[str, Any]
) -> dict[str, str]:
    """The text of all rows by the column's name, in as few tasks as errors allow."""
    by_name = {column.name: column for column in given}

    def run(names: Sequence[str]) -> list[str]:
        return _run(env, kind, function, [by_name[name] for name in names], conf)

    return rv.each(list(by_name), run)


def run_one(env: Env, kind: str, column: Column) -> None:
    """A task with one column; raises what it raises."""
    _run(env, kind, "describe", [column], {})


def _run(
    env: Env, kind: str, function: str, given: Sequence[Column], conf: dict[str, Any]
) -> list[str]:
    rows = len(given[0].array)
    group = GROUP if rows == 2 * GROUP else rows
    table = pa.table(
        {
            "g": pa.array([int(row >= group) for row in range(rows)], pa.int32()),
            **{f"c{i}": column.array for i, column in enumerate(given)},
        }
    )
    types = [
        "string" if function == "describe" else columns.sql_type(str(column.spark))
        for column in given
    ]
    conf = {"spark.sql.execution.arrow.maxRecordsPerBatch": group, **conf}
    schema = ", ".join(f"c{i} {each}" for i, each in enumerate(types))
    arguments = [[i + 1] for i in range(len(given))]
    place = int(function == "identity")
    if kind in _COLUMN_FUNCTIONS:
        chains = [[_COLUMN_FUNCTIONS[kind][place]]] * len(given)
        runner = Runner(
            EvalType(int(kind)), chains, arguments, types, env=env, conf=conf, includes=[ROOM]
        )
    else:
        offsets = [[i for (i,) in arguments]] if kind in ("300", "301") else None
        runner = Runner(
            EvalType(int(kind)),
            [[_ROW_FUNCTIONS[kind][place]]],
            offsets,
            schema,
            env=env,
            conf=conf,
            includes=[ROOM],
        )
    with runner:
        if kind in ("100", "300"):
            return _python_texts(runner, kind, table, types)
        with runner.compute(
            table.to_reader(max_chunksize=group), keys=int(kind in ("201", "202"))
        ) as out:
            found = out.read_all()
    return ["; ".join(canonical.texts(column)) for column in found.columns]


def _python_texts(runner: Runner, kind: str, table: pa.Table, types: Sequence[str]) -> list[str]:
    """Results that come as Python values."""
    with runner.compute_rows(table) as out:
        rows = list(out)
    if kind == "300":
        rows = [row for produced in rows for row in produced]
    elif len(types) == 1:
        rows = [(row,) for row in rows]
    made = [return_type(each).pyspark() for each in types]
    return [
        "; ".join(canonical.python_value(row[i], each) for row in rows)
        for i, each in enumerate(made)
    ]


def answers_about(minor: str, title: str) -> dict[str, str]:
    """What real Spark said of the columns without zones, by kind and function."""
    return {
        **rv.recorded("seen", minor, "plain", title),
        **rv.recorded("seen", minor, "rare", title),
    }


def taken(kind: str, minor: str) -> list[Column]:
    """The columns that functions of a kind get: all that Spark has a type for, or Arrow sees."""
    return [
        column
        for column in arrow_types.COLUMNS
        if column.taken(kind, minor) or (kind in SEE_ARROW and not is_older(minor, column.since))
    ]


def expected_of(
    given: Sequence[Column],
    answers: dict[str, str],
    minor: str,
    kind: str,
    function: str,
    session: str,
) -> dict[str, str]:
    """What was recorded for the columns that these stand for; where functions see Arrow types of
    the host's, those types."""
    found = {}
    for column in given:
        late = minor == "3.5" and column.name in LATE
        if column.sent or late or kind not in SEE_ARROW:
            if column.spark in answers:
                found[column.name] = answers[column.spark]
        elif function == "describe":
            found[column.name] = arrow_answer(column, session)
    # Some types PySpark does not let one declare: no value gets as far as that.
    return {name: text for name, text in found.items() if "NotImplementedError" not in text}


def arrow_answer(column: Column, session: str) -> str:
    """What functions that see Arrow data describe: the host's type, with the session's zone."""
    described = shown.described.array(_labelled(column.array, session))
    return "; ".join(map(repr, described))


def _labelled(array: Any, zone: str) -> Any:
    kind = _labelled_type(array.type, zone)
    return array if kind == array.type else array.cast(kind)


def _labelled_type(kind: pa.DataType, zone: str) -> pa.DataType:
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp(kind.unit, zone)
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_labelled_type(field.type, zone)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(kind.key_type, _labelled_type(kind.item_type, zone))
    if pa.types.is_list(kind):
        field = kind.value_field
        return pa.list_(field.with_type(_labelled_type(field.type, zone)))
    return kind
