"""What functions in real Spark see of columns, and what comes back of them; run by ``record.py``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import columns
import shown as f
import spark as s
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.functions import PandasUDFType, pandas_udf, udf, udtf

#: {column: its SQL type}
Names = dict[str, str]
#: What makes the query of some columns of a frame.
Query = Callable[[DataFrame, Names], DataFrame]


def record(
    spark: SparkSession, known: dict[str, Any], wanted: s.Wanted
) -> Iterator[tuple[str, Any]]:
    """By set of columns, which is "plain", "rare" or "worker-zone session-zone", {kind and
    function: {column: answer}}; an answer is the text of all rows."""
    for title, given in (("plain", columns.PLAIN), ("rare", columns.RARE)):
        if wanted(title):
            yield title, of_set(spark, given, 3, known.get(title, {}))
    for worker, session in s.ZONES:
        title = f"{worker} {session}"
        if wanted(title):
            with s.zones(spark, worker, session):
                yield title, of_set(spark, columns.ZONED, 100, known.get(title, {}))


def of_set(
    spark: SparkSession, given: dict[str, columns.Column], group: int, known: dict[str, Any]
) -> dict[str, Any]:
    """What all kinds see of a set of columns, whose first rows, ``group`` of them, are a group."""
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(group))
    names = {
        f"c{i}": name
        for i, (name, (since, _)) in enumerate(given.items())
        if s.version(since) <= s.VERSION
    }
    types = {short: columns.sql_type(name) for short, name in names.items()}
    frame = table(spark, {short: (types[short], given[names[short]][1]) for short in names}, group)
    found: dict[str, Any] = {}
    failed: dict[str, set[str]] = {}

    def fill(title: str, query: Query) -> None:
        # What failed elsewhere mostly fails here, too.
        before = {name for name, text in known.get(title, {}).items() if text[0] == "!"}
        suspects = before or failed.get(title.split()[-1], set())
        good = {short: t for short, t in types.items() if names[short] not in suspects}
        answers = each(frame, good, query)
        for short in types.keys() - good.keys() if not s.QUICK else ():
            answers |= each(frame, {short: types[short]}, query)
        found[title] = {name: answers[short] for short, name in names.items() if short in answers}
        if not title.startswith(("100", "300")):
            failed[title.split()[-1]] = {n for n, text in found[title].items() if text[0] == "!"}
        print(title, sorted(suspects), file=sys.stderr)

    fill("input", lambda part, _: part.drop("g"))
    for kind, (since, _) in f.KINDS.items():
        if s.version(since) <= s.VERSION:
            fill(f"{kind} describe", partial(describe, kind))
            fill(f"{kind} identity", partial(identity, kind))
    return found


def table(spark: SparkSession, given: dict[str, columns.Column], group: int) -> DataFrame:
    """One partition with a column g, the group's number, and those given; all may be null."""
    count = max(len(values) for _, values in given.values()) + 1
    rows = []
    for row in range(count):
        cells = [str(int(row >= group))]
        for kind, values in given.values():
            # The last row but one is null; short columns repeat their first value.
            if row == count - 2:
                cell = "NULL"
            else:
                place = min(row, count - 2) if row < count - 2 else row - 1
                cell = values[place] if place < len(values) else values[0]
            cells.append(f"CAST({cell} AS {kind})")
        rows.append(f"SELECT {', '.join(cells)}")
    names = ", ".join(["g", *given])
    frame = spark.sql(f"SELECT * FROM ({' UNION ALL '.join(rows)}) AS v({names})")
    return frame.coalesce(1)


def each(frame: DataFrame, names: Names, query: Query) -> dict[str, str]:
    """The answers for all columns, by queries that are halved where they fail."""
    if not names:
        return {}
    try:
        lists = s.columns(query(frame.select("g", *names), names))
        return {name: "; ".join(texts) for name, texts in zip(names, lists, strict=True)}
    except Exception as error:  # noqa: BLE001 - whatever Spark raises is the answer
        if len(names) == 1:
            return {name: "!" + s.line(s.message(error)) for name in names}
    items = list(names.items())
    half = len(items) // 2
    return each(frame, dict(items[:half]), query) | each(frame, dict(items[half:]), query)


def describe(kind: str, frame: DataFrame, names: Names) -> DataFrame:
    texts = dict.fromkeys(names, "string")
    if kind in ("100", "101"):
        return scalar(frame, udf(f.described_values, "string", useArrow=kind == "101"), names)
    if kind == "200":
        return scalar(frame, pandas_udf(f.described_series, "string", PandasUDFType.SCALAR), names)
    if kind == "250":
        return scalar(frame, F.arrow_udf(f.described_array, "string", F.ArrowUDFType.SCALAR), names)
    if kind == "202":
        function = pandas_udf(f.described_group, "string", PandasUDFType.GROUPED_AGG)
        return aggregate(frame, {name: function for name in names})
    if kind == "201":
        return frame.groupBy("g").applyInPandas(f.described_frame, schema(texts))
    if kind == "205":
        return frame.mapInPandas(f.described_frames, schema(texts))
    if kind == "207":
        return frame.mapInArrow(f.described_batches, schema(texts))
    return lateral(frame, f.DescribedRow, texts, kind)


def identity(kind: str, frame: DataFrame, names: Names) -> DataFrame:
    if kind in ("100", "101", "200", "250"):
        make = {
            "100": lambda t: udf(f.same, t, useArrow=False),
            "101": lambda t: udf(f.same, t, useArrow=True),
            "200": lambda t: pandas_udf(f.same, t, PandasUDFType.SCALAR),
            "250": lambda t: F.arrow_udf(f.same, t, F.ArrowUDFType.SCALAR),
        }[kind]
        return frame.select(*(make(t)(name).alias(name) for name, t in names.items()))
    if kind == "202":
        return aggregate(
            frame,
            {name: pandas_udf(f.first, t, PandasUDFType.GROUPED_AGG) for name, t in names.items()},
        )
    if kind == "201":
        return frame.groupBy("g").applyInPandas(f.same_frame, schema(names))
    if kind == "205":
        return frame.mapInPandas(f.same_frames, schema(names))
    if kind == "207":
        return frame.mapInArrow(f.same_batches, schema(names))
    return lateral(frame, f.SameRow, names, kind)


def scalar(frame: DataFrame, function: Any, names: Names) -> DataFrame:
    return frame.select(*(function(name).alias(name) for name in names))


def aggregate(frame: DataFrame, makers: dict[str, Any]) -> DataFrame:
    parts = [function(name).alias(name) for name, function in makers.items()]
    return frame.groupBy("g").agg(*parts).orderBy("g").drop("g")


def schema(names: Names) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in names.items())


def lateral(frame: DataFrame, handler: type, names: Names, kind: str) -> DataFrame:
    spark = frame.sparkSession
    made = udtf(handler, returnType=schema(names), useArrow=kind == "301")
    spark.udtf.register("f", made)
    frame.createOrReplaceTempView("v")
    picked = ", ".join(f"r.{name}" for name in names)
    arguments = ", ".join(f"v.{name}" for name in names)
    return spark.sql(f"SELECT {picked} FROM v, LATERAL f({arguments}) r")
