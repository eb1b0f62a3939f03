"""The deadline of a call that runs several tasks."""

from __future__ import annotations

import datetime
import time
from types import TracebackType

from ._task import milliseconds
from .errors import DeadlineExceeded, is_error

__tracebackhide__ = is_error


class Deadline:
    """How long a call may take: each of its tasks gets what is left of it.

    As a context it has the error of a task that had too little say so of the call. Its clock
    starts when it is made.
    """

    def __init__(self, value: float | datetime.timedelta | None, call: str) -> None:
        allowed = milliseconds(value, "deadline")
        self._call = call
        self._seconds = None if allowed is None else allowed / 1000
        self._start = time.monotonic()

    def left(self) -> float | None:
        """Seconds that a task may take, above zero; None where there is no deadline."""
        if self._seconds is None:
            return None
        return max(0.001, self._seconds - (time.monotonic() - self._start))

    def __enter__(self) -> Deadline:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, DeadlineExceeded) and self._seconds is not None:
            error.message = f"{self._call} took longer than its deadline of {self._seconds:g} s"
            error.args = (error.message,)
