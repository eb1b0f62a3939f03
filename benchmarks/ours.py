"""The library's side: tasks through the Python binding."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa
import udfrunner

from .job import CONF, ROOT, Job
from .protocol import make_command

Compute = Callable[[pa.RecordBatchReader], Iterator[pa.RecordBatch]]
"""Runs one task: its results as they come, the task's end included."""


@contextmanager
def environment(more: Mapping[str, str] | None = None) -> Iterator[udfrunner.Env]:
    """An env whose workers run this interpreter and find the functions; more is more of its configuration."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    conf = {"spark.pyspark.python": sys.executable, "spark.executorEnv.PYTHONPATH": path}
    conf.update(more or {})
    with udfrunner.Env(conf) as env:
        yield env


def make_runner(env: udfrunner.Env, job: Job, by_reference: bool = False) -> udfrunner.Runner:
    """A runner of the job: of the command that stock workers get, or of the function's name."""
    result = ", ".join(f"{name} long" for name in job.names) if job.is_map else "long"
    return udfrunner.Runner(
        job.eval_type,
        [[job.reference if by_reference else make_command(job)]],
        arg_offsets=[[0]],
        return_type=result,
        env=env,
        conf=CONF,
    )


@contextmanager
def running(env: udfrunner.Env, job: Job, by_reference: bool = False) -> Iterator[Compute]:
    """The tasks of such a runner."""
    with make_runner(env, job, by_reference) as runner:

        def compute(data: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
            with runner.compute(data) as results:
                yield from results

        yield compute


def read(batches: list[pa.RecordBatch]) -> pa.RecordBatchReader:
    """A stream of batches."""
    return pa.RecordBatchReader.from_batches(batches[0].schema, batches)
