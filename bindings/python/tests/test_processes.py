"""What daemons and workers have of the host's process, and what becomes of them when it dies."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE, TESTS

#: The ways of making workers, by their settings.
KINDS = {
    "embedded": {},
    "daemon": {"spark.python.daemon.module": "pyspark.daemon"},
    "simple": {"spark.python.use.daemon": "false"},
}

#: Signals that the host blocks, and those that it ignores.
BLOCKED = {signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM}
IGNORED = {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTOU, signal.SIGCONT}

#: Seconds in which every process of a killed host must be gone.
BOUND = 1.0


@contextmanager
def host(what: str, kind: str, tmp_path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A host in its own process, and what it reported about its processes."""
    held = str(tmp_path / "held")
    argument = json.dumps([what, KINDS[kind], sorted(BLOCKED), sorted(IGNORED), held])
    with subprocess.Popen(
        [sys.executable, TESTS / "host_process.py", argument], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, "the host ended"
            yield process, json.loads(line)
        finally:
            process.kill()


def processes(told: dict[str, Any]) -> dict[str, int]:
    """The library's processes by what they are; a worker per task has no daemon."""
    names = ("worker", "daemon") if told["daemon"] else ("worker",)
    return {name: told[name] for name in names}


def mask(pid: int, name: str) -> set[int]:
    """Signals of a line of /proc/<pid>/status, without the two that the C library keeps for itself.

    Those no program can set or reset: whoever starts the tests may hand them on as ignored.
    """
    text = Path(f"/proc/{pid}/status").read_text()
    (value,) = (int(line.split()[1], 16) for line in text.splitlines() if line.startswith(name))
    return {number for number in range(1, 65) if value >> (number - 1) & 1} - {32, 33}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_host_is_inherited(kind: str, tmp_path: Path) -> None:
    with host("is killed", kind, tmp_path) as (process, told):
        for name, pid in processes(told).items():
            open_files = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
            assert not open_files & set(told["held"]), name
            assert mask(pid, "SigBlk") == set(), name
            # What Python ignores by itself, and a daemon what is sent to the host's terminal.
            own = {signal.SIGPIPE, signal.SIGXFSZ}
            if name == "daemon":
                own |= {signal.SIGHUP, signal.SIGINT, signal.SIGCHLD}
            elif kind == "daemon":
                own |= {signal.SIGHUP, signal.SIGCHLD}  # pyspark.daemon leaves them to its workers
            assert mask(pid, "SigIgn") <= own, name
            # A process group of its own, outside of the host's; stock workers share their daemon's.
            assert os.getpgid(pid) != os.getpgid(process.pid), name
            if kind != "daemon":
                assert os.getpgid(pid) == pid, name


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_host_leaves_no_process(kind: str, tmp_path: Path) -> None:
    with host("is killed", kind, tmp_path) as (process, told):
        of = processes(told)
        if told["daemon"]:  # ends what its workers leave; without one that is the host's to do
            of["grandchild"] = told["grandchild"]
        held = {name: os.pidfd_open(pid) for name, pid in of.items()}
        try:
            start = time.monotonic()
            process.kill()
            for name, pidfd in held.items():
                left = max(0.0, BOUND - (time.monotonic() - start))
                assert select.select([pidfd], [], [], left)[0], f"{name} lives on"
        finally:
            for pidfd in held.values():
                with suppress(ProcessLookupError):  # what a failed test left
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                os.close(pidfd)


@pytest.mark.parametrize("what", ["ignores its children", "reaps all children"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_host_that_takes_the_children(what: str, kind: str, tmp_path: Path) -> None:
    with host(what, kind, tmp_path) as (process, told):
        assert told["worker"] > 0
        rest = [json.loads(line) for line in process.stdout]
        assert process.wait(PATIENCE) == 0
    *deaths, end = rest
    # The embedded daemon is its workers' parent and knows. A worker that is the host's own child
    # is the host's to wait for.
    known = {"embedded": {"signal"}, "simple": {"signal", "unknown"}}.get(kind, {"unknown"})
    assert len(deaths) == 3
    assert {death["cause"] for death in deaths} <= known, deaths
    assert end == {"left": []}
