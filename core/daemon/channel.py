"""The file-like objects that pyspark.worker.main reads and writes, over a stream socket.

They are CPython's own buffered files over raw ones of this module: small reads and writes run at
C speed, big ones go past the buffer. A read_buffer method for pyarrow was measured and left out:
it saved nothing on big batches, and cost 10 % on small ones.

A channel belongs to one process, and its files to one task: what a task leaves behind - a child
process that inherited them, a thread that still holds them - gets an error from them, and not
a byte of another task's input or answer.
"""

from __future__ import annotations

import errno
import io
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

DEFAULT_BUFFER_SIZE = 65536
"""Bytes; spark.buffer.size when the host sets none."""

# PySpark's SpecialLengths: a task's last word is the first where its worker may have the next
# task, the second where it may not.
_END_OF_STREAM = (-4).to_bytes(4, "big", signed=True)
_END_OF_DATA_SECTION = (-1).to_bytes(4, "big", signed=True)

WATCH_SECONDS = 0.5
"""How often a worker that waits for a task looks at what it has imported."""

_NOBODY = 0


class _TaskFile(io.RawIOBase):
    """One direction of the socket, for one task in one process."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._socket = sock
        self._owner = os.getpid()

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def tell(self) -> int:
        """Raises OSError: a stream has no position. The buffered files ask for it."""
        raise OSError(errno.ESPIPE, "a stream has no position")

    def disown(self) -> None:
        """End the task: from now on there is nothing to read, and nothing may be written."""
        self._owner = _NOBODY

    def _refuse(self) -> None:
        raise BrokenPipeError(
            errno.EPIPE, f"process {os.getpid()}: the channel is another process's or task's"
        )


class SocketSource(_TaskFile):
    """The reading side, which calls before_wait when it is about to wait."""

    def __init__(
        self, sock: socket.socket, buffer_size: int, before_wait: Callable[[], object]
    ) -> None:
        super().__init__(sock)
        self._buffer_size = buffer_size
        self.before_wait = before_wait
        self.expects_wait = False
        """Whether there is probably nothing yet: not worth a try before before_wait."""
        self.unread = b""
        """What the task before left unread."""

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, target: WriteableBuffer) -> int | None:
        """Fill target with what there is, waiting for the first byte; 0 at the end.

        A target larger than the buffer is a request for all of it (BufferedReader asks so for
        the rest of a big read): the kernel then fills it in one call.
        """
        if os.getpid() != self._owner:
            if self._owner == _NOBODY:
                return None
            self._refuse()
        if self.unread:
            view = memoryview(target).cast("B")
            size = min(len(view), len(self.unread))
            view[:size], self.unread = self.unread[:size], self.unread[size:]
            return size
        if not self.expects_wait:
            try:
                return self._socket.recv_into(target, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
        self.before_wait()
        wanted = memoryview(target).nbytes
        whole = socket.MSG_WAITALL if wanted > self._buffer_size else 0
        while True:
            try:
                return self._socket.recv_into(target, 0, whole)
            except BlockingIOError:  # a function made the descriptor non-blocking
                _wait_for(self._socket, select.POLLIN)


class SocketSink(_TaskFile):
    """The writing side."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._held: bytearray | None = None

    def writable(self) -> bool:
        """True."""
        return True

    @contextmanager
    def holding(self) -> Iterator[bytearray]:
        """Have what is written meanwhile kept in this array, not sent."""
        self._held = bytearray()
        try:
            yield self._held
        finally:
            self._held = None

    def write(self, data: ReadableBuffer) -> int:
        """Send data, or a part of it; returns how many bytes."""
        if os.getpid() != self._owner:
            self._refuse()
        if self._held is not None:
            self._held += data
            return memoryview(data).nbytes
        while True:
            try:
                return self._socket.send(data, socket.MSG_NOSIGNAL)
            except BlockingIOError:  # a function made the descriptor non-blocking
                _wait_for(self._socket, select.POLLOUT)


class Watch(Protocol):
    """What a worker looks after while it waits for a task."""

    def is_due(self) -> bool:
        """Whether act is to be called; asked before each task."""

    def act(self) -> object:
        """Called where nothing of the next task was read."""


