"""Fixtures: one warm daemon for all tests, and nothing left behind after each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import client
import pytest
import tasks

SOCKETS_AND_PIPES = ("socket:", "pipe:", "anon_inode:")


def pytest_configure(config: pytest.Config) -> None:
    """The marker of what is to be held with every PySpark."""
    config.addinivalue_line("markers", "essential: run with every supported PySpark")


def add_one(values: Any) -> Any:
    """A pandas function."""
    return values + 1


def add_one_arrow(values: Any) -> Any:
    """An Arrow function."""
    import pyarrow.compute

    return pyarrow.compute.add(values, 1)


ADD_ONE = add_one_arrow if tasks.SCALAR == tasks.SCALAR_ARROW else add_one
"""The function of its kind for tasks.SCALAR."""


def warm_inputs() -> list[bytes]:
    """One pandas task, and an Arrow one where PySpark has them."""
    inputs = [tasks.encode(tasks.SCALAR_PANDAS, add_one)]
    if tasks.SCALAR == tasks.SCALAR_ARROW:
        inputs.append(tasks.encode(tasks.SCALAR_ARROW, add_one_arrow))
    return inputs


@pytest.fixture(scope="session")
def warm_daemon() -> Iterator[client.Daemon]:
    """A warmed zygote, shared by the tests."""
    with client.running(environment={"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": ""}) as daemon:
        ready = daemon.start()
        assert ready["op"] == "ready", ready
        assert daemon.warm(warm_inputs())["threads"] == 1
        yield daemon


@pytest.fixture
def daemon(warm_daemon: client.Daemon) -> Iterator[client.Daemon]:
    """The shared daemon, checked for what a test left in it."""
    pid = warm_daemon.process.pid
    before = client.open_descriptors(pid).keys()
    yield warm_daemon
    warm_daemon.discard_workers()
    client.wait_until(lambda: client.children(pid) == [], "the daemon without children")
    # A worker's descriptors are closed just after its process was reaped.
    client.wait_until(
        lambda: client.open_descriptors(pid).keys() <= before,
        "the daemon with only the descriptors it had",
    )


@pytest.fixture
def worker(daemon: client.Daemon) -> client.Worker:
    """A fresh worker of the shared daemon."""
    return daemon.fork()


@pytest.fixture(autouse=True)
def nothing_left(warm_daemon: client.Daemon) -> Iterator[None]:
    """Fail a test that leaves descriptors or children in the test process."""
    before = client.open_descriptors(os.getpid())
    processes = set(client.children(os.getpid()))
    yield
    after = client.open_descriptors(os.getpid())
    new = {fd: kind for fd, kind in after.items() if fd not in before}
    assert not [kind for kind in new.values() if kind.startswith(SOCKETS_AND_PIPES)], new
    assert set(client.children(os.getpid())) == processes
