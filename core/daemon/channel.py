"""The file-like objects that pyspark.worker.main reads and writes, over a stream socket.

Both are CPython's own buffered files: small reads and writes run at C speed, big ones go past
the buffer. A read_buffer method for pyarrow was measured and left out: it saved nothing on big
batches, and cost 10 % on small ones.
"""

from __future__ import annotations

import io
import select
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

DEFAULT_BUFFER_SIZE = 65536
"""Bytes; spark.buffer.size when the host sets none."""


WATCH_SECONDS = 0.5
"""How often a worker that waits for a task looks at what it has imported."""


class SocketSource(io.RawIOBase):
    """The reading side of a socket that calls before_wait when it is about to wait."""

    def __init__(
        self, sock: socket.socket, buffer_size: int, before_wait: Callable[[], object]
    ) -> None:
        super().__init__()
        self._socket = sock
        self._buffer_size = buffer_size
        self.before_wait = before_wait
        self.before_read: Callable[[], object] | None = None

    def readable(self) -> bool:
        """True."""
        return True

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def readinto(self, target: WriteableBuffer) -> int:
        """Fill target with what there is, waiting for the first byte; 0 at the end.

        A target larger than the buffer is a request for all of it (BufferedReader asks so for
        the rest of a big read): the kernel then fills it in one call.
        """
        if self.before_read is not None:
            self.before_read()
        try:
            return self._socket.recv_into(target, 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
        self.before_wait()
        wanted = memoryview(target).nbytes
        whole = socket.MSG_WAITALL if wanted > self._buffer_size else 0
        return self._socket.recv_into(target, 0, whole)


class Channel:
    """Both directions of a worker's data socket; owns the descriptor.

    Output that pyspark left in its buffer gets out when input would wait, and only then: a host
    that feeds one batch and waits for its result is answered, and a busy stream costs no extra
    write. before_wait is called with the socket before each task, and
    whenever input is about to wait.
    """

    def __init__(
        self,
        descriptor: int,
        buffer_size: int,
        before_wait: Callable[[socket.socket], object] | None = None,
    ) -> None:
        self.socket = socket.socket(fileno=descriptor)
        self.socket.setblocking(True)
        self.output = io.BufferedWriter(io.FileIO(descriptor, "wb", closefd=False), buffer_size)
        self._before_wait = before_wait
        self._source = SocketSource(self.socket, buffer_size, self._flush)
        self.input = io.BufferedReader(self._source, buffer_size)

    def wait(
        self,
        idle_seconds: float,
        when_idle: Callable[[], object],
        watch: Callable[[], object] | None = None,
    ) -> bool:
        """Wait for the next byte; False at the end of the stream.

        when_idle is called once if none came for idle_seconds; watch then every WATCH_SECONDS, and
        where there is a byte at last, with all that came still in the socket.
        """

        def wait() -> None:
            poller = select.poll()
            poller.register(self.socket, select.POLLIN)
            if not poller.poll(idle_seconds * 1000):
                when_idle()
                while not poller.poll(None if watch is None else WATCH_SECONDS * 1000):
                    if watch is not None:
                        watch()
            if watch is not None and not self._is_at_end():
                watch()

        self._about_to_wait()
        self._source.before_read = wait
        try:
            return bool(self.input.peek(1))
        except ConnectionResetError:
            return False
        finally:
            self._source.before_read = None

    def _is_at_end(self) -> bool:
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except ConnectionResetError:
            return True

    def _flush(self) -> None:
        self.output.flush()
        self._about_to_wait()

    def _about_to_wait(self) -> None:
        if self._before_wait is not None:
            self._before_wait(self.socket)

    def drain(self) -> None:
        """Say that nothing more comes, then read and drop what does, until the host closes its end.

        PySpark may announce an exception whose text it cannot encode: a host would else wait for
        the text, and the worker for the host.
        """
        try:
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(1 << 16):
                pass
        except OSError:
            pass
