"""Files without a name."""

from __future__ import annotations

import os


def open_anonymous(name: str) -> int:
    """A new, empty file in memory; where the kernel refuses one, in the folder for temporary files.

    A seccomp profile may do so (ENOSYS, EPERM). The descriptor is close-on-exec. Raises OSError
    where that folder cannot be written to either. name is what the kernel lists it under.
    """
    try:
        return os.memfd_create(name)
    except (AttributeError, OSError):  # AttributeError: built against an older libc
        import tempfile  # not before it is needed: it takes milliseconds

        with tempfile.TemporaryFile(prefix=name, buffering=0) as file:
            return os.dup(file.fileno())
