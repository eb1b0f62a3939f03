"""The embedded daemon: one loop over the control socket and the workers' deaths.

Every message is a JSON object in one packet. The host sends start, warm, fork, again, kill and
stack; the daemon answers ready or failed, warmed, forked, scarce or refused, and reports each
exited worker. With ready comes the daemon's own pidfd: a launcher may have put it into another
PID namespace. With forked come the worker's pidfd, where the kernel has them, and its stack file,
where one can be had. Scarce is that the system gave no process or descriptor: the host may give
up other workers, and says again, or kill.
Forks are done strictly in the order they were asked for. When the host closes the socket, or
dies, every worker is killed, what workers left behind too, and the daemon ends.
"""

from __future__ import annotations

import base64
import errno
import fcntl
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from . import limits, process, reexec, taskstate, threads, zygote
from .control import STARVED_SECONDS, Control, Message, close_descriptors
from .reaper import Reaper
from .worker import WorkerRequest, run_worker
from .zygote import StartError, Zygote

PROTOCOL = 1
"""Version of the messages; a host that speaks another is told so."""

_FORK_DESCRIPTORS = 3

_MESSAGES_AT_ONCE = 4
"""Messages handled between two looks at what else there is to do; a fork takes three milliseconds."""

# Characters; JSON makes up to twelve bytes of one, and a packet has a limit.
_TRACEBACK_LIMIT = 8000
_TEXT_LIMIT = 300
_NOTES_LIMIT = 20


