"""Every block of code in README.md and below docs is run, or is a part of what other tests run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

import gallery
import pytest
import snippets
from check_pages import ROOT, pages

PAGES = [page for page in pages() if page == ROOT / "README.md" or ROOT / "docs" in page.parents]
SPARK = ROOT / "build/venv/4.3/bin"
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
#: Languages of blocks that are no programs, and Sphinx's directives.
NO_PROGRAMS = {"text", "mermaid"}
TESTED = {"python", "sh", "c", "java", "xml"}


def printed(programs: Iterable[Path], folder: Path) -> list[list[str]]:
    """What programs print, run in one process."""
    command = [sys.executable, snippets.__file__, *map(str, programs)]
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["prints"] for line in done.stdout.splitlines()]


def test_gallery(tmp_path: Path) -> None:
    """Each example prints what its comments say."""
    scripts = gallery.scripts()
    assert len(scripts) >= 10
    said = [re.findall(r"^# prints (.*)$", each.read_text(), re.MULTILINE) for each in scripts]
    assert all(said), "each example prints something"
    for script, lines, expected in zip(scripts, printed(scripts, tmp_path), said, strict=True):
        assert lines == expected, script.name


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_page(page: Path, tmp_path: Path) -> None:
    """The page's programs print what they say, its commands end well, its excerpts are true."""
    programs, expected = [], []
    for block in snippets.blocks(page, "python"):
        program = tmp_path / (block.title or f"line_{block.line}.py")
        program.write_text(block.code)
        if not block.title:
            programs.append(program)
            expected.append(block.prints)
    if programs:
        for program, lines, said in zip(
            programs, printed(programs, tmp_path), expected, strict=True
        ):
            assert lines == said, f"{page}: {program.stem}"
    for block in snippets.blocks(page, "c", "java"):
        assert _somewhere(block), f"{page}:{block.line}: in no source that tests run"
    for block in snippets.blocks(page, "xml"):
        assert re.findall("<version>(.*)</version>", block.code) == [_version()], (
            f"{page}:{block.line}"
        )
    for block in snippets.blocks(page, "sh"):
        for line in filter(None, (line.split("#")[0].strip() for line in block.code.splitlines())):
            _check_command(line, page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_languages(page: Path) -> None:
    """No block is in a language that nothing here knows."""
    languages = set(re.findall(r"^```(\w+)", page.read_text(), re.MULTILINE))
    assert languages <= TESTED | NO_PROGRAMS


def _version() -> str:
    (version,) = re.findall(r'VERSION "(.*)"', (ROOT / "capi/version.h").read_text())
    return str(version)


def _somewhere(block: snippets.Block) -> bool:
    """Whether a block is a part of a program that tests compile and run."""
    folder, suffix = {"c": ("bindings/c", ".c"), "java": ("bindings/java", ".java")}[block.language]
    wanted = _packed(block.code)
    return any(wanted in _packed(path.read_text()) for path in (ROOT / folder).rglob(f"*{suffix}"))


def _packed(code: str) -> str:
    """Code without what it is indented by."""
    return "\n".join(line.strip() for line in textwrap.dedent(code).strip().splitlines())


def _check_command(line: str, page: Path, folder: Path) -> None:
    """A target of make is there, a wheel has that name; all else is run."""
    program = line.split()[0]
    if program == "make":
        targets = [word for word in line.split()[1:] if "=" not in word]
        makefile = (ROOT / "Makefile").read_text()
        assert all(
            re.search(rf"^[a-z -]*\b{each}\b.*:", makefile, re.MULTILINE) for each in targets
        ), line
        if "install" in targets:
            _make_install(folder)
    elif line.startswith("pip install"):  # tests_wheel installs it
        wheel = re.search(
            r"udfrunner-([\d.]+)-py3-none-manylinux_2_28_x86_64\.whl(?:\[(.*)\])?", line
        )
        assert wheel and wheel[1] == _version(), line
        settings = (ROOT / "bindings/python/pyproject.toml").read_text()
        extras = (wheel[2] or "pyspark").split(",")
        assert all(f"\n{extra} = [" in settings for extra in extras), line
    else:
        _run(line, folder)


def _make_install(folder: Path) -> None:
    """Installs the library into the folder, next to the C programs that pages build with it."""
    command = ["make", "-s", "-C", str(ROOT), "install", f"PREFIX={folder}/prefix"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(ROOT / "bindings/c", folder / "bindings/c")


def _run(line: str, folder: Path) -> None:
    """Runs a command as a reader would; what it prints is that of the program that it names."""
    environment = dict(os.environ, SPARK_LOCAL_IP="127.0.0.1", PYTHONDONTWRITEBYTECODE="1")
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment["PKG_CONFIG_PATH"] = f"{folder}/prefix/lib/pkgconfig"
    if line.startswith("spark-submit"):
        if not ((SPARK / "spark-submit").exists() and shutil.which("java")):
            pytest.skip(f"{line}: Spark and Java are needed")
        environment["PATH"] = f"{SPARK}:{environment['PATH']}"
        environment["PYTHONPATH"] = str(ROOT / "bindings/python/src")
        environment["PYSPARK_PYTHON"] = str(SPARK / "python")
        environment["PYTHONWARNINGS"] = "ignore"  # spark-submit makes one of stdout and stderr
    done = subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    for word in line.split():
        if (folder / word).suffix == ".py" and "prints" in (folder / word).read_text():
            said = re.findall(r"^# prints (.*)$", (folder / word).read_text(), re.MULTILINE)
            assert said == done.stdout.splitlines(), line
