"""The library's side: tasks from a host in a JVM, JvmHost.java, which measures itself."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .job import CONF, ROOT, Job
from .measure import Took
from .protocol import make_command

CLASSPATH = ROOT / "build" / "bench" / "jvm" / "classpath"
"""Made by ``make bench`` where a JDK and Maven are: what java's -cp takes."""


def available() -> bool:
    """Whether the JVM host was built."""
    return CLASSPATH.is_file()


class Host:
    """The JVM of one job and its data."""

    def __init__(self, job: Job, rows: int, batch_rows: int) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        conf = {
            "spark.pyspark.python": sys.executable,
            "spark.executorEnv.PYTHONPATH": path,
            **CONF,
        }
        result = ", ".join(f"{name} long" for name in job.names) if job.is_map else "long"
        function = base64.b64encode(make_command(job)).decode()
        numbers = map(str, (job.columns, rows, batch_rows))
        command = [
            "java",
            "-Xmx1g",
            "-Dslf4j.internal.verbosity=ERROR",
            "-XX:MaxDirectMemorySize=4g",
            "-Darrow.enable_unsafe_memory_access=true",
            "-Darrow.enable_null_check_for_get=false",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "-cp",
            CLASSPATH.read_text().strip(),
            "JvmHost",
            *(str(job.eval_type), function, result, *numbers),
            *(text for pair in conf.items() for text in pair),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _ask(self, command: str) -> list[int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the JVM host ended with {self._process.wait()}; see stderr")
        return [int(part) for part in answer.split()]

    def run(self, way: str) -> Took:
        """Runs one task, its data "arrow" or "ipc"; how long it took inside the JVM."""
        return Took(self._ask(way)[0] / 1e6)

    def check(self) -> tuple[int, int]:
        """The count of a task's rows and the sum of its first column, read in both ways."""
        _, rows, total = self._ask("check")
        return rows, total

    def calls(self, count: int) -> Took:
        """Makes so many calls that do next to nothing."""
        return Took(self._ask(f"calls {count}")[0] / 1e6)

    def close(self) -> None:
        """Ends the JVM and its workers."""
        self._process.communicate()


@contextmanager
def running(job: Job, rows: int, batch_rows: int) -> Iterator[Host]:
    """A JVM with a runner of the job, and rows in memory as make_batches makes them."""
    host = Host(job, rows, batch_rows)
    try:
        yield host
    finally:
        host.close()
