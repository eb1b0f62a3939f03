"""What the daemon resets in itself at its start, and asks of the kernel for its workers."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Iterable

try:
    import ctypes
except ImportError:  # an interpreter built without libffi
    ctypes = None  # type: ignore[assignment]

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_WALL = 0x40000000
"""Of waitid: children also of a clone that reports its end by another signal, or none."""

# mallopt's parameters, and what a worker sets: the largest mmap threshold that glibc takes, and a
# trim threshold above what a task of big batches frees and asks for again.
_M_TRIM_THRESHOLD, _TRIM_THRESHOLD = -1, 256 << 20
_M_MMAP_THRESHOLD, _MMAP_THRESHOLD = -3, 32 << 20

_PAGE = os.sysconf("SC_PAGE_SIZE")

_FEW = 4096
"""How many numbers of descriptors are tried where nothing lists the open ones."""

_LAST = 2**31 - 1
"""The largest number a descriptor can have."""

_libc = ctypes.CDLL(None) if ctypes is not None else None
# Looked up before the fork, once.
_prctl = getattr(_libc, "prctl", None)
_mallopt = getattr(_libc, "mallopt", None)
_malloc_trim = getattr(_libc, "malloc_trim", None)
_close_range = getattr(_libc, "close_range", None)  # glibc 2.34

# Signals that CPython ignores at its start, so that a write to a closed socket or past a file
# size limit is an exception.
_IGNORED = frozenset({signal.SIGPIPE, signal.SIGXFSZ})


def reset_signals() -> None:
    """Default handlers and an empty mask: a host (a JVM, a Go runtime) may hand on others."""
    for number in signal.valid_signals():
        if number in (signal.SIGKILL, signal.SIGSTOP):
            continue
        signal.signal(number, signal.SIG_IGN if number in _IGNORED else signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def lead_own_group() -> None:
    """Leave the host's process group, not its session, by which cluster managers count."""
    try:
        os.setpgid(0, 0)
    except OSError:  # leads a session, which is enough; or a sandbox refuses it: see the reaper
        pass


def lead_own_session() -> None:
    """Leave the host's session, so that Ctrl-C in its terminal reaches only the host."""
    if os.getsid(0) != os.getpid():
        try:
            os.setsid()
        except OSError:  # already leads a process group, which is enough; or a sandbox refuses it
            pass


def open_descriptors() -> list[int]:
    """The open descriptors of this process, in order."""
    return sorted(filter(_is_open, _candidates()))


def _candidates() -> Iterable[int]:
    try:
        return map(int, os.listdir("/proc/self/fd"))
    except OSError:  # no /proc: one after the other, as far as such a process has opened any
        return range(min(os.sysconf("SC_OPEN_MAX"), _FEW))


def _is_open(descriptor: int) -> bool:
    """False for the one that listing itself used."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_GETFD)
    except OSError:
        return False
    return True


def close_inherited() -> None:
    """Close what came through exec above descriptor 2.

    Only such descriptors lack FD_CLOEXEC: Python sets it on all it opens itself (PEP 446), and
    a sitecustomize may have opened some.
    """
    for descriptor in open_descriptors():
        if descriptor > 2 and not fcntl.fcntl(descriptor, fcntl.F_GETFD) & fcntl.FD_CLOEXEC:
            os.close(descriptor)


def close_all_but(kept: Iterable[int]) -> None:
    """Close every descriptor above 2 that is not in kept."""
    kept = sorted({2, *(descriptor for descriptor in kept if descriptor > 2)})
    if _close_ranges(zip(kept, [*kept[1:], _LAST + 1])):
        return
    # Not os.closerange: where Python was built without close_range it tries every number up to
    # the limit, which containers set to a thousand million.
    for descriptor in set(open_descriptors()) - {0, 1, *kept}:
        os.close(descriptor)


def _close_ranges(gaps: Iterable[tuple[int, int]]) -> bool:
    """Close what lies between each two descriptors; False where libc or kernel cannot."""
    return _close_range is not None and all(
        _close_range(below + 1, above - 1, 0) == 0 for below, above in gaps if above - below > 1
    )


def replace_stdin() -> None:
    """Put /dev/null on descriptor 0, and on 1 and 2 where the host gave none."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    for descriptor in (1, 2):
        if not _is_open(descriptor):
            os.dup2(null, descriptor)
    if null > 2:
        os.close(null)


def fill_standard_descriptors() -> None:
    """Put /dev/null on those of the descriptors 0 to 2 that are closed.

    What is opened next would take their place, and get what is written to stdout or stderr.
    """
    for descriptor in range(3):
        if not _is_open(descriptor):
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def die_with_parent(parent: int) -> None:
    """Have the kernel SIGKILL this process when the thread that forked it ends.

    parent is the process id the caller knew before the fork: a parent that died before the
    request was made sends no signal, so that its child must end itself.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def watch_parent() -> int:
    """A pidfd of the parent process, readable once it has ended; -1 where there is none to be had.

    That is so before Linux 5.3, and for a parent in another PID namespace.
    """
    try:
        return os.pidfd_open(os.getppid())
    except (AttributeError, OSError):
        return -1


def open_self() -> int:
    """A pidfd of this process; -1 where there is none to be had."""
    try:
        return os.pidfd_open(os.getpid())
    except (AttributeError, OSError):
        return -1


def adopt_orphans() -> None:
    """Have every descendant whose own parent ends become a child of this process.

    has_children then speaks for all descendants.
    """
    if _prctl is not None:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def has_children() -> bool:
    """Whether this process has a child, one that ended and was not waited for included."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG | _WALL)
    except ChildProcessError:
        return False
    return True


def address_space() -> int:
    """What RLIMIT_AS counts of this process, in bytes; 0 where nothing tells."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * _PAGE
    except OSError:  # no /proc
        return 0


def child_processes() -> list[int]:
    """The children of this process's only thread, ended ones included; none where nothing lists them."""
    pid = os.getpid()
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return list(map(int, file.read().split()))
    except OSError:  # no /proc, or a kernel without this file
        return []


def keep_freed_memory() -> None:
    """Have malloc keep what a batch frees for the next one.

    Each batch is read into memory that would else go back to the kernel in between, and come
    anew with a page fault each 4 KiB: half of the time of a worker that gets batches of 25 MB.
    """
    if _mallopt is not None:
        _mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD)
        _mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD)


def give_back_memory() -> None:
    """Give freed memory back to the kernel: for a worker without work."""
    if _malloc_trim is not None:
        _malloc_trim(0)


def flush_standard_streams() -> None:
    """Flush stdout and stderr; a closed pipe or stream is no error here."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass
