"""Workers of the daemon module do for Spark what stock ones do, whatever happens to them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from conftest import VERSION, Executor, process_exists, wait_until
from pyspark import TaskContext, shuffle
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf, udf


def pids(spark: SparkSession, partitions: int = 4) -> list[int]:
    """The processes of some tasks."""
    return spark.sparkContext.range(20, numSlices=partitions).map(lambda _: os.getpid()).collect()


def still_works(spark: SparkSession) -> bool:
    """Whether a task of today gives what it should."""
    return spark.sparkContext.range(100, numSlices=1).map(str).count() == 100


def test_daemon_is_ours(spark: SparkSession) -> None:
    def command() -> str:
        return Path(f"/proc/{os.getppid()}/cmdline").read_text()

    (line,) = spark.sparkContext.range(1).map(lambda _: command()).distinct().collect()
    assert line.split("\0")[1:3] == ["-m", "udfrunner.spark_daemon"]


def test_functions(spark: SparkSession) -> None:
    @pandas_udf("long")
    def add(x: pd.Series, y: pd.Series) -> pd.Series:
        return x + y

    def centered(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(v=frame.v - frame.v.mean())

    def doubled(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            yield frame * 2

    rows = spark.range(0, 100, 1, 4)
    assert [row[0] for row in rows.select(add("id", "id")).collect()] == [2 * n for n in range(100)]
    square = udf(lambda n: n * n, "long")
    assert [row[0] for row in rows.select(square("id")).collect()] == [n * n for n in range(100)]
    twice = rows.mapInPandas(doubled, "id long").collect()
    assert [row[0] for row in twice] == [2 * n for n in range(100)]
    grouped = rows.selectExpr("id % 2 as k", "double(id) as v").groupBy("k")
    values = sorted(row.v for row in grouped.applyInPandas(centered, "k long, v double").collect())
    assert values == sorted([*range(-49, 50, 2)] * 2)
    words = spark.sparkContext.parallelize(["a", "b", "a"], 2).map(lambda word: (word, 1))
    assert sorted(words.reduceByKey(lambda a, b: a + b).collect()) == [("a", 2), ("b", 1)]


def test_broadcasts_and_accumulators_of_reused_workers(spark: SparkSession) -> None:
    context = spark.sparkContext

    def add_all() -> None:
        total, offset = context.accumulator(0), context.broadcast([1000])
        context.range(100, numSlices=20).foreach(lambda n: total.add(n + offset.value[0]))
        assert total.value == sum(range(1000, 1100))
        offset.destroy()

    add_all()
    add_all()


def test_modules_of_the_job(spark: SparkSession, tmp_path: Path) -> None:
    name = f"shipped_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text("VALUE = 7\n")
    spark.sparkContext.addPyFile(str(tmp_path / f"{name}.py"))
    found = spark.sparkContext.range(4).map(lambda _: __import__(name).VALUE).distinct().collect()
    assert found == [7]


def test_workers_are_reused(spark: SparkSession) -> None:
    pids(spark)
    before = set(pids(spark))
    wait_until(lambda: set(pids(spark)) <= before, "tasks on the same workers")


def test_worker_is_reused_after_a_part_of_its_output(spark: SparkSession) -> None:
    numbers = spark.sparkContext.range(100_000, numSlices=1)
    assert numbers.map(lambda n: n).first() == 0
    assert numbers.map(lambda n: n).count() == 100_000


def test_cancelled_task(spark: SparkSession, executor: Executor, tmp_path: Path) -> None:
    note = tmp_path / "pids"

    def sleep(_: int) -> None:
        import subprocess
        import time

        child = subprocess.Popen(["sleep", "3600"]).pid
        note.with_suffix(".new").write_text(f"{os.getppid()} {os.getpid()} {child}")
        note.with_suffix(".new").rename(note)
        time.sleep(3600)

    def run() -> None:
        with pytest.raises(Exception, match="cancel"):
            spark.sparkContext.range(1, numSlices=1).foreach(sleep)

    job = threading.Thread(target=run)
    job.start()
    wait_until(note.exists, "a task that runs")
    daemon, worker, child = map(int, note.read_text().split())
    spark.sparkContext.cancelAllJobs()
    job.join()
    wait_until(lambda: not process_exists(worker), "end of the worker")
    wait_until(lambda: not process_exists(child), "end of its child")
    assert process_exists(daemon)
    assert still_works(spark)
    assert f"Python worker {worker}" not in executor.printed()


def fail(_: object) -> None:
    raise RuntimeError("with 中 and \xd6\xd0")


def leave(_: object) -> None:
    raise SystemExit


@pytest.mark.parametrize(("function", "said"), [(fail, "with 中"), (leave, "SystemExit")])
def test_exceptions(spark: SparkSession, function: object, said: str) -> None:
    with pytest.raises(Exception, match=said):
        spark.sparkContext.range(100, numSlices=1).foreach(function)
    assert still_works(spark)


def test_exception_of_the_jvm(spark: SparkSession, tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("Hello World!")
    lines = spark.sparkContext.textFile(str(file), 1).filter(lambda _: True)
    assert lines.count() == 1
    file.unlink()
    with pytest.raises(Exception, match=r"does not exist|No such file|Input path"):
        lines.count()
    assert still_works(spark)


def test_other_version_of_python(spark: SparkSession) -> None:
    context = spark.sparkContext
    version = context.pythonVer
    context.pythonVer = "2.0"
    try:
        with pytest.raises(Exception, match=r"2\.0"):
            context.range(10).map(lambda n: n).count()
    finally:
        context.pythonVer = version
    assert still_works(spark)


def test_metrics_of_a_task(spark: SparkSession) -> None:
    def spill(n: int) -> tuple[int, int]:
        shuffle.MemoryBytesSpilled += 7
        shuffle.DiskBytesSpilled += 9
        return TaskContext.get().stageId(), n + 1

    result = spark.sparkContext.parallelize([1, 2], 1).map(spill).collect()
    assert [value for _, value in result] == [2, 3]
    jvm = spark.sparkContext._jsc.sc()
    jvm.listenerBus().waitUntilEmpty(10000)
    stage = jvm.statusStore().lastStageAttempt(result[0][0])
    assert (stage.memoryBytesSpilled(), stage.diskBytesSpilled()) == (14, 18)


def test_idle_workers_killed(spark: SparkSession) -> None:
    pids(spark)
    victims = set(pids(spark))
    for pid in victims:
        os.kill(pid, signal.SIGTERM)
    for pid in victims:
        wait_until(lambda pid=pid: not process_exists(pid), "end of a worker")
    # A task may meet a connection that has ended already: Spark tries it again on another worker
    # on a cluster, and not in local mode.
    wait_until(lambda: attempt(spark), "a job on new workers")
    assert not victims & set(pids(spark))


def attempt(spark: SparkSession) -> bool:
    try:
        return still_works(spark)
    except Exception:
        return False


def kill_itself(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def read_address_zero(_: object) -> None:
    import ctypes

    ctypes.string_at(0)


@pytest.mark.parametrize(
    ("function", "said"),
    [(kill_itself, ["was killed by SIGKILL"]), (read_address_zero, ["SIGSEGV", "in read_address"])],
)
def test_crash(spark: SparkSession, executor: Executor, function: object, said: list[str]) -> None:
    before = len(executor.printed())
    with pytest.raises(Exception, match=r"exited unexpectedly|Connection reset|EOFException"):
        spark.sparkContext.range(1, numSlices=1).foreach(function)
    for text in said:
        wait_until(lambda text=text: text in executor.printed()[before:], text)
    assert still_works(spark)


@pytest.mark.skipif(VERSION < (4, 0), reason="came with Spark 4.0")
def test_worker_modules_of_the_driver(spark: SparkSession) -> None:
    from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
    from pyspark.sql.functions import lit, udtf
    from pyspark.sql.types import StructType
    from pyspark.sql.udtf import AnalyzeResult

    @udtf
    class Repeat:
        @staticmethod
        def analyze(n):  # type: ignore[no-untyped-def]
            return AnalyzeResult(StructType().add("n", n.dataType))

        def eval(self, n):  # type: ignore[no-untyped-def]
            yield (n,)
            yield (n,)

    assert [row.n for row in Repeat(lit(3)).collect()] == [3, 3]

    class Numbers(DataSource):
        @classmethod
        def name(cls) -> str:
            return "numbers"

        def schema(self) -> str:
            return "n long"

        def reader(self, schema: StructType) -> DataSourceReader:
            return Reader()

    class Reader(DataSourceReader):
        def partitions(self) -> list[InputPartition]:
            return [InputPartition(n) for n in range(3)]

        def read(self, partition: InputPartition) -> Iterator[tuple[int]]:
            yield (partition.value,)

    spark.dataSource.register(Numbers)
    rows = spark.read.format("numbers").load().collect()
    assert sorted(row.n for row in rows) == [0, 1, 2]
