"""What a measurement runs: one function over columns of longs, told to every side alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from . import functions

ROOT = Path(__file__).resolve().parent.parent
"""The repository: on the PYTHONPATH of all workers, which import the functions from it."""

SCALAR_PANDAS, MAP_ARROW, SCALAR_ARROW = 200, 207, 250

CONF = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.pandas.convertToArrowArraySafely": "true",
}
"""The runner conf that Spark 4.2 sends whatever its configuration is."""


@dataclass(frozen=True)
class Job:
    """A function, how it is called and what it gives."""

    eval_type: int
    function: Callable[..., Any]
    columns: int = 1
    """Columns of the result, all of them longs; map functions have those of the input."""

    @property
    def is_map(self) -> bool:
        """Whether rows travel as one struct column."""
        return self.eval_type == MAP_ARROW

    @property
    def reference(self) -> str:
        """The function by module and name."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    @property
    def names(self) -> list[str]:
        """Names of the input's columns."""
        return [f"_{i}" for i in range(self.columns)]


ADD_ONE = Job(SCALAR_ARROW, functions.add_one)
ADD_ONE_PANDAS = Job(SCALAR_PANDAS, functions.add_one_pandas)


def identity(columns: int) -> Job:
    """The job of giving back what comes in."""
    return Job(MAP_ARROW, functions.identity, columns)


def make_batches(rows: int, size: int, columns: int = 1) -> list[pa.RecordBatch]:
    """Rows of longs, in record batches of at most ``size`` rows."""
    arrays = [pa.array(np.arange(i, i + rows, dtype=np.int64)) for i in range(columns)]
    table = pa.table(arrays, names=[f"_{i}" for i in range(columns)])
    batches: list[pa.RecordBatch] = table.to_batches(max_chunksize=size)
    return batches


def on_wire(job: Job, batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Batches in the layout that Spark sends for the job's eval type."""
    if not job.is_map:
        return batches
    return [pa.record_batch([batch.to_struct_array()], names=["_0"]) for batch in batches]


def off_wire(job: Job, batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of results as the host needs it."""
    return pa.RecordBatch.from_struct_array(batch.column(0)) if job.is_map else batch
