"""Queries with Python functions give with the extension what they give without it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyspark
import pytest
from pyspark.errors import PythonException
from pyspark.sql import Row
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.testing.objects import ExamplePoint

ARROW_UDF = hasattr(F, "arrow_udf")

#: A type, its values, and whether pandas functions keep them.
TYPES = {
    "boolean": [True, False, None],
    "tinyint": [-128, 127, None],
    "smallint": [-32768, 32767, None],
    "int": [-(2**31), 2**31 - 1, None],
    "bigint": [-(2**63), 2**63 - 1, None],
    "float": [1.5, float("inf"), None],
    "double": [-0.0, 1e300, None],
    "decimal(10,2)": [Decimal("1.25"), Decimal("-99999999.99"), None],
    "decimal(38,18)": [Decimal("1.000000000000000001"), None],
    "string": ["", "Grüße, 世界", None],
    "binary": [b"", b"\x00\xff", None],
    "date": [date(1, 1, 1), date(9999, 12, 31), None],
    "timestamp": [datetime(1900, 1, 1), datetime(2026, 11, 1, 1, 30), None],
    "timestamp_ntz": [datetime(1970, 1, 1), datetime(2200, 1, 1, 0, 0, 0, 1), None],
    "interval day to second": [timedelta(days=-3, microseconds=1), None],
    "array<int>": [[], [1, None], None],
    "array<array<string>>": [[["a"], []], None],
    "map<string,bigint>": [{}, {"a": 1, "b": None}, None],
    "struct<a:int,b:string,c:array<double>>": [Row(a=1, b=None, c=[1.0]), None],
}


@pytest.mark.parametrize("kind", TYPES)
def test_types_of_arrow_batched_functions(spark, same, kind):
    identity = F.udf(lambda x: x, kind, useArrow=True)
    text = F.udf(lambda x: f"{type(x).__name__} {x!r}", "string", useArrow=True)
    rows = spark.createDataFrame(
        [(i, v) for i, v in enumerate(TYPES[kind] * 2)], f"i int, v {kind}"
    )
    same(lambda: rows.select("i", "v", identity("v"), text("v")))


@pytest.mark.parametrize("kind", TYPES)
def test_types_of_batches(spark, same, kind):
    def batches(frames: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from frames

    rows = spark.createDataFrame(
        [(i, v) for i, v in enumerate(TYPES[kind] * 2)], f"i int, v {kind}"
    )
    same(lambda: rows.mapInArrow(batches, rows.schema))
    if ARROW_UDF:
        identity = F.arrow_udf(lambda x: x, kind)
        same(lambda: rows.select("v", identity("v"), "i"))


@pytest.mark.parametrize(
    "kind", ["int", "double", "string", "timestamp", "date", "array<int>", "decimal(10,2)"]
)
def test_types_of_pandas_functions(spark, same, kind):
    @F.pandas_udf(kind)
    def identity(x: pd.Series) -> pd.Series:
        return x

    rows = spark.createDataFrame([(v,) for v in TYPES[kind] if v != date(1, 1, 1)], f"v {kind}")
    same(lambda: rows.select(identity("v"), "v"))


@F.pandas_udf(T.LongType())
def plus_one(x: pd.Series) -> pd.Series:
    return x + 1


@F.pandas_udf(T.LongType())
def total(x: pd.Series, y: pd.Series) -> pd.Series:
    return x + y


@F.pandas_udf(T.LongType())
def sizes(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
    for batch in batches:
        yield pd.Series([len(batch)] * len(batch))


def test_several_functions(spark, same):
    rows = spark.range(0, 1000, 1, 3)
    same(
        lambda: rows.select(plus_one("id"), total("id", F.col("id") * 2), plus_one(plus_one("id")))
    )
    same(lambda: rows.select(total(y="id", x=plus_one("id")), F.col("id") + 1), ours=2)
    same(lambda: rows.filter(plus_one("id") % 7 == 0).groupBy().agg(F.sum("id")))


def test_functions_without_arguments_and_void(spark, same):
    seven = F.udf(lambda: 7, "int", useArrow=True)
    same(lambda: spark.range(5).select(seven(), "id"))
    same(
        lambda: spark.range(5).select(F.udf(lambda x: str(x), "string", useArrow=True)(F.lit(None)))
    )


def test_nondeterministic_functions_and_expressions(spark, same):
    counted = F.udf(lambda x: x, "double", useArrow=True).asNondeterministic()
    same(
        lambda: spark.range(0, 100, 1, 4).select(
            counted(F.rand(3)), F.monotonically_increasing_id()
        )
    )


@pytest.mark.parametrize("limit", ["1", "7", "0"])
def test_batches_end_where_spark_ends_them(spark, same, limit):
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", limit)
    same(lambda: spark.range(0, 50, 1, 2).select(sizes("id")))


def test_batches_by_bytes(spark, same):
    spark.conf.set("spark.sql.execution.arrow.maxBytesPerBatch", "64")
    same(lambda: spark.range(0, 50, 1, 1).select(sizes("id")))


def test_maps(spark, same):
    def odd(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            yield frame[frame.id % 2 == 1].assign(text=frame.id.astype(str))

    def twice(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.RecordBatch.from_arrays([pc.multiply(batch.column(0), 2)], ["n"])
            yield pa.RecordBatch.from_arrays([batch.column(0)], ["n"])

    def constant(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        list(batches)
        yield pa.RecordBatch.from_arrays([pa.array([1])], ["n"])

    same(lambda: spark.range(0, 25_000, 1, 2).mapInPandas(odd, "id long, text string"))
    same(lambda: spark.range(0, 25_000, 1, 2).mapInArrow(twice, "n long"))
    # Also of partitions without rows.
    same(lambda: spark.range(0, 2, 1, 4).mapInArrow(constant, "n long"))


def test_early_ends_and_no_rows(spark, same):
    same(lambda: spark.range(0, 100_000, 1, 1).select(plus_one("id").alias("n")).limit(3))
    same(lambda: spark.range(0).select(plus_one("id")))


def test_without_adaptive_execution_and_code_generation(spark, same):
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    spark.conf.set("spark.sql.codegen.wholeStage", "false")
    same(
        lambda: spark.range(100).select(plus_one("id").alias("n")).groupBy("n").count().orderBy("n")
    )


def test_joins_caches_and_files(spark, same, tmp_path: Path):
    spark.range(0, 1000, 1, 3).withColumn("k", F.col("id") % 10).write.parquet(
        str(tmp_path / "rows")
    )
    rows = spark.read.parquet(str(tmp_path / "rows"))
    small = spark.range(10).withColumn("name", F.concat(F.lit("n"), "id"))
    name = F.udf(lambda f: os.path.basename(f), "string", useArrow=True)

    def joined():
        left = rows.select("k", plus_one("id").alias("n")).filter("n % 3 = 0")
        return (
            left.join(F.broadcast(small), left.k == small.id)
            .groupBy("name")
            .agg(F.sum("n"))
            .orderBy("name")
        )

    # The filter is moved below the projection, and has the function once more.
    same(joined, ours=2)
    same(
        lambda: rows.select(name(F.input_file_name()), F.input_file_name(), plus_one("id")).orderBy(
            "id"
        ),
        ours=2,
    )
    # From 4.3 on stock takes such a file's columns.
    named = F.udf(lambda i: i + 2, "long", useArrow=True)
    same(lambda: rows.select(plus_one("id")))
    same(lambda: rows.select(plus_one(named(F.length(F.lit("ab")) + F.col("id"))), "k"), ours=2)
    same(lambda: rows.mapInArrow(lambda batches: batches, rows.schema))
    spark.conf.set("spark.udfrunner.enabled", "true")
    cached = rows.select(plus_one("id").alias("n")).cache()
    assert cached.agg(F.sum("n")).collect()[0][0] == 500_500
    cached.unpersist()


def test_user_defined_types(spark, same):
    rows = spark.createDataFrame([(ExamplePoint(1.0, 2.0), 1), (None, 2)], ["p", "i"])
    text = F.udf(lambda p: repr(p), T.StringType(), useArrow=True)
    # PySpark 4.0 makes it a function without Arrow.
    same(lambda: rows.select(text("p"), "p", "i"), ours=int(ARROW_UDF))


@pytest.mark.parametrize("reason", ["raises", "wrong type", "exits"])
def test_errors(spark, same, reason):
    def fail(x: pd.Series) -> pd.Series:
        if reason == "raises":
            raise ValueError("no such row: ä")
        return x.astype(str) if reason == "wrong type" else os._exit(3)

    function = F.pandas_udf(fail, "long")
    query = lambda: spark.range(3).select(function("id"))
    if reason == "exits":
        with pytest.raises(
            Exception, match=r"Python worker exited unexpectedly \(crashed\).*status 3"
        ):
            query().collect()
    elif reason == "wrong type" and not ARROW_UDF:
        # In 4.0 the frames of PySpark itself differ.
        with pytest.raises(PythonException, match="ArrowTypeError|ArrowInvalid|TypeError|int64"):
            query().collect()
    else:
        same(query)


def test_an_exception_is_sparks(spark):
    def fail(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        raise ValueError("not today")

    with pytest.raises(PythonException, match="ValueError: not today"):
        spark.range(3).mapInPandas(fail, "id long").collect()


def test_results_of_other_types_are_sparks_error(spark, same):
    def other(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.RecordBatch.from_arrays([batch.column(0).cast("string")], ["n"])

    spark.conf.set("spark.sql.execution.pandas.convertToArrowArraySafely", "true")
    with pytest.raises(Exception, match="n"):
        spark.range(3).mapInArrow(other, "n long").collect()


def test_accumulators_and_broadcasts(spark):
    seen = spark.sparkContext.accumulator(0)
    offset = spark.sparkContext.broadcast(100)

    def add(x: pd.Series) -> pd.Series:
        seen.add(len(x))
        return x + offset.value

    frame = spark.range(0, 50, 1, 2).select(F.pandas_udf(add, "long")("id").alias("n"))
    assert sum(row.n for row in frame.collect()) == 1225 + 50 * 100
    assert seen.value == 50


def test_files_of_the_application(spark, same, tmp_path: Path):
    (tmp_path / "their_module.py").write_text("WORD = 'theirs'\n")
    spark.sparkContext.addPyFile(str(tmp_path / "their_module.py"))

    def word(x):
        import their_module

        return their_module.WORD

    same(lambda: spark.range(2).select(F.udf(word, "string", useArrow=True)("id")))


def test_metrics_have_sparks_names_and_counts(spark):
    def run(enabled: str) -> dict[str, int]:
        spark.conf.set("spark.udfrunner.enabled", enabled)
        spark.conf.set("spark.sql.adaptive.enabled", "false")
        frame = spark.range(0, 1000, 1, 1).select(plus_one("id"))
        frame.collect()
        node = frame._jdf.queryExecution().executedPlan()
        while "Eval" not in node.nodeName():
            node = node.children().head()
        metrics, found = node.metrics().iterator(), {}
        while metrics.hasNext():
            pair = metrics.next()
            found[pair._1()] = pair._2().value()
        return found

    stock, ours = run("false"), run("true")
    assert set(ours) == set(stock)
    for exact in ("pythonNumRowsReceived", "pythonDataSent"):
        assert ours[exact] == stock[exact]


def test_a_killed_job_ends_its_worker(spark, tmp_path: Path):
    pid_file = tmp_path / "pid"

    def hang(x: pd.Series) -> pd.Series:
        pid_file.write_text(str(os.getpid()))
        time.sleep(600)
        return x

    def run() -> None:
        spark.sparkContext.setJobGroup("hangs", "hangs", True)
        with pytest.raises(Exception):  # noqa: B017
            spark.range(0, 1, 1, 1).select(F.pandas_udf(hang, "long")("id")).collect()

    thread = pyspark.InheritableThread(target=run)
    thread.start()
    deadline = time.monotonic() + 60
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    pid = int(pid_file.read_text())
    spark.sparkContext.cancelJobGroup("hangs")
    thread.join(60)
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        threading.Event().wait(0.02)
    raise AssertionError("the worker lives on")


def test_what_stays_sparks_own_says_why(spark, same):
    plain = F.udf(lambda x: x, "long", useArrow=False)
    query = lambda: spark.range(3).select(plain("id"))
    same(query, ours=0)
    spark.conf.set("spark.udfrunner.enabled", "true")
    text = query()._jdf.queryExecution().executedPlan().toString()
    assert "BatchEvalPython [not by udfrunner: " in text
    spark.conf.set("spark.udfrunner.fallback", "error")
    with pytest.raises(Exception, match="BatchEvalPython can't be run by udfrunner"):
        query().collect()
    spark.conf.set("spark.udfrunner.operator.BatchEvalPython.enabled", "false")
    assert len(query().collect()) == 3


def test_switches(spark, same):
    spark.conf.set("spark.udfrunner.operator.ArrowEvalPython.enabled", "false")
    same(lambda: spark.range(3).select(plus_one("id")), ours=0)
    spark.conf.set("spark.udfrunner.operator.ArrowEvalPython.enabled", "perhaps")
    with pytest.raises(Exception, match="allowed are true and false"):
        spark.range(3).select(plus_one("id")).collect()
