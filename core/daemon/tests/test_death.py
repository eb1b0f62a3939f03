"""Ends of workers and daemons: reported, complete, prompt."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import client
import pytest
import tasks

STACK_SIGNAL = client.load("taskstate").STACK_SIGNAL


def crash() -> None:
    """Read address zero."""
    import ctypes

    ctypes.string_at(0)


def grandchild() -> int:
    """A child of the function that outlives its task."""
    import subprocess

    return subprocess.Popen(["sleep", "3600"]).pid


def leave_behind() -> int:
    """A process in a session of its own, whose parent has ended."""
    import os
    import time

    ours, theirs = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            os.write(theirs, str(os.getpid()).encode())
            os.closerange(0, 100)
            time.sleep(3600)
        os._exit(0)
    pid = int(os.read(ours, 100))
    os.close(ours)
    os.close(theirs)
    return pid


@pytest.mark.essential
def test_exit_status(daemon: client.Daemon) -> None:
    worker = daemon.fork()
    worker.data.sendall(tasks.encode_probe(lambda: __import__("os")._exit(3)))
    end = daemon.await_exit(worker)
    assert (end["pid"], os.waitstatus_to_exitcode(end["status"])) == (worker.pid, 3)
    assert 1 << 20 < end["peak_rss"] < 1 << 40
    assert end["user_time"] >= 0
    assert end["system_time"] >= 0


def test_used_resources(daemon: client.Daemon) -> None:
    def uses() -> None:
        import os
        import time

        block = b"x" * (300 << 20)
        while time.process_time() < 0.2:
            pass
        os._exit(len(block) & 0)

    worker = daemon.fork()
    worker.data.sendall(tasks.encode_probe(uses))
    end = daemon.await_exit(worker)
    assert end["peak_rss"] > 300 << 20
    assert end["user_time"] + end["system_time"] >= 0.19


def test_pidfd_becomes_readable(daemon: client.Daemon) -> None:
    worker = daemon.fork()
    assert select.select([worker.pidfd], [], [], 0)[0] == []
    worker.data.sendall(tasks.encode_probe(lambda: __import__("os")._exit(0)))
    assert select.select([worker.pidfd], [], [], client.TIMEOUT)[0] == [worker.pidfd]


@pytest.mark.essential
def test_segmentation_fault_shows_the_python_stack(daemon: client.Daemon) -> None:
    worker = daemon.fork()
    worker.data.sendall(tasks.encode_probe(crash))
    end = daemon.await_exit(worker)
    assert os.WTERMSIG(end["status"]) == signal.SIGSEGV
    text = worker.read_stacks()
    assert "Fatal Python error: Segmentation fault" in text
    assert "in crash" in text
    assert worker.read_log("stderr") == ""


def switch_off() -> None:
    """No stack at a crash."""
    import faulthandler

    faulthandler.disable()


def take_the_signal() -> None:
    """A handler in place of faulthandler's, which does not know."""
    import signal

    signal.signal(signal.SIGSEGV, signal.SIG_DFL)


def closed_streams() -> None:
    """Descriptors that what is opened next would get."""
    import os

    os.closerange(0, 3)


@pytest.mark.essential
@pytest.mark.parametrize("before", [switch_off, take_the_signal, closed_streams])
def test_segmentation_fault_in_a_second_task(
    daemon: client.Daemon, before: Callable[[], None]
) -> None:
    # faulthandler is put back after a task that took its place.
    worker = daemon.fork()
    worker.probe(before)
    worker.data.sendall(tasks.encode_probe(crash))
    daemon.await_exit(worker)
    assert "in crash" in worker.read_stacks()


@pytest.mark.essential
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_kill_reaches_the_group(daemon: client.Daemon, number: int) -> None:
    worker = daemon.fork()
    child = worker.probe(grandchild)
    assert client.process_exists(child)
    daemon.send({"op": "kill", "id": worker.id, "signal": number})
    assert os.WTERMSIG(daemon.await_exit(worker)["status"]) == number
    client.wait_until(lambda: not client.process_exists(child), "end of the grandchild")


