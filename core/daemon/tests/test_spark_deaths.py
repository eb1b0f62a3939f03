"""What the daemon says under stock Spark of workers that die."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import client
import executor
import pytest
import tasks
from executor import SparkDaemon
from pyspark.sql.types import LongType, StructField, StructType


def read_address_zero() -> None:
    """Dies of SIGSEGV."""
    import ctypes

    ctypes.string_at(0)


def kill_itself() -> None:
    """Dies of SIGKILL, as the kernel's killer has it."""
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def leave(status: int) -> Callable[[], Any]:
    """A function that ends its process."""

    def exit_with_status() -> None:
        import os

        os._exit(status)

    return exit_with_status


@pytest.fixture(scope="module")
def shared_daemon() -> Iterator[SparkDaemon]:
    """A daemon for all these deaths."""
    with SparkDaemon() as daemon:
        yield daemon


@pytest.fixture
def daemon(shared_daemon: SparkDaemon) -> Iterator[SparkDaemon]:
    """The shared daemon, without the workers of other tests."""
    yield shared_daemon
    shared_daemon.discard_workers()


@pytest.mark.essential
@pytest.mark.parametrize(
    ("function", "said"),
    [
        (leave(3), r"ended by itself with status 3, peak memory \d+ MiB\n"),
        (leave(0), r"ended by itself with status 0, peak memory \d+ MiB\n"),
        (kill_itself, r"was killed by SIGKILL, not by Spark \(.*\), peak memory \d+ MiB\n"),
        (
            read_address_zero,
            r"was killed by SIGSEGV \(Segmentation fault\), peak memory \d+ MiB; its Python stack:\n"
            + r"    Fatal Python error: Segmentation fault\n(    .*\n)*?    .*in read_address_zero\n",
        ),
    ],
)
def test_death_is_explained(daemon: SparkDaemon, function: Callable[[], Any], said: str) -> None:
    worker = daemon.worker()
    worker.send_probe(function)
    assert worker.at_end()
    printed = daemon.stderr.await_text(f"udfrunner: Python worker {worker.pid} ")
    assert re.search(rf"^udfrunner: Python worker {worker.pid} {said}", printed, re.MULTILINE)
    peak = re.search(rf"{worker.pid} .*peak memory (\d+)", printed)
    assert peak is not None and 20 < int(peak[1]) < 4096
    assert daemon.worker().probe(os.getpid) != worker.pid


def end_asked_for(worker: executor.Connection, daemon: SparkDaemon) -> None:
    """Spark's kill."""
    worker.send_probe(leave_alone)
    daemon.kill(worker.pid)


def end_by_sigterm(worker: executor.Connection, daemon: SparkDaemon) -> None:
    """Spark's killOnIdleTimeout."""
    worker.send_probe(leave_alone)
    os.kill(worker.pid, signal.SIGTERM)


def end_of_connection(worker: executor.Connection, daemon: SparkDaemon) -> None:
    """Spark has no more tasks."""
    worker.probe(os.getpid)
    worker.close()


def leave_alone() -> None:
    """Does not come back."""
    import time

    time.sleep(3600)


@pytest.mark.essential
@pytest.mark.parametrize("end", [end_asked_for, end_by_sigterm, end_of_connection])
def test_nothing_is_said_of_an_end_that_spark_wanted(
    daemon: SparkDaemon, end: Callable[[executor.Connection, SparkDaemon], None]
) -> None:
    worker = daemon.worker()
    end(worker, daemon)
    client.wait_until(lambda: worker.pid not in client.children(daemon.pid), "a reaped worker")
    # Deaths are told in order: what came of this one is there when the next one's is.
    marker = daemon.worker()
    marker.send_probe(leave(9))
    printed = daemon.stderr.await_text(f"Python worker {marker.pid} ")
    assert f"Python worker {worker.pid} " not in printed
    assert "Traceback" not in printed


def endless(batches: Any) -> Any:
    """More output than sockets hold."""
    for batch in batches:
        while True:
            yield batch


@pytest.mark.parametrize("setting", ["", "1"])
def test_spark_goes_away_in_the_middle(setting: str, tmp_path: Path) -> None:
    environment = {
        "PYTHON_DAEMON_KILL_WORKER_ON_FLUSH_FAILURE": setting,
        "PYTHON_FAULTHANDLER_DIR": str(tmp_path),
    }
    with SparkDaemon(environment=environment) as daemon:
        worker = daemon.worker()
        schema = StructType([StructField("x", LongType())])
        worker.socket.sendall(tasks.encode(tasks.MAP_ARROW, endless, schema))
        assert tasks.read_int(worker.stream) == tasks.START_ARROW_STREAM
        worker.close()
        client.wait_until(lambda: worker.pid not in client.children(daemon.pid), "its end")
        report = tmp_path / str(worker.pid)
        assert report.exists() == bool(setting)
        if setting:
            assert "BrokenPipeError" in report.read_text()
        assert daemon.worker().probe(os.getpid) > 0
        assert f"Python worker {worker.pid}" not in str(daemon.stderr)


def test_stack_that_pyspark_keeps_for_spark(tmp_path: Path) -> None:
    with SparkDaemon(environment={"PYTHON_FAULTHANDLER_DIR": str(tmp_path)}) as daemon:
        worker = daemon.worker()
        worker.probe(os.getpid)
        worker.send_probe(read_address_zero)
        assert worker.at_end()
        assert "in read_address_zero" in (tmp_path / str(worker.pid)).read_text()
        daemon.stderr.await_text("in read_address_zero")


def quick_acks() -> list[int]:
    """TCP_NODELAY and TCP_QUICKACK of the worker's connection, as the kernel has them now."""
    import os
    import socket

    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as connection:
                if connection.family == socket.AF_INET:
                    options = (socket.TCP_NODELAY, socket.TCP_QUICKACK)
                    return [connection.getsockopt(socket.IPPROTO_TCP, each) for each in options]
        except OSError:
            continue
    raise AssertionError("no connection")


def test_small_writes_are_acknowledged_at_once() -> None:
    with SparkDaemon() as daemon:
        worker = daemon.worker()
        for _ in range(3):  # the kernel takes it back with each answer
            assert worker.probe(quick_acks) == [1, 1]
