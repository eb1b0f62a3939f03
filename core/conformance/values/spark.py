"""A session of real Spark: answers as text, errors as one line, each task's its own."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import canonical
import pyspark
from py4j.protocol import Py4JNetworkError
from pyspark.serializers import CPickleSerializer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

HERE = pathlib.Path(__file__).resolve().parent
VERSION: tuple[int, int] = tuple(map(int, pyspark.__version__.split(".")[:2]))  # type: ignore

#: TZ of workers and zone of the session.
ZONES = [
    (worker, session)
    for worker in ("UTC", "Asia/Tokyo", "America/New_York")
    for session in ("UTC", "Europe/Paris", "America/New_York")
]

#: Whether to leave out values that failed in another version: each failure costs a worker.
QUICK = bool(os.environ.get("RECORD_QUICK"))
#: Says whether the answers below a title are asked for.
Wanted = Callable[[str], bool]

_CONF = {
    "spark.master": "local[1]",
    "spark.app.name": "recording",
    "spark.default.parallelism": "1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "localhost",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.python.daemon.module": "preloaded_daemon",
    "spark.python.unix.domain.socket.enabled": "true",
    "spark.sql.adaptive.enabled": "false",
    # Compiling each query's code would take most of the time.
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.timeType.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def start(classes: pathlib.Path) -> SparkSession:
    """Spark, with the zones of its JVM, of its driver and of its workers UTC."""
    assert os.environ.get("TZ") == "UTC", "TZ=UTC is needed: the JVM's and the driver's zone"
    jars = pathlib.Path(pyspark.__path__[0], "jars", "*")
    subprocess.run(
        ["javac", "--release", "17", "-nowarn", "-cp", jars, "-d", classes, HERE / "Answers.java"],
        check=True,
    )
    builder = SparkSession.builder.config("spark.driver.extraClassPath", str(classes))
    for key, value in _CONF.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    spark.sparkContext.environment["TZ"] = "UTC"
    return spark


def version(since: str) -> tuple[int, ...]:
    """Of a minor's text; below all where there is none."""
    return tuple(map(int, since.split("."))) if since else (0,)


@contextmanager
def zones(spark: SparkSession, worker: str, session: str) -> Iterator[None]:
    """Workers with that TZ, and a session with that zone, for the functions made inside."""
    spark.sparkContext.environment["TZ"] = worker
    spark.conf.set("spark.sql.session.timeZone", session)
    try:
        yield
    finally:
        spark.sparkContext.environment["TZ"] = "UTC"
        spark.conf.set("spark.sql.session.timeZone", "UTC")


def columns(frame: DataFrame) -> list[list[str]]:
    """The values of a query's columns, as text; raises what the query raises."""
    frame = frame.select(*(_plain(field) for field in frame.schema.fields))
    found: list[list[str]] = [[] for _ in frame.schema.fields]
    for row in _pickled_rows(frame._jdf.javaToPython().collect()):
        for texts, value, field in zip(found, row, frame.schema.fields, strict=True):
            texts.append(canonical.python_value(value, field.dataType))
    return found


def column(frame: DataFrame) -> list[str]:
    """The values of a query's one column, or a task's error in place of all of its."""
    frame = frame.select(*(_plain(field) for field in frame.schema.fields))
    found: list[str] = []
    (field,) = frame.schema.fields
    jvm = frame.sparkSession.sparkContext._jvm
    for record in jvm.Answers.collect(frame._jdf.javaToPython()):
        if record.startswith(b"!"):
            found.append("!" + line(record[1:].decode()))
        else:
            found.extend(
                canonical.python_value(row[0], field.dataType) for row in _pickled_rows([record])
            )
    return found


def _plain(field: Any) -> Any:
    """A column, those of types that Spark does not pickle as text."""
    column = F.col(f"`{field.name}`")
    if field.dataType.typeName() == "variant":
        return F.to_json(column).alias(field.name)
    if field.dataType.typeName() == "interval":
        return column.cast("string").alias(field.name)
    return column


def _pickled_rows(records: Iterable[bytes]) -> Iterator[Any]:
    for record in records:
        yield from CPickleSerializer().loads(record)


def message(error: Exception) -> str:
    """An error's text, that of its root where it comes from the JVM."""
    if isinstance(error, (ConnectionError, Py4JNetworkError)):
        raise error  # The JVM is gone: no answer.
    text = str(error)
    cause = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    if cause is None or "Traceback (most recent call last)" in text:
        return f"{type(error).__name__}: {text}"
    while cause.getCause() is not None:
        cause = cause.getCause()
    return f"{cause.getClass().getSimpleName()}: {cause.getMessage()}"


def line(text: str) -> str:
    """An error's class and first line, those of the exception in the worker where it has one."""
    lines = [part for part in text.splitlines() if part.strip()]
    frames = [i for i, part in enumerate(lines) if part.startswith("  File ")]
    last = frames[-1] + 1 if frames else 0
    first = next((part for part in lines[last:] if not part.startswith(" ")), lines[0])
    # Addresses and identifiers differ between runs.
    first = re.sub(r"( at 0x[0-9a-f]+|#\d+L?\b)", "", first)
    return first if len(first) <= 160 else first[:157] + "..."
