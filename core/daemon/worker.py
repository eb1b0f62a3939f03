"""A worker, from its fork to its end: descriptors, environment, task loop."""

from __future__ import annotations

import gc
import io
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NoReturn, cast

from . import broadcasts, process, sources, taskstate
from .channel import DEFAULT_BUFFER_SIZE, Channel
from .plainsignal import DEFAULT, set_handler, set_mask
from .reuse import Baseline
from .zygote import Main, Zygote

SPARE_SECONDS = 0.02
"""Time without a first task after which a worker prepares for it."""

IDLE_SECONDS = 1.0
"""Time without a task after which a worker collects garbage and gives memory back, once."""


@dataclass(frozen=True)
class WorkerRequest:
    """What a worker is to be: its data socket, stack file, log descriptors, environment, directory.

    stdout and stderr are None where the daemon's own are to be used. broadcasts are the files of
    the broadcast variables that the host knows a worker to hold whose program is run again.
    """

    data: int
    stacks: int
    stdout: int | None = None
    stderr: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    unset: Sequence[str] = ()
    directory: str | None = None
    broadcasts: Mapping[str, str] = field(default_factory=dict)


OpenChannel = Callable[[int, int], "Channel | None"]
"""Makes the channel of a data socket and a buffer size; None where its other end is no host."""


Restart = Callable[[], NoReturn]
"""Runs a worker's program again in its process, free of what it has imported."""


def run_worker(request: WorkerRequest, zygote: Zygote, parent: int, restart: Restart) -> NoReturn:
    """Be a worker, as work says, and end the process with its status."""
    os._exit(work(request, zygote, parent, restart=restart))


def work(
    request: WorkerRequest,
    zygote: Zygote,
    parent: int,
    open_channel: OpenChannel = Channel,
    restart: Restart | None = None,
) -> int:
    """Be a worker: called in a freshly forked child, whose parent is process parent.

    The caller has let go of its own descriptors' owners, and is to end the process with the
    status that this returns: 0 after the host closed the data socket, 1 where the worker itself
    failed. Raises nothing. restart is called between two tasks where modules of the user's were
    edited since they were imported.
    """
    status = 1
    try:
        process.lead_own_group()
        process.die_with_parent(parent)
        _take_descriptors(request, zygote.descriptors)
        _reset_process(request)
        taskstate.enable_crash_report(request.stacks)
        taskstate.enable_stack_report(request.stacks)
        _open_standard_streams()
        buffer_size = int(os.environ.get("SPARK_BUFFER_SIZE", DEFAULT_BUFFER_SIZE))
        channel = open_channel(request.data, buffer_size)
        if channel is None:
            return 0
        process.adopt_orphans()
        os.register_at_fork(after_in_child=_DetachForkedChild(request))
        main = zygote.worker_main()
        broadcasts.put(request.broadcasts)
        _pass_for_pyspark()
        zygote.raise_memory_limit()
        zygote.reset_after_fork()
        process.keep_freed_memory()
        gc.enable()
        state = taskstate.TaskState(request.stacks)

        def warm_up() -> None:
            with suppress(Exception):  # foreign code, and nobody waits for it
                zygote.warm_worker(lambda data: _run_warmup_input(data, main, buffer_size))
            state.restore()

        if restart is None:
            status = serve(channel, main, state, warm_up)
        else:
            status = serve(channel, main, state, warm_up, _SourceWatch(zygote.sources, restart))
    except BaseException:  # noqa: BLE001 - nothing may reach the frames of the daemon
        traceback.print_exc()
    process.flush_standard_streams()
    return status


def serve(
    channel: Channel,
    main: Main,
    state: taskstate.TaskState,
    warm_up: Callable[[], object],
    watch: _SourceWatch | None = None,
) -> int:
    """Run tasks from a channel until the host closes it; returns the exit status.

    state is put back between tasks; what cannot be put back ends the worker. warm_up is called
    where the first task does not come at once: the worker is a spare then. watch looks after what
    tasks have imported. A host that went away before it had all output is no error worth a
    traceback: the worker ends quietly.

    A task's main is entered with its first byte there: it takes its boot time then, and reports
    an early end as an error.
    """
    reuse = bool(os.environ.get("SPARK_REUSE_WORKER"))
    baseline = Baseline()

    def reusable() -> bool:
        return not reuse or (baseline.is_back() and not channel.at_end())

    idle: tuple[float, Callable[[], object]] = (SPARE_SECONDS, warm_up)
    while channel.wait(*idle, watch):
        begin = sources.now()
        try:
            code = run_task(channel, main, reusable)
        except (BrokenPipeError, ConnectionResetError):
            return _host_gone()
        if code or not reuse:
            channel.drain()
            return 0
        channel.begin_task()
        state.restore()
        if watch is not None:
            watch.sources.note(begin)
        idle = (IDLE_SECONDS, _release_memory)
    return 0


class _SourceWatch:
    """Restarts a worker that has imported what was edited since, also while it waits for a task.

    What a task then needs is imported again by the time it comes, or else while it waits.
    """

    def __init__(self, noted: sources.Sources, restart: Restart) -> None:
        self.sources = noted
        self.is_due = noted.have_changed
        self._restart = restart

    def act(self) -> NoReturn:
        """Restart, with nothing of the next task read."""
        sources.forget_bytecode(self.sources.changed())
        self._restart()


