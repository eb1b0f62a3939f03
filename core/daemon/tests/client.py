"""Plays the library: starts a daemon, speaks the control protocol, feeds workers."""

from __future__ import annotations

import array
import base64
import contextlib
import importlib.util
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import tasks

SOURCES = Path(__file__).resolve().parent.parent
PACKAGE = "udfrunner_daemon"
TIMEOUT = 20.0
"""Seconds any wait of a test may take."""

MODULES = ["pyspark.worker", "pyarrow", "pandas"]


def load(name: str) -> ModuleType:
    """A module of the daemon, imported from its file as part of the package."""
    package = "daemon_under_test"
    if package not in sys.modules:
        path = SOURCES / "__init__.py"
        spec = importlib.util.spec_from_file_location(
            package, path, submodule_search_locations=[str(SOURCES)]
        )
        assert spec is not None and spec.loader is not None
        sys.modules[package] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[package])
    return importlib.import_module(f"{package}.{name}")


def packets(piece: int = 64 << 10) -> list[bytes]:
    """The source packets, as the library sends them."""
    sources = {
        PACKAGE if path.stem == "__init__" else f"{PACKAGE}.{path.stem}": path.read_text()
        for path in SOURCES.glob("*.py")
        if path.stem != "bootstrap"
    }
    data = json.dumps({"sources": sources}).encode()
    pieces = [data[start : start + piece] for start in range(0, len(data), piece)]
    return [*(b"+" + part for part in pieces[:-1]), b"." + pieces[-1]]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll for a condition of the system that has no event to wait for."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {TIMEOUT} s"
        time.sleep(0.005)


def open_descriptors(pid: int) -> dict[int, str]:
    """The open descriptors of a process, and what they are."""
    found = {}
    for entry in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one that listing uses
            found[int(entry.name)] = os.readlink(entry.path)
    return found


def children(pid: int) -> list[int]:
    """The child processes of a process, zombies included."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def process_exists(pid: int) -> bool:
    """Whether a process is alive; a zombie is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Worker:
    """The host's ends of a forked worker."""

    def __init__(self, id: int, data: socket.socket, stdout: int, stderr: int) -> None:
        self.id = id
        self.pid = -1
        self.pidfd = -1
        self.stacks = -1
        self.data = data
        self.data.settimeout(TIMEOUT)
        self.stream = data.makefile("rb")
        self._pipes = {"stdout": stdout, "stderr": stderr}

    def run(self, request: bytes) -> tasks.Result:
        """Send one task's input and read its result."""
        self.data.sendall(request)
        return tasks.decode(self.stream)

    def probe(self, function: Callable[[], Any]) -> Any:
        """Call a function in the worker, as a task."""
        return self.run(tasks.encode_probe(function)).value

    def read_log(self, name: str, needle: bytes = b"") -> str:
        """What was written to stdout or stderr: up to needle, or to the end of the pipe."""
        text = b""
        deadline = time.monotonic() + TIMEOUT
        while not needle or needle not in text:
            assert select.select([self._pipes[name]], [], [], deadline - time.monotonic())[0], text
            piece = os.read(self._pipes[name], 65536)
            if not piece:
                break
            text += piece
        return text.decode()

    def forked(self, pid: int, descriptors: list[int]) -> None:
        """Take what came with the answer to the fork."""
        self.pid = pid
        self.pidfd, self.stacks = descriptors

    def read_stacks(self, needle: str = "") -> str:
        """The stack file, once it holds needle."""
        texts: list[str] = []

        def read() -> bool:
            texts.append(os.pread(self.stacks, 1 << 20, 0).decode())
            return needle in texts[-1]

        wait_until(read, f"{needle!r} in the stack file")
        return texts[-1]

    def close(self) -> None:
        """Close the host's ends."""
        self.stream.close()
        self.data.close()
        for pipe in self._pipes.values():
            os.close(pipe)
        self._pipes = {}
        for descriptor in (self.pidfd, self.stacks):
            if descriptor >= 0:
                os.close(descriptor)
        self.pidfd = self.stacks = -1


