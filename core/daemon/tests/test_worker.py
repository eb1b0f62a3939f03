"""A worker between its fork and its end: isolation, environment, reuse."""

from __future__ import annotations

import os
import signal
import socket
import struct
from pathlib import Path
from typing import Any

import client
import pyarrow as pa
import pytest
import tasks
from conftest import ADD_ONE, add_one


@pytest.mark.essential
@pytest.mark.parametrize(
    ("eval_type", "function"),
    list({tasks.SCALAR_PANDAS: add_one, tasks.SCALAR: ADD_ONE}.items()),
)
def test_tasks_one_after_the_other_in_one_worker(
    worker: client.Worker, eval_type: int, function: Any
) -> None:
    for _ in range(3):
        result = worker.run(tasks.encode(eval_type, function))
        assert result.error is None
        assert result.reusable
        assert result.batches[0].column(0).to_pylist() == list(range(1, 11))
    assert worker.probe(os.getpid) == worker.pid


@pytest.mark.essential
def test_map_in_arrow_with_large_batches(worker: client.Worker) -> None:
    def identity(batches: Any) -> Any:
        yield from batches

    column = pa.StructArray.from_arrays([pa.array(range(300_000), pa.int64())], names=["x"])
    batches = [pa.record_batch([column], names=["_0"]) for _ in range(4)]
    from pyspark.sql.types import LongType, StructType

    schema = StructType().add("x", LongType())
    request = tasks.encode(tasks.MAP_ARROW, identity, schema, batches)
    # Whoever feeds must read at the same time: the answer is larger than the socket's buffers.
    pid = os.fork()
    if pid == 0:
        worker.data.settimeout(None)
        worker.data.sendall(request)
        os._exit(0)
    result = tasks.decode(worker.stream)
    assert os.waitpid(pid, 0)[1] == 0
    assert result.error is None
    assert sum(batch.num_rows for batch in result.batches) == 1_200_000
    assert result.reusable


@pytest.mark.essential
def test_result_is_sent_before_input_is_waited_for(worker: client.Worker) -> None:
    # A host that gives one batch and wants its result before it has another.
    request = tasks.encode(tasks.SCALAR, ADD_ONE, batches=tasks.ten_rows() * 2)
    one = tasks.encode(tasks.SCALAR, ADD_ONE)
    tail = len(request) - len(one) + 8 + 4  # a batch, the end of the stream, the end marker
    worker.data.sendall(request[:-tail])
    assert tasks.read_int(worker.stream) == tasks.START_ARROW_STREAM
    reader = pa.ipc.open_stream(worker.stream)
    assert reader.read_next_batch().num_rows == 10
    worker.data.sendall(request[-tail:])
    assert reader.read_next_batch().num_rows == 10
    with pytest.raises(StopIteration):
        reader.read_next_batch()
    assert tasks.decode(worker.stream).reusable


def test_next_task_sent_early_is_run(worker: client.Worker) -> None:
    request = tasks.encode(tasks.SCALAR, ADD_ONE)
    worker.data.sendall(request + request)
    assert tasks.decode(worker.stream).reusable
    assert tasks.decode(worker.stream).reusable


@pytest.mark.essential
def test_only_its_own_descriptors(daemon: client.Daemon) -> None:
    first = daemon.fork()
    worker = daemon.fork()
    worker.probe(lambda: None)
    assert first.pid != worker.pid
    found = client.open_descriptors(worker.pid)
    assert found.pop(0) == "/dev/null"
    pipes = [found.pop(1), found.pop(2)]
    assert all(kind.startswith("pipe:") for kind in pipes)
    assert pipes[0] != pipes[1]
    for standard in ("/dev/null", *pipes):  # what restores 0 to 2 between tasks
        assert standard in found.values()
        found = {fd: kind for fd, kind in found.items() if kind != standard}
    asked = (
        f"/proc/{worker.pid}/task/{worker.pid}/children",  # by which reuse is decided
        "anon_inode:inotify",  # whether modules were edited
    )
    kinds = sorted(kind.split(":")[0] for kind in found.values() if kind not in asked)
    assert kinds == ["/memfd", "socket"], "the stack file and the data socket"


def test_own_process_group_and_clean_signals(worker: client.Worker) -> None:
    def look() -> Any:
        import os
        import signal

        names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGCHLD", "SIGPIPE")
        handlers: Any = [signal.getsignal(getattr(signal, name)) for name in names]
        return [
            os.getpgrp() == os.getpid(),
            handlers[0] is signal.default_int_handler,
            [int(handler) for handler in handlers[1:]],
            len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        ]

    expected = [signal.SIG_DFL, signal.SIG_DFL, signal.SIG_DFL, signal.SIG_IGN]
    assert worker.probe(look) == [True, True, expected, 0]


