"""Rows A, B and D from a JVM, compared with the host in C, and row H: what one call costs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import partial

from .. import c_host, jvm_host
from ..job import ADD_ONE, Job, identity, make_batches
from ..measure import Budget, Row, Side, Target, take_turns

C, ARROW, IPC = "ours, C host", "ours, JVM host, Arrow arrays", "ours, JVM host, IPC bytes"
CALLS = 200_000
"""Calls a sample: so many that the task, in which they are made, is next to nothing of it."""
CASES = (
    ("A", ADD_ONE, "Arrow x+1, {:,} longs, batches of 64,000", 5_000_000, 64_000),
    ("B", identity(50), "mapInArrow identity, 50 x {:,} longs, batches of 64,000", 500_000, 64_000),
    ("D", ADD_ONE, "Arrow x+1, warm task of {} rows", 10, 10),
)
WARM_UPS = {"A": 10, "B": 10, "D": 30}
"""Tasks of the JVM for each that is measured, before it. Its second compiler takes what was called more
than 5,000 times (Tier4InvocationThreshold), and in a small task most is called once."""


def measure(budget: Budget) -> Iterator[Row]:
    """A row for each case and each way of handing data over; nothing where there is no JDK."""
    if not jvm_host.available():
        return
    for name, job, case, full, size in CASES:
        rows = full if name == "D" else budget.rows(full)
        rounds = budget.samples if name == "D" else budget.rounds
        yield from _measure(name, job, case.format(rows), rows, min(size, rows), rounds)
    yield _calls(budget.rounds)


def _measure(name: str, job: Job, case: str, rows: int, size: int, rounds: int) -> Iterator[Row]:
    with c_host.running(job) as host, jvm_host.running(job, rows, size) as jvm:
        run = host.task(make_batches(rows, size, job.columns))
        total = ctypes.c_int64()
        first = 0 if job.is_map else 1
        expected = rows * (rows - 1) // 2 + first * rows
        assert (run(total), total.value) == (rows, expected)
        assert jvm.check() == (rows, expected)
        for side, way in ((ARROW, "arrow"), (IPC, "ipc")):
            for _ in range(WARM_UPS[name] * rounds):
                jvm.run(way)
            sides: dict[str, Callable[[], object]] = {C: run, side: partial(jvm.run, way)}
            yield Row(f"JVM {name}", case, "ms", take_turns(sides, rounds), Target(side, C, 1.1))


def _calls(rounds: int) -> Row:
    with c_host.running(ADD_ONE) as host, jvm_host.running(ADD_ONE, 1, 1) as jvm:
        for _ in range(5):
            jvm.calls(CALLS)
        sides = take_turns(
            {"from C": lambda: host.calls(CALLS), "through JNI": lambda: jvm.calls(CALLS)},
            rounds,
        )
    each = {
        name: Side([sample * 1e6 / CALLS for sample in side.samples])
        for name, side in sides.items()
    }
    return Row("H", "one call through the ABI", "ns", each, Target("through JNI", "from C", 2.0))
