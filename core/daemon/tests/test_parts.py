"""Parts that a running daemon shows only on other kernels or under rare conditions."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time

import client
import pytest
from client import load


def fork_exiting(status: int) -> int:
    """A child that exits at once."""
    pid = os.fork()
    if pid == 0:
        os._exit(status)
    return pid


def fork_sleeping() -> int:
    """A child that stays."""
    pid = os.fork()
    if pid == 0:
        time.sleep(3600)
    return pid


def test_reaper_without_pidfd(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_pidfd(pid: int, flags: int = 0) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", no_pidfd)
    reaper = load("reaper").Reaper()
    assert reaper.interval is None
    assert reaper.add(1, fork_exiting(7)) == -1
    assert reaper.add(2, fork_sleeping()) == -1
    assert reaper.pidfds == []
    assert reaper.interval is not None
    ends = []

    def reaped() -> bool:
        ends.extend(reaper.reap())
        return bool(ends)

    client.wait_until(reaped, "the exit")
    assert [(end.id, os.waitstatus_to_exitcode(end.status)) for end in ends] == [(1, 7)]
    (killed,) = reaper.kill_all()
    assert (killed.id, os.WTERMSIG(killed.status)) == (2, signal.SIGKILL)
    assert len(reaper) == 0
    assert reaper.interval is None


def test_reaper_reports_each_worker_once() -> None:
    reaper = load("reaper").Reaper()
    pidfd = reaper.add(5, fork_exiting(0))
    assert reaper.pidfds == [pidfd]
    client.wait_until(lambda: len(reaper.reap()) == 1, "the exit")
    assert reaper.reap() == []
    reaper.kill(5, signal.SIGKILL)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(pidfd)


@pytest.mark.parametrize("kernel", ["new", "old", "none"])
def test_descriptors_are_closed_with_any_kernel(
    kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = load("process")
    if kernel != "new":
        monkeypatch.setattr(process, "_close_range", (lambda *_: -1) if kernel == "old" else None)
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        kept, closed = os.dup(ours.fileno()), os.dup(ours.fileno())
        process.close_all_but([kept, 0])
        left = process.open_descriptors()
        os.write(kept, repr((left == [0, 1, 2, kept], closed > kept)).encode())
        os._exit(0)
    with ours, theirs:
        os.waitpid(pid, 0)
        assert theirs.recv(100) == b"(True, True)"


def test_channel_flushes_output_only_when_input_waits() -> None:
    channel_module = load("channel")
    ours, theirs = socket.socketpair()
    ours.settimeout(client.TIMEOUT)
    with ours:
        channel = channel_module.Channel(theirs.detach(), 1024)
        ours.sendall(b"abcd")
        channel.output.write(b"answer")
        assert channel.input.read(4) == b"abcd"
        assert select.select([ours], [], [], 0)[0] == []
        reader = threading.Thread(target=channel.input.read, args=(1,))
        reader.start()
        assert ours.recv(100) == b"answer"
        ours.sendall(b"e")
        reader.join(client.TIMEOUT)
        assert not reader.is_alive()
        channel.socket.close()


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 5000, 300_000])
def test_channel_reads_any_size(size: int) -> None:
    channel_module = load("channel")
    ours, theirs = socket.socketpair()
    with ours:
        channel = channel_module.Channel(theirs.detach(), 1024)
        data = os.urandom(size)
        feeder = threading.Thread(target=ours.sendall, args=(b"head" + data + b"tail",))
        feeder.start()
        assert channel.input.read(4) == b"head"
        assert channel.input.read(size) == data
        target = bytearray(4)
        assert channel.input.readinto(target) == 4
        assert target == b"tail"
        feeder.join(client.TIMEOUT)
        ours.close()
        assert channel.input.read(1) == b""
        assert channel.wait(0.01, lambda: None) is False
        channel.socket.close()


def test_channel_says_when_it_is_idle() -> None:
    channel_module = load("channel")
    ours, theirs = socket.socketpair()
    with ours:
        channel = channel_module.Channel(theirs.detach(), 1024)
        idle: list[int] = []

        def when_idle() -> None:
            idle.append(1)
            ours.sendall(b"x")

        assert channel.wait(0.01, when_idle) is True
        assert channel.wait(0.01, when_idle) is True
        assert idle == [1]
        assert channel.input.read(1) == b"x"
        channel.socket.close()


@pytest.mark.parametrize(
    ("older", "newer"),
    [("3.5.0", "3.5"), ("4.0.0.dev2", "4.0.0"), ("4.1.0rc1", "4.1.0"), ("3.5.9", "4.0")],
)
def test_versions_compare_by_their_numbers(older: str, newer: str) -> None:
    numbers = load("zygote")._numbers
    if older.startswith("3.5.9"):
        assert numbers(older) < numbers(newer)
    else:
        assert numbers(older) >= numbers(newer)
