"""The recorded jobs: one small Spark job a case.

``record.py`` compiles this file under a fixed name, so that the pickled functions hold no path;
``sessions.py`` runs its cases.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyspark
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.functions import pandas_udf, udf, udtf

Version = tuple[int, int]
VERSION: Version = tuple(int(part) for part in pyspark.__version__.split(".")[:2])  # type: ignore

Job = Callable[["Session"], Any]
CASES: dict[str, list[tuple[str, Job]]] = {
    "plain": [],
    "encrypted": [],
    "sockets": [],
    "cluster": [],
}


class Session:
    """A Spark session and what the jobs share."""

    def __init__(self, spark: SparkSession, scratch: pathlib.Path) -> None:
        self.spark = spark
        self.scratch = scratch

    def numbers(self, count: int = 6) -> DataFrame:
        """Rows (id bigint, k bigint, v double, s string) in one partition."""
        return self.spark.range(0, count, 1, 1).selectExpr(
            "id", "id % 2 AS k", "id / 2D AS v", "concat('row ', id) AS s"
        )

    def files(self, name: str, lines: list[str]) -> DataFrame:
        """A stream of (k string, v bigint) from JSON lines."""
        directory = self.scratch / name
        directory.mkdir(parents=True)
        (directory / "0.json").write_text("\n".join(lines))
        return self.spark.readStream.schema("k string, v bigint").json(str(directory))

    def stream(self, name: str, result: DataFrame) -> None:
        """Runs a streaming query over all that there is."""
        query = (
            result.writeStream.format("memory")
            .queryName(name)
            .outputMode("update")
            .option("checkpointLocation", str(self.scratch / (name + "_checkpoint")))
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination()


def case(name: str, since: Version = (3, 5), sessions: str = "plain") -> Callable[[Job], Job]:
    """Registers a job for the PySpark versions from ``since`` on."""

    def register(job: Job) -> Job:
        if VERSION >= since:
            for session in sessions.split():
                CASES[session].append((name, job))
        return job

    return register


def pickled(function: Callable[..., Any], returns: str) -> Any:
    """A UDF with pickled rows (eval type 100); Arrow is the default from 4.2 on."""
    return udf(function, returns, useArrow=False)


def fails(job: Callable[[], Any]) -> None:
    """Runs a job that has to fail."""
    try:
        job()
    except Exception:  # noqa: BLE001 - whatever it is, it is the recording's
        return
    raise AssertionError("the job did not fail")


# RDDs


@case("rdd_map")
def rdd_map(s: Session) -> Any:
    return s.spark.sparkContext.parallelize(range(10), 1).map(lambda x: x + 1).collect()


@case("rdd_reduce_by_key")
def rdd_reduce_by_key(s: Session) -> Any:
    pairs = s.spark.sparkContext.parallelize([("a", 1), ("b", 2), ("a", 3)], 1)
    return pairs.reduceByKey(lambda x, y: x + y, 1).collect()


@case("broadcast", sessions="plain encrypted sockets")
def broadcast(s: Session) -> Any:
    context = s.spark.sparkContext
    first, second = context.broadcast({"a": 1}), context.broadcast([1, 2, 3])
    numbers = context.parallelize(range(4), 1)
    numbers.map(lambda x: first.value["a"] + second.value[x % 3]).collect()
    first.unpersist(blocking=True)
    # A reused worker is told to drop what this job does not use.
    return numbers.map(lambda x: second.value[x % 3]).collect()


@case("accumulator")
def accumulator(s: Session) -> Any:
    context = s.spark.sparkContext
    total, count = context.accumulator(0), context.accumulator(0.5)

    def add(x: int) -> int:
        total.add(x)
        count.add(1.0)
        return x

    return context.parallelize(range(5), 1).map(add).collect()


@case("local_properties")
def local_properties(s: Session) -> Any:
    context = s.spark.sparkContext
    context.setLocalProperty(
        "text", 'quote " backslash \\ tag <a&b> slash / line \n é 😀 \u2028 \x7f'
    )
    context.setJobGroup("group", "a described job")
    result = context.parallelize([1], 1).map(lambda x: x).collect()
    for key in ("text", "spark.jobGroup.id", "spark.job.description"):
        context.setLocalProperty(key, None)  # type: ignore[arg-type]
    return result


@case("barrier", sessions="plain sockets")
def barrier(s: Session) -> Any:
    def names(rows: Iterator[int]) -> Iterator[int]:
        from pyspark import BarrierTaskContext

        BarrierTaskContext.get().barrier()
        yield from rows

    return s.spark.sparkContext.parallelize([1, 2], 1).barrier().mapPartitions(names).collect()


@case("rdd_fails")
def rdd_fails(s: Session) -> Any:
    numbers = s.spark.sparkContext.parallelize([1, 0], 1)
    return fails(lambda: numbers.map(lambda x: 1 // x).collect())


@case("resources", sessions="cluster")
def resources(s: Session) -> Any:
    return s.numbers(2).select(pickled(lambda x: x + 1, "long")("id")).collect()


# Scalar functions


@case("udf")
def scalar_udf(s: Session) -> Any:
    return s.numbers().select(pickled(lambda x, t: f"{x}{t}", "string")("id", "s")).collect()


@case("udf_chain")
def udf_chain(s: Session) -> Any:
    add, double = pickled(lambda x: x + 1, "long"), pickled(lambda x: x * 2, "long")
    return s.numbers().select(double(add("id")), add("k")).collect()


@case("udf_keywords", since=(4, 0))
def udf_keywords(s: Session) -> Any:
    @udf("long", useArrow=False)
    def subtract(a: int, b: int) -> int:
        return a - b

    return s.numbers().select(subtract(F.col("id"), b=F.col("k"))).collect()


@case("udf_many_rows")
def udf_many_rows(s: Session) -> Any:
    return s.numbers(250).select(pickled(lambda x: x, "long")("id")).collect()


@case("udf_complex")
def udf_complex(s: Session) -> Any:
    f = pickled(lambda r, a, m: [r.id, *a, *m.values()], "array<long>")
    return (
        s.numbers(3)
        .select(f(F.struct("id", "s"), F.array("id", "k"), F.create_map("s", "k")))
        .collect()
    )


@case("udf_fails")
def udf_fails(s: Session) -> Any:
    return fails(
        lambda: s.numbers().select(pickled(lambda x: 1 // (x - 3), "long")("id")).collect()
    )


@case("udf_profiled", since=(4, 0))
def udf_profiled(s: Session) -> Any:
    s.spark.conf.set("spark.sql.pyspark.udf.profiler", "perf")
    try:
        return s.numbers(2).select(pickled(lambda x: x + 1, "long")("id")).collect()
    finally:
        s.spark.conf.unset("spark.sql.pyspark.udf.profiler")


@case("udf_broadcast_accumulator_include")
def udf_include(s: Session) -> Any:
    context = s.spark.sparkContext
    for name in ("included_one", "included_two"):
        path = s.scratch / (name + ".zip")
        import zipfile

        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo(name + ".py"), "VALUE = 40\n")
        context.addPyFile(str(path))
    two, calls = context.broadcast(2), context.accumulator(0)

    def answer(x: int) -> int:
        import included_one  # type: ignore[import-not-found]

        calls.add(1)
        return int(included_one.VALUE + two.value + x)

    return s.numbers().select(pickled(answer, "long")("id")).collect()


@case("udf_default")
def udf_default(s: Session) -> Any:
    return s.numbers().select(udf(lambda x: x + 1, "long")("id")).collect()


@case("arrow_udf_101")
def arrow_udf_101(s: Session) -> Any:
    f = udf(lambda x, t: f"{x}{t}", "string", useArrow=True)
    return (
        s.numbers().select(f("id", "s"), udf(lambda x: x + 1, "long", useArrow=True)("k")).collect()
    )


@case("pandas_scalar")
def pandas_scalar(s: Session) -> Any:
    @pandas_udf("long")
    def add(a: pd.Series, b: pd.Series) -> pd.Series:
        return a + b

    @pandas_udf("double")
    def half(a: pd.Series) -> pd.Series:
        return a / 2

    return s.numbers().select(add("id", "k"), half("v"), half(add("id", "id"))).collect()


@case("pandas_scalar_keywords", since=(4, 0))
def pandas_scalar_keywords(s: Session) -> Any:
    @pandas_udf("long")
    def subtract(a: pd.Series, b: pd.Series) -> pd.Series:
        return a - b

    return s.numbers().select(subtract(b=F.col("k"), a=F.col("id"))).collect()


@case("pandas_scalar_empty")
def pandas_scalar_empty(s: Session) -> Any:
    @pandas_udf("long")
    def same(a: pd.Series) -> pd.Series:
        return a

    return s.numbers().where("id > 100").select(same("id")).collect()


@case("pandas_scalar_fails")
def pandas_scalar_fails(s: Session) -> Any:
    @pandas_udf("long")
    def fail(a: pd.Series) -> pd.Series:
        if a.max() > 4:
            raise ValueError("a value above 4")
        return a

    return fails(lambda: s.numbers(9).select(fail("id")).collect())


@case("pandas_scalar_profiled", since=(4, 0))
def pandas_scalar_profiled(s: Session) -> Any:
    @pandas_udf("long")
    def add(a: pd.Series) -> pd.Series:
        return a + 1

    s.spark.conf.set("spark.sql.pyspark.udf.profiler", "perf")
    try:
        return s.numbers(2).select(add("id")).collect()
    finally:
        s.spark.conf.unset("spark.sql.pyspark.udf.profiler")


@case("pandas_scalar_iter")
def pandas_scalar_iter(s: Session) -> Any:
    @pandas_udf("long")
    def add(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for batch in batches:
            yield batch + 1

    return s.numbers().select(add("id")).collect()


@case("map_in_pandas", sessions="plain sockets")
def map_in_pandas(s: Session) -> Any:
    def keep(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            yield batch[batch.id > 1]

    return s.numbers().mapInPandas(keep, "id long, k long, v double, s string").collect()


def same_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Every batch as it is."""
    yield from batches


