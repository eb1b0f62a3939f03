"""The daemon that Spark starts: one loop over connections, kill requests, signals and deaths.

Spark reads the port (or path) from standard output, connects once for each worker it wants, and
writes to standard input the process ids of workers to kill. It ends the daemon by SIGTERM or by
the end of standard input, which also comes when the executor dies.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from .. import process, taskstate, threads
from ..reaper import Exit, Reaper
from ..worker import WorkerRequest, work
from ..zygote import WORKER_MODULE, StartError, Zygote
from . import deaths, handshake, warmup
from .listener import Listener

MINIMUM_PYSPARK = "3.5"

MODULES = ("pyarrow", "pandas")
"""What a zygote imports besides the worker, where it is installed."""

MORE_MODULES = "UDFRUNNER_ZYGOTE_MODULES"
"""The variable that names more modules, with commas between them."""

HANGUP_SECONDS = 0.5
"""Time that workers have to end after SIGHUP, before they are killed."""

_FORK_RETRY_SECONDS = 1.0
_PAUSE = 0.1
_SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_LISTENER = "--udfrunner-listener="


class Server:
    """The daemon's state and its answers to Spark."""

    def __init__(self, listener: Listener, requests: int, zygote: Zygote) -> None:
        self._listener = listener
        self._requests = requests
        self._zygote = zygote
        self._reaper = Reaper()
        self._stacks: dict[int, int] = {}
        self._killed: set[int] = set()
        self._unread = b""
        self._pausing = self._starved = False
        self._signals, self._signalled = socket.socketpair()
        for end in (self._signals, self._signalled):
            end.setblocking(False)

    def run(self) -> int:
        """Serve Spark until it has enough; returns the exit status."""
        signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _to_wakeup_descriptor)
        try:
            while (status := self._turn()) is None:
                pass
        finally:
            self._listener.close()
            self._reaper.end_all(signal.SIGHUP, HANGUP_SECONDS)
            self._reaper.kill_all()
        return status

    def _turn(self) -> int | None:
        """Wait for something and handle it; the exit status where it is the end."""
        poller = select.poll()
        for descriptor in (self._requests, self._signals.fileno(), *self._reaper.pidfds):
            poller.register(descriptor, select.POLLIN)
        if not self._pausing:
            poller.register(self._listener, select.POLLIN)
        interval = _PAUSE if self._pausing else self._reaper.interval
        ready = dict(poller.poll(None if interval is None else interval * 1000))
        self._pausing = False
        for end in self._reaper.reap():
            self._report(end)
        if self._requests in ready and not self._kill_requested():
            return 0
        if self._signals.fileno() in ready:
            received = self._signals.recv(4096)
            if signal.SIGTERM in received:
                return 1
            self._reaper.signal_all(signal.SIGHUP)
        if self._listener.fileno() in ready:
            self._connect()
        return None

    def _kill_requested(self) -> bool:
        """Kill the workers, and their children, that Spark names; False at the end of its requests."""
        data = os.read(self._requests, 4096)
        self._unread += data
        while len(self._unread) >= 4:
            pid = int.from_bytes(self._unread[:4], "big", signed=True)
            self._unread = self._unread[4:]
            if pid in self._reaper:
                self._killed.add(pid)
                self._reaper.kill(pid, signal.SIGKILL)
        return bool(data)

    def _report(self, end: Exit) -> None:
        """Report a death that nobody asked for."""
        stacks = self._stacks.pop(end.pid)
        if end.pid not in self._killed and (text := deaths.describe(end, stacks)):
            log(text)
        self._killed.discard(end.pid)
        os.close(stacks)

    def _connect(self) -> None:
        """Take a connection; where descriptors or memory are scarce it waits in the backlog."""
        stacks = -1
        try:
            stacks = taskstate.open_stack_file()
            connection = self._listener.accept()
        except OSError as error:
            if error.errno not in _SCARCE:
                raise
            if not self._starved:
                log(f"a connection waits, as there are {len(self._reaper)} workers: {error}")
            self._pausing = self._starved = True
        else:
            self._starved = False
            if connection is not None:
                with connection:
                    if self._fork(connection, stacks):
                        return
        if stacks >= 0:
            os.close(stacks)

    def _fork(self, connection: socket.socket, stacks: int) -> bool:
        """Make the worker of a connection; False where it could not be."""
        process.flush_standard_streams()
        parent = os.getpid()
        with _signals_blocked():
            try:
                pid = self._fork_with_retries()
            except OSError as error:
                log(f"no worker could be forked: {error}")
                handshake.refuse(connection, error.errno or errno.EAGAIN)
                return False
            if pid == 0:
                self._be_worker(connection.detach(), stacks, parent)
        self._stacks[pid] = stacks
        self._reaper.add(pid, pid)
        return True

    def _fork_with_retries(self) -> int:
        """Fork; where there are too many processes wait a while for one to end, as stock does."""
        deadline = time.monotonic() + _FORK_RETRY_SECONDS
        while True:
            try:
                return os.fork()
            except OSError as error:
                if error.errno != errno.EAGAIN or time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE)
            for end in self._reaper.reap():
                self._report(end)

    def _be_worker(self, data: int, stacks: int, parent: int) -> NoReturn:
        signal.set_wakeup_fd(-1)
        for end in (self._signals, self._signalled):
            end.detach()
        self._listener.forget()
        request = WorkerRequest(data, stacks)
        status = work(request, self._zygote, parent, handshake.open_channel)
        deaths.mark_orderly(stacks)
        os._exit(status)


