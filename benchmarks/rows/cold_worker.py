"""Row E: a task of ten rows on a worker that has run none, from the daemon that is there."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from contextlib import ExitStack

from .. import c_host
from ..job import ADD_ONE_PANDAS, make_batches
from ..measure import Budget, Row, Target, take_turns

ROWS = 10
AT_ONCE = 16

COLD, SPARE, STOCK = "ours, C host", "ours, a spare", "pyspark.daemon, C host"

STRICT = {"spark.python.worker.reuse": "false"}
CONF = {
    COLD: STRICT,
    SPARE: {**STRICT, "udfrunner.worker.spares": "1"},
    STOCK: {**STRICT, "spark.python.daemon.module": "pyspark.daemon"},
}

PAUSE_SECONDS = 0.15
"""What the workers before get to end, and a spare to be forked and to rehearse, before a side is measured."""

SELDOM, SELDOM_AT_ONCE = 10, 50
"""Rounds for each of stock, which takes a second, and many for many at once."""


def measure(budget: Budget) -> Iterator[Row]:
    """A new worker, a spare, many at once; workers of pyspark.daemon next to each."""
    batches = make_batches(ROWS, ROWS)
    with ExitStack() as stack:
        hosts = {
            name: stack.enter_context(c_host.running(ADD_ONE_PANDAS, conf=conf))
            for name, conf in CONF.items()
        }
        one = {name: host.task(batches) for name, host in hosts.items()}
        many = {name: hosts[name].task(batches, AT_ONCE) for name in (COLD, STOCK)}
        total = ctypes.c_int64()
        for run in one.values():
            assert run(total) == ROWS
            assert total.value == sum(range(1, ROWS + 1))
        assert many[COLD](total) == AT_ONCE * ROWS
        assert total.value == AT_ONCE * sum(range(1, ROWS + 1))

        rounds = max(1, budget.samples // 2)
        sides = take_turns(one, rounds, dict.fromkeys((COLD, SPARE), _pause), {STOCK: SELDOM})
        case = f"cold worker to its first pandas result, {ROWS} rows"
        both = {name: sides[name] for name in (STOCK, COLD)}
        yield Row("E", case, "ms", both, Target(COLD, allowance=20))
        case = f"the same on a warm spare, {ROWS} rows"
        both = {name: sides[name] for name in (STOCK, SPARE)}
        yield Row("E", case, "ms", both, Target(SPARE, allowance=3))

        together, stock = f"ours, {AT_ONCE} at once", f"pyspark.daemon, {AT_ONCE} at once"
        sides = take_turns(
            {COLD: one[COLD], together: many[COLD], stock: many[STOCK]},
            rounds,
            dict.fromkeys((COLD, together), _pause),
            {stock: SELDOM_AT_ONCE},
        )
        case = f"{AT_ONCE} cold workers at once, each to its first pandas result"
        yield Row("E", case, "ms", sides, Target(together, COLD, 9.0))


def _pause() -> None:
    time.sleep(PAUSE_SECONDS)