@case("map_in_arrow")
def map_in_arrow(s: Session) -> Any:
    return s.numbers().mapInArrow(same_batches, "id long, k long, v double, s string").collect()


@case("map_in_arrow_barrier")
def map_in_arrow_barrier(s: Session) -> Any:
    frame = s.numbers(3)
    return frame.mapInArrow(same_batches, frame.schema, barrier=True).collect()


@case("map_in_arrow_unread")
def map_in_arrow_unread(s: Session) -> Any:
    def first(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield next(batches)

    return s.numbers(40).mapInArrow(first, "id long, k long, v double, s string").collect()


@case("map_in_arrow_no_output")
def map_in_arrow_no_output(s: Session) -> Any:
    def none(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            yield from ()

    return s.numbers().mapInArrow(none, "id long").collect()


# Grouped and windowed functions


@case("apply_in_pandas")
def apply_in_pandas(s: Session) -> Any:
    def largest(key: Any, group: pd.DataFrame) -> pd.DataFrame:
        return group.nlargest(1, "v")[["k", "v"]]

    return s.numbers().groupby("k").applyInPandas(largest, "k long, v double").collect()


@case("cogroup_in_pandas")
def cogroup_in_pandas(s: Session) -> Any:
    def join(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"n": [len(left) + len(right)]})

    other = s.numbers(5).groupby("k")
    return s.numbers().groupby("k").cogroup(other).applyInPandas(join, "n long").collect()


def pandas_mean() -> Any:
    """The mean of a group."""

    @pandas_udf("double")
    def mean(values: pd.Series) -> float:
        return float(values.mean())

    return mean


@case("pandas_grouped_agg")
def pandas_grouped_agg(s: Session) -> Any:
    return s.numbers().groupby("k").agg(pandas_mean()("v"), pandas_mean()("id")).collect()


@case("pandas_window")
def pandas_window(s: Session) -> Any:
    group = Window.partitionBy("k").orderBy("id")
    return (
        s.numbers()
        .select(
            pandas_mean()("v").over(group.rowsBetween(-1, 1)),
            pandas_mean()("v").over(Window.partitionBy("k")),
        )
        .collect()
    )


@case("apply_in_arrow", since=(4, 0))
def apply_in_arrow(s: Session) -> Any:
    def same(key: Any, group: pa.Table) -> pa.Table:
        return group.select(["k", "v"])

    return s.numbers(9).groupby("k").applyInArrow(same, "k long, v double").collect()


@case("cogroup_in_arrow", since=(4, 0))
def cogroup_in_arrow(s: Session) -> Any:
    def join(left: pa.Table, right: pa.Table) -> pa.Table:
        return pa.table({"n": [left.num_rows + right.num_rows]})

    other = s.numbers(5).groupby("k")
    return s.numbers().groupby("k").cogroup(other).applyInArrow(join, "n long").collect()


@case("apply_in_arrow_iter", since=(4, 1))
def apply_in_arrow_iter(s: Session) -> Any:
    def same(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch.select(["k", "v"])

    return s.numbers(12).groupby("k").applyInArrow(same, "k long, v double").collect()


@case("apply_in_pandas_iter", since=(4, 1))
def apply_in_pandas_iter(s: Session) -> Any:
    def same(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            yield batch[["k", "v"]]

    return s.numbers(12).groupby("k").applyInPandas(same, "k long, v double").collect()


@case("pandas_grouped_agg_iter", since=(4, 2))
def pandas_grouped_agg_iter(s: Session) -> Any:
    @pandas_udf("double")
    def total(batches: Iterator[pd.Series]) -> float:
        return float(sum(batch.sum() for batch in batches))

    return s.numbers(12).groupby("k").agg(total("v")).collect()


@case("arrow_scalar", since=(4, 1))
def arrow_scalar(s: Session) -> Any:
    from pyspark.sql.functions import arrow_udf

    @arrow_udf("long")
    def add(a: pa.Array, b: pa.Array) -> pa.Array:
        return pc.add(a, b)

    return s.numbers().select(add("id", b=F.col("k")), add(add("id", "id"), "k")).collect()


@case("arrow_scalar_iter", since=(4, 1))
def arrow_scalar_iter(s: Session) -> Any:
    from pyspark.sql.functions import arrow_udf

    @arrow_udf("long")
    def add(batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        for batch in batches:
            yield pc.add(batch, 1)

    return s.numbers().select(add("id")).collect()


def arrow_sum() -> Any:
    """The sum of a group."""
    from pyspark.sql.functions import arrow_udf

    @arrow_udf("double")
    def total(values: pa.Array) -> float:
        return float(pc.sum(values).as_py())

    return total


@case("arrow_grouped_agg", since=(4, 1))
def arrow_grouped_agg(s: Session) -> Any:
    return s.numbers().groupby("k").agg(arrow_sum()("v")).collect()


@case("arrow_window", since=(4, 1))
def arrow_window(s: Session) -> Any:
    group = Window.partitionBy("k").orderBy("id")
    return (
        s.numbers()
        .select(
            arrow_sum()("v").over(group.rowsBetween(-1, 1)),
            arrow_sum()("v").over(Window.partitionBy("k")),
        )
        .collect()
    )


@case("arrow_grouped_agg_iter", since=(4, 2))
def arrow_grouped_agg_iter(s: Session) -> Any:
    from pyspark.sql.functions import arrow_udf

    @arrow_udf("double")
    def total(batches: Iterator[pa.Array]) -> float:
        return float(sum(pc.sum(batch).as_py() for batch in batches))

    return s.numbers(12).groupby("k").agg(total("v")).collect()


# Table functions


class Twice:
    """Each argument twice."""

    def eval(self, x: Any) -> Iterator[Any]:
        yield (x,)
        yield (x,)


class Count:
    """Counts the rows of a table argument."""

    def __init__(self) -> None:
        self.count = 0

    def eval(self, row: Any) -> None:
        self.count += 1

    def terminate(self) -> Iterator[Any]:
        yield (self.count,)


@case("udtf")
def plain_udtf(s: Session) -> Any:
    s.spark.udtf.register("twice", udtf(Twice, returnType="x bigint", useArrow=False))
    return s.spark.sql("SELECT x FROM range(3), LATERAL twice(id)").collect()


@case("udtf_table")
def udtf_table(s: Session) -> Any:
    s.spark.udtf.register("countrows", udtf(Count, returnType="n bigint", useArrow=False))
    by = "PARTITION BY k" if VERSION >= (4, 0) else ""
    s.numbers().createOrReplaceTempView("numbers")
    return s.spark.sql(f"SELECT * FROM countrows(TABLE(numbers) {by})").collect()


@case("udtf_analyze", since=(4, 0))
def udtf_analyze(s: Session) -> Any:
    class Analyzed:
        """Says its return type itself."""

        @staticmethod
        def analyze(x: Any) -> Any:
            from pyspark.sql.types import IntegerType, StructType
            from pyspark.sql.udtf import AnalyzeResult

            return AnalyzeResult(StructType().add("n", IntegerType()))

        def eval(self, x: Any) -> Iterator[Any]:
            yield (x,)

    s.spark.udtf.register("analyzed", udtf(Analyzed))
    return s.spark.sql("SELECT * FROM analyzed(x => 7)").collect()


@case("arrow_udtf_301")
def arrow_udtf_301(s: Session) -> Any:
    s.spark.udtf.register("twice", udtf(Twice, returnType="x bigint", useArrow=True))
    return s.spark.sql("SELECT x FROM range(3), LATERAL twice(id)").collect()


@case("arrow_udtf_301_table")
def arrow_udtf_301_table(s: Session) -> Any:
    s.spark.udtf.register("countrows", udtf(Count, returnType="n bigint", useArrow=True))
    s.numbers().createOrReplaceTempView("numbers")
    return s.spark.sql("SELECT * FROM countrows(TABLE(numbers))").collect()


@case("arrow_udtf_302", since=(4, 1))
def arrow_udtf_302(s: Session) -> Any:
    from pyspark.sql.functions import arrow_udtf

    @arrow_udtf(returnType="x bigint")
    class Same:
        """The argument as it is."""

        def eval(self, x: pa.Array) -> Iterator[pa.Table]:
            yield pa.table({"x": x})

    s.spark.udtf.register("same", Same)
    return s.spark.sql("SELECT * FROM same(7)").collect()


@case("arrow_udtf_302_table", since=(4, 1))
def arrow_udtf_302_table(s: Session) -> Any:
    from pyspark.sql.functions import arrow_udtf

    @arrow_udtf(returnType="n bigint")
    class Rows:
        """The size of each batch."""

        def eval(self, batch: pa.RecordBatch) -> Iterator[pa.Table]:
            yield pa.table({"n": pa.array([batch.num_rows], pa.int64())})

    s.spark.udtf.register("batchrows", Rows)
    s.numbers().createOrReplaceTempView("numbers")
    return s.spark.sql("SELECT * FROM batchrows(TABLE(numbers))").collect()


# Functions with state

LINES = ['{"k":"a","v":1}', '{"k":"b","v":2}', '{"k":"a","v":3}']


@case("apply_in_pandas_with_state")
def apply_in_pandas_with_state(s: Session) -> Any:
    def count(key: Any, frames: Iterator[pd.DataFrame], state: Any) -> Iterator[pd.DataFrame]:
        total = (state.get[0] if state.exists else 0) + sum(len(frame) for frame in frames)
        state.update((total,))
        yield pd.DataFrame({"k": [key[0]], "n": [total]})

    rows = s.files("with_state", LINES)
    s.stream(
        "with_state",
        rows.groupBy("k").applyInPandasWithState(
            count, "k string, n long", "n long", "update", "NoTimeout"
        ),
    )


def state_processor(rows_of: Callable[[Any, int], Any]) -> Any:
    """A processor that counts its rows in a value state."""
    from pyspark.sql.streaming import StatefulProcessor

    class Counter(StatefulProcessor):
        """Counts rows."""

        def init(self, handle: Any) -> None:
            self.state = handle.getValueState("count", "n long")

        def handleInputRows(self, key: Any, rows: Any, timerValues: Any) -> Iterator[Any]:
            count = sum(len(row) if isinstance(row, pd.DataFrame) else 1 for row in rows)
            self.state.update((count,))
            yield rows_of(key[0], count)

        def handleInitialState(self, key: Any, initialState: Any, timerValues: Any) -> None:
            self.state.update((0,))

        def close(self) -> None:
            pass

    return Counter()


def pandas_row(key: Any, count: int) -> Any:
    """A result row as a data frame."""
    return pd.DataFrame({"k": [key], "n": [count]})


def plain_row(key: Any, count: int) -> Any:
    """A result row."""
    from pyspark.sql import Row

    return Row(k=key, n=count)


def transform(
    s: Session, name: str, method: str, row: Callable[[Any, int], Any], initial: bool
) -> None:
    """Runs a transformWithState query, with or without an initial state."""
    rows = s.files(name, LINES)
    state = s.spark.createDataFrame([("a", 9)], "k string, n long").coalesce(1).groupBy("k")
    s.stream(
        name,
        getattr(rows.groupBy("k"), method)(
            state_processor(row),
            "k string, n long",
            "Update",
            "None",
            *([state] if initial else []),
        ),
    )


@case("transform_with_state_pandas", since=(4, 0), sessions="plain sockets")
def transform_with_state_pandas(s: Session) -> Any:
    transform(s, "tws_pandas", "transformWithStateInPandas", pandas_row, False)


@case("transform_with_state_pandas_initial", since=(4, 0))
def transform_with_state_pandas_initial(s: Session) -> Any:
    transform(s, "tws_pandas_initial", "transformWithStateInPandas", pandas_row, True)


@case("transform_with_state_row", since=(4, 1))
def transform_with_state_row(s: Session) -> Any:
    transform(s, "tws_row", "transformWithState", plain_row, False)


@case("transform_with_state_row_initial", since=(4, 1))
def transform_with_state_row_initial(s: Session) -> Any:
    transform(s, "tws_row_initial", "transformWithState", plain_row, True)
