"""A daemon module for Spark that keeps what its PySpark workers read and write.

Spark starts it in place of ``pyspark.daemon`` (``spark.python.daemon.module``). Each task's two streams
go to ``$RECORDING_DIR/<case>/<number>.in`` and ``.out``; the case's name is what the file
``$RECORDING_DIR/case`` holds when the first byte arrives. ``.done`` next to them says that the task ended
without an exception.
"""

from __future__ import annotations

import itertools
import os
import pathlib
from typing import Any

import pyspark.daemon

_DIRECTORY = pathlib.Path(os.environ["RECORDING_DIR"])
_stock_worker = pyspark.daemon.worker


class _Task:
    """The files of one task, opened at the first byte: a reused worker waits long for its next task."""

    def __init__(self) -> None:
        self.path: pathlib.Path | None = None
        self._files: dict[str, Any] = {}

    def keep(self, suffix: str, data: bytes | memoryview) -> None:
        if not len(data):
            return
        if self.path is None:
            self.path = self._create()
        if suffix not in self._files:
            self._files[suffix] = open(  # noqa: SIM115 - open for the worker's life
                self.path.with_suffix(suffix), "wb", buffering=0
            )
        self._files[suffix].write(data)

    def finish(self) -> None:
        if self.path is not None:
            self.path.with_suffix(".done").touch()

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    @staticmethod
    def _create() -> pathlib.Path:
        case = _DIRECTORY / (_DIRECTORY / "case").read_text()
        case.mkdir(exist_ok=True)
        for number in itertools.count():
            path = case / str(number)
            try:
                path.with_suffix(".in").touch(exist_ok=False)
            except FileExistsError:
                continue
            return path
        raise AssertionError("unreachable")


class _Tap:
    """A file that keeps what passes through it."""

    def __init__(self, file: Any, task: _Task) -> None:
        self._file = file
        self._task = task

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, *size: int) -> bytes:
        data: bytes = self._file.read(*size)
        self._task.keep(".in", data)
        return data

    def readinto(self, target: Any) -> int:
        count: int = self._file.readinto(target)
        self._task.keep(".in", memoryview(target).cast("B")[:count])
        return count

    def write(self, data: Any) -> int:
        self._task.keep(".out", memoryview(data).cast("B"))
        count: int = self._file.write(data)
        return count


def worker(sock: Any, authenticated: bool) -> int:
    """The stock worker with its main wrapped; newer daemons import it first after the fork."""
    import pyspark.worker

    if not hasattr(pyspark.worker, "stock_main"):
        stock_main = pyspark.worker.main

        def main(infile: Any, outfile: Any) -> None:
            task = _Task()
            try:
                stock_main(_Tap(infile, task), _Tap(outfile, task))
                task.finish()
            finally:
                task.close()

        pyspark.worker.stock_main = stock_main
        pyspark.worker.main = main
        if hasattr(pyspark.daemon, "worker_main"):  # versions before 4.2 import it at the start
            pyspark.daemon.worker_main = main
    code: int = _stock_worker(sock, authenticated)
    return code


if __name__ == "__main__":
    pyspark.daemon.worker = worker
    pyspark.daemon.manager()
