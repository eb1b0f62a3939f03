"""What people read of an error besides its message: a dead worker's last words, source lines."""

from __future__ import annotations

import linecache
import re
import signal
from collections.abc import Iterator, Mapping
from types import TracebackType

#: How many lines of a worker's stderr, from its end, and of its Python stack a note shows.
STDERR_LINES = 20
STACK_LINES = 40

#: A frame of a traceback, or of a stack as faulthandler writes it.
_FRAME = re.compile(r'\s+File "(?P<file>.*)", line (?P<line>\d+)(?:,? in (?P<name>.*))?')
#: Files of PySpark and of the worker's own code, whose frames lead to the user's function.
_ENGINE = re.compile(r"<udfrunner>/|.*(?:/(?:site|dist)-packages|/python|pyspark\.zip)/pyspark/")
#: The frame that a worker's interpreter begins with.
_START = ("<string>", "<module>")


def notes_of(details: Mapping[str, str]) -> list[str]:
    """What is known of a worker that ended a task, as exception notes; maybe none."""
    notes = [", ".join(_facts(details))]
    if tail := details.get("worker.stderr_tail", "").strip("\n"):
        lines = tail.splitlines()
        notes.append(_titled("last lines of its stderr:", lines[-STDERR_LINES:]))
    if stack := details.get("worker.python_stack", ""):
        lines = list(_stack_lines(stack))
        if left := len(lines) - STACK_LINES:
            lines = lines[:STACK_LINES] + ([f"  ... {left} more lines"] if left > 0 else [])
        notes.append(_titled("its Python stack:", lines))
    return [note for note in notes if note]


def _facts(details: Mapping[str, str]) -> Iterator[str]:
    seen = {"worker.exit_status", "worker.signal", "worker.peak_rss"} & details.keys()
    if not seen and not details.get("worker.python_stack") and "worker.stderr_tail" not in details:
        return
    yield f"worker {details.get('worker.pid', 'of unknown pid')}: cause {details.get('cause')}"
    if (number := details.get("worker.signal")) is not None:
        yield f"signal {number} ({_signal_name(int(number))})"
    if (status := details.get("worker.exit_status")) is not None:
        yield f"exit status {status}"
    if (peak := details.get("worker.peak_rss")) is not None:
        yield f"peak memory {int(peak) / (1 << 20):,.0f} MiB"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # A real-time signal.
        return "real-time"


def _titled(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _stack_lines(stack: str) -> Iterator[str]:
    """A stack as faulthandler wrote it, without the list of modules and the engine's frames."""
    left_out = 0
    for line in stack.splitlines():
        frame = _FRAME.fullmatch(line)
        if frame and (_ENGINE.match(frame["file"]) or frame.group("file", "name") == _START):
            left_out += 1
            continue
        if left_out:
            yield f"  ... {left_out} frames of PySpark and udfrunner"
            left_out = 0
        if line and not line.startswith("Extension modules:"):
            yield line
    if left_out:
        yield f"  ... {left_out} frames of PySpark and udfrunner"


def with_source(traceback: str) -> str:
    """A worker's traceback with the source lines that only this process has.

    These are lines of notebook cells and of what was typed, which linecache holds here; the worker
    found no file of that name.
    """
    lines = traceback.splitlines()
    given: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        given.append(line)
        frame = _FRAME.fullmatch(line)
        if frame is None or following.startswith("    "):
            continue
        # Names that stand for many sources may be another's here.
        if frame["file"] not in ("<string>", "<stdin>"):
            source = linecache.getline(frame["file"], int(frame["line"])).strip()
            given += [f"    {source}"] if source else []
    return "\n".join(given)


def users_frames(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of this package."""
    kept: list[TracebackType] = []
    while traceback is not None:
        package = str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if package != __package__:
            kept.append(traceback)
        traceback = traceback.tb_next
    made = None
    for each in reversed(kept):
        made = TracebackType(made, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return made