def test_kill_right_after_fork(daemon: client.Daemon) -> None:
    for _ in range(10):
        worker = daemon.ask_fork()
        daemon.send({"op": "kill", "id": worker.id, "signal": signal.SIGKILL})
        daemon.await_fork(worker)
        assert os.WTERMSIG(daemon.await_exit(worker)["status"]) == signal.SIGKILL


def test_kill_of_an_unknown_worker_is_ignored(daemon: client.Daemon) -> None:
    daemon.send({"op": "kill", "id": 4711, "signal": signal.SIGKILL})
    daemon.send({"op": "stack", "id": 4711, "signal": STACK_SIGNAL})
    assert daemon.fork().probe(lambda: 1) == 1


def test_what_a_worker_leaves_in_its_group_is_killed(daemon: client.Daemon) -> None:
    worker = daemon.fork()
    child = worker.probe(grandchild)
    worker.data.shutdown(socket.SHUT_RDWR)
    assert daemon.await_exit(worker)["status"] == 0
    client.wait_until(lambda: not client.process_exists(child), "end of the grandchild")


@pytest.mark.essential
def test_stack_of_a_stuck_worker(daemon: client.Daemon) -> None:
    def stuck() -> None:
        import time

        print("stuck now", flush=True)
        time.sleep(3600)

    worker = daemon.ask_fork()
    daemon.send({"op": "stack", "id": worker.id, "signal": STACK_SIGNAL})  # as soon as it is there
    daemon.await_fork(worker)
    worker.read_stacks("most recent call first")
    worker.data.sendall(tasks.encode_probe(stuck))
    worker.read_log("stdout", b"stuck now")
    for _ in range(2):
        daemon.send({"op": "stack", "id": worker.id, "signal": STACK_SIGNAL})
        worker.read_stacks("in stuck")
    assert client.process_exists(worker.pid)


def test_questions_interrupt_no_system_call(daemon: client.Daemon, tmp_path: Path) -> None:
    """Of C code, which may take an interruption for an error."""
    asked = str(tmp_path / "asked")
    os.mkfifo(asked)

    def blocked() -> Any:
        import ctypes
        import os
        import threading

        source, sink = os.pipe()

        def end() -> None:
            with open(asked, "rb"):  # waits until both questions are answered
                os.write(sink, b"x")

        writer = threading.Thread(target=end)
        writer.start()
        libc = ctypes.CDLL(None, use_errno=True)
        print("blocked now", flush=True)
        result = libc.read(source, ctypes.create_string_buffer(1), 1), ctypes.get_errno()
        writer.join()
        return result

    worker = daemon.fork()
    worker.data.sendall(tasks.encode_probe(blocked))
    worker.read_log("stdout", b"blocked now")
    for number in (client.load("taskstate").ASK_SIGNAL, STACK_SIGNAL):
        daemon.send({"op": "stack", "id": worker.id, "signal": number})
    worker.read_stacks("in blocked")
    with open(asked, "wb"):
        assert tasks.decode(worker.stream).value == [1, 0]


def test_forks_are_answered_in_order(daemon: client.Daemon) -> None:
    workers = [daemon.ask_fork() for _ in range(8)]
    for worker in workers:
        message, descriptors = daemon.receive("forked")
        assert message["id"] == worker.id
        worker.forked(message["pid"], descriptors)


def test_fork_without_descriptors_is_refused(daemon: client.Daemon) -> None:
    daemon.send({"op": "fork", "id": 99, "env": {}, "unset": [], "cwd": None})
    refused, _ = daemon.receive("refused")
    assert (refused["id"], bool(refused["errno"])) == (99, True)
    assert "0 of 3 descriptors" in refused["message"]


def test_a_host_that_does_not_read_blocks_nothing(daemon: client.Daemon) -> None:
    # More unread reports than the socket holds; the daemon goes on forking and reaping.
    for number in range(600):
        daemon.send({"op": "fork", "id": -number, "env": {}, "unset": [], "cwd": None})
    worker = daemon.ask_fork()
    worker.data.sendall(tasks.encode_probe(lambda: 1))
    assert tasks.decode(worker.stream).value == 1
    assert [daemon.receive("refused")[0]["id"] for _ in range(600)] == [-n for n in range(600)]
    daemon.await_fork(worker)


