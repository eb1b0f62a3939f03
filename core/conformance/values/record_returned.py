"""What real Spark makes of returned values; run by ``record.py`` in an environment with Spark."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import returned
import spark as s
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import PandasUDFType, pandas_udf, udf, udtf

#: {declared type: expressions}: columns of a query, None where there is no value to ask for.
Cells = dict[str, list[str]]
#: {declared type: {expression: answer}}
Answers = dict[str, dict[str, str]]


def record(
    spark: SparkSession, known: dict[str, Any], wanted: s.Wanted
) -> Iterator[tuple[str, Answers]]:
    """Of row and table functions, whose results the JVM makes into columns: by kind, "kind
    foreign" and "kind worker-zone session-zone" the answers."""
    for kind in ("100", "300"):
        if wanted(kind):
            # A table function's values fail as a row function's do.
            before = known.get(kind) or known.get("100", {})
            known[kind] = of_kind(
                spark, kind, {t: returned.VALUES for t in types(returned.TYPES)}, before
            )
            yield kind, known[kind]
        if wanted(f"{kind} foreign"):
            foreign = {t: returned.FOREIGN_VALUES for t in returned.FOREIGN_TYPES}
            yield f"{kind} foreign", {t: singly(spark, kind, t, v) for t, v in foreign.items()}
    yield from zoned(spark, ("100", "300"), known, wanted)


def zoned(
    spark: SparkSession, kinds: Sequence[str], known: dict[str, Any], wanted: s.Wanted
) -> Iterator[tuple[str, Answers]]:
    for (worker, session), kind in itertools.product(s.ZONES, kinds):
        title = f"{kind} {worker} {session}"
        if not wanted(title):
            continue
        with s.zones(spark, worker, session):
            cells = {
                t: returned.ZONED_VALUES
                for t in returned.ZONED_TYPES
                if kind != "200" or not t.startswith("struct")
            }
            before = (
                known.get(title) or known.get(f"{kind} UTC UTC") or known.get("100 UTC UTC", {})
            )
            known[title] = of_kind(spark, kind, cells, before)
            yield title, known[title]


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
        left = [v for v in values if v not in found[t] and not (s.QUICK and v in bad[t])]
        given = found[t] | singly(spark, kind, t, left)
        found[t] = {v: given[v] for v in values if v in given}
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
        pandas_udf(returned.series(values), declared, PandasUDFType.SCALAR)
        if kind == "200"
        else udf(returned.rows(values), declared, useArrow=kind == "101")
        for declared, values in zip(cells, lists, strict=True)
    ]
    return frame.select(*(f("id").alias(n) for f, n in zip(functions, names, strict=True)))
