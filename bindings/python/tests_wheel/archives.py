"""What wheels and the source distribution hold, and that the same sources give the same bytes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parents[1]
LIBRARY = "udfrunner/libudfrunner.so"
#: Wheels by the folder of their library below build: their platform, the machine in ELF's header.
PLATFORMS = {
    "linux-amd64": ("manylinux_2_28_x86_64", 62),
    "linux-arm64": ("manylinux_2_28_aarch64", 183),
}
#: The packages with the same constraints that a user's build would have, and zig.
PYTHON = REPOSITORY / "build/packaging/bin/python"


def run(*command: object, **options: object) -> str:
    """A command's stdout; what it wrote, where it fails."""
    done = subprocess.run(  # type: ignore[call-overload]
        list(map(str, command)), capture_output=True, text=True, **options
    )
    if done.returncode:
        raise SystemExit(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return str(done.stdout)


def without(*names: str) -> dict[str, str]:
    """The environment without some variables."""
    return {name: value for name, value in os.environ.items() if name not in names}


def check_wheel(wheel: Path, folder: str) -> None:
    """One wheel: names, library, licenses, the daemon's modules, metadata; auditwheel's opinion."""
    platform, machine = PLATFORMS[folder]
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
        built = (REPOSITORY / "build" / folder / "libudfrunner.so").read_bytes()
        assert archive.read(LIBRARY) == built, f"{wheel.name}: another library than was built"
        assert int.from_bytes(built[18:20], "little") == machine
        assert [name for name in names if ".so" in name] == [LIBRARY]
        assert {name for name in names if not name.startswith(("udfrunner/", f"{info}/"))} == set()
        for name in ("LICENSE", "NOTICE"):
            said = archive.read(f"{info}/licenses/{name}")
            assert said == (REPOSITORY / name).read_bytes(), name
        check_daemon(archive)
        check_metadata(message_from_bytes(archive.read(f"{info}/METADATA")))
        assert f"Tag: py3-none-{platform}\n".encode() in archive.read(f"{info}/WHEEL")
    found = json.loads(run(PYTHON, "-m", "auditwheel", "show", "--json", wheel))
    assert found["external_libs"] == {}, found
    glibc = re.fullmatch(r"manylinux_2_(\d+)_(x86_64|aarch64)", found["overall_tag"])
    assert glibc and int(glibc[1]) <= 28 and glibc[2] in platform, found


def check_daemon(archive: zipfile.ZipFile) -> None:
    """The daemon's modules with the repository's text, and not its tests."""
    names = {name for name in archive.namelist() if "/_daemon/" in name}
    daemon = REPOSITORY / "core" / "daemon"
    expected = {*daemon.glob("*.py"), *daemon.glob("spark/*.py")} - {daemon / "bootstrap.py"}
    sources = {f"udfrunner/_daemon/{path.relative_to(daemon)}": path for path in expected}
    assert names == set(sources), names ^ set(sources)
    for name, path in sources.items():
        assert archive.read(name) == path.read_bytes(), name


def check_metadata(found: Message) -> None:
    """What an index shows of the package."""
    urls = dict(value.split(", ", 1) for value in found.get_all("Project-URL", []))
    assert {"Source", "Documentation", "Changelog", "Releases", "Issues"} == set(urls)
    assert all(url.startswith("https://") for url in urls.values()), urls
    classifiers = found.get_all("Classifier", [])
    for minor in range(10, 15):
        assert f"Programming Language :: Python :: 3.{minor}" in classifiers
    assert any(name.startswith("Topic :: ") for name in classifiers)
    assert found["License-Expression"] == "Apache-2.0"
    assert found.get_all("License-File") == ["LICENSE", "NOTICE"]
    assert found["Keywords"] and found["Summary"] and found["Requires-Python"] == ">=3.10"
    assert found["Description-Content-Type"] == "text/markdown"
    page = str(found.get_payload())
    links = re.findall(r"\]\(([^)]+)\)", page)
    relative = [link for link in links if not link.startswith(("https://", "#"))]
    assert links and not relative, f"links that lead nowhere outside the repository: {relative}"


def check_sources(sdist: Path, directory: Path, wheels: list[Path]) -> None:
    """The source distribution builds the wheels, elsewhere, with the same bytes."""
    again = directory / "again"
    run(PYTHON, "-m", "build", "--sdist", "--no-isolation", "--outdir", again, PACKAGE)
    assert (again / sdist.name).read_bytes() == sdist.read_bytes(), "sdist: other bytes"
    with tarfile.open(sdist) as archive:
        archive.extractall(directory, filter="data")
    source = directory / sdist.name.removesuffix(".tar.gz")
    assert not [*source.rglob("*_test.go"), *source.glob("tests*")]
    target, zig = "build/linux-amd64/libudfrunner.so", REPOSITORY / "build/packaging/bin/zig"
    make = ["make", "-C", source / "native", "-f", "capi/library.mk", f"ZIG={zig}", target]
    run(*make, env=without("MAKEFLAGS", "MAKELEVEL", "MFLAGS"))
    built = source / "native" / target
    assert built.read_bytes() == (REPOSITORY / target).read_bytes(), "library: other bytes"
    shutil.copytree(source, directory / "copy")  # another time of all files
    wheel = build_wheel(directory / "copy", again, UDFRUNNER_LIBRARY=str(built))
    (first,) = [path for path in wheels if path.name == wheel.name]
    assert wheel.read_bytes() == first.read_bytes(), "wheel: other bytes"
    # As pip does for a user with Go and a C compiler.
    own = build_wheel(sdist, directory / "own")
    assert re.fullmatch(r"udfrunner-[\d.]+-py3-none-manylinux_2_\d+_\w+\.whl", own.name), own.name
    with zipfile.ZipFile(own) as archive:
        assert archive.read(LIBRARY)[:4] == b"\x7fELF"


def build_wheel(source: Path, directory: Path, **environment: str) -> Path:
    """A wheel as pip builds it, but for the download of setuptools."""
    options = ["--no-cache-dir", "--no-deps", "--no-build-isolation", "--no-index"]
    settings = without("UDFRUNNER_LIBRARY", "MAKEFLAGS", "MAKELEVEL", "MFLAGS") | environment
    run(PYTHON, "-m", "pip", "wheel", *options, "-w", directory, source, env=settings)
    (wheel,) = directory.glob("*.whl")
    return wheel


def check_refusals(sdist: Path, directory: Path) -> None:
    """Without the library, and without what builds it, there is no wheel but one line."""
    tools = directory / "no-go"
    tools.mkdir()
    (tools / "make").symlink_to(str(shutil.which("make")))
    (tools / "cc").symlink_to("/bin/false")
    cases = {
        "not found: go; install a wheel": {"PATH": str(tools)},
        "UDFRUNNER_LIBRARY=/no/such.so is no file": {"UDFRUNNER_LIBRARY": "/no/such.so"},
        "is no shared library for x86_64 or aarch64": {"UDFRUNNER_LIBRARY": str(sdist)},
    }
    for text, environment in cases.items():
        out = directory / "none"
        try:
            build_wheel(sdist, out, **environment)
        except SystemExit as error:
            (line,) = {
                line.strip()
                for line in str(error).splitlines()
                if line.strip().startswith("udfrunner: no libudfrunner.so for the wheel: ")
            }
            assert text in line and "release page" in line, line
        else:
            raise AssertionError(f"{environment}: a wheel was built")
        assert not [*out.glob("*.whl")]
