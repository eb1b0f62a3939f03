"""``show_versions``: what a report of a fault needs to name."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import TextIO

from . import _library, _packages
from ._version import __version__
from .errors import Error, is_error

__tracebackhide__ = is_error

#: What takes part in a task, or in its data.
PACKAGES = ("pyspark", "pyspark-client", "pyarrow", "pandas", "numpy", "polars", "duckdb")


def show_versions(file: TextIO | None = None) -> None:
    """Prints the versions of this package, its library, Python, the system and related packages.

    Args:
        file: where to; left out, standard output.

    Nothing is imported for it, and no worker runs: ``udfrunner doctor`` also tries one.
    """
    for name, value in _versions():
        print(f"{name:<16} {value}", file=file if file is not None else sys.stdout)


def _versions() -> Iterator[tuple[str, str]]:
    yield "udfrunner", __version__
    try:
        loaded = _library.library()
        abi = f"{loaded.abi_version >> 16}.{loaded.abi_version & 0xFFFF}"
        yield "library", f"{loaded.version}, ABI {abi} ({loaded.path})"
    except Error as error:
        yield "library", error.message
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "system", f"{platform.platform()}, {platform.machine()}"
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        found["pyspark" if package == "pyspark-client" else package] = version
        yield package, version
    for doubt in _packages.doubts(found):
        yield "in doubt", doubt
