"""What PySpark's capture of log lines (4.1) says of the function that wrote them."""

from __future__ import annotations

import json
from typing import Any

import client
import executor
import pytest
import tasks

pytestmark = pytest.mark.skipif(tasks.PYSPARK < (4, 1), reason="new in PySpark 4.1")

LOGGING = {"PYSPARK_SPARK_SESSION_UUID": "a session", "PYTHON_UNIX_DOMAIN_ENABLED": ""}


class Greeter:
    """A class of the user's, a method of which is the function."""

    def greet(self, values: Any) -> Any:
        """Write by a second method, and by a logger."""
        import logging

        self.say()
        logging.getLogger("of the user").warning("logged")
        return values

    def say(self) -> None:
        """Print."""
        print("printed")


def prints(values: Any) -> Any:
    """A plain function."""
    print("printed")
    return values


FUNCTIONS = [tasks.encode(tasks.SCALAR, function) for function in (Greeter().greet, prints)]
CONTEXTS = [
    ["printed", {"func_name": "greet", "class_name": "Greeter"}],
    ["logged", {"func_name": "greet", "class_name": "Greeter"}],
    ["printed", {"func_name": "prints"}],
]


def contexts(text: str) -> list[Any]:
    """The contexts of the lines that were captured."""
    lines = [line for line in text.splitlines() if line.startswith("PYTHON_WORKER_LOGGING:")]
    found = [json.loads(line.split(":", 2)[2]) for line in lines if line.split(":", 2)[2]]
    return [[line["msg"], line["context"]] for line in found]


def of_spark(module: str) -> list[Any]:
    """Under stock Spark."""
    with executor.SparkDaemon(module, LOGGING) as daemon:
        worker = daemon.worker()
        for request in FUNCTIONS:
            assert worker.run(request).error is None
        daemon.discard_workers()
        return contexts(str(daemon.stdout))


def test_lines_are_attributed_as_by_stock(daemon: client.Daemon) -> None:
    assert of_spark(executor.STOCK) == CONTEXTS
    assert of_spark(executor.OURS) == CONTEXTS
    worker = daemon.fork(env=LOGGING)
    text = ""
    for request in FUNCTIONS:
        assert worker.run(request).error is None
        text += worker.read_log("stdout", f"PYTHON_WORKER_LOGGING:{worker.pid}:\n".encode())
    assert contexts(text) == CONTEXTS