class Channel:
    """Both directions of a worker's data socket; owns the descriptor.

    input and output are the files of the task that runs now: begin_task makes those of the next.
    Output that pyspark left in its buffer gets out when input would wait, and only then: a host
    that feeds one batch and waits for its result is answered, and a busy stream costs no extra
    write. before_wait is called with the socket before each task, and
    whenever input is about to wait.
    """

    input: io.BufferedReader
    output: io.BufferedWriter
    _source: SocketSource
    _sink: SocketSink

    def __init__(
        self,
        descriptor: int,
        buffer_size: int,
        before_wait: Callable[[socket.socket], object] | None = None,
    ) -> None:
        self.owner = os.getpid()
        """The process whose channel it is."""
        self.socket = socket.socket(fileno=descriptor)
        self.socket.setblocking(True)
        self._buffer_size = buffer_size
        self._before_wait = before_wait
        self._arrival = select.poll()
        self._arrival.register(descriptor, select.POLLIN)
        self._hangup = select.poll()
        self._hangup.register(descriptor, select.POLLRDHUP)
        self._open_files(b"")
        self._unshared = self._references()

    def _open_files(self, unread: bytes) -> None:
        self._source = SocketSource(self.socket, self._buffer_size, self._flush)
        self._source.unread = unread
        self._sink = SocketSink(self.socket)
        self.input = io.BufferedReader(self._source, self._buffer_size)
        self.output = io.BufferedWriter(self._sink, self._buffer_size)

    def begin_task(self) -> None:
        """Take the files from whoever still holds them: the next task gets others then.

        What a host sent early is kept. Not while another thread is reading.
        """
        os.set_inheritable(self.socket.fileno(), False)
        if self._references() == self._unshared:
            return
        self._source.disown()
        self._sink.disown()
        unread = bytes(self.input.peek()) + self._source.unread
        self.input.detach()  # else it would still give what it has in its buffer
        self._open_files(unread)

    def _references(self) -> int:
        """References to the files of this task: more than at its start if somebody kept one."""
        count = sys.getrefcount
        return count(self.input) + count(self.output) + count(self._source) + count(self._sink)

    def wait(
        self,
        idle_seconds: float,
        when_idle: Callable[[], object],
        watch: Watch | None = None,
    ) -> bool:
        """Wait for the next byte; False at the end of the stream.

        when_idle is called once if none came for idle_seconds. watch is asked every WATCH_SECONDS
        then, and where there is a byte at last, with all that came still in the socket.
        """

        def idle() -> None:
            if not self._arrival.poll(idle_seconds * 1000):
                when_idle()
                while not self._arrival.poll(None if watch is None else WATCH_SECONDS * 1000):
                    if watch is not None and watch.is_due():
                        watch.act()
            if watch is not None and watch.is_due() and not self._is_at_end():
                watch.act()

        self._about_to_wait()
        self._source.before_wait = idle
        self._source.expects_wait = True
        try:
            return bool(self.input.peek(1))
        except ConnectionResetError:
            return False
        finally:
            self._source.before_wait = self._flush
            self._source.expects_wait = False

    def _is_at_end(self) -> bool:
        """Whether nothing came, now that there is something to read."""
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

    def at_end(self) -> bool:
        """Whether nothing more will come: the host said so, or a function closed this direction."""
        return bool(self._hangup.poll(0))

    def decline(self) -> None:
        """Send what is in the output's buffer, an answer's end, as that of a worker not to be reused.

        PySpark's own word for it takes the place of the last one.
        """
        with self._sink.holding() as held:
            self.output.flush()
        if held.endswith(_END_OF_STREAM):
            held[-len(_END_OF_STREAM) :] = _END_OF_DATA_SECTION
        self.output.write(held)
        self.output.flush()

    def drain(self) -> None:
        """Say that nothing more comes, then read and drop what does, until the host closes its end.

        PySpark may announce an exception whose text it cannot encode: a host would else wait for
        the text, and the worker for the host. A child process that still has the socket can
        write to it no more.
        """
        try:
            self.socket.shutdown(socket.SHUT_WR)
            os.set_blocking(self.socket.fileno(), True)
            while self.socket.recv(1 << 16):
                pass
        except OSError:
            pass


def _wait_for(sock: socket.socket, event: int) -> None:
    """Wait for an event of poll."""
    poller = select.poll()
    poller.register(sock, event)
    poller.poll()
