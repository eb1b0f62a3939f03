"""Row A: 5 million longs through an Arrow function, in batches of several sizes."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from .. import ours, protocol, stock
from ..job import ADD_ONE, make_batches
from ..measure import Budget, Row, Target, drain, take_turns

ROWS = 5_000_000
BATCH_SIZES = (1_000_000, 64_000, 10_000)


def measure(budget: Budget) -> Iterator[Row]:
    """One row a batch size."""
    with (
        stock.StockWorker() as worker,
        ours.environment() as env,
        ours.running(env, ADD_ONE) as compute,
    ):
        for size in BATCH_SIZES:
            yield _measure(worker, compute, budget.rows(ROWS), size, budget.rounds)


def _measure(
    worker: stock.StockWorker, compute: ours.Compute, rows: int, size: int, rounds: int
) -> Row:
    batches = make_batches(rows, size)
    task = protocol.encode(ADD_ONE, batches)

    expected = pc.add(pa.Table.from_batches(batches).column(0), 1)
    for results in (
        worker.compute(ADD_ONE, batches),
        protocol.decode(stock.run_in_memory(task)),
        compute(ours.read(batches)),
    ):
        assert pa.Table.from_batches(list(results)).column(0).equals(expected)

    def in_process() -> None:
        for batch in batches:
            pc.add(batch.column(0), 1)

    sides = take_turns(
        {
            "in process": in_process,
            "stock, socket pair": lambda: drain(worker.compute(ADD_ONE, batches)),
            "stock, memory": lambda: stock.run_in_memory(task),
            "ours": lambda: drain(compute(ours.read(batches))),
        },
        rounds,
    )
    case = f"Arrow x+1, {rows:,} longs, batches of {size:,}"
    return Row("A", case, "ms", sides, Target("ours", "stock, socket pair", 1.05))
