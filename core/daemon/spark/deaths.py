"""What is said of a worker that died: one text, in one write, on the executor's stderr.

A worker that ends as it should says so in its stack file: an end with status 0 alone may as well
be a function's os._exit.
"""

from __future__ import annotations

import os
import signal

from ..reaper import Exit

_ORDERLY = b"\0"
_STACK_LIMIT = 16 << 10


def mark_orderly(stacks: int) -> None:
    """In a worker that is about to end as it should: say so."""
    try:
        os.write(stacks, _ORDERLY)
    except OSError:
        pass  # a function closed it


def describe(end: Exit, stacks: int) -> str | None:
    """The text for a death, several lines where there is a Python stack; None if it needs none.

    It needs none after an orderly end, and after a SIGTERM: Spark sends that for
    spark.python.worker.killOnIdleTimeout, and says so itself.
    """
    stack = os.pread(stacks, _STACK_LIMIT, 0)
    size = os.fstat(stacks).st_size
    if size and os.pread(stacks, 1, size - 1) == _ORDERLY:
        return None
    code = os.waitstatus_to_exitcode(end.status)
    if code == -signal.SIGTERM:
        return None
    peak = f"peak memory {end.peak_rss >> 20} MiB"
    text = f"Python worker {end.pid} {_how(code)}, {peak}"
    stack = stack or _spark_report(end.pid)
    if not stack:
        return text
    lines = stack.decode("utf-8", "replace").strip("\0\n").splitlines()
    return "\n    ".join([f"{text}; its Python stack:", *lines])


def _how(code: int) -> str:
    if code >= 0:
        return f"ended by itself with status {code}"
    number = -code
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if number == signal.SIGKILL:
        return f"was killed by {name}, not by Spark (the kernel or a container, out of memory?)"
    return f"was killed by {name} ({signal.strsignal(number)})"


def _spark_report(pid: int) -> bytes:
    """The stack that PySpark kept for Spark, where spark.python.worker.faulthandler.enabled."""
    directory = os.environ.get("PYTHON_FAULTHANDLER_DIR")
    if not directory:
        return b""
    try:
        with open(os.path.join(directory, str(pid)), "rb") as file:
            return file.read(_STACK_LIMIT)
    except OSError:
        return b""
