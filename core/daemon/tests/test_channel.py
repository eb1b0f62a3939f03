"""The channel is the worker's and its task's alone: no child process, no thread gets at it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import client
import executor
import pytest
import tasks
from conftest import ADD_ONE


def os_fork() -> int:
    """A child by Python's means."""
    return os.fork()


def c_fork() -> int:
    """A child of which Python knows nothing: no handler of os.register_at_fork runs in it."""
    import ctypes

    return int(ctypes.CDLL(None).fork())


def returns() -> Any:
    """What a child does: it comes back from the function, with values of its own."""
    return 666


def exits() -> Any:
    """What a child does: it exits, as it would in a program."""
    import sys

    sys.exit(0)


def raises() -> Any:
    """What a child does: it fails."""
    raise ValueError("of a child")


FORKS = [os_fork, c_fork]
ENDS = [returns, exits, raises]


def leaving_a_child(fork: Callable[[], int], end: Callable[[], Any]) -> Callable[[], Any]:
    """A function whose child lives on when its task is over."""

    def function() -> Any:
        import time

        if fork() == 0:
            time.sleep(0.3)
            return end()
        return 1

    return function


def outliving_a_child(fork: Callable[[], int], end: Callable[[], Any]) -> Callable[[], Any]:
    """A function whose child ends while its task runs."""

    def function() -> Any:
        import os

        pid = fork()
        if pid == 0:
            return end()
        os.waitpid(pid, 0)
        return 1

    return function


def leaving_a_process() -> Any:
    """A child of multiprocessing that lives on."""
    import multiprocessing
    import time

    multiprocessing.get_context("fork").Process(target=time.sleep, args=(0.3,)).start()
    return 1


def leaving_an_orphan() -> Any:
    """A process whose parent, the function's child, has ended."""
    import subprocess

    subprocess.run(["sh", "-c", "sleep 30 >/dev/null 2>&1 &"], check=True)
    return 1


def leaving_a_zombie() -> Any:
    """A child that ended and was not waited for."""
    import os

    read, write = os.pipe()
    if os.fork() == 0:
        os._exit(0)
    os.close(write)
    os.read(read, 1)  # until the child is gone
    os.close(read)
    return 1


def leaving_a_thread() -> Any:
    """A thread that writes to the task's file when the task is over."""
    import sys
    import threading
    import time

    frame: Any = sys._getframe()
    while "outfile" not in frame.f_locals:
        frame = frame.f_back
    outfile = frame.f_locals["outfile"]

    def write() -> None:
        time.sleep(0.3)
        outfile.write(b"666" * 100_000)
        outfile.flush()

    threading.Thread(target=write, daemon=True).start()
    return 1


LEFT = [
    *(
        pytest.param(leaving_a_child(fork, end), id=f"{fork.__name__} {end.__name__}")
        for fork in FORKS
        for end in ENDS
    ),
    leaving_a_process,
    leaving_an_orphan,
    leaving_a_zombie,
    leaving_a_thread,
]


@pytest.mark.essential
@pytest.mark.parametrize("function", LEFT)
def test_no_next_task_beside_what_is_left_of_one(
    worker: client.Worker, function: Callable[[], Any]
) -> None:
    result = worker.run(tasks.encode_probe(function))
    assert (result.value, result.reusable) == (1, False)
    assert worker.stream.read() == b"", "the worker ended, and nobody else wrote"


@pytest.mark.parametrize("function", LEFT)
def test_the_same_under_spark(function: Callable[[], Any]) -> None:
    with executor.SparkDaemon() as daemon:
        worker = daemon.worker()
        result = worker.run(tasks.encode_probe(function))
        assert (result.value, result.reusable) == (1, False)
        assert worker.at_end()
        assert daemon.worker().probe(lambda: 2) == 2
        daemon.discard_workers()


@pytest.mark.essential
@pytest.mark.parametrize("fork", FORKS)
@pytest.mark.parametrize("end", ENDS)
def test_a_child_that_ends_within_its_task_says_nothing(
    worker: client.Worker, fork: Callable[[], int], end: Callable[[], Any]
) -> None:
    for _ in range(2):
        result = worker.run(tasks.encode_probe(outliving_a_child(fork, end)))
        assert (result.value, result.reusable) == (1, True)
    assert worker.read_stacks() == ""