def _release_memory() -> None:
    gc.collect()
    process.give_back_memory()


def run_task(channel: Channel, main: Main, reusable: Callable[[], bool] = lambda: True) -> int:
    """Run one task; returns 0 where the next one may follow, as pyspark.daemon's worker does.

    reusable is asked before the answer is complete, and has the host told otherwise where it says
    no. A child process that comes back from its function ends here.
    """
    code = 0
    try:
        main(cast("BinaryIO", channel.input), cast("BinaryIO", channel.output))
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        if os.getpid() != channel.owner:
            _end_child(1)
        raise
    if os.getpid() != channel.owner:
        _end_child(code)
    process.flush_standard_streams()
    if code == 0 and not reusable():
        channel.decline()
        return 1
    channel.output.flush()
    return code


def _end_child(status: int) -> NoReturn:
    """Of a process that a function forked: end, without a word on the channel."""
    process.flush_standard_streams()
    os._exit(status & 0xFF)


class _DetachForkedChild:
    """What a child process of a worker does at its start: let go of what is the worker's alone.

    The channel's descriptor keeps its number, and leads nowhere; a crash report goes to stderr,
    not into the worker's file.
    """

    def __init__(self, request: WorkerRequest) -> None:
        self._request = request
        self._done = False

    def __call__(self) -> None:
        """Once: a child of the child may have opened files of its own under these numbers."""
        if self._done:
            return
        self._done = True
        for descriptor, source in ((self._request.data, 0), (self._request.stacks, 2)):
            try:
                os.dup2(source, descriptor, inheritable=False)
            except OSError:  # the function closed the source
                os.close(descriptor)


def _run_warmup_input(data: bytes, main: Main, buffer_size: int) -> None:
    """Run a small task as one that comes from the host."""
    host, own = socket.socketpair()
    with host:
        host.sendall(data)
        channel = Channel(own.detach(), buffer_size)
        try:
            run_task(channel, main)
        finally:
            channel.socket.close()


def _host_gone() -> int:
    """The status after output that nobody took; as pyspark.daemon, leave the traceback to Spark."""
    if not os.environ.get("PYTHON_DAEMON_KILL_WORKER_ON_FLUSH_FAILURE"):
        return 0
    directory = os.environ.get("PYTHON_FAULTHANDLER_DIR")
    if directory:
        with open(os.path.join(directory, str(os.getpid())), "w", encoding="utf-8") as file:
            traceback.print_exc(file=file)
    return 1


def _take_descriptors(request: WorkerRequest, kept: Iterable[int]) -> None:
    for source, target in ((request.stdout, 1), (request.stderr, 2)):
        if source is not None:
            os.dup2(source, target)
    own = (request.data, request.stacks, *broadcasts.descriptors(request.broadcasts.values()))
    process.close_all_but([*kept, *own])


def _reset_process(request: WorkerRequest) -> None:
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD):
        set_handler(number, DEFAULT)
    set_handler(signal.SIGINT, signal.default_int_handler)
    # The signals that ask for stacks wait on: until enable_stack_report the daemon's file gets them.
    set_mask(signal.SIG_SETMASK, taskstate.STACK_SIGNALS)
    os.environ.pop(sources.PATH_VARIABLE, None)  # of a worker whose function is the host
    for name in request.unset:
        os.environ.pop(name, None)
    os.environ.update(request.environment)
    if "TZ" in request.environment or "TZ" in request.unset:
        time.tzset()
    sources.take_path()
    if request.directory is not None:
        os.chdir(request.directory)


def _pass_for_pyspark() -> None:
    """Have the frames below a task be PySpark's, as under its daemon.

    What walks the stack takes the first frame that is not PySpark's for the user's: so does
    pyspark.logger.worker_io (4.1) to name the function that wrote a line.
    """
    for name, module in list(sys.modules.items()):
        # A package is asked for its name where something is imported from it.
        if name.startswith(f"{__package__}.") and not hasattr(module, "__path__"):
            module.__dict__["__name__"] = "pyspark.daemon"


def _open_standard_streams() -> None:
    """Unbuffered output as PYTHONUNBUFFERED says, else by the line: a crash loses no log line."""
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    system: Any = sys  # typeshed has the originals as final
    sys.stdout = system.__stdout__ = _standard_stream(sys.stdout, 1, unbuffered)
    sys.stderr = system.__stderr__ = _standard_stream(sys.stderr, 2, unbuffered)


def _standard_stream(stream: object, descriptor: int, unbuffered: bool) -> io.TextIOWrapper:
    if isinstance(stream, io.TextIOWrapper) and not stream.closed:
        if not unbuffered:
            stream.reconfigure(line_buffering=True)
            return stream
        if isinstance(stream.buffer, io.RawIOBase):
            return stream
        encoding, errors = stream.encoding, stream.errors
    else:
        encoding, errors = "utf-8", "backslashreplace"
    raw = io.FileIO(descriptor, "wb", closefd=False)
    binary: io.RawIOBase | io.BufferedWriter = raw if unbuffered else io.BufferedWriter(raw)
    return io.TextIOWrapper(
        cast("io.BufferedWriter", binary),
        encoding=encoding,
        errors=errors,
        line_buffering=not unbuffered,
        write_through=unbuffered,
    )
