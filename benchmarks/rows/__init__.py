"""The rows of the table, a module each, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..measure import Budget, Row
from . import (
    arrow_scalar,
    cancel,
    cold_worker,
    jvm,
    map_wide,
    memory,
    python_host,
    small_task,
    spark_tasks,
)

MEASUREMENTS: dict[str, Callable[[Budget], Iterator[Row]]] = {
    "A": arrow_scalar.measure,
    "B": map_wide.measure,
    "D": small_task.measure,
    "E": cold_worker.measure,
    "G": cancel.measure,
    "JVM": jvm.measure,
    "Python": python_host.measure,
    "memory": memory.measure,
}
"""What is measured, by the id of its rows; "JVM" measures A, B, D and H from a JVM, "Python" what a Python program
sees of its side."""

PEERS: dict[str, Callable[[Budget], Iterator[Row]]] = {"F": spark_tasks.measure}
"""What is measured inside other programs, minutes long: they have to be installed."""