def test_a_child_has_neither_channel_nor_stack_file(worker: client.Worker) -> None:
    def look() -> Any:
        import json
        import os

        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            links = [
                os.readlink(f"/proc/self/fd/{fd}")
                for fd in map(int, os.listdir("/proc/self/fd"))
                if fd > 2 and os.path.lexists(f"/proc/self/fd/{fd}")
            ]
            os.write(write, json.dumps(links).encode())
            os._exit(0)
        os.close(write)
        os.waitpid(pid, 0)
        with open(read, "rb") as pipe:
            return json.loads(pipe.read())

    links = worker.probe(look)
    assert "/dev/null" in links
    assert not [link for link in links if link.startswith(("socket:", "/memfd:"))]


def test_crash_of_a_child_is_not_the_workers(worker: client.Worker) -> None:
    def crashes() -> Any:
        import faulthandler
        import os

        pid = os.fork()
        if pid == 0:
            faulthandler._sigsegv()
        return os.WTERMSIG(os.waitpid(pid, 0)[1])

    assert worker.probe(crashes) == 11
    assert "Segmentation fault" in worker.read_log("stderr", b"crashes")
    assert worker.read_stacks() == ""


def test_threads_that_ended_and_threads_of_libraries_do_not_count(worker: client.Worker) -> None:
    def works() -> Any:
        import os
        from concurrent.futures import ThreadPoolExecutor

        import pyarrow

        with ThreadPoolExecutor(4) as pool:
            total = sum(pool.map(int, "1234"))
        pyarrow.set_cpu_count(2)
        table = pyarrow.table({name: [1.5] * 10_000 for name in "abcdefgh"})
        table.to_pandas(use_threads=True)
        return [total, len(os.listdir("/proc/self/task")) > 1]

    for _ in range(2):
        result = worker.run(tasks.encode_probe(works))
        assert (result.value, result.reusable) == ([10, True], True)


def test_files_of_a_task_end_with_it() -> None:
    module = client.load("channel")
    ours, theirs = socket.socketpair()
    with ours:
        channel = module.Channel(theirs.detach(), 1024)
        old_input, old_output = channel.input, channel.output
        ours.sendall(b"abcdefgh")
        assert old_input.read(4) == b"abcd"
        old_output.write(b"held back")
        channel.begin_task()
        with pytest.raises(ValueError, match="detached"):
            old_input.read(1)
        with pytest.raises(BrokenPipeError, match="another process's or task's"):
            old_output.flush()
        ours.sendall(b"ij")
        assert channel.input.read(6) == b"efghij"
        channel.output.write(b"answer")
        channel.output.flush()
        assert ours.recv(100) == b"answer"
        channel.socket.close()


def test_files_of_another_process_refuse() -> None:
    module = client.load("channel")
    ours, theirs = socket.socketpair()
    with ours:
        channel = module.Channel(theirs.detach(), 1024)
        ours.sendall(b"input")
        channel.output.write(b"held back")
        pid = os.fork()
        if pid == 0:
            refused = 0
            for use in (channel.output.flush, lambda: channel.input.read(1)):
                try:
                    use()
                except BrokenPipeError:
                    refused += 1
            os._exit(refused)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
        channel.output.flush()
        assert ours.recv(100) == b"held back"
        assert channel.input.read(5) == b"input"
        channel.socket.close()


def test_channel_that_a_function_made_non_blocking(worker: client.Worker) -> None:
    def change() -> None:
        import fcntl
        import os

        for descriptor in map(int, os.listdir("/proc/self/fd")):
            if descriptor > 2 and os.path.lexists(f"/proc/self/fd/{descriptor}"):
                fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_NONBLOCK)

    def large() -> Any:
        return "x" * 1_000_000

    assert worker.probe(change) is None
    request = tasks.encode_probe(large)
    feeder = threading.Thread(target=worker.data.sendall, args=(request,))
    feeder.start()
    result = tasks.decode(worker.stream)
    feeder.join()
    assert len(result.value) == 1_000_000
    assert result.reusable
    half = tasks.encode(tasks.SCALAR, ADD_ONE, batches=tasks.ten_rows() * 2_000)
    feeder = threading.Thread(target=worker.data.sendall, args=(half,))
    feeder.start()
    result = tasks.decode(worker.stream)
    feeder.join()
    assert sum(batch.num_rows for batch in result.batches) == 20_000


def test_channel_that_a_function_closed_for_reading(worker: client.Worker) -> None:
    def change() -> Any:
        import os
        import socket

        for descriptor in map(int, os.listdir("/proc/self/fd")):
            path = f"/proc/self/fd/{descriptor}"
            if os.path.lexists(path) and os.readlink(path).startswith("socket:"):
                with socket.socket(fileno=os.dup(descriptor)) as channel:
                    channel.shutdown(socket.SHUT_RD)
        return 1

    result = worker.run(tasks.encode_probe(change))
    if result.error is None:
        assert (result.value, result.reusable) == (1, False)
    assert worker.stream.read() == b""
