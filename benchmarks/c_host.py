"""The library's side: tasks from a host in plain C, c_host.c, with nothing of Python in between."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa
from udfrunner import _abi

from .job import CONF, ROOT, Job
from .protocol import make_command

LIBRARY = ROOT / "build" / "bench" / "libchost.so"
"""Made by ``make bench``."""

Task = Callable[..., int]
"""Runs one task; answers the count of its results, and adds them up where given a c_int64."""


def _pairs(values: dict[str, str]) -> ctypes.Array[_abi.Pair]:
    pairs = (_abi.Pair * len(values))()
    for pair, (key, value) in zip(pairs, values.items(), strict=True):
        pair.key, pair.key_size = key.encode(), len(key.encode())
        pair.value, pair.value_size = value.encode(), len(value.encode())
    return pairs


def _function(job: Job, by_reference: bool) -> _abi.Function:
    function = _abi.Function()
    function.size = ctypes.sizeof(function)
    function.return_type = (
        ", ".join(f"{name} long" for name in job.names) if job.is_map else "long"
    ).encode()
    function.return_type_size = len(function.return_type)
    if by_reference:
        function.reference = job.reference.encode()
        function.reference_size = len(function.reference)
    else:
        command = make_command(job)
        function.pickle = ctypes.cast(ctypes.c_char_p(command), ctypes.c_void_p)
        function.pickle_size = len(command)
    return function


@contextmanager
def running(job: Job, by_reference: bool = False) -> Iterator[Host]:
    """A C host with a runner of the job, as :func:`benchmarks.ours.running` has one."""
    host = Host(job, by_reference)
    try:
        yield host
    finally:
        host.close()


class Host:
    """The C host of one job."""

    def __init__(self, job: Job, by_reference: bool) -> None:
        library = ctypes.CDLL(str(LIBRARY))
        library.c_host_create.restype = ctypes.c_void_p
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        conf = {
            "spark.pyspark.python": sys.executable,
            "spark.executorEnv.PYTHONPATH": path,
            **CONF,
        }
        function = _function(job, by_reference)
        self._library = library
        self._host = ctypes.c_void_p(
            library.c_host_create(
                _pairs(conf), ctypes.c_size_t(len(conf)), job.eval_type, ctypes.byref(function)
            )
        )
        if not self._host:
            raise RuntimeError("the C host has no runner; its error is on stderr")

    def close(self) -> None:
        """Ends the host's workers."""
        self._library.c_host_destroy(self._host)

    def calls(self, count: int) -> None:
        """Makes so many calls that do next to nothing."""
        if self._library.c_host_calls(self._host, ctypes.c_int64(count)) < 0:
            raise RuntimeError("the C host's call failed; its error is on stderr")

    def task(self, batches: list[pa.RecordBatch]) -> Task:
        """A task over the batches, to be run many times; it answers the count of its results."""
        table = pa.Table.from_batches(batches).combine_chunks()
        chunks = [column.chunk(0) for column in table.columns]
        columns = (ctypes.c_void_p * len(chunks))(*(chunk.buffers()[1].address for chunk in chunks))
        read = ctypes.c_int64()
        compute, host = self._library.c_host_compute, self._host
        arguments = (
            columns,
            ctypes.c_int64(len(chunks)),
            ctypes.c_int64(table.num_rows),
            ctypes.c_int64(batches[0].num_rows),
            ctypes.byref(read),
        )

        def run(total: ctypes.c_int64 | None = None) -> int:
            keep = chunks  # the columns are the table's
            code = compute(host, *arguments, None if total is None else ctypes.byref(total))
            if code < 0 or not keep:
                raise RuntimeError(f"the C host's task ended with {code}; its error is on stderr")
            return read.value

        return run
