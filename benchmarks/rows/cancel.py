"""Row G: from the cancel of a stuck task until its worker's process is gone, waited for by its parent."""

from __future__ import annotations

import contextlib
import os
import select
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import udfrunner

from .. import ours
from ..job import MAP_ARROW, Job, make_batches, on_wire
from ..measure import Budget, Row, Side, Target
from ..stock_daemon import StockDaemon
from ..stuck import BEGUN, WAYS, on_read, on_write

LIMIT = 50
"""Milliseconds within which all but one of a hundred workers must be gone."""

_PATIENCE = 30
"""Seconds in which a worker must get stuck, and end."""

_STUCK_LOOKS = 3
"""Looks in a row, a millisecond apart, at which a worker does the same: it is stuck."""

Sample = Callable[[], float]


def measure(budget: Budget) -> Iterator[Row]:
    """For each way to be stuck: ours, and pyspark.daemon told to kill the process."""
    samples = max(1, budget.samples // 2)
    with tempfile.TemporaryDirectory() as directory:
        begun = Path(directory, "begun")
        stock = StockDaemon({BEGUN: str(begun)})
        try:
            with ours.environment({f"spark.executorEnv.{BEGUN}": str(begun)}) as env:
                for name, function in WAYS.items():
                    job = Job(MAP_ARROW, function)
                    with ours.make_runner(env, job) as runner:
                        yield _row(f"cancel to reaped, {name}", samples, {
                            "pyspark.daemon": _of_stock(stock, job, begun),
                            "ours": _of_ours(runner, job, begun),
                        })  # fmt: skip
        finally:
            stock.close()


def _row(case: str, samples: int, sides: dict[str, Sample]) -> Row:
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for run in sides.values():  # the first one's imports are not what is measured
        run()
    for _ in range(samples):
        for name, run in sides.items():
            taken[name].append(run())
    target = Target("ours", allowance=LIMIT, percentile=99)
    return Row("G", case, "ms", {name: Side(values) for name, values in taken.items()}, target)


def _of_ours(runner: udfrunner.Runner, job: Job, begun: Path) -> Sample:
    batches = make_batches(10, 10)

    def sample() -> float:
        done = threading.Event()

        def data() -> Iterator[pa.RecordBatch]:
            yield from batches
            if job.function is on_read:
                done.wait()

        with runner.compute(data(), schema=batches[0].schema) as out:
            host = threading.Thread(target=_drive, args=(out, job.function is on_write))
            host.start()
            pid = _stuck(begun)
            took = _time_to_end(pid, lambda: out.cancel("benchmark"))
            done.set()
            host.join()
        return took

    return sample


def _drive(out: Iterator[pa.RecordBatch], once: bool) -> None:
    """The host's thread: waits for results, or takes one and no more."""
    with contextlib.suppress(udfrunner.Cancelled):
        for _ in out:
            if once:
                return


def _of_stock(daemon: StockDaemon, job: Job, begun: Path) -> Sample:
    batches = on_wire(job, make_batches(10, 10))

    def sample() -> float:
        with daemon.start(job, batches):
            pid = _stuck(begun)
            return _time_to_end(pid, lambda: daemon.kill(pid))

    return sample


def _stuck(begun: Path) -> int:
    """The process id of the worker whose function has begun, once it does always the same."""
    deadline = time.monotonic() + _PATIENCE
    while not begun.exists():
        _in_time(deadline, "begin")
    pid = int(begun.read_text())
    begun.unlink()
    before, looks = "", 0
    while looks < _STUCK_LOOKS:
        _in_time(deadline, "get stuck")
        now = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        looks = looks + 1 if now == before else 0
        before = now
    return pid


def _in_time(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(f"the worker did not {what}")
    time.sleep(0.001)


def _time_to_end(pid: int, kill: Callable[[], object]) -> float:
    """Milliseconds from the beginning of kill until there is no such process, zombies included."""
    end = os.pidfd_open(pid)
    try:
        poller = select.poll()
        poller.register(end, select.POLLIN)
        start = time.perf_counter_ns()
        kill()
        if not poller.poll(_PATIENCE * 1000):
            raise TimeoutError(f"worker {pid} did not end")
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.00005)
        return (time.perf_counter_ns() - start) / 1e6
    finally:
        os.close(end)
