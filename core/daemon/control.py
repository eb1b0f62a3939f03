"""Packets and descriptors on the control socket (AF_UNIX, SOCK_SEQPACKET)."""

from __future__ import annotations

import array
import errno
import json
import os
import socket
import time
from collections import deque
from typing import Any

PACKET_LIMIT = 128 * 1024
"""Largest packet either side sends, in bytes."""

_DESCRIPTOR_LIMIT = 8

STARVED_SECONDS = 0.002
"""Pause before the next try where the kernel had no memory for a packet, or for its descriptors."""

_STARVED = frozenset({errno.ETOOMANYREFS, errno.ENOBUFS, errno.ENOMEM})

Message = dict[str, Any]


class Control:
    """One JSON object a packet, in both directions; sending never blocks.

    A host that does not read leaves its messages queued here, with the descriptors they carry.
    """

    def __init__(self, control: socket.socket) -> None:
        self._socket = control
        self._socket.setblocking(False)
        self._queue: deque[tuple[bytes, list[int]]] = deque()
        self.starved = False
        """Whether the queue waits for the kernel, not for the host: nothing tells when it may go on."""

    def fileno(self) -> int:
        """The socket's descriptor, to poll."""
        return self._socket.fileno()

    @property
    def congested(self) -> bool:
        """Whether messages wait for the socket to become writable."""
        return bool(self._queue)

    def receive(self) -> tuple[Message, list[int]] | None:
        """The next message and its descriptors; the caller is to close them.

        None at the end of the stream. Raises BlockingIOError when nothing is there, ValueError
        for a packet that is no JSON object. Descriptors are close-on-exec; fewer than were sent
        arrive when this process has no free ones.
        """
        try:
            data, ancillary, _, _ = self._socket.recvmsg(
                PACKET_LIMIT, socket.CMSG_SPACE(4 * _DESCRIPTOR_LIMIT), socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionResetError:
            return None
        descriptors = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(payload[: len(payload) - len(payload) % 4])
        if not data:
            close_descriptors(descriptors.tolist())
            return None
        try:
            message = json.loads(data)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            close_descriptors(descriptors.tolist())
            text = f"control packet of {len(data)} bytes is no JSON object"
            raise ValueError(text)  # noqa: TRY004 - the packet is at fault, not a caller
        return message, descriptors.tolist()

    def send(self, message: Message, descriptors: list[int] | None = None) -> None:
        """Send or queue a message; descriptors become this object's, closed once sent."""
        self._queue.append((json.dumps(message).encode(), descriptors or []))
        self.flush()

    def flush(self) -> None:
        """Send what is queued, as far as the socket takes it."""
        self.starved = False
        while self._queue:
            data, descriptors = self._queue[0]
            rights = array.array("i", descriptors)
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else []
            try:
                self._socket.sendmsg([data], ancillary, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):
                pass  # the end of the stream follows on the reading side
            except OSError as error:
                if error.errno not in _STARVED:
                    raise
                self.starved = True
                return
            self._queue.popleft()
            close_descriptors(descriptors)

    def forget(self) -> None:
        """In a forked child: let go of the socket without closing its descriptor."""
        self._socket.detach()
        self._queue.clear()

    def finish(self) -> None:
        """Send what is queued, waiting for the host to read it."""
        self._socket.setblocking(True)
        self.flush()
        while self.starved:
            time.sleep(STARVED_SECONDS)
            self.flush()


def close_descriptors(descriptors: list[int]) -> None:
    """Close all of them."""
    for descriptor in descriptors:
        os.close(descriptor)
