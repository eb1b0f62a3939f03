"""What ``udfrunner doctor`` says of what a sandbox may have taken away, and what then is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ._finding import DOUBTFUL, Finding

_STATUS = Path("/proc/self/status")

#: Tries calls that change a process, in one of its own: a line of name and error number for each
#: that is refused.
_PROGRAM = """
import ctypes, os, signal
def die_with_parent():
    if ctypes.CDLL(None, use_errno=True).prctl(1, 9, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "")
for name, call in {
    "process groups": lambda: os.setpgid(0, 0),
    "timers": lambda: signal.setitimer(signal.ITIMER_REAL, 0),
    "death signal": die_with_parent,
}.items():
    try:
        call()
    except OSError as error:
        print(name, error.errno, sep=":")
"""

#: What is called for each of them, and what is lost without it.
_LOST = {
    "process groups": (
        "setpgid",
        "processes that functions left outlive a killed worker, pyspark.daemon does not start",
    ),
    "timers": ("setitimer", "no timer of a function is stopped after its task"),
    "death signal": (
        "prctl",
        "workers that do not read may outlive a daemon or host that is killed",
    ),
}


def examine() -> Iterator[Finding]:
    """Looks at what else the library and its workers ask of the kernel and the file system."""
    yield _tried("pidfd", _pidfd, "daemons alone can kill a worker's processes")
    yield _tried(
        "/proc", _read_status, "no memory limits of tasks, one thread for BLAS in a worker"
    )
    yield from _changes()
    lost = "where memfd_create is missing too, the stacks of workers are not told"
    yield _tried("temporary files", _temporary_file, lost)
    yield _tried("working directory", os.getcwd, "functions have none either")
    yield Finding("system calls", "filtered (seccomp)" if _is_filtered() else "not filtered")


def _tried(name: str, call: Callable[[], str], lost: str) -> Finding:
    try:
        return Finding(name, call())
    except OSError as error:
        return Finding(name, f"{error.strerror}: {lost}", DOUBTFUL)


def _pidfd() -> str:
    if not hasattr(os, "pidfd_open") or not hasattr(signal, "pidfd_send_signal"):
        return "not known to this Python"
    pidfd = os.pidfd_open(os.getpid())
    try:
        signal.pidfd_send_signal(pidfd, 0)
    finally:
        os.close(pidfd)
    return "there"


def _read_status() -> str:
    _STATUS.read_bytes()
    return "there"


def _temporary_file() -> str:
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
        file.flush()
    return tempfile.gettempdir()


def _changes() -> Iterator[Finding]:
    command = [sys.executable, "-I", "-c", _PROGRAM]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
    refused = dict(line.split(":") for line in output.splitlines())
    for name, (call, lost) in _LOST.items():
        if name in refused:
            text = f"{call}: {os.strerror(int(refused[name]))}: {lost}"
            yield Finding(name, text, DOUBTFUL)
        else:
            yield Finding(name, call)


def _is_filtered() -> bool:
    try:
        return re.search(r"^Seccomp:\s+[12]$", _STATUS.read_text(), re.MULTILINE) is not None
    except OSError:
        return False