class Server:
    """The daemon's state and its answers to messages.

    state is what the process was started with: "sources", and where it started itself again
    "start" (the start message), "notes" and "reply" (what the host waits for).
    """

    def __init__(self, control: Control, state: Message) -> None:
        self._control = control
        self._state = state
        self._reaper = Reaper(adopts=True)
        self._zygote = Zygote()
        self._zygote.notes = list(state.get("notes", ()))
        self._host = process.watch_parent()
        self._start: Message = state.get("start", {})
        self._waiting: dict[int, tuple[Message, list[int], str, int]] = {}
        """Forks for which there was nothing: message, descriptors, why, and the error's number."""

    def run(self) -> int:
        """Serve the control socket until it ends; returns the exit status."""
        try:
            if self._start:
                self._begin(self._start, self._state["reply"])
            while self._turn():
                pass
        except StartError as error:
            return self._fail(error.reason, error)
        except Exception as error:  # noqa: BLE001 - told to the host
            return self._fail("internal", error)
        finally:
            self._reaper.kill_all()
            self._reaper.end_orphans()
        return 0

    def _fail(self, reason: str, error: Exception) -> int:
        """Tell the host why the daemon ends: its answer to whatever it asked."""
        cause = error.__cause__ or error
        if limits.is_scarce(cause):
            reason = "no-process"
        text = _one_line(str(error)) or type(error).__name__
        trace = zygote.explain(cause)[-_TRACEBACK_LIMIT:]
        self._control.send({"op": "failed", "reason": reason, "message": text, "traceback": trace})
        self._control.finish()
        return 1

    def _turn(self) -> bool:
        """Wait for something and handle it; False at the end of the control socket, or the host's.

        A child of the host may hold the socket open, where it was forked and runs no other program.
        """
        poller = select.poll()
        sendable = self._control.congested and not self._control.starved
        events = select.POLLIN | (select.POLLOUT if sendable else 0)
        poller.register(self._control, events)
        for pidfd in self._reaper.pidfds:
            poller.register(pidfd, select.POLLIN)
        if self._host >= 0:
            poller.register(self._host, select.POLLIN)
        interval = self._reaper.interval
        wait = STARVED_SECONDS if self._control.starved else interval
        ready = dict(poller.poll(None if wait is None else wait * 1000))
        event = ready.pop(self._control.fileno(), 0)
        if self._host in ready:
            return False
        if ready or interval is not None:
            for end in self._reaper.reap(ready):
                self._control.send({"op": "exited", **end._asdict()})
        if event & select.POLLOUT or self._control.starved:
            self._control.flush()
        if not event & (select.POLLIN | select.POLLHUP | select.POLLERR):
            return True
        for _ in range(_MESSAGES_AT_ONCE):
            try:
                received = self._control.receive()
            except BlockingIOError:
                break
            if received is None:
                return False
            self._handle(*received)
        return True

    def _handle(self, message: Message, descriptors: list[int]) -> None:
        operation = message.get("op")
        try:
            if operation == "fork":
                self._fork(message, descriptors)
            elif operation == "again":
                self._fork_again(message["id"])
            elif operation == "kill":
                self._kill(message["id"], message["signal"])
            elif operation == "stack":
                self._reaper.signal_worker(message["id"], message["signal"])
            elif operation == "warm":
                self._warm(message)
            elif operation == "start":
                self._begin(message, "ready")
            else:
                raise ValueError(f"operation {operation!r} is not known")
        finally:
            close_descriptors(descriptors)

    def _begin(self, message: Message, reply: str) -> None:
        if message["protocol"] != PROTOCOL:
            raise StartError(
                "internal", f"protocol {message['protocol']} is not spoken, only {PROTOCOL}"
            )
        self._start = message
        version = self._zygote.check(message["minimum_pyspark"])
        if message["zygote"]:
            count = self._zygote.import_modules(message["modules"])
            if count != 1:
                self._import_later(reply, count)
        else:
            count = threads.count_threads()
            if count != 1:
                self._zygote.notes.append(f"the interpreter starts with {count} threads")
        pidfd = process.open_self() if reply == "ready" else -1
        versions = zygote.versions()
        self._answer(reply, count, [pidfd] if pidfd >= 0 else [], pyspark=version, **versions)

    def _import_later(self, reply: str, count: int) -> NoReturn:
        """Start again, leaving to the workers what cannot be imported before the fork."""
        guilty = self._zygote.threaded
        if guilty is None:
            self._restart(reply, {"zygote": False}, f"the imports left {count} threads")
        modules = [name for name in self._start["modules"] if name != guilty]
        note = f"module {guilty} left {count} threads when it was imported: workers import it"
        self._restart(reply, {"modules": modules}, note)

    def _warm(self, message: Message) -> None:
        count = threads.count_threads()
        if not self._zygote.imported:
            self._zygote.notes.append("nothing to warm up: workers import for themselves")
        elif len(self._reaper):
            self._zygote.notes.append("no warm-up: there are workers already")
        else:
            count = self._zygote.warm(base64.b64decode(data) for data in message["inputs"])
            if count != 1:
                self._restart("warmed", {}, f"the warm-up left {count} threads, and was undone")
        self._answer("warmed", count)

    def _answer(
        self, operation: str, count: int, descriptors: list[int] | None = None, **fields: Any
    ) -> None:
        notes, self._zygote.notes = self._zygote.notes, []
        for note in notes:
            print(f"udfrunner daemon: {_one_line(note)}", file=sys.stderr)
        process.flush_standard_streams()  # a fork would write again what is in a buffer
        self._control.send(
            {
                "op": operation,
                "pid": os.getpid(),
                "threads": count,
                "zygote": self._zygote.imported,
                "notes": [_one_line(note) for note in notes[:_NOTES_LIMIT]],
                **fields,
            },
            descriptors,
        )

    def _fork(self, message: Message, descriptors: list[int]) -> None:
        id = message["id"]
        if len(descriptors) != _FORK_DESCRIPTORS:
            text = f"{len(descriptors)} of {_FORK_DESCRIPTORS} descriptors arrived"
            error = OSError(errno.EMFILE, text)
            self._refuse(id, limits.explain("receive", error), error.errno)
            return
        self._try_fork(message, descriptors, self._wait_for_more)

    def _try_fork(
        self,
        message: Message,
        descriptors: list[int],
        failed: Callable[[Message, list[int], str, OSError], None],
    ) -> None:
        """Fork, or call failed. The descriptors are to be closed afterwards; more may be added."""
        id = message["id"]
        data, stdout, stderr = descriptors
        parent = os.getpid()
        call = "stack file"
        try:
            stacks, lack = _open_stack_file(stderr)
            descriptors.append(stacks)  # closed with those that came
            taskstate.hold_stack_signal()
            call = "fork"
            pid = os.fork()
        except OSError as error:
            taskstate.release_stack_signal()
            failed(message, descriptors, call, error)
            return
        if pid == 0:
            self._control.forget()
            limits.restore_descriptor_limit()
            request = WorkerRequest(
                data, stacks, stdout, stderr, message["env"], message["unset"], message["cwd"]
            )
            self._work(request, message.get("paths") or (), parent)
        taskstate.release_stack_signal()
        pidfd = self._reaper.add(id, pid)
        shared = [descriptor for descriptor in (pidfd, -1 if lack else stacks) if descriptor >= 0]
        answer = {"op": "forked", "id": id, "pid": pid, "held": pidfd >= 0, "no_stacks": lack}
        copies: list[int] = []
        try:
            # Copies, as a message may wait in the queue while the worker ends and is reaped.
            for descriptor in shared:
                copies.append(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 0))
        except OSError as error:
            close_descriptors(copies)
            copies = []
            answer.update(held=False, no_stacks=limits.explain("copy of a descriptor", error))
        self._control.send(answer, copies)

    def _wait_for_more(
        self, message: Message, descriptors: list[int], call: str, error: OSError
    ) -> None:
        """Keep a fork for which the system had nothing, until the host says what to do."""
        text = limits.explain(call, error)
        if not limits.is_scarce(error):
            self._refuse(message["id"], text, error.errno)
            return
        kept = descriptors[:_FORK_DESCRIPTORS]
        del descriptors[:_FORK_DESCRIPTORS]
        number = error.errno or 0
        self._waiting[message["id"]] = (message, kept, text, number)
        answer = {"op": "scarce", "id": message["id"], "errno": number, "message": text}
        self._control.send(answer)

    def _fork_again(self, id: int) -> None:
        """Fork a worker for which there was nothing, or give up."""
        waiting = self._waiting.pop(id, None)
        if waiting is None:
            return
        message, descriptors, _, _ = waiting

        def refuse(message: Message, _: list[int], call: str, error: OSError) -> None:
            self._refuse(message["id"], limits.explain(call, error), error.errno)

        try:
            self._try_fork(message, descriptors, refuse)
        finally:
            close_descriptors(descriptors)

    def _kill(self, id: int, number: int) -> None:
        waiting = self._waiting.pop(id, None)
        if waiting is None:
            self._reaper.kill(id, number)
            return
        _, descriptors, text, error = waiting
        close_descriptors(descriptors)
        self._refuse(id, text, error)

    def _work(self, request: WorkerRequest, paths: Sequence[str], parent: int) -> NoReturn:
        """Be a worker whose tasks put these paths on sys.path."""
        worker = reexec.Worker(request, parent, self._start["minimum_pyspark"])
        try:
            if self._zygote.shadowed(paths):
                reexec.execute(self._state, worker.state())
        except BaseException:  # noqa: BLE001 - nothing may reach the frames of the daemon
            traceback.print_exc()
            process.flush_standard_streams()
            os._exit(1)
        run_worker(request, self._zygote, parent, lambda: worker.restart(self._state))

    def _refuse(self, id: int, text: str, number: int | None) -> None:
        self._control.send({"op": "refused", "id": id, "errno": number or 0, "message": text})

    def _restart(self, reply: str, changes: Message, note: str) -> NoReturn:
        """Start this process again, free of the threads it has, with a start message so changed.

        A process with several threads cannot be forked safely, and cannot become one with a
        single thread. The process id, the control socket and the log pipes stay.
        """
        self._control.finish()
        os.dup2(self._control.fileno(), 0)
        limits.restore_descriptor_limit()  # else the program takes the raised one for the host's
        reexec.execute(
            self._state,
            {
                "start": {**self._start, **changes},
                "notes": [*self._zygote.notes, note],
                "reply": reply,
            },
        )


def _open_stack_file(stderr: int) -> tuple[int, str]:
    """A worker's stack file, and what is missing: "", or why the stacks go to its stderr instead."""
    try:
        return taskstate.open_stack_file(), ""
    except OSError as error:
        if limits.is_scarce(error):
            raise
        # They serve diagnosis only: no reason to run nothing.
        return fcntl.fcntl(stderr, fcntl.F_DUPFD_CLOEXEC, 3), f"stack file: {error}"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_TEXT_LIMIT]


def main(state: Message) -> NoReturn:
    """Be the daemon: take over descriptor 0 as the control socket, serve it, end the process.

    Or be a worker, where the state is that of one.
    """
    if reexec.KEY in state:
        reexec.run(state)
    process.close_inherited()
    process.reset_signals()
    process.lead_own_session()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    limits.raise_descriptor_limit()
    process.adopt_orphans()
    control = Control(socket.socket(fileno=fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 32)))
    process.replace_stdin()
    taskstate.enable_crash_report()
    taskstate.enable_stack_report()
    status = Server(control, state).run()
    process.flush_standard_streams()
    os._exit(status)
