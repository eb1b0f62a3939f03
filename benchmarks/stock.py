"""The stock side: PySpark's own worker over a socket pair, and over memory streams.

Run as a module it is that worker's process: ``python -m benchmarks.stock <descriptor>``.
"""

from __future__ import annotations

import io
import os
import queue
import socket
import subprocess
import sys
from collections.abc import Iterator
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING

import pyarrow as pa

from . import protocol
from .job import ROOT, Job, off_wire

if TYPE_CHECKING:
    from typing_extensions import Self

BUFFER_SIZE = 65536
"""Bytes; the default of spark.buffer.size, for both ends."""


class StockWorker:
    """A worker process on an AF_UNIX socket pair, reused for all tasks, and its client.

    The client is like Spark's: one thread writes a task's input while the caller's reads the
    output. The thread is kept for all tasks.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs, ours:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.stock", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
            )
            self._input = os.fdopen(os.dup(ours.fileno()), "wb", BUFFER_SIZE)
            self._output = os.fdopen(os.dup(ours.fileno()), "rb", BUFFER_SIZE)
        self._tasks: queue.SimpleQueue[tuple[Job, list[pa.RecordBatch]] | None]
        self._tasks = queue.SimpleQueue()
        self._written: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._writer = Thread(target=self._write_tasks, name="stock-writer", daemon=True)
        self._writer.start()

    def compute(self, job: Job, batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Run one task over batches in the layout of the wire; to be read to its end."""
        self._tasks.put((job, batches))
        for batch in protocol.decode(self._output):
            yield off_wire(job, batch)
        error = self._written.get()
        if error is not None:
            raise error

    def _write_tasks(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                self._write(*task)
            except BaseException as error:  # noqa: BLE001 - the reader raises it
                self._written.put(error)
            else:
                self._written.put(None)

    def _write(self, job: Job, batches: list[pa.RecordBatch]) -> None:
        self._input.write(protocol.init_section(job))
        with pa.ipc.new_stream(self._input, batches[0].schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        self._input.write(protocol.end_of_task())
        self._input.flush()

    def close(self) -> None:
        """End the process, which reads the end of its input."""
        self._tasks.put(None)
        self._writer.join()
        self._input.close()
        self._output.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def run_in_memory(task: bytes) -> io.BytesIO:
    """Run an encoded task by worker.main in this process; returns the output, rewound."""
    from pyspark.worker import main

    output = io.BytesIO()
    try:
        main(io.BytesIO(task), output)
    except SystemExit:
        pass  # the output has the traceback
    output.seek(0)
    return output


def serve(descriptor: int) -> None:
    """Be the worker: pyspark.daemon's, from its fork on, until the client closes its end.

    The garbage collection that the daemon runs between two tasks is left out: it would fall into
    the next measurement of another side.
    """
    from pyspark import daemon, worker

    sock = socket.socket(fileno=descriptor)
    del worker  # imported here, so that the first task does not wait for it
    while sock.recv(1, socket.MSG_PEEK):
        if daemon.worker(sock, authenticated=True):
            return


if __name__ == "__main__":
    serve(int(sys.argv[1]))
