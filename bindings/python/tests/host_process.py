"""A host as others are: descriptors that programs would inherit, signals blocked and ignored.

Its argument is JSON: what it does, its configuration, the signals, the path of a file to hold. It
runs a task, tells in a line of JSON which processes there are, and then does what it was told.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

PATIENCE = 20
TABLE = pa.table({"n": [1]})


def tell(**told: Any) -> None:
    """Prints a line of JSON."""
    print(json.dumps(told), flush=True)


def inheritable(held: str) -> list[int]:
    """Descriptors of all kinds, open as long as this process."""
    files = [os.open(held, os.O_CREAT | os.O_WRONLY) for _ in range(20)]
    sockets = [*socket.socketpair(), socket.create_server(("127.0.0.1", 0))]
    found = [*files, *os.pipe(), *(os.dup(each.fileno()) for each in sockets)]
    for descriptor in found:
        os.set_inheritable(descriptor, True)
    return found


def reap() -> None:
    """Waits for all child processes, whosesoever they are."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            time.sleep(0.0005)


def crash_and_go_on(env: Any) -> None:
    """A task that ends its worker, and one on the next worker, a few times."""
    from udfrunner import EvalType, Runner, WorkerExited

    for _ in range(3):
        crashing = Runner(EvalType.SCALAR_PANDAS, [["functions:segfault"]], [[0]], "long", env=env)
        try:
            list(crashing.compute(TABLE))
        except WorkerExited as error:
            tell(cause=error.cause, message=error.message)
        fine = Runner(EvalType.SCALAR_PANDAS, [["functions:plus_one"]], [[0]], "long", env=env)
        assert [b.column(0).to_pylist() for b in fine.compute(TABLE)] == [[2]]


def read(out: Any) -> None:
    """Reads a task that is going to be cancelled."""
    from udfrunner import Cancelled

    with suppress(Cancelled):
        list(out)


def await_no_children() -> list[str]:
    """The child processes that are left in the end."""
    end = time.monotonic() + PATIENCE
    while True:
        lists = Path("/proc/self/task").glob("*/children")
        left = [child for text in lists for child in text.read_text().split()]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.005)


def main() -> None:
    """Be the host."""
    what, conf, blocked, ignored, held = json.loads(sys.argv[1])
    if what == "ignores its children":
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    descriptors = inheritable(held)
    if what == "reaps all children":
        threading.Thread(target=reap, daemon=True).start()

    from udfrunner import Env, EvalType, Runner

    told = Path(held + ".told")
    with Env({**conf, "spark.executorEnv.TELL_PROCESSES": str(told)}) as env:
        telling = Runner(
            EvalType.SCALAR_PANDAS, [["functions:tell_processes"]], [[0]], "long", env=env
        )
        with telling.compute(TABLE) as out:
            reader = threading.Thread(target=read, args=(out,))
            reader.start()
            while not told.exists():
                time.sleep(0.005)
            processes = json.loads(told.read_text())
            daemon = env.stats()["factories"][0]["daemon_pid"]
            links = [str(Path(f"/proc/self/fd/{fd}").readlink()) for fd in descriptors]
            tell(**processes, daemon=daemon, held=links)
            if what == "is killed":
                time.sleep(3600)
            out.cancel()
            reader.join()
        crash_and_go_on(env)
    tell(left=await_no_children())


main()
