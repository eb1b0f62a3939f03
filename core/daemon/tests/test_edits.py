"""Edits of modules' files, told by the kernel or seen by looking."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import client
import pytest
from client import load


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Path]:
    """A module in a package below a link, as deployments have it; imported."""
    release = tmp_path / "release1" / "package"
    release.mkdir(parents=True)
    (release / "__init__.py").write_text("")
    (release / "edited.py").write_text("N = 1")
    (tmp_path / "current").symlink_to("release1")
    file = tmp_path / "current" / "package" / "edited.py"
    for path in release.iterdir():
        os.utime(path, (1, 1))
    yield file


def modify(file: Path) -> None:
    with file.open("r+") as opened:
        opened.write("N = 2")


def replace(file: Path) -> None:
    other = file.with_name("other")
    other.write_text("N = 2")
    other.replace(file)


def touch(file: Path) -> None:
    os.utime(file)


def remove(file: Path) -> None:
    file.unlink()


def another_folder(file: Path) -> None:
    package = file.parent.resolve()
    package.rename(package.with_name("old"))
    package.mkdir()
    (package / "edited.py").write_text("N = 2")


def another_release(file: Path) -> None:
    link = file.parents[1]
    package = link.with_name("release2") / "package"
    package.mkdir(parents=True)
    (package / "edited.py").write_text("N = 2")
    link.with_name("next").symlink_to("release2")
    link.with_name("next").replace(link)


EDITS = [modify, replace, touch, remove, another_folder, another_release]


@pytest.fixture
def watching(module: Path) -> Iterator[Any]:
    """Edits that watch the module."""
    edits = load("edits").Edits()
    edits.watch(str(module))
    yield edits
    os.close(edits._queue)


@pytest.mark.parametrize("edit", EDITS)
def test_what_happens_to_a_file_is_told(
    watching: Any, module: Path, edit: Callable[[Path], None]
) -> None:
    assert watching.quiet()
    module.read_text()
    (module.parent / "unrelated").write_text("beside it")
    assert watching.quiet()
    edit(module)
    assert not watching.quiet()


def test_what_cannot_be_watched_is_never_quiet(watching: Any, module: Path) -> None:
    watching.watch(str(module.with_name("absent.py")))
    assert not watching.quiet()


def test_a_worker_tells_its_siblings(watching: Any, module: Path) -> None:
    pid = os.fork()
    if pid == 0:
        modify(module)
        os._exit(0 if not watching.quiet() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not watching.quiet()


@pytest.fixture
def sources(module: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Sources that have noted the module."""
    monkeypatch.syspath_prepend(module.parents[1])
    __import__("package.edited")
    noted = load("sources").Sources()
    noted.note(load("sources").now() + 10**9)  # as long after the module was written
    yield noted
    for name in ("package.edited", "package"):
        del sys.modules[name]
    if noted._edits._queue >= 0:
        os.close(noted._edits._queue)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_seen_at_once(sources: Any, module: Path, edit: Callable[[Path], None]) -> None:
    assert not sources.have_changed()
    edit(module)
    assert sources.have_changed()
    assert sources.have_changed(), "until the module is imported again"


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_seen_where_nothing_is_watched(
    sources: Any, module: Path, edit: Callable[[Path], None]
) -> None:
    sources._edits._complete = False  # as where the user has no inotify instance left
    assert not sources.have_changed()
    edit(module)
    assert sources.have_changed()


def test_a_change_without_an_event_is_seen_soon(sources: Any, module: Path) -> None:
    """As of a shared file system that another machine writes to."""
    assert not sources.have_changed()
    with module.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        content[4:5] = b"2"
        content.flush()
        assert sources._edits.quiet()
        client.wait_until(sources.have_changed, "a look at the file")
