"""The tree of errors, and finding the library."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path

import pytest

import udfrunner
from udfrunner import _abi, _library
from udfrunner.errors import make_error


def test_errors_are_also_pythons() -> None:
    assert issubclass(udfrunner.InvalidArgument, ValueError)
    assert issubclass(udfrunner.DeadlineExceeded, TimeoutError)
    assert issubclass(udfrunner.SystemFailure, OSError)
    assert issubclass(udfrunner.NoMemory, MemoryError)
    assert issubclass(udfrunner.LibraryNotFound, ImportError)


@pytest.mark.parametrize("code", range(-16, 0))
def test_errors_survive_pickling(code: int) -> None:
    error = make_error(code, "some text", {"worker.pid": "12"})
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (again.code, again.message, again.details) == (code, "some text", {"worker.pid": "12"})
    assert str(again) == "some text"


def test_python_exception_shows_the_workers_traceback() -> None:
    error = make_error(
        _abi.UDFRUNNER_PYTHON_EXCEPTION, "ValueError: x", {"python.traceback": "line 1\nline 2"}
    )
    shown = "".join(traceback.format_exception(error))
    assert "line 1\nline 2" in shown
    assert shown.rstrip().endswith("ValueError: x")


def test_worker_exited_has_numbers() -> None:
    error = make_error(
        _abi.UDFRUNNER_WORKER_EXITED, "gone", {"worker.pid": "12", "worker.signal": "9"}
    )
    assert isinstance(error, udfrunner.WorkerExited)
    assert (error.pid, error.signal, error.exit_status) == (12, 9, None)


def test_named_library_is_taken_without_fallback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = tmp_path / "nothing.so"
    monkeypatch.setenv("UDFRUNNER_LIBRARY", str(missing))
    with pytest.raises(udfrunner.LibraryNotFound, match=f"UDFRUNNER_LIBRARY={missing}"):
        _library.find_library()


def test_without_variable_the_packages_copy_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("UDFRUNNER_LIBRARY")
    monkeypatch.setattr(_library, "__file__", str(tmp_path / "_library.py"))
    with pytest.raises(udfrunner.LibraryNotFound, match=str(tmp_path / "libudfrunner.so")):
        _library.find_library()
    (tmp_path / "libudfrunner.so").touch()
    assert _library.find_library() == str(tmp_path / "libudfrunner.so")


def test_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("text")
    with pytest.raises(udfrunner.LibraryNotFound, match=r"text\.so"):
        _library.Library(str(tmp_path / "text.so"))


def test_library_of_another_kind_is_refused() -> None:
    with pytest.raises(udfrunner.LibraryNotFound, match="has no function udfrunner_abi_version"):
        _library.Library("libc.so.6")


@pytest.mark.parametrize(("found", "fits"), [(0x10001, True), (0x10003, True), (0x20000, False)])
def test_abi_version(found: int, fits: bool) -> None:
    if fits:
        _library.check_abi_version("x.so", found)
        return
    with pytest.raises(udfrunner.LibraryNotFound, match=r"ABI version 2\.0"):
        _library.check_abi_version("x.so", found)


def test_later_minor_version_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_abi, "UDFRUNNER_ABI_VERSION", 0x10002)
    with pytest.raises(udfrunner.LibraryNotFound, match=r"1\.1, 1\.2 or a later"):
        _library.check_abi_version("x.so", 0x10001)
