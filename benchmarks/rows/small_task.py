"""Row D: a task of ten rows on a worker that has run such tasks before."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from .. import ours, protocol, stock
from ..job import ADD_ONE, ADD_ONE_PANDAS, Job, make_batches
from ..measure import Budget, Row, Target, drain, take_turns

ROWS = 10


def measure(budget: Budget) -> Iterator[Row]:
    """One row for Arrow, one for pandas."""
    with stock.StockWorker() as worker, ours.environment() as env:
        for name, job in (("Arrow", ADD_ONE), ("pandas", ADD_ONE_PANDAS)):
            with ours.running(env, job) as compute:
                yield _measure(name, job, worker, compute, budget.samples)


def _measure(
    name: str, job: Job, worker: stock.StockWorker, compute: ours.Compute, samples: int
) -> Row:
    batches = make_batches(ROWS, ROWS)
    task = protocol.encode(job, batches)

    expected = list(range(1, ROWS + 1))
    for results in (
        worker.compute(job, batches),
        protocol.decode(stock.run_in_memory(task)),
        compute(ours.read(batches)),
    ):
        assert pa.Table.from_batches(list(results)).column(0).to_pylist() == expected

    sides = take_turns(
        {
            "stock, memory": lambda: stock.run_in_memory(task),
            "stock, socket pair": lambda: drain(worker.compute(job, batches)),
            "ours": lambda: drain(compute(ours.read(batches))),
        },
        samples,
    )
    case = f"{name} x+1, warm task of {ROWS} rows"
    return Row("D", case, "ms", sides, Target("ours", "stock, memory", 1.2, allowance=0.3))
