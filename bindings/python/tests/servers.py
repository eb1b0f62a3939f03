"""The servers that a host of PySpark workers runs next to the tasks: Spark's, in Python."""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

SECRET = "open sesame"


def read_int(stream: IO[bytes]) -> int:
    return int(struct.unpack(">i", stream.read(4))[0])


def write_int(stream: IO[bytes], value: int) -> None:
    stream.write(struct.pack(">i", value))


def read_text(stream: IO[bytes]) -> str:
    return stream.read(read_int(stream)).decode()


def write_text(stream: IO[bytes], text: str) -> None:
    write_int(stream, len(text.encode()))
    stream.write(text.encode())


class Served:
    """A running server: where it listens, and what its handlers raised."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.open: list[socket.socket] = []
        self.errors: list[BaseException] = []
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])


@contextlib.contextmanager
def serve(handle: Callable[[IO[bytes]], None], path: Path | None = None) -> Iterator[Served]:
    """Calls `handle` with each connection, on a thread of its own.

    Over TCP a client must say the secret first, as Spark's SocketAuthHelper has it.
    """

    def with_secret(stream: IO[bytes]) -> None:
        assert read_text(stream) == SECRET
        write_text(stream, "ok")
        stream.flush()
        handle(stream)

    with _listening(with_secret if path is None else handle, path) as served:
        yield served
    assert served.errors == []


@contextlib.contextmanager
def serve_raw(handle: Callable[[IO[bytes]], None], path: Path | None = None) -> Iterator[object]:
    """The same without a secret, as Spark's state server; gives the port or the path.

    Its clients, which are workers, stay connected: their connections end with the server.
    """
    with _listening(handle, path) as served:
        yield served.port if path is None else path
        for connection in served.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
    assert served.errors == []


@contextlib.contextmanager
def _listening(handle: Callable[[IO[bytes]], None], path: Path | None) -> Iterator[Served]:
    family = socket.AF_INET if path is None else socket.AF_UNIX
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0) if path is None else str(path))
    listener.listen()
    served = Served(listener)
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rwb") as stream:
                handle(stream)
                stream.flush()
        except BaseException as error:
            served.errors.append(error)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # Closed.
            served.connections += 1
            served.open.append(connection)
            threads.append(threading.Thread(target=one, args=(connection,)))
            threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield served
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for thread in threads:
            thread.join()


class BarrierServer:
    """Spark's BarrierCoordinator: answers when all tasks have asked, with what all said."""

    BARRIER, ALL_GATHER = 1, 2

    def __init__(self, tasks: int) -> None:
        self._told: list[str] = []
        self._answer: list[str] = []
        self._rendezvous = threading.Barrier(tasks, self._collect)
        self._lock = threading.Lock()

    def _collect(self) -> None:
        self._answer, self._told = sorted(self._told), []

    def __call__(self, stream: IO[bytes]) -> None:
        function = read_int(stream)
        assert function in (self.BARRIER, self.ALL_GATHER)
        message = read_text(stream) if function == self.ALL_GATHER else ""
        with self._lock:
            self._told.append(message)
        self._rendezvous.wait(20)
        write_int(stream, len(self._answer))
        for text in self._answer:
            write_text(stream, text)


class BroadcastValues:
    """Spark's decryption server: each variable's id and its pickle, then waits for the worker."""

    def __init__(self, values: dict[int, object]) -> None:
        self._values = values

    def __call__(self, stream: IO[bytes]) -> None:
        for identifier, value in self._values.items():
            stream.write(struct.pack(">q", identifier))
            stream.write(pickle.dumps(value))
        stream.flush()
        assert stream.read(1) == b"1"


class StateServer:
    """Spark's TransformWithStateInPySparkStateServer, for value states without time to live."""

    def __init__(self, timestamps: tuple[int, int] = (0, 0)) -> None:
        self.values: dict[tuple[Any, str], bytes] = {}
        self.handle_states: list[int] = []
        self._timestamps = timestamps
        self._key: Any = None

    def __call__(self, stream: IO[bytes]) -> None:
        from pyspark.sql.streaming.proto import StateMessage_pb2 as messages

        while header := stream.read(4):
            assert header == bytes(4), "the version of the messages"
            request = messages.StateRequest()
            request.ParseFromString(stream.read(read_int(stream)))
            response = self._answer(request, messages).SerializeToString()
            write_int(stream, len(response))
            stream.write(response)
            stream.flush()

    def _answer(self, request: Any, messages: Any) -> Any:
        status, value = 0, b""
        kind = request.WhichOneof("method")
        if kind == "implicitGroupingKeyRequest":
            self._key = None
            if request.implicitGroupingKeyRequest.HasField("setImplicitKey"):
                self._key = pickle.loads(request.implicitGroupingKeyRequest.setImplicitKey.key)
        elif kind == "statefulProcessorCall":
            call = request.statefulProcessorCall
            if call.HasField("setHandleState"):
                self.handle_states.append(call.setHandleState.state)
        elif kind == "timerRequest":
            which = request.timerRequest
            if not which.HasField("timerValueRequest"):
                return messages.StateResponseWithTimer(statusCode=1)
            processing = which.timerValueRequest.HasField("getProcessingTimer")
            return messages.StateResponseWithLongTypeVal(
                value=self._timestamps[0 if processing else 1]
            )
        else:
            call = request.stateVariableRequest.valueStateCall
            at = (tuple(self._key), call.stateName)
            if call.HasField("valueStateUpdate"):
                self.values[at] = call.valueStateUpdate.value
            elif at in self.values:
                value = self.values[at]
            else:
                status = 2  # No value.
        return messages.StateResponse(statusCode=status, value=value)
