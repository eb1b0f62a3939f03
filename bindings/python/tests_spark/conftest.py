"""Real Spark with the daemon module: run by the interpreter that has the whole of PySpark."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyspark
import pytest
from pyspark import cloudpickle
from pyspark.sql import SparkSession

TIMEOUT = 60.0
VERSION = tuple(int(part) for part in pyspark.__version__.split(".")[:2])
SETTINGS = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "localhost",
    "spark.python.daemon.module": "udfrunner.spark_daemon",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll for what has no event to wait for."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {TIMEOUT} s"
        time.sleep(0.01)


def process_exists(pid: int) -> bool:
    """Whether a process is alive; a zombie is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Executor:
    """Spark in this process's JVM, whose stderr goes to a file."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._log.touch()

    @contextmanager
    def session(self, settings: Mapping[str, str]) -> Iterator[SparkSession]:
        """A session with these settings besides SETTINGS."""
        builder = SparkSession.builder.master("local[2]")
        for name, value in {**SETTINGS, **settings}.items():
            builder = builder.config(name, value)
        # The JVM is started by the first session, with the stderr of that moment.
        mine = os.dup(2)
        with self._log.open("ab") as log:
            os.dup2(log.fileno(), 2)
        try:
            session = builder.getOrCreate()
        finally:
            os.dup2(mine, 2)
            os.close(mine)
        session.sparkContext.setLogLevel("OFF")
        try:
            yield session
        finally:
            session.stop()

    def printed(self) -> str:
        """What the JVM, daemons and workers wrote to stderr."""
        return self._log.read_text(errors="replace")

    def await_text(self, needle: str) -> str:
        """All of it, once needle is there."""
        wait_until(lambda: needle in self.printed(), f"{needle!r} on stderr")
        return self.printed()


@pytest.fixture(scope="session")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Executor:
    """One JVM for all tests."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    return Executor(tmp_path_factory.mktemp("spark") / "stderr")


@pytest.fixture(scope="module", params=["tcp", "unix"])
def spark(request: pytest.FixtureRequest, executor: Executor) -> Iterator[SparkSession]:
    """A session over TCP, and one over Unix sockets where Spark has them."""
    if request.param == "unix" and VERSION < (4, 1):
        pytest.skip("Unix sockets came with Spark 4.1")
    cloudpickle.register_pickle_by_value(request.module)
    unix = str(request.param == "unix").lower()
    with executor.session({"spark.python.unix.domain.socket.enabled": unix}) as session:
        yield session
