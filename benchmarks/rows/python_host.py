"""What a Python program sees of its own side: apply, closures, workers, imports, a process's first result."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial

import pyarrow as pa
import udfrunner

from .. import c_host, functions, ours
from ..job import ADD_ONE, make_batches
from ..measure import Budget, Row, Target, take_turns

ROWS = 5_000_000
BATCH_SIZES = (1_000_000, 64_000)
ENTRIES = 1_000_000
COMPUTED = 400_000
"""Rows of the function in plain Python."""

PROCESSES = 3
"""Rounds of new processes at most: each takes a second."""

FIRST = """
import pyarrow as pa
import udfrunner

def plus_one(x):
    return x + 1

found = udfrunner.apply(plus_one, pa.table({"x": [1, 2]}), "x", kind="pandas", return_type="long")
assert found.to_pylist() == [2, 3]
"""


def measure(budget: Budget) -> Iterator[Row]:
    """A row for each of these."""
    yield from _apply(budget)
    yield from _closures(budget)
    yield _workers(budget)
    yield from _processes(budget)


def _apply(budget: Budget) -> Iterator[Row]:
    """Row A by apply, which keeps its results, and by a C host, which drops them."""
    for size in BATCH_SIZES:
        rows = budget.rows(ROWS)
        batches = make_batches(rows, size)
        table = pa.Table.from_batches(batches)
        with ours.environment() as env, c_host.running(ADD_ONE) as host:
            task = host.task(batches)

            def apply(env: udfrunner.Env = env, table: pa.Table = table) -> pa.ChunkedArray:
                return udfrunner.apply(
                    functions.add_one, table, "_0", kind="arrow", return_type="long", env=env
                )

            assert apply().slice(0, 3).to_pylist() == [1, 2, 3][:rows]
            sides = take_turns({"ours, C host": task, "apply": apply}, budget.rounds)
        case = f"Arrow x+1 by apply, {rows:,} longs, batches of {size:,}"
        yield Row("Python A", case, "ms", sides, Target("apply", "ours, C host", 1.1))


def _closures(budget: Budget) -> Iterator[Row]:
    """A call whose function has a large dict, which workers have already, and one that sends it."""
    entries = budget.rows(ENTRIES)
    table = pa.table({"x": [1, 2, 3]})
    for name, values in (
        ("longs", {i: 2 * i for i in range(entries)}),
        ("text", {str(i): str(2 * i) for i in range(entries)}),
    ):

        def function(x: pa.Array, values: object = values) -> pa.Array:
            return pa.array([len(values)] * len(x))  # type: ignore[arg-type]

        # What is in front of the interpreter may keep workers from the host's files.
        launcher = {"udfrunner.worker.launcher": "env"}
        with ours.environment() as env, ours.environment(launcher) as sending:

            def run(env: udfrunner.Env, function: Callable[..., pa.Array] = function) -> None:
                found = udfrunner.apply(
                    function, table, "x", return_type="long", workers=2, env=env
                )
                assert found.to_pylist() == [entries] * 3

            sides = take_turns(
                {"sent each time": lambda: run(sending), "apply": lambda: run(env)},
                max(2, budget.rounds // 3),
            )
        case = f"a dict of {entries:,} {name} in the closure, 2 workers"
        yield Row("closure", case, "ms", sides, Target("apply", "sent each time", 0.7))


def _workers(budget: Budget) -> Row:
    """A function in plain Python by two workers, and by one."""
    rows = budget.rows(COMPUTED)
    table = pa.table({"x": list(range(rows))})
    with ours.environment() as env:

        def run(workers: int) -> None:
            found = udfrunner.apply(
                functions.collatz,
                table,
                "x",
                kind="batched",
                return_type="long",
                workers=workers,
                env=env,
            )
            assert len(found) == rows

        sides = take_turns(
            {"one worker": lambda: run(1), "two workers": lambda: run(2)},
            max(2, budget.rounds // 3),
        )
    case = f"a function in plain Python, {rows:,} rows"
    return Row("workers", case, "ms", sides, Target("two workers", "one worker", 1 / 1.8))


def _processes(budget: Budget) -> Iterator[Row]:
    """The package's import, and a new process's first result, beyond what PyArrow's import takes."""
    rounds = min(PROCESSES, budget.rounds)
    alone = "import pyarrow"
    for title, code, allowance in (
        ("import udfrunner", f"{alone}, udfrunner", 30.0),
        ("first result of a new process", FIRST, 1000.0),
    ):
        side = "pyarrow and udfrunner" if allowance < 100 else "first result"
        sides = take_turns({alone: partial(_run, alone), side: partial(_run, code)}, rounds)
        yield Row("start", title, "ms", sides, Target(side, alone, 1.0, allowance=allowance))


def _run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)
