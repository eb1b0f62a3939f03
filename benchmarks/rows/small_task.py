"""Row D: a task of ten rows on a worker that has run such tasks before."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator

import pyarrow as pa

from .. import c_host, ours, protocol, stock
from ..job import ADD_ONE, ADD_ONE_PANDAS, Job, make_batches
from ..measure import Budget, Row, Target, drain, take_turns

ROWS = 10
FLOOR = "stock, memory"


def measure(budget: Budget) -> Iterator[Row]:
    """For Arrow and for pandas: a host in C with a pickled function, with one told by its name, and a Python host."""
    with stock.StockWorker() as worker, ours.environment() as env:
        for name, job in (("Arrow", ADD_ONE), ("pandas", ADD_ONE_PANDAS)):
            case = f"{name} x+1, warm task of {ROWS} rows"
            yield from _from_c(case, job, budget.samples)
            with ours.running(env, job) as compute:
                yield _from_python(case, job, worker, compute, budget.samples)


def _from_c(case: str, job: Job, samples: int) -> Iterator[Row]:
    batches = make_batches(ROWS, ROWS)
    task = protocol.encode(job, batches)
    _check(protocol.decode(stock.run_in_memory(task)))
    with c_host.running(job) as host, c_host.running(job, by_reference=True) as host_named:
        run, run_named = host.task(batches), host_named.task(batches)
        for each in (run, run_named):
            total = ctypes.c_int64()
            assert each(total) == ROWS
            assert total.value == sum(range(1, ROWS + 1))
        # Each next to the floor alone: a third side would leave both with colder caches.
        for title, side in ((case, run), (f"{case}, function by name", run_named)):
            sides: dict[str, Callable[[], object]] = {
                FLOOR: lambda: stock.run_in_memory(task),
                "ours, C host": side,
            }
            target = Target("ours, C host", FLOOR, 1.2, allowance=0.2)
            yield Row("D", title, "ms", take_turns(sides, samples), target)


def _from_python(
    case: str, job: Job, worker: stock.StockWorker, compute: ours.Compute, samples: int
) -> Row:
    batches = make_batches(ROWS, ROWS)
    task = protocol.encode(job, batches)
    _check(worker.compute(job, batches))
    _check(compute(ours.read(batches)))
    sides = take_turns(
        {
            FLOOR: lambda: stock.run_in_memory(task),
            "stock, socket pair": lambda: drain(worker.compute(job, batches)),
            "ours, Python host": lambda: drain(compute(ours.read(batches))),
        },
        samples,
    )
    return Row("D", case, "ms", sides, Target("ours, Python host", "stock, socket pair", 1.05))


def _check(results: Iterator[pa.RecordBatch]) -> None:
    column = pa.Table.from_batches(list(results)).column(0).to_pylist()
    assert column == list(range(1, ROWS + 1))
