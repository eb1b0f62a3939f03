"""Row D: a task of ten rows on a worker that has run such tasks before."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from .. import ours, protocol, stock
from ..job import ADD_ONE, ADD_ONE_PANDAS, Job, make_batches
from ..measure import Budget, Row, Target, drain, take_turns

ROWS = 10


def measure(budget: Budget) -> Iterator[Row]:
    """Two rows for Arrow, two for pandas: of a pickled function, and of one told by its name."""
    with stock.StockWorker() as worker, ours.environment() as env:
        for name, job in (("Arrow", ADD_ONE), ("pandas", ADD_ONE_PANDAS)):
            with (
                ours.running(env, job) as compute,
                ours.running(env, job, by_reference=True) as compute_named,
            ):
                yield from _measure(name, job, worker, compute, compute_named, budget.samples)


def _measure(
    name: str,
    job: Job,
    worker: stock.StockWorker,
    compute: ours.Compute,
    compute_named: ours.Compute,
    samples: int,
) -> Iterator[Row]:
    batches = make_batches(ROWS, ROWS)
    task = protocol.encode(job, batches)

    expected = list(range(1, ROWS + 1))
    for results in (
        worker.compute(job, batches),
        protocol.decode(stock.run_in_memory(task)),
        compute(ours.read(batches)),
        compute_named(ours.read(batches)),
    ):
        assert pa.Table.from_batches(list(results)).column(0).to_pylist() == expected

    sides = take_turns(
        {
            "stock, memory": lambda: stock.run_in_memory(task),
            "stock, socket pair": lambda: drain(worker.compute(job, batches)),
            "ours": lambda: drain(compute(ours.read(batches))),
            "ours, by name": lambda: drain(compute_named(ours.read(batches))),
        },
        samples,
    )
    case = f"{name} x+1, warm task of {ROWS} rows"
    named = sides.pop("ours, by name")
    target = Target("ours", "stock, memory", 1.2, allowance=0.3)
    yield Row("D", case, "ms", sides, target)
    yield Row("D", f"{case}, function by name", "ms", {**sides, "ours": named}, target)
