"""Plays Spark's executor: starts a daemon module, connects for workers, reads what it prints."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import client
import tasks

if TYPE_CHECKING:
    from typing_extensions import Self

OURS = "udfrunner.spark_daemon"
STOCK = "pyspark.daemon"
SECRET = "a secret of Spark's"
PACKAGES = client.SOURCES.parents[1] / "bindings" / "python" / "src"


class Connection:
    """A worker as the executor has it: a connection, and the process id that came first."""

    def __init__(self, daemon: SparkDaemon, secret: str | bytes | None = SECRET) -> None:
        self.socket = daemon.connect()
        self.stream = self.socket.makefile("rb")
        self.pid = tasks.read_int(self.stream)
        self.answer = ""
        if not daemon.unix and secret is not None and self.pid > 0:
            data = secret if isinstance(secret, bytes) else text(secret)
            self.socket.sendall(data)
            self.answer = self.stream.read(tasks.read_int(self.stream)).decode()

    def run(self, request: bytes) -> tasks.Result:
        """Send one task's input and read its result."""
        self.socket.sendall(request)
        return tasks.decode(self.stream)

    def probe(self, function: Callable[[], Any]) -> Any:
        """Call a function in the worker, as a task."""
        return self.run(tasks.encode_probe(function)).value

    def send_probe(self, function: Callable[[], Any]) -> None:
        """Call a function in the worker, whose result is not awaited."""
        self.socket.sendall(tasks.encode_probe(function))

    def at_end(self) -> bool:
        """Wait for the next byte; whether there is none."""
        try:
            return not self.stream.read(1)
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """Close the connection."""
        self.stream.close()
        self.socket.close()


class SparkDaemon:
    """A daemon module as a child process, as PythonWorkerFactory starts it."""

    def __init__(
        self,
        module: str = OURS,
        environment: dict[str, str] | None = None,
        arguments: tuple[str, ...] = (),
        options: tuple[str, ...] = (),
        **popen: Any,
    ) -> None:
        variables = {
            **{name: text for name, text in os.environ.items() if not name.startswith("PYTEST")},
            "PYTHONPATH": str(PACKAGES),
            "PYTHONUNBUFFERED": "YES",
            "PYTHON_WORKER_FACTORY_SECRET": SECRET,
            "SPARK_REUSE_WORKER": "1",
            **(environment or {}),
        }
        self.unix = variables.get("PYTHON_UNIX_DOMAIN_ENABLED") == "True"
        self.ipv6 = variables.get("SPARK_PREFER_IPV6") == "True"
        self.process = subprocess.Popen(
            [sys.executable, *options, "-m", module, *arguments],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **popen,
        )
        self.pid = self.process.pid
        self.address = self._read_address()
        self.stdout, self.stderr = _Tail(self.process.stdout), _Tail(self.process.stderr)
        self._connections: list[Connection] = []

    def _read_address(self) -> Any:
        assert self.process.stdout is not None
        try:
            number = tasks.read_int(self.process.stdout)  # type: ignore[arg-type]
        except EOFError:
            return None
        return self.process.stdout.read(number).decode() if self.unix else number

    def connect(self) -> socket.socket:
        """A connection to the daemon's socket."""
        if self.unix:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(client.TIMEOUT)
            connection.connect(self.address)
            return connection
        host = "::1" if self.ipv6 else "127.0.0.1"
        return socket.create_connection((host, self.address), client.TIMEOUT)

    def worker(self, secret: str | bytes | None = SECRET) -> Connection:
        """Connect for a worker."""
        connection = Connection(self, secret)
        self._connections.append(connection)
        return connection

    def kill(self, pid: int) -> None:
        """Ask for a worker's death, as Spark does."""
        assert self.process.stdin is not None
        self.process.stdin.write(struct.pack("!i", pid))
        self.process.stdin.flush()

    def discard_workers(self) -> None:
        """Close the connections, and wait until the daemon has reaped the workers."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        client.wait_until(lambda: client.children(self.pid) == [], "a daemon without children")

    def close(self) -> int:
        """Close standard input and wait for the daemon's end; returns its status."""
        for connection in self._connections:
            connection.close()
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            return int(self.process.wait(client.TIMEOUT))
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.stdout.close()
            self.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Tail:
    """What a pipe said so far, read by a thread: nothing that writes to it ever waits."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self._text = b""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while piece := self._pipe.read1(65536):
            self._text += piece

    def __str__(self) -> str:
        return self._text.decode()

    def await_text(self, needle: str) -> str:
        """All text so far, once needle is in it."""
        client.wait_until(lambda: needle in str(self), f"{needle!r} in {self}")
        return str(self)

    def close(self) -> None:
        """Wait for the end of the pipe, which all processes that hold it have to let go."""
        self._thread.join(client.TIMEOUT)
        assert not self._thread.is_alive(), "somebody holds the daemon's output"
        self._pipe.close()


def text(value: str) -> bytes:
    """A text as Spark writes it."""
    return struct.pack("!i", len(value.encode())) + value.encode()


def write_module(directory: Path, name: str, source: str) -> dict[str, str]:
    """A module for the daemon to find; returns the variable that it takes."""
    (directory / f"{name}.py").write_text(source)
    return {"PYTHONPATH": f"{PACKAGES}:{directory}"}
