"""Real Spark as a side: a process with a session of its own, which runs a job whenever it is told.

Run as a module it is that process: ``python -m benchmarks.spark <settings as JSON>``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from .job import ROOT

PYTHON = Path(os.environ.get("UDFRUNNER_BENCH_SPARK", ROOT / "build/venv/4.3/bin/python"))
"""An interpreter with the whole of PySpark, Spark included."""

NO_UDF = "no UDF"
"""The name of the setting that has Spark compute the job by itself."""

_SETTINGS = {
    "spark.master": "local[2]",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "localhost",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
ROWS = 10
"""Rows of a task."""


class SparkSide:
    """A driver with its JVM in local mode, and the Python workers of its tasks."""

    def __init__(self, settings: Mapping[str, str], tasks: int) -> None:
        path = [str(ROOT / "bindings" / "python" / "src"), str(ROOT)]
        self._process = subprocess.Popen(
            [PYTHON, "-m", "benchmarks.spark", json.dumps(dict(settings)), str(tasks)],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path),
                "PYTHONWARNINGS": "ignore",
                "PYSPARK_PYTHON": str(PYTHON),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.version = ""

    def await_start(self) -> None:
        """Wait for the session."""
        self.version = self._answer()

    def run(self) -> None:
        """Run the job once."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._answer()

    def close(self) -> None:
        """End the session and the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None and self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"Spark ended: {self._process.stderr.read()}")
        return line.strip()


@contextmanager
def running(sides: Mapping[str, Mapping[str, str]], tasks: int) -> Iterator[dict[str, SparkSide]]:
    """Sides by name, each with its settings, that run a job of so many tasks."""
    with ExitStack() as stack:
        started = {}
        for name, settings in sides.items():
            started[name] = SparkSide(settings, tasks)
            stack.callback(started[name].close)
        for side in started.values():
            side.await_start()
        yield started


def serve(settings: dict[str, str], tasks: int) -> None:
    """Be the side: say Spark's version, then run the job for each line that comes."""
    from .functions import add_one_pandas

    sql: Any = import_module("pyspark.sql")
    udf = settings.pop(NO_UDF, None) is None
    builder = sql.SparkSession.builder
    for name, value in {**_SETTINGS, **settings}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    function = sql.functions.pandas_udf(add_one_pandas, "long")
    numbers = spark.range(0, tasks * ROWS, 1, tasks)

    frame = numbers.select(function("id") if udf else numbers.id + 1)
    print(spark.version, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        values = [row[0] for row in frame.collect()]
        took = time.perf_counter() - start
        assert values == list(range(1, tasks * ROWS + 1))
        print(took, flush=True)
    spark.stop()


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]), int(sys.argv[2]))
