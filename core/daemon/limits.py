"""What the system bounds, and what an error of scarcity says of it."""

from __future__ import annotations

import errno

try:
    import resource
except ImportError:  # an interpreter built without it
    resource = None  # type: ignore[assignment]

SCARCE = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""Errors that say: not now, rather than never."""

_descriptors: tuple[int, int] | None = None
"""The limit that the process was started with, where raise_descriptor_limit changed it."""


def raise_descriptor_limit() -> None:
    """Allow this process all the descriptors that it may have: the daemon holds one a worker."""
    global _descriptors
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # a sandbox
        return
    _descriptors = (soft, hard)


def restore_descriptor_limit() -> None:
    """Undo that: in a worker, whose functions see the limit that their host's user set."""
    if resource is not None and _descriptors is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, _descriptors)


def is_scarce(error: BaseException) -> bool:
    """Whether an error is that the system had no process, descriptor or memory left."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in SCARCE)


def explain(call: str, error: OSError) -> str:
    """One line: the call, what the system said, and the limit that it may have met."""
    return f"{call}: {error.strerror or error}{_limit(error.errno)}"


def _limit(number: int | None) -> str:
    if number == errno.EMFILE and resource is not None:
        return f" (RLIMIT_NOFILE is {resource.getrlimit(resource.RLIMIT_NOFILE)[0]})"
    if number == errno.ENFILE:
        return " (fs.file-max of the kernel)"
    if number == errno.EAGAIN and resource is not None:
        most = resource.getrlimit(resource.RLIMIT_NPROC)[0]
        text = "unlimited" if most == resource.RLIM_INFINITY else str(most)
        return f" (RLIMIT_NPROC is {text}, pids.max of the control group bounds processes too)"
    return ""
