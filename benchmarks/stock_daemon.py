"""PySpark's own daemon, and what a host says to it: Spark's PythonWorkerFactory in few lines."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping

import pyarrow as pa

from . import protocol
from .job import ROOT, Job

_SECRET = "of the benchmarks"

# The imports spare each worker its own: what is measured here is how it ends.
_PROGRAM = """
import runpy, sys
import pandas, pyarrow, pyspark.worker
sys.argv = ["pyspark.daemon", "pyspark.worker"]
runpy.run_module("pyspark.daemon", run_name="__main__")
"""


class StockDaemon:
    """A daemon process on a port of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "JE_ARROW_MALLOC_CONF": "background_thread:false",
                "PYTHONHASHSEED": "0",
                "PYTHON_WORKER_FACTORY_SECRET": _SECRET,
                **environment,
            },
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin = self._process.stdin
        (self._port,) = struct.unpack("!i", self._process.stdout.read(4))

    def start(self, job: Job, batches: list[pa.RecordBatch]) -> socket.socket:
        """Begin a task of which the end of input is still to come; returns its worker's channel."""
        channel = socket.create_connection(("127.0.0.1", self._port))
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _exactly(channel, 4)  # its process id
        secret = _SECRET.encode()
        channel.sendall(struct.pack("!i", len(secret)) + secret)
        (size,) = struct.unpack("!i", _exactly(channel, 4))
        answer = _exactly(channel, size)
        if answer != b"ok":
            raise RuntimeError(f"the daemon's worker answered {answer!r} to the secret")
        with channel.makefile("wb") as sink:
            sink.write(protocol.init_section(job))
            writer = pa.ipc.new_stream(sink, batches[0].schema)
            for batch in batches:
                writer.write_batch(batch)
        return channel

    def kill(self, pid: int) -> None:
        """Have a worker killed, as Spark does once it has decided to."""
        self._stdin.write(struct.pack("!i", pid))
        self._stdin.flush()

    def close(self) -> None:
        """End the daemon, which reads the end of its input."""
        self._process.communicate()


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = channel.recv(size - len(data))
        if not more:
            raise RuntimeError("the daemon's worker closed its channel")
        data += more
    return data
