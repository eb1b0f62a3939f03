"""Builds wheels with the native library in them, and source distributions that can build it.

The library is the one that UDFRUNNER_LIBRARY names, else it is built by make, Go and a C compiler,
out of the repository around this folder or out of the sources that a source distribution has in
``native``. There is no wheel without it. The wheel's platform tag is what the library itself says:
its machine, and the newest glibc that it needs. Editable installs take the library from
UDFRUNNER_LIBRARY when they run.

The package's _daemon is the folder of the embedded daemon's sources, linked in the repository and
copied into wheels: one source for both. So are LICENSE and NOTICE.
"""

from __future__ import annotations

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.dist import Distribution

HERE = Path(__file__).resolve().parent
NAME = "libudfrunner.so"
VARIABLE = "UDFRUNNER_LIBRARY"
#: The library's sources: of a source distribution, or the repository.
NATIVE = HERE / "native" if (HERE / "native").is_dir() else HERE.parents[1]
NATIVE_FILES = ("go.mod", "go.sum")
NATIVE_FOLDERS = ("capi", "core", "include")
#: Of these folders: what is for the project's own tests.
TESTS_ONLY = {"__pycache__", "testdata", "tests", "recording", "values"}
#: A program, not a module: importing it would run the embedded daemon.
EMBEDDED_ONLY = ("udfrunner._daemon", "bootstrap")
#: Machines by their number in ELF's header.
MACHINES = {62: "x86_64", 183: "aarch64"}
#: The oldest glibc that a tag says: PyArrow's wheels need it, too.
OLDEST_GLIBC = (2, 28)


def refuse(reason: str) -> SystemExit:
    """The one line that says why there is no library, and what to do."""
    return SystemExit(
        f"udfrunner: no {NAME} for the wheel: {reason}; install a wheel of the project's release "
        f"page, or install Go, a C compiler and GNU make, or name a built library by {VARIABLE}"
    )


def library() -> Path:
    """The library to package, built where none is named."""
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise refuse(f"{VARIABLE}={named} is no file")
        return Path(named)
    if not sys.platform.startswith("linux"):
        raise refuse(f"it runs on Linux, not on {sys.platform}")
    if not (NATIVE / "capi/library.mk").is_file():
        raise refuse(f"{NATIVE} has no sources of it")
    compiler = (shlex.split(os.environ.get("CC", "")) or ["cc"])[0]
    missing = [tool for tool in ("make", "go", compiler) if shutil.which(tool) is None]
    if missing:
        raise refuse(f"not found: {', '.join(missing)}")
    target = f"build/{NAME}"
    command = ["make", "-C", NATIVE, "-f", "capi/library.mk", target]
    done = subprocess.run(command, stdout=subprocess.DEVNULL)  # stderr is shown
    if done.returncode:
        raise refuse(f"make {target} ended with status {done.returncode}, see above")
    return NATIVE / target


def platform_of(file: Path) -> str:
    """The platform tag of a shared library: its machine, and the newest glibc that it needs."""
    content = file.read_bytes()
    machine = MACHINES.get(int.from_bytes(content[18:20], "little"))
    if content[:6] != b"\x7fELF\x02\x01" or machine is None:
        raise refuse(f"{file} is no shared library for {' or '.join(MACHINES.values())}")
    if b"\0libc.so.6\0" not in content:
        raise refuse(f"{file} was linked with another C library than glibc")
    found = re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)", content)
    major, minor = max([OLDEST_GLIBC, *((int(a), int(b)) for a, b in found)])
    return f"manylinux_{major}_{minor}_{machine}"


class BuildWithLibrary(build_py):
    """Copies the library into the package of the build."""

    def run(self) -> None:
        if not self.editable_mode:  # what an earlier build left is not in this wheel
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            shutil.copyfile(library(), Path(self.build_lib) / "udfrunner" / NAME)

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        found: list[tuple[str, str, str]] = super().find_package_modules(package, package_dir)
        return [entry for entry in found if entry[:2] != EMBEDDED_ONLY]


class PlatformWheel(bdist_wheel):
    """Tags the wheel py3-none-PLATFORM: any Python, but one platform's library."""

    def get_tag(self) -> tuple[str, str, str]:
        packaged = Path(self.get_finalized_command("build").build_lib) / "udfrunner" / NAME
        if not packaged.is_file():  # an editable install
            return ("py3", "none", "any")
        return ("py3", "none", platform_of(packaged))


class PlatformDistribution(Distribution):
    """A distribution that installs to platlib: it carries the library."""

    def has_ext_modules(self) -> bool:
        return True


class SourcesWithLibrary(sdist):
    """Adds the library's sources, and writes the same archive for the same files."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        native = Path(base_dir) / "native"
        native.mkdir()
        for name in NATIVE_FILES:
            shutil.copyfile(NATIVE / name, native / name)
        for name in NATIVE_FOLDERS:
            shutil.copytree(NATIVE / name, native / name, ignore=tests_only)

    def make_archive(self, base_name: str, *_: object, base_dir: str, **__: object) -> str:
        path = f"{base_name}.tar.gz"
        epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))  # 1980, as zip files begin

        def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = epoch
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            return entry

        with (
            open(path, "wb") as raw,  # noqa: PTH123 (a name of distutils)
            gzip.GzipFile("", "wb", fileobj=raw, mtime=epoch) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            archive.add(base_dir, filter=plain)  # in the order of names
        return path


def tests_only(folder: str, names: list[str]) -> set[str]:
    """Of a folder's files: what a build of the library does not need."""
    return {name for name in names if name in TESTS_ONLY or name.endswith("_test.go")}


def page() -> str:
    """README.md for other places than the repository: its links lead to this version's files."""
    settings = (HERE / "pyproject.toml").read_text()
    version = (HERE / "src/udfrunner/_version.py").read_text()
    home = re.search(r'^Source = "(.*)"$', settings, re.MULTILINE)
    number = re.search(r'^__version__ = "(.*)"$', version, re.MULTILINE)
    assert home and number, "pyproject.toml has a URL named Source, _version.py a version"
    text = (HERE / "README.md").read_text()
    return text.replace("](../../", f"]({home[1]}/blob/v{number[1]}/")


setup(
    cmdclass={
        "build_py": BuildWithLibrary,
        "bdist_wheel": PlatformWheel,
        "sdist": SourcesWithLibrary,
    },
    distclass=PlatformDistribution,
    long_description=page(),
    long_description_content_type="text/markdown",
)
