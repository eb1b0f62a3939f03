"""Puts the built library into the wheel, and gives the wheel its platform.

The library is taken from UDFRUNNER_LIBRARY, else from build/libudfrunner.so of the repository,
else from the package directory (a source distribution that was built with one). Without a library
the wheel is pure Python and needs UDFRUNNER_LIBRARY at run time.

The package's _daemon is the folder of the embedded daemon's sources, linked in the repository and
copied into the wheel: one source for both.
"""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution

HERE = Path(__file__).resolve().parent
NAME = "libudfrunner.so"
# A program, not a module: importing it would run the embedded daemon.
EMBEDDED_ONLY = ("udfrunner._daemon", "bootstrap")


def library() -> Path | None:
    """The library to package, or None."""
    named = os.environ.get("UDFRUNNER_LIBRARY")
    if named:
        if not Path(named).is_file():
            raise SystemExit(f"UDFRUNNER_LIBRARY={named}: no such file")
        return Path(named)
    for candidate in (HERE.parents[1] / "build" / NAME, HERE / "src" / "udfrunner" / NAME):
        if candidate.is_file():
            return candidate
    return None


def notices() -> list[Path]:
    """The license, and the notices of what the library is linked with: of the repository."""
    return [path for name in ("LICENSE", "NOTICE") if (path := HERE.parents[1] / name).is_file()]


class BuildWithLibrary(build_py):
    """Copies the library into the package of the build."""

    def run(self) -> None:
        super().run()
        found = library()
        if found is not None and not self.editable_mode:
            package = Path(self.build_lib) / "udfrunner"
            shutil.copy2(found, package / NAME)
            for notice in notices():
                shutil.copy2(notice, package / notice.name)

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        found: list[tuple[str, str, str]] = super().find_package_modules(package, package_dir)
        return [entry for entry in found if entry[:2] != EMBEDDED_ONLY]


class PlatformWheel(bdist_wheel):
    """Tags the wheel py3-none-<platform>: any Python, but one platform's library."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if library() is not None:
            self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        if self.root_is_pure:
            return super().get_tag()
        named = self.plat_name if self.plat_name_supplied else f"linux_{platform.machine()}"
        return "py3", "none", named.replace("-", "_").replace(".", "_")


class PlatformDistribution(Distribution):
    """A distribution that installs to platlib where it carries the library."""

    def has_ext_modules(self) -> bool:
        return library() is not None


setup(
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
    distclass=PlatformDistribution,
)
