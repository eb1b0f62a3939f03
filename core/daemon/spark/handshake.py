"""What a worker and Spark say to each other first, and the channel to Spark."""

from __future__ import annotations

import hmac
import os
import socket
import struct
from typing import BinaryIO

from ..channel import Channel


def open_channel(descriptor: int, buffer_size: int) -> Channel | None:
    """Tell Spark the worker's process id and, on TCP, have the other end show Spark's secret.

    None where it does not. Spark makes one worker at a time, and waits for these words.
    """
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        local = connection.family == socket.AF_UNIX
        if not local:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    channel = Channel(descriptor, buffer_size, None if local else _acknowledge_quickly)
    try:
        _say(channel, struct.pack("!i", os.getpid()))
        if local or _knows_secret(channel):
            return channel
    except (BrokenPipeError, ConnectionResetError):
        pass  # it went away
    channel.socket.close()
    return None


def refuse(connection: socket.socket, number: int) -> None:
    """Tell Spark that it gets no worker: an errno, negative, in the place of a process id."""
    with connection:
        try:
            connection.send(struct.pack("!i", -number), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            pass  # it went away


def _acknowledge_quickly(connection: socket.socket) -> None:
    """Have the kernel acknowledge at once what comes next.

    Spark begins a task with several small writes; with Nagle's algorithm on its side each waits
    for the acknowledgement of the one before, which the kernel delays by 40 ms. It forgets this
    setting with each answer, so that it is made again before each wait.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _knows_secret(channel: Channel) -> bool:
    secret = os.environ["PYTHON_WORKER_FACTORY_SECRET"].encode()
    known = hmac.compare_digest(_read_text(channel.input, len(secret)), secret)
    answer = b"ok" if known else b"err"
    _say(channel, struct.pack("!i", len(answer)) + answer)
    return known


def _read_text(stream: BinaryIO, limit: int) -> bytes:
    """A text of at most limit bytes behind its length; empty where it is another or cut off."""
    length = int.from_bytes(stream.read(4), "big", signed=True)
    return stream.read(length) if 0 <= length <= limit else b""


def _say(channel: Channel, data: bytes) -> None:
    channel.output.write(data)
    channel.output.flush()