class Daemon:
    """A running daemon and the host's end of its control socket."""

    def __init__(
        self,
        python: list[str] | None = None,
        environment: dict[str, str] | None = None,
        piece: int = 64 << 10,
        stderr: int | None = None,
        directory: Path | None = None,
        close_fds: bool = True,
    ) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(TIMEOUT)
        bootstrap = (SOURCES / "bootstrap.py").read_text()
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("PYTEST")
        }
        with theirs:
            self.process = subprocess.Popen(
                [*(python or [sys.executable]), "-c", bootstrap],
                stdin=theirs.fileno(),
                env={**inherited, "SPARK_REUSE_WORKER": "1", **(environment or {})},
                stderr=stderr,
                cwd=directory,
                close_fds=close_fds,
            )
        for packet in packets(piece):
            self.control.send(packet)
        self.workers: list[Worker] = []
        self._forks = 0
        self._unread: deque[tuple[dict[str, Any], list[int]]] = deque()

    def start(self, zygote: bool = True, modules: list[str] | None = None, **fields: Any) -> Any:
        """Send the start message; returns the answer."""
        message = {
            "op": "start",
            "protocol": 1,
            "zygote": zygote,
            "modules": MODULES if modules is None else modules,
            "minimum_pyspark": "3.5",
        }
        self.send({**message, **fields})
        answer, descriptors = self.receive("ready", "failed")
        for pidfd in descriptors:
            os.close(pidfd)
        return answer

    def warm(self, inputs: list[bytes]) -> Any:
        """Warm the zygote up; returns the answer."""
        encoded = [base64.b64encode(data).decode() for data in inputs]
        self.send({"op": "warm", "inputs": encoded})
        return self.receive("warmed", "failed")[0]

    def send(self, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
        """Send a message with descriptors."""
        rights = array.array("i", descriptors or [])
        self.control.sendmsg(
            [json.dumps(message).encode()],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else [],
        )

    def receive(self, *operations: str, id: int | None = None) -> tuple[Any, list[int]]:
        """The next message with one of these operations (and id); others are kept."""
        for kept in self._unread:
            if kept[0]["op"] in operations and id in (None, kept[0].get("id")):
                self._unread.remove(kept)
                return kept
        while True:
            data, ancillary, _, _ = self.control.recvmsg(1 << 17, 64)
            if not data:
                raise EOFError(f"control socket closed, waiting for {operations}")
            descriptors = array.array("i")
            for _, _, payload in ancillary:
                descriptors.frombytes(payload)
            message = json.loads(data)
            if message["op"] in operations and id in (None, message.get("id")):
                return message, descriptors.tolist()
            self._unread.append((message, descriptors.tolist()))

    def ask_fork(self, **fields: Any) -> Worker:
        """Ask for a worker without waiting for the answer."""
        ours, theirs = socket.socketpair()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        self._forks += 1
        worker = Worker(self._forks, ours, out_read, err_read)
        self.workers.append(worker)
        message = {"op": "fork", "id": worker.id, "env": {}, "unset": [], "cwd": None, **fields}
        try:
            self.send(message, [theirs.fileno(), out_write, err_write])
        finally:
            theirs.close()
            os.close(out_write)
            os.close(err_write)
        return worker

    def fork(self, **fields: Any) -> Worker:
        """Fork a worker."""
        worker = self.ask_fork(**fields)
        self.await_fork(worker)
        return worker

    def await_fork(self, worker: Worker) -> None:
        """Wait for the answer to ask_fork."""
        message, descriptors = self.receive("forked", "refused", id=worker.id)
        assert message["op"] == "forked", message
        worker.forked(message["pid"], descriptors)

    def await_exit(self, worker: Worker) -> Any:
        """The exit report of a worker."""
        message, _ = self.receive("exited", id=worker.id)
        return message

    def discard_workers(self) -> None:
        """Kill all workers, wait for their ends, and close the host's ends."""
        for worker in self.workers:
            if worker.pid > 0 and process_exists(worker.pid):
                self.send({"op": "kill", "id": worker.id, "signal": 9})
                self.await_exit(worker)
            worker.close()
        self.workers.clear()
        for _, descriptors in self._unread:
            for descriptor in descriptors:
                os.close(descriptor)
        self._unread.clear()

    def close(self) -> int:
        """Close the control socket and wait for the daemon's end; returns its status."""
        self.control.close()
        try:
            return int(self.process.wait(TIMEOUT))
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            if self.process.stderr is not None:
                self.process.stderr.close()
            for worker in self.workers:
                worker.close()


@contextlib.contextmanager
def running(**options: Any) -> Iterator[Daemon]:
    """A daemon for the length of a block; nothing of it is left afterwards."""
    daemon = Daemon(**options)
    try:
        yield daemon
    finally:
        daemon.close()
    pids = [worker.pid for worker in daemon.workers if worker.pid > 0]
    wait_until(lambda: not any(map(process_exists, pids)), f"end of the workers {pids}")
