"""`make bench-spark`: Python functions in Spark SQL, without a function, by Spark itself and with the extension.

One session on local[1]; the three take turns, and each number is the median of the rounds.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SIDES = ("none", "stock", "extension")


@F.arrow_udf(T.LongType())
def arrow_plus_one(x: pa.Array) -> pa.Array:
    return pc.add(x, 1)


@F.pandas_udf(T.LongType())
def pandas_sum(x: pd.Series, y: pd.Series) -> pd.Series:
    return x + y


def doubled(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield pa.RecordBatch.from_arrays(
            [pc.multiply(batch.column(0), 2), batch.column(1)], ["a", "b"]
        )


def cases(spark: SparkSession, folder: Path) -> dict[str, tuple[DataFrame, DataFrame]]:
    """By name: the query without a function, and with it."""
    millions = spark.range(0, 5_000_000, 1, 1)
    millions.write.parquet(str(folder / "longs"))
    stored = spark.read.parquet(str(folder / "longs"))
    two = spark.range(0, 2_000_000, 1, 1).withColumn("b", F.col("id") * 2)
    tasks = spark.range(0, 2_000, 1, 200)
    return {
        "5 M longs, arrow_udf": (
            millions.withColumn("n", F.col("id") + 1),
            millions.select("id", arrow_plus_one("id")),
        ),
        "the same from Parquet": (
            stored.withColumn("n", F.col("id") + 1),
            stored.select("id", arrow_plus_one("id")),
        ),
        "pandas_udf of two columns, 2 M": (
            two.withColumn("n", F.col("id") + F.col("b")),
            two.select("id", "b", pandas_sum("id", "b")),
        ),
        "mapInArrow, 2 M x 2": (two, two.mapInArrow(doubled, "a long, b long")),
        "200 tasks of 10 rows": (
            tasks.withColumn("n", F.col("id") + 1),
            tasks.select(arrow_plus_one("id")),
        ),
    }


def seconds(frame: DataFrame) -> float:
    start = time.perf_counter()
    frame.write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start


def measure(spark: SparkSession, plain: DataFrame, python: DataFrame) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    for round_ in range(ROUNDS + 1):
        for side in SIDES:
            spark.conf.set("spark.udfrunner.enabled", str(side == "extension").lower())
            took = seconds(plain if side == "none" else python)
            if round_ > 0:  # the first warms up
                times[side].append(took)
    return times


def main() -> None:
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.sql.extensions", "org.udfrunner.spark.UdfRunnerExtensions")
        .config("spark.driver.extraClassPath", os.environ["UDFRUNNER_SPARK_JARS"])
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    median: Callable[[list[float]], float] = statistics.median
    print(f"Spark {spark.version}, local[1], {ROUNDS} rounds, medians in seconds")
    print(f"{'':32} {'none':>8} {'stock':>8} {'extension':>10} {'stock/ext.':>11}")
    with tempfile.TemporaryDirectory() as folder:
        for name, (plain, python) in cases(spark, Path(folder)).items():
            times = measure(spark, plain, python)
            none, stock, ours = (median(times[side]) for side in SIDES)
            print(
                f"{name:32} {none:8.2f} {stock:8.2f} {ours:10.2f} {stock / ours:10.1f}x", flush=True
            )
    spark.stop()


if __name__ == "__main__":
    main()
