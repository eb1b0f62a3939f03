"""Progress of a run in rows: a bar on a terminal where rich is installed, else lines."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Union

#: Called with the rows done so far and their total, or None where it is not known.
ProgressCallback = Callable[[int, Union[int, None]], None]

#: Seconds between two lines of the plain display.
PLAIN_INTERVAL = 1.0


class RowCounter:
    """Counts rows from several threads and tells a callback."""

    def __init__(self, total: int | None, callback: ProgressCallback | None) -> None:
        self.rows = 0
        self._total = total
        self._callback = callback
        self._lock = threading.Lock()

    def add(self, rows: int) -> None:
        """Counts `rows` more."""
        with self._lock:
            self.rows += rows
            if self._callback is not None:
                self._callback(self.rows, self._total)


@contextmanager
def shown(progress: bool | ProgressCallback, total: int | None, what: str) -> Iterator[RowCounter]:
    """A counter whose progress goes to `progress`: True shows it on stderr."""
    if callable(progress):
        yield RowCounter(total, progress)
    elif not progress:
        yield RowCounter(total, None)
    else:
        with _display(what) as callback:
            yield RowCounter(total, callback)


@contextmanager
def _display(what: str) -> Iterator[ProgressCallback]:
    if not sys.stderr.isatty():
        yield _plain(what)
        return
    try:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
    except ImportError:
        yield _plain(what)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}{task.fields[of]} rows"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=None, of="")

        def show(done: int, total: int | None) -> None:
            of = "" if total is None else f" of {total:,}"
            progress.update(task, completed=done, total=total, of=of)

        yield show


def _plain(what: str) -> ProgressCallback:
    last = time.monotonic()

    def show(done: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PLAIN_INTERVAL or done == total:
            last = now
            of = "" if total is None else f" of {total:,}"
            print(f"{what}: {done:,}{of} rows", file=sys.stderr)

    return show