def test_daemon_ends_with_its_socket_and_takes_all_with_it() -> None:
    with client.running() as daemon:
        daemon.start()
        workers = [daemon.fork() for _ in range(3)]
        child = workers[0].probe(grandchild)
        workers[1].data.sendall(tasks.encode_probe(lambda: __import__("time").sleep(3600)))
        assert daemon.close() == 0
        # The daemon waited for its workers, so that nothing is left to wait for here.
        assert not any(client.process_exists(worker.pid) for worker in workers)
        client.wait_until(lambda: not client.process_exists(child), "end of the grandchild")


@pytest.mark.essential
def test_what_left_a_workers_session_lives_no_longer_than_the_daemon() -> None:
    with client.running() as daemon:
        daemon.start()
        workers = [daemon.fork() for _ in range(2)]
        left = [worker.probe(leave_behind) for worker in workers]
        workers[0].data.shutdown(socket.SHUT_RDWR)
        daemon.await_exit(workers[0])
        assert client.process_exists(left[0])  # as under pyspark.daemon
        assert daemon.close() == 0
        assert not any(map(client.process_exists, left))


def test_adopted_processes_are_reaped(daemon: client.Daemon) -> None:
    worker = daemon.fork()
    left = worker.probe(leave_behind)
    worker.data.shutdown(socket.SHUT_RDWR)
    daemon.await_exit(worker)
    client.wait_until(lambda: client.children(daemon.process.pid) == [left], "the adoption")
    os.kill(left, signal.SIGKILL)
    client.wait_until(lambda: client.children(daemon.process.pid) == [], "the reaping")


def test_killed_daemon_takes_its_workers_with_it() -> None:
    with client.running() as daemon:
        daemon.start()
        worker = daemon.fork()
        worker.probe(lambda: None)
        daemon.process.kill()
        client.wait_until(lambda: not client.process_exists(worker.pid), "end of the worker")


@pytest.mark.parametrize("forks", [False, True])
def test_killed_host_leaves_nothing(forks: bool) -> None:
    # A fork of the host that runs no other program has the host's end of the control socket.
    host = """
import os, sys, tasks, client, time
daemon = client.Daemon()
daemon.start()
worker = daemon.fork()
worker.data.sendall(tasks.encode_probe(lambda: __import__("time").sleep(3600)))
fork = os.fork() if sys.argv[1:] else 0
if fork or not sys.argv[1:]:
    print(daemon.process.pid, worker.pid, fork, flush=True)
time.sleep(3600)
"""
    folder = Path(__file__).parent
    with subprocess.Popen(
        [sys.executable, "-c", host, *["forks"] * forks],
        stdout=subprocess.PIPE,
        cwd=folder,
        text=True,
    ) as process:
        assert process.stdout is not None
        *pids, fork = (int(pid) for pid in process.stdout.readline().split())
        assert len(pids) == 2
        assert bool(fork) == forks
        assert all(map(client.process_exists, pids))
        process.kill()
    try:
        client.wait_until(lambda: not any(map(client.process_exists, pids)), f"end of {pids}")
    finally:
        if fork:
            os.kill(fork, signal.SIGKILL)


def test_daemon_survives_signals_of_a_terminal(daemon: client.Daemon) -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        os.kill(daemon.process.pid, number)
    assert daemon.fork().probe(lambda: 1) == 1


def test_memory_limit_is_the_workers_own(daemon: client.Daemon) -> None:
    def limit() -> Any:
        import resource

        return resource.getrlimit(resource.RLIMIT_AS)[0]

    limited = daemon.fork(env={"PYSPARK_EXECUTOR_MEMORY_MB": "8192"})
    assert 8192 << 20 <= limited.probe(limit) < 9216 << 20, "and what the zygote has imported"
    assert daemon.fork().probe(limit) == -1
