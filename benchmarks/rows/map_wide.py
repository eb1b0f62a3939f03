"""Row B: 50 columns of half a million longs through a mapInArrow function that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from .. import ours, stock
from ..job import Job, identity, make_batches, on_wire
from ..measure import Budget, Row, Target, drain, take_turns

COLUMNS = 50
ROWS = 500_000
BATCH_SIZES = (64_000, 10_000)


def measure(budget: Budget) -> Iterator[Row]:
    """One row a batch size."""
    job = identity(COLUMNS)
    with (
        stock.StockWorker() as worker,
        ours.environment() as env,
        ours.running(env, job) as compute,
    ):
        for size in BATCH_SIZES:
            yield _measure(job, worker, compute, budget.rows(ROWS), size, budget.rounds)


def _measure(
    job: Job, worker: stock.StockWorker, compute: ours.Compute, rows: int, size: int, rounds: int
) -> Row:
    batches = make_batches(rows, size, job.columns)
    wrapped = on_wire(job, batches)

    expected = pa.Table.from_batches(batches)
    for results in (worker.compute(job, wrapped), compute(ours.read(batches))):
        assert pa.Table.from_batches(list(results)).equals(expected)

    sides = take_turns(
        {
            "stock, socket pair": lambda: drain(worker.compute(job, wrapped)),
            "ours": lambda: drain(compute(ours.read(batches))),
        },
        rounds,
    )
    case = f"mapInArrow identity, {job.columns} x {rows:,} longs, batches of {size:,}"
    return Row("B", case, "ms", sides, Target("ours", "stock, socket pair", 1.05))
