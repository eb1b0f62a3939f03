"""Settings of Spark that reach the daemon module and its workers; its end with Spark's."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from conftest import VERSION, Executor, process_exists, wait_until
from pyspark.sql import SparkSession


def daemon_and_worker(spark: SparkSession) -> tuple[int, int]:
    """The processes of a task."""
    found = spark.sparkContext.range(1, numSlices=1).map(lambda _: (os.getppid(), os.getpid()))
    return found.collect()[0]


def test_memory_limit(executor: Executor) -> None:
    with executor.session({"spark.executor.pyspark.memory": "4g"}) as spark:
        limits = spark.sparkContext.range(1, numSlices=1).map(
            lambda _: resource.getrlimit(resource.RLIMIT_AS)
        )
        ((soft, hard),) = limits.collect()
    assert soft == hard
    cores = int(os.environ.get("SPARK_EXECUTOR_CORES", "2"))
    # What the daemon had mapped with its imports is added to what the setting says.
    added = [soft - size for size in (4 << 30, (4 << 30) // cores)]
    assert any(0 <= more <= 512 << 20 for more in added), added


def test_no_reuse(executor: Executor) -> None:
    with executor.session({"spark.python.worker.reuse": "false"}) as spark:
        daemon, worker = daemon_and_worker(spark)
        again, another = daemon_and_worker(spark)
        assert daemon == again
        assert worker != another
        wait_until(lambda: not process_exists(worker), "end of a worker")


def test_all_ends_with_spark(executor: Executor) -> None:
    with executor.session({}) as spark:
        daemon, worker = daemon_and_worker(spark)
    for pid in (daemon, worker):
        wait_until(lambda pid=pid: not process_exists(pid), "end of daemon and worker")
    assert f"Python worker {worker}" not in executor.printed()


def test_stack_in_the_error(executor: Executor) -> None:
    def read_address_zero(_: int) -> None:
        import ctypes

        ctypes.string_at(0)

    with (
        executor.session({"spark.python.worker.faulthandler.enabled": "true"}) as spark,
        pytest.raises(Exception, match=r"(?s)Segmentation fault.*read_address_zero"),
    ):
        spark.sparkContext.range(1, numSlices=1).foreach(read_address_zero)


@pytest.mark.skipif(VERSION < (4, 1), reason="came with Spark 4.1")
def test_idle_worker_is_spark_to_explain(executor: Executor, tmp_path: Path) -> None:
    def sleep(_: int) -> None:
        import time

        (tmp_path / "pid").write_text(str(os.getpid()))
        time.sleep(3600)

    settings = {
        "spark.python.worker.idleTimeoutSeconds": "1",
        "spark.python.worker.killOnIdleTimeout": "true",
    }
    with executor.session(settings) as spark:
        with pytest.raises(Exception, match="idle timeout"):
            spark.sparkContext.range(1, numSlices=1).foreach(sleep)
        worker = int((tmp_path / "pid").read_text())
        wait_until(lambda: not process_exists(worker), "end of the worker")
        daemon_and_worker(spark)
    assert f"Python worker {worker}" not in executor.printed()


def test_modules_named_to_the_zygote(executor: Executor) -> None:
    variable = "spark.executorEnv.UDFRUNNER_ZYGOTE_MODULES"
    for value, imported in (("", False), ("colorsys", True)):
        with executor.session({variable: value}) as spark:
            found = spark.sparkContext.range(1).map(
                lambda _: "colorsys" in __import__("sys").modules
            )
            assert found.collect() == [imported]
