"""A PySpark 4.2 worker's input encoded and its output decoded: what the plain client speaks."""

from __future__ import annotations

import io
import json
import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql.types import DataType, LongType, StructField, StructType

from .job import CONF, Job

END_OF_DATA, EXCEPTION, TIMING, END_OF_STREAM, START_ARROW_STREAM = -1, -2, -3, -4, -6

_TIMES = 4 * 8
"""Bytes of the result section's boot, init, finish and processing times."""

_SPILLED = 2 * 8
"""Bytes of the counts of bytes spilled to memory and disk."""


class WorkerFailed(Exception):
    """The worker answered with a traceback, or did not end the task as it should."""


def _int(value: int) -> bytes:
    return struct.pack("!i", value)


def _text(value: str) -> bytes:
    data = value.encode()
    return _int(len(data)) + data


def end_of_task() -> bytes:
    """What follows the data section."""
    return _int(END_OF_STREAM)


def make_command(job: Job) -> bytes:
    """The pickled function and return type; the pickle names the function, as its module is known."""
    result: DataType = LongType()
    if job.is_map:
        result = StructType([StructField(name, LongType()) for name in job.names])
    pickled: bytes = cloudpickle.dumps((job.function, result))  # type: ignore[no-untyped-call]
    return pickled


def init_section(job: Job) -> bytes:
    """What opens a task of the job."""
    command = make_command(job)
    context = {
        "isBarrier": False,
        "connInfo": -1,
        "secret": "",
        "stageId": 0,
        "partitionId": 0,
        "attemptNumber": 0,
        "taskAttemptId": 0,
        "cpus": 1,
        "resources": {},
        "localProperties": {},
    }
    return b"".join(
        [
            _int(0),  # partition
            _text("{}.{}".format(*sys.version_info[:2])),
            _text(json.dumps(context)),
            _text("/nonexistent"),  # directory of SparkFiles
            _int(0),  # includes
            b"\0" + _int(0),  # broadcasts
            _int(job.eval_type),
            _int(len(CONF)),
            *(_text(key) + _text(value) for key, value in CONF.items()),
            _int(0),  # eval conf
            _int(1),  # functions
            _int(1) + _int(0) + b"\0",  # argument 0, without a keyword
            _int(1) + _int(len(command)) + command,
            struct.pack("!q", 0),  # result id
        ]
    )


def encode(job: Job, batches: list[pa.RecordBatch]) -> bytes:
    """A complete task; the batches are in the layout of the wire."""
    sink = io.BytesIO()
    sink.write(init_section(job))
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    sink.write(end_of_task())
    return sink.getvalue()


def decode(stream: BinaryIO) -> Iterator[pa.RecordBatch]:
    """The batches of one task's output, as they come.

    Raises WorkerFailed with the worker's traceback, or where the worker may not be reused.
    """
    while True:
        event = _read_int(stream)
        if event == START_ARROW_STREAM:
            yield from pa.ipc.open_stream(stream)
        elif event == TIMING:
            _read(stream, _TIMES + _SPILLED)
        elif event == END_OF_DATA:
            for _ in range(_read_int(stream)):  # accumulators
                _read(stream, _read_int(stream))
            end = _read_int(stream)
            if end != END_OF_STREAM:
                raise WorkerFailed(f"task ended with {end} instead of {END_OF_STREAM}")
            return
        elif event == EXCEPTION:
            raise WorkerFailed(_read(stream, _read_int(stream)).decode())
        else:
            raise WorkerFailed(f"event {event} in the output")


def _read_int(stream: BinaryIO) -> int:
    return int(struct.unpack("!i", _read(stream, 4))[0])


def _read(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise WorkerFailed("worker closed its end")
    return data
