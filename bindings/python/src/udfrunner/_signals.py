"""Signals that end the command line: one exception at any moment, after which others wait."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

#: Those that end a run as Ctrl-C does: leaving no part of a file and no worker.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: The exit status is the signal's number above this, as shells have it.
STATUS_BASE = 128


class Ended(BaseException):
    """A signal has ended the command. No Exception: nothing on the way is to hold it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = STATUS_BASE + number


def handle() -> None:
    """Have the first of these signals raise Ended in the main thread, and later ones do nothing.

    A signal that was ignored at the start stays so (nohup). To be called before the library is
    loaded, as any handler of a host's.
    """
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    for each in ENDING:
        # Not SIG_IGN: Python reports a signal that came just before.
        signal.signal(each, _wait)
    raise Ended(number)


def _wait(_number: int, _frame: FrameType | None) -> None:
    """What is left to do is done soon."""
