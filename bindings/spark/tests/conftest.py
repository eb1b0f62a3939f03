"""A Spark session with the extension, in which a query is run with it and without."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from pyspark.sql import DataFrame, SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    jars = os.environ["UDFRUNNER_SPARK_JARS"]
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.sql.extensions", "org.udfrunner.spark.UdfRunnerExtensions")
        .config("spark.plugins", "org.udfrunner.spark.UdfRunnerPlugin")
        .config("spark.driver.extraClassPath", jars)
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "America/New_York")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(autouse=True)
def settings(spark: SparkSession) -> Iterator[None]:
    """Takes back what a test sets."""
    before = dict(spark.conf.getAll)
    yield
    for key in set(spark.conf.getAll) - set(before):
        spark.conf.unset(key)
    for key, value in before.items():
        if spark.conf.get(key) != value:
            spark.conf.set(key, value)


def plan(frame: DataFrame) -> str:
    """What ran: the final plan, once the frame was collected."""
    return frame._jdf.queryExecution().executedPlan().toString()


def outcome(make: Callable[[], DataFrame]) -> tuple[object, str]:
    """The rows in their order, or the error as users see it; and the plan."""
    frame = make()
    try:
        rows: object = [repr(row) for row in frame.collect()]
    except Exception as e:  # noqa: BLE001  # whatever it is, it has to be the same
        return (type(e).__name__, str(e)), plan(frame)
    return rows, plan(frame)


@pytest.fixture
def same(spark: SparkSession) -> Callable[..., object]:
    """Runs a query with the extension and without it, and compares.

    ours is how many operators are replaced; None says that it is some.
    """

    def run(make: Callable[[], DataFrame], ours: int | None = 1) -> object:
        spark.conf.set("spark.udfrunner.enabled", "false")
        stock, stock_plan = outcome(make)
        spark.conf.set("spark.udfrunner.enabled", "true")
        got, our_plan = outcome(make)
        final = our_plan.split("== Initial Plan ==")[0]
        assert "UdfRunner" not in stock_plan
        replaced = final.count("UdfRunner")
        assert replaced > 0 if ours is None else replaced == ours, final
        assert got == stock
        return got

    return run
