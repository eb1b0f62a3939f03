"""The host's memory while more data than it could hold flows through one task.

Run as a module it is that host, a fresh process: ``python -m benchmarks.rows.memory <bytes>``.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from .. import ours
from ..job import identity
from ..measure import Budget, Row, Side, Target

TOTAL = 2 << 30
BATCH = 16 << 20
LIMIT = 64.0
"""MiB by which the host may grow."""

INTERVAL = 0.002
"""Seconds between two samples."""


def measure(budget: Budget) -> Iterator[Row]:
    """The one row."""
    total = max(2 * BATCH, TOTAL // budget.scale)
    command = [sys.executable, "-m", __name__, str(total)]
    growth: list[float] = json.loads(
        subprocess.run(command, check=True, capture_output=True).stdout
    )
    case = f"mapInArrow identity, {total / (1 << 30):.2g} GiB in batches of {BATCH >> 20} MiB"
    yield Row("memory", case, "MiB", {"ours": Side([max(growth)])}, Target("ours", allowance=LIMIT))


def run(total: int) -> list[float]:
    """Growth of this process in MiB over what it had after a small task, sampled during a big one."""
    job = identity(1)
    values = np.arange(BATCH // 8, dtype=np.int64)
    schema = pa.schema([("_0", pa.int64())])

    def produce(count: int, rows: int) -> Iterator[pa.RecordBatch]:
        for number in range(count):
            yield pa.record_batch([pa.array(values[:rows] + number)], schema=schema)

    with ours.environment() as env, ours.running(env, job) as compute:
        for batch in compute(pa.RecordBatchReader.from_batches(schema, produce(1, 10))):
            del batch
        samples: list[float] = []
        before = _resident()
        done = threading.Event()

        def sample() -> None:
            while not done.wait(INTERVAL):
                samples.append((_resident() - before) / (1 << 20))

        sampler = threading.Thread(target=sample)
        sampler.start()
        try:
            count = total // BATCH
            stream = pa.RecordBatchReader.from_batches(schema, produce(count, len(values)))
            for number, batch in enumerate(compute(stream)):
                assert batch.num_rows == len(values)
                assert batch.column(0)[0].as_py() == number
                del batch
            assert number == count - 1
        finally:
            done.set()
            sampler.join()
    return samples


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    json.dump(run(int(sys.argv[1])), sys.stdout)
