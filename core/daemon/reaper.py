"""Live workers: their signals, and their deaths.

The daemon is the workers' parent. A worker's pidfd in the poll set says that it ended; no
signal handler is needed. Until it is reaped its process id, and the process group of the same
number, belong to nobody else, so that every kill here hits the worker or nothing.

A daemon that adopts orphans (PR_SET_CHILD_SUBREAPER) has dead workers' children that left their
group as children of its own. They live on, as under pyspark.daemon, but not longer than it.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Container
from contextlib import suppress
from typing import NamedTuple

from . import process

SWEEP_INTERVAL = 0.02
"""Seconds between looks at workers that have no pidfd (Linux before 5.3)."""

ORPHAN_INTERVAL = 1.0
"""Seconds between looks at adopted processes, whose ends nothing tells of."""

KILL_TIMEOUT = 1.0
"""Seconds that killed workers have to end."""


class Exit(NamedTuple):
    """The end of a worker: raw wait status, peak resident set in bytes, CPU times in seconds."""

    id: int
    pid: int
    status: int
    peak_rss: int
    user_time: float
    system_time: float


class _Worker(NamedTuple):
    id: int
    pid: int
    pidfd: int  # -1: the kernel has none


class Reaper:
    """The workers that were forked and not yet reaped, by the id their owner gave them."""

    def __init__(self, adopts: bool = False) -> None:
        """adopts says that orphans become this process's children, and it has no others."""
        self._workers: dict[int, _Worker] = {}
        self._adopts = adopts
        self._adopted = False

    def __len__(self) -> int:
        return len(self._workers)

    def add(self, id: int, pid: int) -> int:
        """Take charge of a just forked child; returns its pidfd, still this object's, or -1.

        Puts the child into its own process group, as the child does itself: whichever comes
        first, a kill finds the group.
        """
        try:
            os.setpgid(pid, pid)
        except OSError:
            pass  # the child did it, and has already ended or executed another program
            # Or a sandbox refuses it: then a kill hits the worker alone, and its children live on.
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            pidfd = -1
        self._workers[id] = _Worker(id, pid, pidfd)
        return pidfd

    def __contains__(self, id: int) -> bool:
        return id in self._workers

    @property
    def pidfds(self) -> list[int]:
        """What to poll for deaths; readable when the worker ended."""
        return [worker.pidfd for worker in self._workers.values() if worker.pidfd >= 0]

    @property
    def interval(self) -> float | None:
        """Longest time in seconds between two calls of reap, None for no limit."""
        if any(worker.pidfd < 0 for worker in self._workers.values()):
            return SWEEP_INTERVAL
        return ORPHAN_INTERVAL if self._adopted else None

    def kill(self, id: int, number: int) -> None:
        """Send a signal to a worker's process group; an unknown id is ignored."""
        worker = self._workers.get(id)
        if worker is not None:
            _kill_group(worker.pid, number)

    def signal_worker(self, id: int, number: int) -> None:
        """Send a signal to a worker alone, not to its children; an unknown id is ignored."""
        worker = self._workers.get(id)
        if worker is not None:
            os.kill(worker.pid, number)

    def reap(self, ready: Container[int] | None = None) -> list[Exit]:
        """Collect every worker that ended, after killing what is left of its process group.

        Of those that have a pidfd only the ones in ready are looked at, where it is given.
        """
        ends = [
            self._collect(worker)
            for worker in list(self._workers.values())
            if (ready is None or worker.pidfd < 0 or worker.pidfd in ready) and _ended(worker)
        ]
        if self._adopts and (ends or self._adopted):
            self._adopted = bool(self._reap_orphans())
        return ends

    def _reap_orphans(self) -> list[int]:
        """Reap adopted processes that ended; returns the others."""
        workers = {worker.pid for worker in self._workers.values()}
        return [pid for pid in process.child_processes() if pid not in workers and _lives(pid)]

    def end_orphans(self) -> None:
        """SIGKILL all adopted processes and what these leave, for KILL_TIMEOUT at most."""
        deadline = time.monotonic() + KILL_TIMEOUT
        while (orphans := self._reap_orphans()) and time.monotonic() < deadline:
            for pid in orphans:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.001)

    def kill_all(self) -> list[Exit]:
        """SIGKILL every worker's process group, and reap the workers.

        Gives up after KILL_TIMEOUT on a worker that the kernel cannot end (stuck in a system
        call on a dead file server, say).
        """
        return self.end_all(signal.SIGKILL, KILL_TIMEOUT)

    def signal_all(self, number: int) -> None:
        """Send a signal to every worker's process group."""
        for worker in self._workers.values():
            _kill_group(worker.pid, number)

    def end_all(self, number: int, seconds: float) -> list[Exit]:
        """Send a signal to every worker's process group; reap who ends within some seconds."""
        self.signal_all(number)
        deadline = time.monotonic() + seconds
        exits = self.reap()
        while self._workers and time.monotonic() < deadline:
            poller = select.poll()
            for pidfd in self.pidfds:
                poller.register(pidfd, select.POLLIN)
            poller.poll(SWEEP_INTERVAL * 1000)
            exits += self.reap()
        return exits

    def _collect(self, worker: _Worker) -> Exit:
        # The worker is a zombie, so that its group's number is still its own.
        _kill_group(worker.pid, signal.SIGKILL)
        _, status, usage = os.wait4(worker.pid, 0)
        if worker.pidfd >= 0:
            os.close(worker.pidfd)
        del self._workers[worker.id]
        return Exit(
            id=worker.id,
            pid=worker.pid,
            status=status,
            peak_rss=usage.ru_maxrss * 1024,
            user_time=usage.ru_utime,
            system_time=usage.ru_stime,
        )


def _ended(worker: _Worker) -> bool:
    flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
    return os.waitid(os.P_PID, worker.pid, flags) is not None


def _lives(pid: int) -> bool:
    """Whether a child lives; reaps it where not."""
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False


def _kill_group(pid: int, number: int) -> None:
    """Send a signal to a worker's process group, or to the worker alone where it left its group."""
    for send in (os.killpg, os.kill):
        try:
            send(pid, number)
            return
        except ProcessLookupError:
            pass
        except PermissionError:
            return  # nobody is left in it but, at most, a worker that became another user's
