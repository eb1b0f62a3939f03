"""Thread counts, and the thread pools of the numeric libraries.

A process may be forked safely only while it has one thread. OpenBLAS and Arrow's memory pools
start theirs when they are imported, unless the environment says otherwise at that moment; a
worker then gets the pool sizes that its own environment asks for.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

IMPORT_ENVIRONMENT: Mapping[str, str] = {
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""Environment under which the imports and the warm-up start no threads."""

_SETTERS = {
    "openblas": (
        "scipy_openblas_set_num_threads64_",
        "scipy_openblas_set_num_threads",
        "openblas_set_num_threads64_",
        "openblas_set_num_threads",
    ),
    "libgomp": ("omp_set_num_threads",),
    "libomp": ("omp_set_num_threads",),
    "libiomp": ("omp_set_num_threads",),
}
# What each library reads when it is loaded, first one first.
_VARIABLES = {"openblas": ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")}
_SETTLE_SECONDS = 0.05
_CLONE_THREAD = 0x10000


def count_threads() -> int:
    """Threads of this process, those of C libraries included.

    A thread that was just joined may still be listed for an instant.
    """
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        count = _listed_threads()
        if count == 1 or time.monotonic() > deadline:
            return count
        time.sleep(0.001)


def _listed_threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:  # no /proc
        return 1 if _is_single_threaded() else 2


def _is_single_threaded() -> bool:
    """Ask the kernel, which leaves a thread group only to who is alone in it (unshare(2))."""
    try:
        import ctypes

        return bool(ctypes.CDLL(None).unshare(_CLONE_THREAD) == 0)
    except (AttributeError, ImportError):
        return False


@contextmanager
def environment(changes: Mapping[str, str], removed: tuple[str, ...] = ()) -> Iterator[None]:
    """Run the body with some variables changed or removed, then put all of them back."""
    before = os.environ.copy()
    os.environ.update(changes)
    for name in removed:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        restore_environment(before)


def restore_environment(saved: Mapping[str, str]) -> None:
    """Make os.environ equal to saved, touching only what differs."""
    if os.environ == saved:
        return
    for name in os.environ.keys() - saved.keys():
        del os.environ[name]
    for name, value in saved.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


@dataclass(frozen=True)
class Pool:
    """A thread pool whose size was fixed when its library was loaded: how to set it again."""

    set_size: Callable[[int], object]
    variables: tuple[str, ...]


def find_pools() -> list[Pool]:
    """The pools of the OpenBLAS and OpenMP libraries loaded in this process."""
    try:
        import ctypes
    except ImportError:
        return []
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
            fields = [line.rstrip("\n").split(maxsplit=5) for line in maps]
    except OSError:  # no /proc: the pools keep the single thread with which they were loaded
        return []
    pools = []
    for path in sorted({field[5] for field in fields if len(field) == 6}):
        kind = next((kind for kind in _SETTERS if kind in os.path.basename(path)), None)
        if kind is None:
            continue
        try:
            library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD)
        except OSError:
            continue
        for name in _SETTERS[kind]:
            if hasattr(library, name):
                variables = _VARIABLES.get(kind, ("OMP_NUM_THREADS",))
                pools.append(Pool(getattr(library, name), variables))
                break
    return pools


def resize_pools(pools: Iterable[Pool]) -> None:
    """Give a forked worker the pools that a process started with its environment has.

    OpenBLAS starts threads when its pool grows, so that a pool is left alone where one thread
    is asked for; the others start theirs with the first work.
    """
    for pool in pools:
        size = _first_number(*pool.variables) or _cpus()
        if size > 1:
            pool.set_size(min(size, _cpus()))
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        size = _first_number("OMP_NUM_THREADS") or _cpus()
        arrow.set_cpu_count(min(size, _first_number("OMP_THREAD_LIMIT") or size))


def _first_number(*names: str) -> int:
    """The first positive number in these variables, 0 if there is none.

    OMP_NUM_THREADS may be a list, one number a nesting level; the outermost counts.
    """
    for name in names:
        text = os.environ.get(name, "").split(",")[0].strip()
        if text.isdigit() and int(text) > 0:
            return int(text)
    return 0


def _cpus() -> int:
    return len(os.sched_getaffinity(0))