def _to_wakeup_descriptor(number: int, frame: FrameType | None) -> None:
    """A handler has to be there for the wakeup descriptor to be told."""


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """No signal may meet a forked child that still has the daemon's handlers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def log(text: str) -> None:
    """Write to the executor's stderr, at once and whole."""
    try:
        os.write(2, f"udfrunner: {text}\n".encode(errors="backslashreplace"))
    except OSError:
        pass  # nobody reads it


def main() -> NoReturn:
    """Be the daemon: serve Spark, then end the process."""
    inherited = [argument for argument in sys.argv[1:] if argument.startswith(_LISTENER)]
    listener = Listener.adopt(int(inherited[0][len(_LISTENER) :])) if inherited else None
    process.close_inherited()
    process.reset_signals()
    process.lead_own_group()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    taskstate.enable_crash_report()
    taskstate.enable_stack_report()
    # Nothing but the port may reach descriptor 1 before Spark has read it, whatever is imported.
    requests, output = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 32) for fd in (0, 1))
    process.replace_stdin()
    os.dup2(2, 1)
    zygote = Zygote(_worker_module())
    try:
        zygote.check(MINIMUM_PYSPARK)
        if listener is None:
            listener = Listener.open(os.environ)
            _end_by_sigterm(listener)
            os.write(output, listener.announcement)
            _import(zygote, listener, requests, output)
    except (KeyError, OSError, StartError) as error:
        log(f"daemon {os.getpid()} cannot start: {error}")
        os._exit(1)
    os.dup2(output, 1)
    os.close(output)
    status = Server(listener, requests, zygote).run()
    process.flush_standard_streams()
    os._exit(status)


def _worker_module() -> str:
    """The worker module that Spark (4.0 and later) names; as stock, only one of PySpark's own."""
    named = sys.argv[1:2]
    return named[0] if named and named[0].startswith("pyspark") else WORKER_MODULE


def _end_by_sigterm(listener: Listener) -> None:
    """Until there are workers: no more than the socket to tidy up."""

    def end(number: int, frame: FrameType | None) -> None:
        listener.close()
        os._exit(1)

    signal.signal(signal.SIGTERM, end)


def _import(zygote: Zygote, listener: Listener, requests: int, output: int) -> None:
    """Import what workers need, while connections wait in the backlog.

    Where that fails, workers import for themselves: their tasks say what is wrong.
    """
    more = [name.strip() for name in os.environ.get(MORE_MODULES, "").split(",")]
    try:
        count = zygote.import_modules([*MODULES, *filter(None, more)])
        if count == 1:
            count = zygote.warm_by(warmup.run)
    except StartError as error:
        zygote.notes.append(str(error))
        count = threads.count_threads()
    for note in zygote.notes:
        log(f"daemon {os.getpid()}: {note}")
    if count == 1:
        return
    log(f"daemon {os.getpid()}: the imports left {count} threads; workers import for themselves")
    os.dup2(requests, 0)
    os.dup2(output, 1)
    process.flush_standard_streams()
    os.execv(sys.executable, [*sys.orig_argv, f"{_LISTENER}{listener.hand_on()}"])
