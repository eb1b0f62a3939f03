"""What real Spark makes of returned values; run by ``record.py`` in an environment with Spark."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import returned
import spark as s
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import pandas_udf, udf, udtf

PICKLED = ("100", "300")
ARROW = ("101", "200")

#: {declared type: expressions}: columns of a query, None where there is no value to ask for.
Cells = dict[str, list[str]]
#: {declared type: {expression: answer}}
Answers = dict[str, dict[str, str]]


def record(spark: SparkSession, known: dict[str, Any]) -> Iterator[tuple[str, Answers]]:
    """By kind, "kind foreign" and "kind worker-zone session-zone" the answers."""
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "1")

    def asked(title: str, cells: Cells) -> tuple[str, Answers]:
        answers = of_kind(spark, title.split()[0], cells, known.get(title, {}))
        # A table function's values fail as a row function's do.
        known.setdefault(title.replace("100", "300", 1), answers)
        return title, answers

    for kind in PICKLED:
        yield asked(kind, {t: returned.VALUES for t in types(returned.TYPES)})
        foreign = {t: returned.FOREIGN_VALUES for t in returned.FOREIGN_TYPES}
        yield f"{kind} foreign", singles(spark, kind, foreign)
    for worker, session in s.ZONES:
        with s.zones(spark, worker, session):
            for kind in PICKLED + ARROW:
                cells = {
                    t: returned.ZONED_VALUES
                    for t in returned.ZONED_TYPES
                    if kind != "200" or not t.startswith("struct")
                }
                yield asked(f"{kind} {worker} {session}", cells)
    for kind in ARROW:
        yield asked(kind, {t: returned.ARROW_VALUES for t in types(returned.ARROW_TYPES)})


def types(given: dict[str, str]) -> list[str]:
    return [t for t, since in given.items() if s.version(since) <= s.VERSION]


def of_kind(spark: SparkSession, kind: str, cells: Cells, known: Answers) -> Answers:
    """All answers of a kind: in one query those that are not known to fail, and each of the
    others as a task of its own; where that query fails, in one for each type."""
    bad = {t: {v for v, answer in known.get(t, {}).items() if answer[0] == "!"} for t in cells}
    found = together(spark, kind, cells, bad)
    if found is None:
        found = {}
        for t, values in cells.items():
            found |= together(spark, kind, {t: values}, bad) or {t: {}}
    for t, values in cells.items():
        given = found[t] | singly(spark, kind, t, [v for v in values if v not in found[t]])
        found[t] = {v: given[v] for v in values}
    return found


def together(
    spark: SparkSession, kind: str, cells: Cells, bad: dict[str, set[str]]
) -> Answers | None:
    """The answers to all values but the bad ones, a batch a value; None where one fails."""
    bad = {t: bad.get(t, set()) for t in cells}
    good = {t: [v if v not in bad[t] else "None" for v in values] for t, values in cells.items()}
    try:
        columns = s.columns(query(spark, kind, good, 1))
    except Exception as error:  # noqa: BLE001 - single values tell which it is
        print(kind, *cells, s.line(s.message(error)), file=sys.stderr)
        return None
    return {
        t: {v: a for v, a in zip(cells[t], texts, strict=True) if v not in bad[t]}
        for t, texts in zip(cells, columns, strict=True)
    }


def singles(spark: SparkSession, kind: str, cells: Cells) -> Answers:
    return {t: singly(spark, kind, t, values) for t, values in cells.items()}


def singly(spark: SparkSession, kind: str, declared: str, values: list[str]) -> dict[str, str]:
    """The answers to values of a type, each a task."""
    if not values:
        return {}
    try:
        given = s.column(query(spark, kind, {declared: values}, len(values)))
    except Exception as error:  # noqa: BLE001 - Spark may refuse the type itself
        given = ["!" + s.line(s.message(error))] * len(values)
    return dict(zip(values, given, strict=True))


def query(spark: SparkSession, kind: str, cells: Cells, tasks: int) -> DataFrame:
    """A row a value, a column a declared type."""
    lists = [
        [returned.wrapped(declared, value) for value in values]
        for declared, values in cells.items()
    ]
    frame = spark.range(0, len(lists[0]), 1, tasks)
    names = [f"x{i}" for i in range(len(cells))]
    if kind == "300":
        schema = ", ".join(f"{name}: {t}" for name, t in zip(names, cells, strict=True))
        table = udtf(returned.handler(lists), returnType=schema, useArrow=False)
        spark.udtf.register("f", table)
        frame.createOrReplaceTempView("v")
        return spark.sql(f"SELECT {', '.join(names)} FROM v, LATERAL f(id)")
    functions = [
        pandas_udf(returned.series(values), declared)
        if kind == "200"
        else udf(returned.rows(values), declared, useArrow=kind == "101")
        for declared, values in zip(cells, lists, strict=True)
    ]
    return frame.select(*(f("id").alias(n) for f, n in zip(functions, names, strict=True)))
