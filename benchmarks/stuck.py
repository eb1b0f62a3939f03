"""Functions that do not come back, each stuck in another way; workers import them from here."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

BEGUN = "UDFRUNNER_BENCHMARK_BEGUN"
"""The environment variable with the path of a file that a function writes its process id to."""

Batches = Iterator[pa.RecordBatch]

_HOUR = 3600
_LARGE = 1 << 20
"""Rows of a batch that no socket's buffer holds."""


def _begun() -> None:
    new = Path(os.environ[BEGUN] + ".new")
    new.write_text(str(os.getpid()))
    new.rename(os.environ[BEGUN])


def in_c(batches: Batches) -> Batches:
    """In a C function that holds the interpreter's lock, all signals blocked that can be."""
    yield next(batches)
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    _begun()
    ctypes.PyDLL(None).sleep(_HOUR)


def sleeping(batches: Batches) -> Batches:
    """In time.sleep."""
    yield next(batches)
    _begun()
    time.sleep(_HOUR)


def computing(batches: Batches) -> Batches:
    """In a loop."""
    yield next(batches)
    _begun()
    while True:
        pass


def on_write(batches: Batches) -> Batches:
    """Writing results that nobody reads."""
    yield next(batches)
    large = pa.record_batch([pa.array(np.arange(_LARGE))], names=["_0"])
    _begun()
    while True:
        yield large


def on_read(batches: Batches) -> Batches:
    """Waiting for input that does not come."""
    yield next(batches)
    _begun()
    yield from batches


WAYS = {
    "in C code, signals blocked": in_c,
    "sleeping": sleeping,
    "computing": computing,
    "blocked on write": on_write,
    "blocked on read": on_read,
}
"""All of them, by the case's name."""