def test_random_numbers_differ_between_workers(daemon: client.Daemon) -> None:
    def draw() -> Any:
        import random

        import numpy as np

        return [random.random(), float(np.random.random())]

    first, second = (daemon.fork().probe(draw) for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_random_numbers_of_another_generator_differ(tmp_path: Path) -> None:
    def draw() -> Any:
        import numpy as np

        return [type(np.random.get_bit_generator()).__name__, float(np.random.random())]

    (tmp_path / "changes_numpy.py").write_text(
        "import numpy\nnumpy.random.set_bit_generator(numpy.random.SFC64())\n"
    )
    with client.running(environment={"PYTHONPATH": str(tmp_path)}) as daemon:
        daemon.start(modules=["numpy", "changes_numpy"])
        first, second = (daemon.fork().probe(draw) for _ in range(2))
    assert first[0] == second[0] == "SFC64"
    assert first[1] != second[1]


def test_environment_delta(daemon: client.Daemon, tmp_path: Path) -> None:
    def look() -> Any:
        import os
        import time

        import pyarrow

        return [dict(os.environ), os.getcwd(), pyarrow.cpu_count(), time.strftime("%Z", (0,) * 9)]

    changed = daemon.fork(
        env={"OMP_NUM_THREADS": "7", "MARKER": "\u00e9", "TZ": "XYZ-3"},
        unset=["HOME"],
        cwd=str(tmp_path),
    )
    variables, folder, cpus, zone = changed.probe(look)
    assert (variables["OMP_NUM_THREADS"], variables["MARKER"]) == ("7", "\u00e9")
    assert "HOME" not in variables
    assert (folder, cpus, zone) == (str(tmp_path), 7, "XYZ")
    variables, folder, cpus, _ = daemon.fork().probe(look)
    assert "MARKER" not in variables
    assert "HOME" in variables
    assert (folder, cpus) == (os.getcwd(), 1)


def test_directory_that_does_not_exist(daemon: client.Daemon) -> None:
    worker = daemon.fork(cwd="/no/such/folder")
    assert os.waitstatus_to_exitcode(daemon.await_exit(worker)["status"]) == 1
    assert "No such file or directory: '/no/such/folder'" in worker.read_log("stderr")


@pytest.mark.essential
def test_blas_pool_follows_the_environment(daemon: client.Daemon) -> None:
    def blas_threads() -> Any:
        import os

        return len(os.listdir("/proc/self/task"))

    cpus = len(os.sched_getaffinity(0))
    assert daemon.fork(env={"OMP_NUM_THREADS": "1"}).probe(blas_threads) == 1
    assert daemon.fork(env={"OMP_NUM_THREADS": str(cpus + 5)}).probe(blas_threads) == cpus
    limited = {"OMP_NUM_THREADS": str(cpus), "OPENBLAS_NUM_THREADS": "1"}
    assert daemon.fork(env=limited).probe(blas_threads) == 1


@pytest.mark.essential
def test_what_a_task_changed_is_put_back(worker: client.Worker) -> None:
    def look() -> Any:
        import faulthandler
        import os
        import signal
        import sys

        mask = os.umask(0)
        os.umask(mask)
        return [
            sorted(os.environ.items()),
            os.getcwd(),
            mask,
            sys.getrecursionlimit(),
            signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
            sys.stdout is sys.__stdout__ and sys.stderr is sys.__stderr__,
            faulthandler.is_enabled(),
            list(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
            signal.getitimer(signal.ITIMER_REAL)[0],
            sys.gettrace() is None,
        ]

    def change() -> Any:
        import faulthandler
        import io
        import os
        import signal
        import sys

        os.environ["LEFT"] = "behind"
        os.environ["OMP_NUM_THREADS"] = "9"
        os.environ.pop("PATH")
        os.chdir("/")
        os.umask(0o777)
        sys.setrecursionlimit(12345)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 3600)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        sys.stdout = sys.stderr = io.StringIO()
        sys.settrace(lambda *_: None)
        faulthandler.disable()

    before = worker.probe(look)
    assert before[-4:] == [True, [], 0.0, True]
    worker.probe(change)
    assert worker.probe(look) == before


@pytest.mark.essential
def test_python_exception_ends_the_worker_after_its_message(daemon: client.Daemon) -> None:
    def fails() -> None:
        raise KeyError("no such thing")

    worker = daemon.fork()
    result = worker.run(tasks.encode_probe(fails))
    assert result.error is not None and "KeyError: 'no such thing'" in result.error
    assert client.process_exists(worker.pid)
    worker.data.shutdown(socket.SHUT_WR)
    assert daemon.await_exit(worker)["status"] == 0
    assert daemon.fork().probe(lambda: 5) == 5


def test_system_exit_in_a_function_is_an_exception(daemon: client.Daemon) -> None:
    def leaves() -> None:
        raise SystemExit(4)

    worker = daemon.fork()
    assert "SystemExit: 4" in str(worker.run(tasks.encode_probe(leaves)).error)
    worker.data.shutdown(socket.SHUT_WR)
    assert daemon.await_exit(worker)["status"] == 0


def test_without_reuse_a_worker_ends_after_one_task(daemon: client.Daemon) -> None:
    worker = daemon.fork(unset=["SPARK_REUSE_WORKER"])
    assert worker.probe(lambda: 1) == 1
    worker.data.shutdown(socket.SHUT_WR)
    assert daemon.await_exit(worker)["status"] == 0


def test_host_that_closes_an_idle_worker(daemon: client.Daemon) -> None:
    worker = daemon.fork()
    worker.probe(lambda: None)
    worker.data.shutdown(socket.SHUT_RDWR)
    assert daemon.await_exit(worker)["status"] == 0
    assert worker.read_log("stderr") == ""


def test_host_that_stops_reading(daemon: client.Daemon) -> None:
    worker = daemon.fork()
    quick = tasks.encode(tasks.SCALAR, ADD_ONE, batches=tasks.ten_rows() * 20_000)
    worker.data.sendall(quick[:100_000])
    worker.stream.close()
    worker.data.close()
    assert daemon.await_exit(worker)["status"] == 0
    assert "BrokenPipe" not in worker.read_log("stderr")


def test_early_end_in_the_middle_of_a_frame(daemon: client.Daemon) -> None:
    worker = daemon.fork()
    worker.data.sendall(struct.pack("!i", 0) + b"\0")
    worker.data.shutdown(socket.SHUT_WR)
    assert tasks.decode(worker.stream).error
    assert daemon.await_exit(worker)["status"] == 0


@pytest.mark.parametrize("unbuffered", ["", "YES"])
def test_output_of_a_task_is_not_held_back(daemon: client.Daemon, unbuffered: str) -> None:
    def prints() -> None:
        import os
        import sys

        print("a line on stdout")
        print("a line on stderr", file=sys.stderr)
        sys.stdout.write("half a line")
        os._exit(0)

    worker = daemon.fork(env={"PYTHONUNBUFFERED": unbuffered})
    worker.data.sendall(tasks.encode_probe(prints))
    rest = "half a line" if unbuffered else ""
    assert worker.read_log("stdout") == "a line on stdout\n" + rest
    assert worker.read_log("stderr") == "a line on stderr\n"


@pytest.mark.skipif(tasks.PYSPARK < (4, 1), reason="new in PySpark 4.1")
def test_log_capture_of_newer_pyspark(daemon: client.Daemon) -> None:
    def prints() -> None:
        print("captured")

    worker = daemon.fork(env={"PYSPARK_SPARK_SESSION_UUID": "u"})
    worker.probe(prints)
    assert f"PYTHON_WORKER_LOGGING:{worker.pid}:" in worker.read_log("stdout", b"captured")
    assert worker.probe(lambda: 2) == 2


def test_pipelined_mode(daemon: client.Daemon) -> None:
    worker = daemon.fork(env={"SPARK_PIPELINED_UDF": "1"})
    for _ in range(2):
        batches = tasks.ten_rows() * 3
        result = worker.run(tasks.encode(tasks.SCALAR, ADD_ONE, batches=batches))
        assert result.error is None
        assert len(result.batches) == 3


def test_frames_of_the_daemon_are_not_reachable(worker: client.Worker) -> None:
    # The control socket's object must not close a descriptor number the worker reuses.
    def look() -> Any:
        import gc
        import os

        before = sorted(os.listdir("/proc/self/fd"))
        gc.unfreeze()
        gc.collect()
        return before == sorted(os.listdir("/proc/self/fd"))

    assert worker.probe(look) is True
    assert worker.probe(lambda: 3) == 3
