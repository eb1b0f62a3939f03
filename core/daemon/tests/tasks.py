"""Encodes worker inputs of the PySpark that runs the tests, and decodes the outputs."""

from __future__ import annotations

import io
import json
import pickle
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyspark
from pyspark import cloudpickle
from pyspark.sql.types import DataType, LongType, StringType

ROWS = 100
SCALAR_PANDAS = 200
MAP_ARROW = 207
SCALAR_ARROW = 250

END_OF_DATA, EXCEPTION, TIMING, END_OF_STREAM = -1, -2, -3, -4
START_ARROW_STREAM, START_INIT = -6, -8

PYSPARK = tuple(int(part) for part in pyspark.__version__.split(".")[:2])

SCALAR = SCALAR_ARROW if PYSPARK >= (4, 1) else SCALAR_PANDAS
"""The cheapest eval type for functions of a column."""

CONTEXT = {
    "isBarrier": False,
    "connInfo": -1,
    "secret": "",
    "stageId": 1,
    "partitionId": 0,
    "attemptNumber": 0,
    "taskAttemptId": 7,
    "cpus": 1,
    "cpuAmount": "1",
    "resources": {},
    "localProperties": {},
}


def _int(value: int) -> bytes:
    return struct.pack("!i", value)


def _text(value: str) -> bytes:
    data = value.encode()
    return _int(len(data)) + data


def _pickle_by_value(function: Callable[..., Any]) -> None:
    """Workers cannot import the modules of the tests."""
    module = sys.modules[function.__module__]
    file = getattr(module, "__file__", None)
    if file and Path(file).parent == Path(__file__).parent:
        cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]


def init_section(
    eval_type: int, function: Callable[..., Any], return_type: DataType, conf: dict[str, str]
) -> bytes:
    """The init section of a task with one function of the input's first column."""
    _pickle_by_value(function)
    command = cloudpickle.dumps((function, return_type))  # type: ignore[no-untyped-call]
    parts = [
        _int(0),
        _text("{}.{}".format(*sys.version_info[:2])),
        _text(json.dumps(CONTEXT)) if PYSPARK >= (4, 2) else _binary_context(),
        _text("/nonexistent-files"),
        _int(0),  # includes
        b"\0" + _int(0),  # broadcasts
        _int(eval_type),
        *_configuration(eval_type, conf),
        _before_functions(eval_type),
        _int(1),  # functions
        _int(1) + _int(0) + _keyword_flag(eval_type),  # argument 0
        _int(1) + _int(len(command)) + command,
        struct.pack("!q", 0) if PYSPARK >= (4, 2) else b"",  # result id
    ]
    section = b"".join(parts)
    return _int(START_INIT) + _int(len(section)) + section if PYSPARK >= (4, 3) else section


def _configuration(eval_type: int, conf: dict[str, str]) -> list[bytes]:
    """Of the runner; tasks of rows have none before 4.2."""
    if eval_type == ROWS and PYSPARK < (4, 2):
        return []
    return [_int(len(conf)), *(_text(key) + _text(value) for key, value in conf.items())]


def _binary_context() -> bytes:
    """The task context before 4.2; no barrier, whose port and secret came along up to 4.0."""
    barrier = b"\0" if PYSPARK >= (4, 1) else b"\0" + _int(-1) + _text("")
    return barrier + struct.pack("!iiiqi", 1, 0, 0, 7, 1) + _int(0) + _int(0)


def _before_functions(eval_type: int) -> bytes:
    if PYSPARK >= (4, 2):
        return _int(0)  # eval conf
    return b"\0" if PYSPARK >= (4, 0) else b""  # no profiler


def _keyword_flag(eval_type: int) -> bytes:
    """Not passed by keyword, where functions of the eval type may be called so."""
    flagged = PYSPARK >= (4, 2) or (PYSPARK >= (4, 0) and eval_type != MAP_ARROW)
    return b"\0" if flagged else b""


def arrow_stream(batches: list[pa.RecordBatch]) -> bytes:
    """Batches as one Arrow IPC stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()


def ten_rows(eval_type: int = SCALAR) -> list[pa.RecordBatch]:
    """One batch of ten longs, in the layout of the eval type."""
    column = pa.array(range(10), pa.int64())
    if eval_type == MAP_ARROW:
        column = pa.StructArray.from_arrays([column], names=["x"])
    return [pa.record_batch([column], names=["_0"])]


def encode(
    eval_type: int,
    function: Callable[..., Any],
    return_type: DataType | None = None,
    batches: list[pa.RecordBatch] | None = None,
    conf: dict[str, str] | None = None,
) -> bytes:
    """A complete worker input."""
    return (
        init_section(eval_type, function, return_type or LongType(), conf or {})
        + arrow_stream(batches or ten_rows(eval_type))
        + _int(END_OF_STREAM)
    )


def encode_probe(function: Callable[[], Any]) -> bytes:
    """A task that calls function once and returns its result, as JSON, in each row."""

    def column(values: Any) -> Any:
        import json

        texts = [json.dumps(function())] * len(values)
        if type(values).__module__.startswith("pandas"):
            return type(values)(texts)
        import pyarrow

        return pyarrow.array(texts)

    _pickle_by_value(function)
    return encode(SCALAR, column, StringType())


def encode_row_probe(function: Callable[[], Any]) -> bytes:
    """As encode_probe, as a task of one row, which needs nothing but Python."""

    def column(value: Any) -> Any:
        import json

        return json.dumps(function())

    _pickle_by_value(function)
    batch = pickle.dumps([(1,)])
    return (
        init_section(ROWS, column, StringType(), {})
        + _int(len(batch))
        + batch
        + _int(END_OF_DATA)
        + _int(END_OF_STREAM)
    )


@dataclass
class Result:
    """What a worker answered."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    error: str | None = None
    reusable: bool = False

    @property
    def value(self) -> Any:
        """The result of a probe."""
        assert self.error is None, self.error
        return json.loads(self.rows[0] if self.rows else self.batches[0].column(0)[0].as_py())


def read_int(stream: BinaryIO) -> int:
    """A frame's int; EOFError at the end."""
    data = stream.read(4)
    if len(data) < 4:
        raise EOFError
    return int(struct.unpack("!i", data)[0])


def decode(stream: BinaryIO) -> Result:
    """Read the output of one task."""
    result = Result()
    while True:
        length = read_int(stream)
        if length == START_ARROW_STREAM:
            result.batches.extend(pa.ipc.open_stream(stream))
        elif length == EXCEPTION:
            result.error = stream.read(read_int(stream)).decode()
            return result
        elif length == TIMING:
            times = 4 if PYSPARK >= (4, 2) else 3
            stream.read((times + 2) * 8)
        elif length == END_OF_DATA:
            for _ in range(read_int(stream)):
                stream.read(read_int(stream))
            result.reusable = read_int(stream) == END_OF_STREAM
            return result
        elif length > 0:
            result.rows.extend(pickle.loads(stream.read(length)))
        else:
            raise AssertionError(f"frame {length}")
