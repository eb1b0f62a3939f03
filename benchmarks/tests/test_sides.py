"""All sides run the same job and give the same; failures are told."""

from __future__ import annotations

import pytest

from benchmarks import ours, protocol, stock
from benchmarks.job import (
    ADD_ONE,
    ADD_ONE_PANDAS,
    SCALAR_ARROW,
    Job,
    identity,
    make_batches,
    on_wire,
)


def raises(values: object) -> None:
    """Fails as functions do."""
    raise ZeroDivisionError(f"no {type(values).__name__} today")


@pytest.mark.parametrize("job", [ADD_ONE, ADD_ONE_PANDAS, identity(3)])
def test_sides_agree(job: Job) -> None:
    batches = make_batches(25, 10, job.columns)
    expected = [
        [value + (not job.is_map) for value in column.to_pylist()]
        for batch in batches
        for column in batch.columns
    ]
    wrapped = on_wire(job, batches)
    with (
        stock.StockWorker() as worker,
        ours.environment() as env,
        ours.running(env, job) as run,
        ours.running(env, job, by_reference=True) as run_named,
    ):
        for results in (
            worker.compute(job, wrapped),
            run(ours.read(batches)),
            run_named(ours.read(batches)),
        ):
            columns = [column.to_pylist() for batch in results for column in batch.columns]
            assert columns == expected


def test_stock_worker_tells_the_traceback() -> None:
    job = Job(SCALAR_ARROW, raises)
    batches = make_batches(3, 3)
    in_memory = stock.run_in_memory(protocol.encode(job, batches))
    with pytest.raises(protocol.WorkerFailed, match="ZeroDivisionError: no Int64Array today"):
        list(protocol.decode(in_memory))
    with (
        stock.StockWorker() as worker,
        pytest.raises(protocol.WorkerFailed, match="ZeroDivisionError: no Int64Array today"),
    ):
        list(worker.compute(job, batches))
