"""Processes of a demo: found by a mark in their environment, and ended with it, whatever happens."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, final

#: The environment variable that all processes of a demo inherit.
MARK = "UDFRUNNER_DEMO"
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02


class DemoError(Exception):
    """What a demo found wrong."""


@dataclass(frozen=True)
class Process:
    """A process of the machine; its start time tells it from a later one of the same id."""

    pid: int
    parent: int
    started: int
    command: str

    @property
    def is_python(self) -> bool:
        """Whether it is an interpreter, as daemons and workers of functions are."""
        return self._program.startswith("python")

    @property
    def is_java(self) -> bool:
        """Whether it is a JVM."""
        return self._program == "java"

    @property
    def _program(self) -> str:
        return Path(self.command.split("\0", 1)[0]).name

    def is_alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        now = _read(self.pid)
        return now is not None and now.started == self.started


@final
class Processes:
    """The processes that a demo starts, and all that those start.

    Leaving it kills them and waits until they are gone; so do SIGTERM, SIGINT and the end of
    `seconds`, which raise in the main thread. Those that were started here end with this process
    even where it is killed.
    """

    def __init__(self, seconds: int, environment: Mapping[str, str]) -> None:
        self._mark = f"{MARK}={uuid.uuid4().hex}"
        name, value = self._mark.split("=")
        self.environment = {**os.environ, **environment, name: value}
        self._seconds = seconds
        self._children: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Processes:
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGALRM, self._too_long)
        signal.alarm(self._seconds)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.alarm(0)
        self._end()

    def start(
        self, command: list[str | Path], log: IO[str], output: int | None = None
    ) -> subprocess.Popen[str]:
        """Start a command; what it writes goes to the log, but its stdout to `output` if given."""
        child = subprocess.Popen(
            [str(word) for word in command],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log if output is None else output,
            stderr=log,
            text=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 (no threads here)
        )
        self._children.append(child)
        return child

    def all(self) -> Iterator[Process]:
        """All processes that carry the mark."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if self._mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                        found = _read(int(entry.name))
                        if found is not None:
                            yield found

    def pythons(self, ancestor: int | None = None) -> list[Process]:
        """The Python processes, of all or of one process's descendants."""
        found = {process.pid: process for process in self.all()}

        def descends(process: Process | None) -> bool:
            while process is not None and process.parent != ancestor:
                process = found.get(process.parent)
            return process is not None

        return [p for p in found.values() if p.is_python and (ancestor is None or descends(p))]

    def _end(self) -> None:
        deadline = time.monotonic() + 20
        while left := list(self.all()):
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise DemoError(f"processes that do not end: {left}")
            for child in self._children:
                child.poll()
            time.sleep(_POLL_SECONDS)
        for child in self._children:
            child.wait()

    def _too_long(self, number: int, frame: FrameType | None) -> None:
        raise DemoError(f"not done after {self._seconds} s")


def wait_until(what: str, seconds: float, condition: Callable[[], bool]) -> float:
    """Wait until a condition holds, and say after how many seconds it did."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() > start + seconds:
            raise DemoError(f"{what}: not within {seconds:g} s")
        time.sleep(_POLL_SECONDS)
    return time.monotonic() - start


def run(main: Callable[[], None]) -> int:
    """Run a demo; what it finds wrong is told in one line."""
    try:
        main()
    except DemoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _read(pid: int) -> Process | None:
    """A process by its id; None for one that is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return None
    # The name, in parentheses, may hold anything.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else Process(pid, int(fields[1]), int(fields[19]), command)
