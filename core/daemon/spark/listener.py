"""The socket on which Spark asks for workers: a connection is a request for one."""

from __future__ import annotations

import os
import socket
import struct
import uuid
from collections.abc import Mapping

_BACKLOG = max(1024, socket.SOMAXCONN)
_ONLY_OWNER = 0o077


class Listener:
    """A listening socket on TCP or, from Spark 4.1 on, on a Unix socket."""

    def __init__(self, listening: socket.socket) -> None:
        self._socket = listening
        self._socket.setblocking(False)

    @classmethod
    def open(cls, environment: Mapping[str, str]) -> Listener:
        """Listen where Spark's variables say. Raises OSError, KeyError for a missing variable."""
        if _is_true(environment.get("PYTHON_UNIX_DOMAIN_ENABLED")):
            directory = environment["PYTHON_WORKER_FACTORY_SOCK_DIR"]
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            mask = os.umask(_ONLY_OWNER)
            try:
                listening.bind(os.path.join(directory, f".{uuid.uuid4()}.sock"))
            finally:
                os.umask(mask)
        elif _is_true(environment.get("SPARK_PREFER_IPV6")):
            listening = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            listening.bind(("::1", 0))
        else:
            listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listening.bind(("127.0.0.1", 0))
        listening.listen(_BACKLOG)
        return cls(listening)

    @classmethod
    def adopt(cls, descriptor: int) -> Listener:
        """Take over a listening socket that came through exec."""
        os.set_inheritable(descriptor, False)
        return cls(socket.socket(fileno=descriptor))

    def fileno(self) -> int:
        """The socket's descriptor, to poll."""
        return self._socket.fileno()

    @property
    def announcement(self) -> bytes:
        """What Spark reads first: the port as an int, or the length and text of the path."""
        path = self._path
        if path is None:
            return struct.pack("!i", self._socket.getsockname()[1])
        return struct.pack("!i", len(os.fsencode(path))) + os.fsencode(path)

    def accept(self) -> socket.socket | None:
        """The next connection, None where it went away. Raises OSError."""
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        return connection

    def hand_on(self) -> int:
        """Let the socket live through exec; returns its descriptor."""
        os.set_inheritable(self._socket.fileno(), True)
        return self._socket.fileno()

    def forget(self) -> None:
        """In a forked child: let go of the socket without closing its descriptor."""
        self._socket.detach()

    def close(self) -> None:
        """Refuse further connections; a Unix socket's file is removed."""
        path = self._path
        self._socket.close()
        if path is not None:
            try:
                os.unlink(path)
            except OSError:
                pass  # somebody tidied its directory

    @property
    def _path(self) -> str | None:
        if self._socket.family != socket.AF_UNIX:
            return None
        path: str = self._socket.getsockname()
        return path


def _is_true(text: str | None) -> bool:
    """Whether a variable is set as Spark sets what is true."""
    return text is not None and text.lower() == "true"
